"""Is a notebook run as it lies on disk, although the kernel that asks for it has run other cells?

No kernel sees its notebook, only what was run of it. So edits are noticed once they ran.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from reprokit.ecosystems.python import notebooks
from reprokit.ecosystems.python.notebook_runner import without_own
from reprokit.frozen import frozen
from reprokit.notebook_runs.stored import Stored
from reprokit.project import Project

_LISTED = 8


@frozen
class Ran:
    """What a kernel ran: each cell's number, source, and when it began, which is `None` for those
    before reprokit was loaded. `since` is when the kernel itself began. In seconds since 1970."""

    notebook: Path
    since: float
    cells: tuple[tuple[int, str, float | None], ...]


def told(books: Sequence[Stored], project: Project) -> tuple[str, ...]:
    """What to warn of, where this is the kernel of a notebook that is about to run."""
    if not books or "ipykernel" not in sys.modules:
        return ()
    from reprokit.notebook import kernel

    ran = kernel.ran()
    if ran is None:
        return ()
    found = []
    for book in books:
        path = project.path(book.path)
        with suppress(OSError):
            if path.samefile(ran.notebook):
                read = notebooks.read(project, book.path)
                numbers = unsaved(ran, read, path.stat().st_mtime)
                found += [_text(book, numbers)] if numbers else []
    return tuple(found)


def unsaved(ran: Ran, book: notebooks.Notebook, saved: float) -> tuple[int, ...]:
    """The numbers of cells that ran since their notebook was last saved, and are not in it.

    saved: when that was. Cells that ran before, and are not in it, were changed or deleted.
    """
    there = {source.strip() for _, source in book.cells}
    latest = _latest(ran, book)

    def late(number: int, began: float | None) -> bool:
        if began is not None:
            return began > saved
        return saved < ran.since or (
            latest is not None and number > latest and number not in book.counts.values()
        )

    return tuple(
        number
        for number, source, began in ran.cells
        if source.strip() not in there and without_own(source).strip() and late(number, began)
    )


def _latest(ran: Ran, book: notebooks.Notebook) -> int | None:
    """The last cell of this kernel's that the notebook has with its number; `None` where it has
    none: it was saved without numbers, or by another kernel."""
    sources = {number: source.strip() for number, source, _ in ran.cells}
    counts = ((book.counts.get(place), source.strip()) for place, source in book.cells)
    return max(
        (n for n, source in counts if n is not None and sources.get(n) == source), default=None
    )


def _text(book: Stored, numbers: Sequence[int]) -> str:
    shown = ", ".join(f"[{number}]" for number in numbers[-_LISTED:])
    which = "cell" if len(numbers) == 1 else "cells"
    return (
        f"{book.path} was not saved since {which} {shown} ran, and runs as it was before: "
        "save it (Ctrl-S) and run it again"
    )
