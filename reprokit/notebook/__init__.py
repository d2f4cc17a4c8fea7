"""The notebook's door: the magic `%repro`, what its results look like, and live progress."""
