"""Where the user stands."""

from __future__ import annotations

from pathlib import Path


def here() -> Path | None:
    """The project around the working folder, whose runs are meant; `None` outside of any."""
    # Imported when it is asked: the index behind it takes time that few verbs need.
    from reprokit.history import around

    return around.project(Path.cwd())
