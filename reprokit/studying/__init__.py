"""`reprokit study`: many sources rerun, counted and told in one page."""
