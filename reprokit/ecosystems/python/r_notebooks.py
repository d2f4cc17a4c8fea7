"""Notebooks of R: what runs them is Python's, their kernel and packages are R's."""

from __future__ import annotations

from dataclasses import replace

from reprokit.bases.versions import means_python_2
from reprokit.ecosystems.python.notebooks import Notebook
from reprokit.model import JSON, Detection, Note, Reason, Runtime

RUNNER = "nbclient"


def runner_only(books: tuple[Notebook, ...]) -> Detection | None:
    """What a project without any Python needs of it to run its R notebooks."""
    mine = tuple(book for book in books if book.language == "r")
    if not mine:
        return None
    reason = Reason(text="what runs R notebooks is written in Python", file=mine[0].path)
    runtime = Runtime(language="python", specifier="", reason=reason)
    return with_kernel(Detection(ecosystem="python", runtimes=(runtime,)), mine)


def with_kernel(detection: Detection, books: tuple[Notebook, ...]) -> Detection:
    """The detection with what runs `books` besides; R's kernel itself is asked for by R."""
    if not books:
        return detection
    if any(map(means_python_2, detection.runtimes)):
        text = "R notebooks are not run beside Python 2.7: their runner has no version for it"
        note = Note(level="warning", text=text, reason=Reason(text="is R", file=books[0].path))
        return replace(detection, notes=(*detection.notes, note))
    settings: dict[str, JSON] = {
        "tools": [RUNNER],
        **detection.settings,
        "notebook": True,
        "kernels": ["r"],
    }
    return replace(detection, settings=settings)
