"""What differs inside two versions of a result file: lines of a text, cells of a table, bytes."""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from reprokit import files
from reprokit.history.notebook_lines import notebook_lines
from reprokit.model import JSON

READ_LIMIT = 8 * 1024 * 1024
"""Larger files are compared as bytes only."""
DIFF_LINES = 60
CELLS = 20
_MATCHING_LIMIT = 500_000
"""Lines of one times lines of the other, above which difflib would take seconds."""


def inside(folder: Path, relative: str) -> Path | None:
    """The regular file of that name below `folder`; `None` where it is missing, a link, or the
    name leads out of the folder."""
    parts = PurePosixPath(relative).parts
    if not parts or ".." in parts or PurePosixPath(relative).is_absolute() or "\0" in relative:
        return None
    path = folder.joinpath(*parts)
    try:
        if not path.resolve().is_relative_to(folder.resolve()) or path.is_symlink():
            return None
        return path if path.is_file() else None
    except OSError:
        return None


def detail(before: Path, after: Path) -> JSON:
    """What differs between two files, as the diff's schema describes it; `None` for unreadable."""
    try:
        texts = _text(before), _text(after)
        if texts[0] is None or texts[1] is None:
            first = files.first_difference(before, after)
            whole = first == min(before.stat().st_size, after.stat().st_size)
            return {"kind": "binary", "first": None if whole else first}
    except OSError:
        return None
    if before.suffix.lower() in (".csv", ".tsv"):
        table = _table_detail(texts[0], texts[1], before.suffix.lower())
        if table is not None:
            return table
    if before.suffix.lower() == ".ipynb":
        books = notebook_lines(texts[0]), notebook_lines(texts[1])
        if books[0] is not None and books[1] is not None and books[0] != books[1]:
            return _text_detail(books[0], books[1])
    return _text_detail(_lines(texts[0]), _lines(texts[1]))


def _text(path: Path) -> str | None:
    if path.stat().st_size > READ_LIMIT:
        return None
    content = path.read_bytes()
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> list[str]:
    """Lines by line feeds only: `splitlines` would also split at form feeds and U+2028."""
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _text_detail(before: Sequence[str], after: Sequence[str]) -> JSON:
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    removed, added = len(before) - start - end, len(after) - start - end
    if removed * added > _MATCHING_LIMIT:
        # One block: what was removed and what was added, not which lines inside stayed.
        lines = [f"@@ -{start + 1},{removed} +{start + 1},{added} @@"]
        lines += [f"-{line}" for line in before[start : start + DIFF_LINES // 2]]
        lines += [f"+{line}" for line in after[start : start + DIFF_LINES // 2]]
        return _text_result(added, removed, lines, cut=True)
    first = max(0, start - 1)  # one line of context on either side
    old = before[first : len(before) - max(0, end - 1)]
    new = after[first : len(after) - max(0, end - 1)]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    kept = sum(block.size for block in matcher.get_matching_blocks())
    shown = list(islice(_unified(matcher, old, new, first), DIFF_LINES + 1))
    cut = len(shown) > DIFF_LINES
    return _text_result(len(new) - kept, len(old) - kept, shown[:DIFF_LINES], cut=cut)


def _unified(
    matcher: difflib.SequenceMatcher[str], old: Sequence[str], new: Sequence[str], first: int
) -> Iterator[str]:
    """The hunks of a unified diff; `first` lines come before both sequences."""
    for group in matcher.get_grouped_opcodes(1):
        a, b = group[0][1], group[0][3]
        left, right = (a, group[-1][2] - a), (b, group[-1][4] - b)
        yield f"@@ -{_span(first, *left)} +{_span(first, *right)} @@"
        for kind, i, j, k, m in group:
            if kind == "equal":
                yield from (f" {line}" for line in old[i:j])
                continue
            yield from (f"-{line}" for line in old[i:j])
            yield from (f"+{line}" for line in new[k:m])


def _span(first: int, start: int, count: int) -> str:
    """Line numbers as in a unified diff: an empty span names the line before it."""
    return f"{first + start + (1 if count else 0)},{count}"


def _text_result(added: int, removed: int, lines: list[str], *, cut: bool) -> JSON:
    return {"kind": "text", "added": added, "removed": removed, "diff": [*lines], "cut": cut}


def _rows(text: str, suffix: str) -> list[list[str]] | None:
    first = text.partition("\n")[0]
    candidates = "\t" if suffix == ".tsv" else ",;\t|"
    delimiter = max(candidates, key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error:
        return None


def _table_detail(before: str, after: str, suffix: str) -> JSON:
    """Cell by cell, columns matched by their header; `None` where rows do not correspond."""
    left, right = _rows(before, suffix), _rows(after, suffix)
    if not left or not right or len(left) != len(right):
        return None
    old, new = _columns(left[0]), _columns(right[0])
    columns: list[JSON] = []
    cells: list[JSON] = []
    for name in [name for name in old if name in new]:
        differing, largest = 0, None
        for number, (a, b) in enumerate(zip(left[1:], right[1:], strict=True), start=2):
            values = _cell(a, old[name]), _cell(b, new[name])
            if values[0] == values[1]:
                continue
            differing += 1
            apart = _distance(*values)
            if apart is not None:
                largest = apart if largest is None else max(largest, apart)
            if len(cells) < CELLS:
                cells.append(
                    {"row": number, "column": name, "before": values[0], "after": values[1]}
                )
        if differing:
            columns.append({"name": name, "cells": differing, "largest": largest})
    gone: list[JSON] = [name for name in old if name not in new]
    come: list[JSON] = [name for name in new if name not in old]
    if not (columns or gone or come):
        return None  # only quoting, line ends or the order of columns: the text says it better
    return {
        "kind": "table",
        "rows": len(left) - 1,
        "columns": columns,
        "added": come,
        "removed": gone,
        "cells": cells,
    }


def _columns(header: list[str]) -> dict[str, int]:
    """Position by name; a name used again gets its position as well."""
    found: dict[str, int] = {}
    for position, name in enumerate(header):
        found[name if name not in found else f"{name} ({position + 1})"] = position
    return found


def _cell(row: list[str], position: int) -> str:
    return row[position] if position < len(row) else ""


def _distance(before: str, after: str) -> float | None:
    try:
        apart = abs(float(before) - float(after))
    except ValueError:
        return None
    return apart if math.isfinite(apart) else None
