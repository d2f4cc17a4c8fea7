"""`%%repro`: a cell of a notebook in the project's container, and the values that go in and out."""
