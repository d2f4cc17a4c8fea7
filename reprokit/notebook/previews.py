"""A result file as a piece of HTML: a figure, the head of a table, the head of a text.

Names and contents come from the experiment and are hostile: all text is escaped, and a figure is
only ever the source of an `img`, where a browser runs no script and fetches nothing.
"""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from html import escape
from itertools import islice
from pathlib import Path

from reprokit.history.wording import printable, shortened

FIGURE_BYTES = 2_000_000
"""A larger figure is only named: a notebook that embeds it would be slow to open and to commit."""
HEAD_BYTES = 64_000
ROWS, COLUMNS, LINES = 10, 12, 15
CELL, LINE = 60, 160

FIGURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
SEPARATORS = {".csv": ",", ".tsv": "\t"}
TEXTS = frozenset({".txt", ".log", ".md", ".json", ".yaml", ".yml", ".out", ".dat", ".nt", ".ttl"})


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a file, and whether there is more."""

    content: bytes
    more: bool


def preview(path: Path, name: str | None = None) -> str | None:
    """HTML that shows the file, or `None` for one that cannot be shown in little space.

    `path` is a regular file that the caller has found to be inside the results, `name` what it is
    called there.
    """
    show = _kind(path.suffix.lower(), name or path.name)
    if show is None:
        return None
    try:
        return show(path)
    except OSError:
        return None


def _kind(suffix: str, name: str) -> Callable[[Path], str | None] | None:
    if suffix in FIGURES:
        return partial(figure, name=name)
    if suffix in SEPARATORS:
        return table
    return text if suffix in TEXTS else None


def figure(path: Path, name: str | None = None) -> str | None:
    """An `img` that holds the picture itself; white behind it, as axes are usually black."""
    if path.stat().st_size > FIGURE_BYTES:
        return None
    kind = FIGURES[path.suffix.lower()]
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return (
        f'<img alt="figure {escape(printable(name or path.name))}" src="data:{kind};base64,{data}" '
        'style="max-width:100%;max-height:32em;background:#fff"/>'
    )


def table(path: Path) -> str | None:
    """The first rows of a CSV or TSV file; a text where it is none."""
    head = _head(path)
    if b"\0" in head.content:
        return None
    lines = io.StringIO(head.content.decode("utf-8-sig", "replace"), newline="")
    reader = csv.reader(lines, delimiter=SEPARATORS[path.suffix.lower()])
    try:
        rows = list(islice(reader, ROWS + 2))
    except csv.Error:
        return text(path)
    if not rows:
        return "<p>(empty)</p>"
    shown = rows[: ROWS + 1]
    figures = [_is_number(column) for column in zip(*shown[1:], strict=False)]
    body = "".join(_row(row, "td", figures) for row in shown[1:])
    tail = ""
    if head.more or len(rows) > len(shown):
        tail = f'<p class="soft">the first {ROWS} rows</p>'
    if any(len(row) > COLUMNS for row in shown):
        tail += f'<p class="soft">the first {COLUMNS} columns</p>'
    return (
        f'<div class="wide"><table><thead>{_row(shown[0], "th", figures)}</thead>'
        f"<tbody>{body}</tbody></table></div>{tail}"
    )


def _is_number(column: Iterable[str]) -> bool:
    return all(NUMBER.fullmatch(cell) for cell in column)


def _row(cells: list[str], tag: str, figures: list[bool]) -> str:
    """Columns of numbers stand to the right, their heads as well."""
    shown = []
    for place, cell in enumerate(cells[:COLUMNS]):
        scope = ' scope="col"' if tag == "th" else ""
        kind = ' class="number"' if place < len(figures) and figures[place] else ""
        shown.append(f"<{tag}{scope}{kind}>{escape(shortened(cell, CELL))}</{tag}>")
    return f"<tr>{''.join(shown)}</tr>"


def text(path: Path) -> str | None:
    """The first lines of a text; `None` for what is no text."""
    head = _head(path)
    if b"\0" in head.content:
        return None
    lines = head.content.decode("utf-8-sig", "replace").splitlines()
    shown = [shortened(line.expandtabs(4), LINE) for line in lines[:LINES]]
    if head.more or len(lines) > LINES:
        shown.append("…")
    return f'<pre tabindex="0">{escape(chr(10).join(shown))}</pre>'


def _head(path: Path) -> Head:
    with path.open("rb") as file:
        content = file.read(HEAD_BYTES + 1)
    return Head(content[:HEAD_BYTES], len(content) > HEAD_BYTES)
