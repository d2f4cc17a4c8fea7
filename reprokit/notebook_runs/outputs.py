"""Are a notebook's outputs in the container those that are stored in its file? Cell by cell.

The stored file is the one that the project had when the run began. Cells that call reprokit itself
do not run in the container, and parameters stand in a cell of their own: both are left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from reprokit.comparators import notebook as comparator
from reprokit.comparators.dispatch import settings_for
from reprokit.comparators.protocol import Limits, RunR, Unreadable, reading, small_enough
from reprokit.ecosystems.python.notebook_runner import INJECTED, is_left_out
from reprokit.history.contents import inside
from reprokit.history.reading import Record, rows, text
from reprokit.history.wording import counted, printable
from reprokit.model import JSON
from reprokit.notebook_runs.stored import Stored
from reprokit.tolerance import CompareOptions
from reprokit.verdict import Grade, worst

SHOWN = 12
"""Cells that are named in a text."""


def checked(
    notebooks: Iterable[Stored],
    results: Path,
    *,
    options: CompareOptions,
    run_r: RunR | None = None,
    limits: Limits | None = None,
) -> list[JSON]:
    """For each notebook that ran what the record says of its outputs.

    results: where the executed notebooks lie. `grade` is `None` where there was nothing to compare.
    """
    return [_checked(book, results, options, run_r, limits or Limits()) for book in notebooks]


def _checked(
    book: Stored, results: Path, options: CompareOptions, run_r: RunR | None, limits: Limits
) -> dict[str, JSON]:
    executed = inside(results, book.name)
    if executed is None:
        return _nothing(book, "the run left no executed notebook")
    with tempfile.TemporaryDirectory(prefix="reprokit-notebook-") as scratch:
        folder = Path(scratch)
        old, new = folder / "stored.ipynb", folder / "executed.ipynb"
        try:
            small_enough(limits.document, executed)
            with reading():
                _write_plain(book.content, old)
                _write_plain(executed.read_bytes(), new)
                cells = comparator.code_cells(old), comparator.code_cells(new)
            if not any(cell.outputs for cell in cells[0]):
                return _nothing(book, "the notebook's file holds no outputs to compare with")
            settings = settings_for(book.name, (old, new), options, limits, run_r)
            with reading():
                each = list(comparator.compared_cells(*cells, folder, settings))
        except Unreadable as error:
            return _nothing(book, f"cannot be compared: {error}")
    found: list[JSON] = []
    for number, parts in each:
        order = list(Grade)
        bad = max(parts, key=lambda part: order.index(part.grade), default=None)
        grade = Grade.IDENTICAL if bad is None else bad.grade
        summary = "no output" if bad is None else bad.summary
        found.append({"cell": number, "grade": grade.value, "summary": summary})
    grades = [Grade(str(cell["grade"])) for cell in found if isinstance(cell, dict)]
    return {
        "path": book.path,
        "grade": worst(grades).value,
        "summary": _summary(grades),
        "cells": found,
    }


def _nothing(book: Stored, why: str) -> dict[str, JSON]:
    return {"path": book.path, "grade": None, "summary": why, "cells": []}


def _summary(grades: list[Grade]) -> str:
    bad = [grade for grade in grades if not grade.reproduced]
    if bad:
        return f"outputs of {counted(len(bad), 'cell')} of {len(grades):,} are not those stored"
    near = sum(grade is Grade.WITHIN_TOLERANCE for grade in grades)
    within = f" ({near:,} within tolerance)" if near else ""
    return f"the outputs of all {counted(len(grades), 'code cell')} are those stored{within}"


def _write_plain(content: bytes, path: Path) -> None:
    """The notebook without what is not the program's: injected cells, outputs of reprokit."""
    document: Any = json.loads(content.decode("utf-8-sig"))
    if not isinstance(document.get("cells"), list):
        # Of a format before 4, which knows no tags.
        path.write_bytes(content)
        return
    kept = [cell for cell in document["cells"] if not is_injected(cell)]
    for cell in kept:
        if cell.get("cell_type") == "code" and (
            is_own(cell) or not isinstance(cell.get("outputs"), list)
        ):
            cell["outputs"] = []
    document["cells"] = kept
    path.write_text(json.dumps(document), "utf-8")


def is_injected(cell: Any) -> bool:
    """Whether a cell holds the parameters of one run."""
    return INJECTED in (cell.get("metadata", {}).get("tags") or ())


def is_own(cell: Any) -> bool:
    """Whether what a cell shows is not the program's, as it calls reprokit or is skipped."""
    return is_left_out(source_of(cell), cell.get("metadata", {}).get("tags"))


def source_of(cell: Any) -> str:
    """The source of a cell of a notebook's JSON."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def lines(record: Record) -> list[str]:
    """What a record says of notebooks, for people."""
    found = []
    for book in rows(record, "notebooks") if "notebooks" in record else []:
        found.append(f"{printable(text(book, 'path'))}: {printable(text(book, 'summary'))}")
        differing = [c for c in rows(book, "cells") if not Grade(text(c, "grade")).reproduced]
        found += [
            f"  code cell {cell['cell']}: {text(cell, 'grade')}, {printable(text(cell, 'summary'))}"
            for cell in differing[:SHOWN]
        ]
        if len(differing) > SHOWN:
            found.append(f"  and {counted(len(differing) - SHOWN, 'cell')} more")
    return found
