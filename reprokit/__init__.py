"""reprokit: from a research project to results, a Dockerfile to keep and a digest to cite."""

from reprokit.version import __version__

__all__ = ["__version__"]
