"""The one place that holds reprokit's version."""

__version__ = "0.1.0"
