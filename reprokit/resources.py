"""templates/: at the top of a checkout, inside the package when installed from a wheel."""

from __future__ import annotations

from pathlib import Path


def templates() -> Path:
    """The folder of templates, wherever this reprokit runs from."""
    package = Path(__file__).resolve().parent
    for folder in (package / "templates", package.parent / "templates"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("this installation of reprokit lacks its templates")


def template(name: str) -> str:
    """The text of one template."""
    return (templates() / name).read_text("utf-8")
