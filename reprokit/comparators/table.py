"""Tables in CSV and TSV: cell by cell, columns by their names, numbers by tolerance."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from pathlib import Path, PurePosixPath
from typing import TextIO

from reprokit.comparators.protocol import Settings, Unreadable
from reprokit.comparators.tally import Tally, number
from reprokit.comparators.text import encoding, is_text
from reprokit.history.wording import listed
from reprokit.verdict import Finding

_ABSENT = frozenset({"", "na", "nan", "n/a", "#n/a", "null", "none", "<na>"})
_COMMA = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*", re.ASCII)
_SAMPLE = 20
_LINE = 16 * 1024**2
_SORTED = 16 * 1024**2
"""Bytes up to which rows are matched by their texts where their order differs."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a table is written: its delimiter, and the names of its columns; `header` says whether
    they stand in its first row."""

    delimiter: str
    columns: tuple[str, ...]
    header: bool


class Table:
    """CSV and TSV."""

    name = "CSV"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 60 if path.suffix in (".csv", ".tsv", ".tab") and is_text(first) else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with _explained():
            left, right = _layout(expected), _layout(actual)
            tally = Tally(settings, kind="column")
            columns = _columns(left, right, tally)
            moved = _cells(expected, actual, left, right, columns, tally)
            if not moved or not tally.differs or left.columns != right.columns:
                return tally.finding()
            return _in_another_order(expected, actual, left, right, tally)


class _explained:
    """csv's errors, and an encoding's, as Unreadable."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, csv.Error | UnicodeError):
            raise Unreadable(str(error)) from error


def _rows(path: Path, layout: _Layout, *, body: bool = True) -> Iterator[list[str]]:
    """The rows, without the header where `body`; empty lines are no rows."""
    with path.open(encoding=encoding(path), errors="backslashreplace", newline="") as file:
        rows = (row for row in csv.reader(_bounded(file), delimiter=layout.delimiter) if row)
        if body and layout.header:
            next(rows, None)
        yield from rows


def _layout(path: Path) -> _Layout:
    with path.open("rb") as file:
        first = file.read(65536)
    if not is_text(first):
        raise Unreadable("it is no text")
    with path.open(encoding=encoding(path), errors="backslashreplace", newline="") as file:
        sample = [line for line in islice(_bounded(file), _SAMPLE) if line.strip()]
    delimiter = max(",;\t|", key=lambda mark: _regularity(sample, mark))
    rows = list(csv.reader(sample, delimiter=delimiter))
    names = rows[0] if rows else []
    header = bool(names) and all(number(cell) is None for cell in names if cell)
    columns = names if header else [str(at) for at in range(1, len(names) + 1)]
    return _Layout(delimiter, tuple(_unique(columns)), header)


def _bounded(file: TextIO) -> Iterator[str]:
    """The lines of a file, none of which may fill the memory."""
    while line := file.readline(_LINE):
        if len(line) == _LINE:
            raise Unreadable("it has a line that is longer than any table's")
        yield line


def _regularity(sample: list[str], mark: str) -> tuple[int, int]:
    """How many lines have as many of the mark as the first, and how many those are."""
    count = sample[0].count(mark) if sample else 0
    return (sum(line.count(mark) == count for line in sample) if count else 0), count


def _unique(names: list[str]) -> list[str]:
    """Names of columns: an empty one is its number, a name used again gets its number as well."""
    found: list[str] = []
    for position, name in enumerate(names, start=1):
        name = name.strip() or str(position)
        found.append(name if name not in found else f"{name} ({position})")
    return found


def _columns(left: _Layout, right: _Layout, tally: Tally) -> list[tuple[str, int, int]]:
    """The columns to compare: the name, and its position on either side."""
    there = {name: at for at, name in enumerate(right.columns)}
    gone = [name for name in left.columns if name not in there]
    come = [name for name in right.columns if name not in left.columns]
    if gone:
        tally.misses(f"without the {_named(gone)}")
    if come:
        tally.misses(f"with the new {_named(come)}")
    shared = [(name, at, there[name]) for at, name in enumerate(left.columns) if name in there]
    if [at for *_, at in shared] != sorted(at for *_, at in shared):
        tally.notes.append("the columns stand in another order")
    if left.delimiter != right.delimiter:
        tally.notes.append(f"delimited by {right.delimiter!r} instead of {left.delimiter!r}")
    return shared


def _named(columns: list[str]) -> str:
    named = listed(f"'{name}'" for name in columns[:5])
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return f"{'column' if len(columns) == 1 else 'columns'} {named}{more}"


def _cells(
    expected: Path,
    actual: Path,
    left: _Layout,
    right: _Layout,
    columns: list[tuple[str, int, int]],
    tally: Tally,
) -> bool:
    """Compare row by row; whether the rows may be the same in another order."""
    olds = news = known_old = known_new = 0
    same = [old for _, old, _ in columns] == [new for *_, new in columns]
    for old, new in zip_longest(_rows(expected, left), _rows(actual, right)):
        olds += old is not None
        news += new is not None
        # A sum of hashes: the same rows give the same sum in any order, in constant memory.
        known_old += 0 if old is None else hash(tuple(old))
        known_new += 0 if new is None else hash(tuple(new))
        if old is None or new is None:
            continue
        if old == new and same:
            tally.total += len(old)
            continue
        if len(old) > len(left.columns) or len(new) > len(right.columns):
            tally.texts("cells", f"row {olds}", len(old), len(new))
        comma = left.delimiter == ";"
        for name, at, there in columns:
            tally.total += 1
            one = old[at] if at < len(old) else ""
            other = new[there] if there < len(new) else ""
            if one != other:
                _cell(name, olds, one, other, tally, comma=comma)
    if olds != news:
        tally.misses(f"{news:,} {'row' if news == 1 else 'rows'} instead of {olds:,}")
    small = max(expected.stat().st_size, actual.stat().st_size) <= _SORTED
    return olds == news and (known_old == known_new or (small and tally.words > 0))


def _cell(name: str, row: int, one: str, other: str, tally: Tally, *, comma: bool) -> None:
    """Two cells that are written differently."""
    left, right = _read(one, comma=comma), _read(other, comma=comma)
    if left is None or right is None:
        absent = one.strip().casefold() in _ABSENT, other.strip().casefold() in _ABSENT
        if all(absent):
            tally.rules["how an absent value is written"] += 1
        elif one.strip() == other.strip():
            tally.rules["spaces around values"] += 1
        else:
            tally.texts(name, f"row {row}", one, other)
    else:
        tally.numbers(name, f"row {row}", left, right)


def _read(cell: str, *, comma: bool) -> float | None:
    if comma and _COMMA.fullmatch(cell):
        cell = cell.replace(",", ".")
    return number(cell)


def _in_another_order(
    expected: Path, actual: Path, left: _Layout, right: _Layout, tally: Tally
) -> Finding:
    """Look whether the rows are the same in another order: those with the same texts belong
    together, and their numbers are compared by tolerance."""
    if max(expected.stat().st_size, actual.stat().st_size) > _SORTED:
        # Only the sums of hashes brought us here, and they are equal.
        return tally.finding(similar="the same rows in another order")
    olds, news = sorted(_rows(expected, left), key=_key), sorted(_rows(actual, right), key=_key)
    # Where rows moved, nothing can be said of the variation at a place.
    settings = replace(tally.settings, observe=None, learnt=None)
    again = Tally(settings, kind="column", total=tally.total)
    for row, (old, new) in enumerate(zip(olds, news, strict=True), start=1):
        if len(old) != len(new):
            return tally.finding()
        for name, one, other in zip(left.columns, old, new, strict=False):
            if one != other:
                _cell(name, row, one, other, again, comma=left.delimiter == ";")
    if again.differs:
        return tally.finding()
    apart = ", numbers within tolerance" if again.apart else ""
    return tally.finding(similar=f"the same {len(olds):,} rows in another order{apart}")


def _key(row: list[str]) -> tuple[list[str], list[float]]:
    """Rows sort by their texts, then by their numbers."""
    numbers = [number(cell) for cell in row]
    texts = [cell for cell, value in zip(row, numbers, strict=True) if value is None]
    return texts, [0.0 if value is None or value != value else value for value in numbers]
