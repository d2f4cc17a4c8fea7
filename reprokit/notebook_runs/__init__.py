"""Notebooks as experiments: their parameters, and whether their outputs are those stored."""
