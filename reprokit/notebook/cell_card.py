"""What stands below a `%%repro` cell, after what it printed: its figures, results, and its run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reprokit.cells import telling
from reprokit.history import wording
from reprokit.history.contents import inside
from reprokit.history.reading import Record, mapping, number, rows, text
from reprokit.notebook import card, previews
from reprokit.notebook.elements import headline, sign
from reprokit.notebook.elements import text as escaped


def cell(result: Any) -> str:
    """A cell that ran."""
    record = result.record
    return (
        figures(record, result.folder)
        + card.results(rows(record, "results"), result.folder / "results")
        + _lead(record)
    )


def _lead(record: Record) -> str:
    carried = rows(mapping(record, "cell"), "outputs")
    took = wording.duration(number(record, "seconds"))
    said = f"cell in the project's container, {took}"
    said += f"; set {', '.join(map(telling.of, carried))}" if carried else ""
    said += f"; run {text(record, 'run')}"
    return headline(sign(card.ending(record), card.tone(record)), escaped(said, 400))


def figures(record: Record, folder: Path) -> str:
    """The figures that were open when the cell ended."""
    shown = []
    for figure in rows(mapping(record, "cell"), "figures"):
        path = inside(folder, text(figure, "path"))
        content = None if path is None else previews.preview(path, text(figure, "path"))
        shown.append(f"<p>{content or escaped(text(figure, 'path'))}</p>")
    return "".join(shown)
