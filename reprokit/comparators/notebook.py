"""Jupyter notebooks: the outputs, cell by cell, each by what suits its kind."""

from __future__ import annotations

import base64
import binascii
import json
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

from reprokit.comparators.composite import combined
from reprokit.comparators.protocol import Settings, reading, small_enough
from reprokit.ecosystems.python.notebook_runner import INJECTED
from reprokit.verdict import Attachment, Comparison, Finding, Grade

_KINDS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/svg+xml": "svg",
    "application/pdf": "pdf",
    "application/json": "json",
    "text/html": "html",
    "text/latex": "tex",
    "text/markdown": "md",
}
_FALLBACK = "text/plain"
_RANDOM = frozenset({"application/vnd.jupyter.widget-view+json"})
"""Kinds of output that hold nothing but the id of something that is not in the file."""


class Notebook:
    """Outputs with text, pictures, tables and errors; and the order in which cells ran."""

    name = "notebook"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if path.suffix == ".ipynb" else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        small_enough(settings.limits.document, expected, actual)
        with reading(), tempfile.TemporaryDirectory(prefix="reprokit-compare-") as folder:
            old, new = code_cells(expected), code_cells(actual)
            notes = _sources(old, new)
            each = compared_cells(old, new, Path(folder), settings)
            parts = [part for _, parts in each for part in parts]
        notes += _failed(old, new)
        order = _order(old), _order(new)
        at_least = Grade.WITHIN_TOLERANCE
        if order[0] != order[1]:
            notes.append("its cells ran in another order")
            at_least = Grade.SIMILAR
        return combined(parts, "output", notes=notes, at_least=at_least)


def compared_cells(
    old: list[Any], new: list[Any], folder: Path, settings: Settings
) -> Iterator[tuple[int, list[Comparison]]]:
    """Each code cell's number, counted from 1, and its outputs; `folder` is for scratch files."""
    for number, (one, other) in enumerate(zip_longest(old, new), start=1):
        yield number, list(_cell(number, one, other, folder, settings))


def code_cells(path: Path) -> list[Any]:
    """The code cells, whatever version the notebook's format has; one that only sets the parameters
    of a run is none, so that the others are matched with those of a run without."""
    import nbformat

    document: Any = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)  # type: ignore[no-untyped-call]
    return [
        cell
        for cell in document.cells
        if cell.cell_type == "code" and INJECTED not in cell.metadata.get("tags", ())
    ]


def _sources(old: list[Any], new: list[Any]) -> list[str]:
    """What to say of code that is not the same."""
    notes = []
    if len(old) != len(new):
        notes.append(f"{len(new)} code cells instead of {len(old)}")
    changed = [
        at
        for at, (one, other) in enumerate(zip(old, new, strict=False), start=1)
        if one.source != other.source
    ]
    if changed:
        notes.append(f"the code of cell {changed[0]} is another")
    return notes


def _failed(old: list[Any], new: list[Any]) -> list[str]:
    """That the run ended in an error where the expected one did not."""
    expected = {name for cell in old for name in _errors(cell)}
    for number, cell in enumerate(new, start=1):
        for name in _errors(cell):
            if name not in expected:
                return [f"cell {number} ended in the error '{name[:100]}'"]
    return []


def _errors(cell: Any) -> list[str]:
    return [f"{o.ename}: {o.evalue}" for o in cell.outputs if o.output_type == "error"]


def _order(cells: list[Any]) -> list[int]:
    """The cells in the order in which they ran; the numbers that they count by say nothing."""
    ran = [(c.execution_count, at) for at, c in enumerate(cells) if c.execution_count is not None]
    return [at for _, at in sorted(ran)]


def _cell(
    number: int, old: Any, new: Any, folder: Path, settings: Settings
) -> Iterator[Comparison]:
    """Every output of a cell, matched by its place in the cell."""
    olds = [] if old is None else list(_outputs(old))
    news = [] if new is None else list(_outputs(new))
    for at, (one, other) in enumerate(zip_longest(olds, news), start=1):
        name = f"cell {number}" + (f", output {at}" if max(len(olds), len(news)) > 1 else "")
        yield _output(name, one, other, folder, settings)


def _outputs(cell: Any) -> Iterator[dict[str, bytes]]:
    """The outputs as kind -> content; what was written to one stream in pieces is one output."""
    streams: dict[str, str] = {}
    for output in cell.outputs:
        if output.output_type == "stream":
            streams[output.name] = streams.get(output.name, "") + output.text
    for name in sorted(streams, reverse=True):
        yield {name: streams[name].encode()}
    for output in cell.outputs:
        if output.output_type == "error":
            # What lies between is how IPython shows code, which each version does in its own way.
            yield {"error": f"{output.ename}: {output.evalue}".encode()}
        elif output.output_type != "stream":
            data = {kind: _content(kind, data) for kind, data in output.data.items()}
            yield {kind: content for kind, content in data.items() if kind not in _RANDOM}


def _content(kind: str, data: Any) -> bytes:
    if not isinstance(data, str):
        return json.dumps(data).encode()
    if (kind.startswith("image/") and kind != "image/svg+xml") or kind == "application/pdf":
        try:
            return base64.b64decode(data, validate=False)
        except binascii.Error:
            return data.encode()
    return data.encode()


def _output(
    name: str,
    old: dict[str, bytes] | None,
    new: dict[str, bytes] | None,
    folder: Path,
    settings: Settings,
) -> Comparison:
    if old is None or new is None:
        grade = Grade.EXTRA if old is None else Grade.MISSING
        summary = f"{_said(new or {})} was not expected"
        if new is None:
            summary = f"{_said(old or {})} is not there"
        if new is not None and "error" in new:
            grade = Grade.DIFFERENT
        return Comparison(path=name, comparator="notebook", grade=grade, summary=summary)
    shared = [kind for kind in old if kind in new]
    shown = [kind for kind in shared if kind != _FALLBACK] or shared
    if not shown or (shown == [_FALLBACK] and set(old) != set(new)):
        summary = f"{_said(new)} instead of {_said(old)}"
        return Comparison(path=name, comparator="notebook", grade=Grade.DIFFERENT, summary=summary)
    parts = [_kind(kind, old[kind], new[kind], folder, name, settings) for kind in shown]
    order = list(Grade)
    # One output in several kinds, as a table in HTML and in LaTeX: the worst of those that both
    # have tells. Text beside others is for readers that show nothing else.
    return max(
        parts,
        key=lambda part: order.index(part.grade),
        default=Comparison(
            path=name, comparator="notebook", grade=Grade.IDENTICAL, summary="empty"
        ),
    )


def _kind(
    kind: str, old: bytes, new: bytes, folder: Path, name: str, settings: Settings
) -> Comparison:
    paths = folder / "expected", folder / "actual"
    for path, content in zip(paths, (old, new), strict=True):
        path.write_bytes(content)
    ending = _KINDS.get(kind, "json" if kind.endswith("+json") else "txt")
    found = settings.compare(f"output.{ending}", *paths, settings.inside(name))
    pictures: tuple[Attachment, ...] = ()
    if kind.startswith("image/") and found.grade is not Grade.IDENTICAL:
        pictures = (
            Attachment(name="expected", media_type=kind, content=old),
            Attachment(name="this run", media_type=kind, content=new),
        )
    return Comparison(
        path=name,
        comparator=found.comparator,
        grade=found.grade,
        summary=found.summary,
        details=found.details,
        attachments=(*pictures, *found.attachments),
    )


def _said(output: dict[str, bytes]) -> str:
    if "error" in output:
        first = output["error"].decode("utf-8", "replace").partition("\n")[0]
        return f"the error '{first[:100]}'"
    return ", ".join(sorted(output)) or "nothing"
