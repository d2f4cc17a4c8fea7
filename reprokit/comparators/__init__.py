"""What compares an expected result with an actual one, a module a kind of file."""
