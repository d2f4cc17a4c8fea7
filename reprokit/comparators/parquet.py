"""Parquet: columns by their names, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

from reprokit.comparators.protocol import Settings, needing, reading
from reprokit.comparators.tally import Tally
from reprokit.verdict import Finding

_ROWS = 65_536


class Parquet:
    """The writer, the row groups, the encoding and the compression say nothing."""

    name = "Parquet"
    apart = True

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if first.startswith(b"PAR1") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with needing("Parquet files"):
            import pyarrow.parquet
        tally = Tally(settings, kind="column")
        with (
            reading(),
            pyarrow.parquet.ParquetFile(expected) as old,
            pyarrow.parquet.ParquetFile(actual) as new,
        ):
            columns = _columns(old, new, tally)
            if old.metadata.num_rows != new.metadata.num_rows:
                rows = old.metadata.num_rows, new.metadata.num_rows
                tally.misses(f"{rows[1]:,} rows instead of {rows[0]:,}")
            start = 0
            for one, other in zip_longest(_batches(old, settings), _batches(new, settings)):
                if one is None or other is None:
                    break
                _compare(columns, one, other, start, tally)
                start += one.num_rows
        return tally.finding()


def _columns(old: Any, new: Any, tally: Tally) -> list[str]:
    left, right = old.schema_arrow, new.schema_arrow
    for name in left.names:
        if name not in right.names:
            tally.misses(f"without the column '{name}'")
    for name in right.names:
        if name not in left.names:
            tally.misses(f"with the new column '{name}'")
    shared = [name for name in left.names if name in right.names]
    for name in shared:
        kinds = left.field(name).type, right.field(name).type
        if kinds[0] != kinds[1]:
            tally.notes.append(f"'{name}' is of type {kinds[1]} instead of {kinds[0]}")
    return shared


def _batches(file: Any, settings: Settings) -> Iterator[Any]:
    """Batches of exactly so many rows, whatever groups the file has, but for the last."""
    import pyarrow

    waiting: list[Any] = []
    count = 0
    for batch in file.iter_batches(batch_size=_ROWS):
        settings.budget.take(batch.nbytes)
        waiting.append(batch)
        count += batch.num_rows
        while count >= _ROWS:
            table = pyarrow.Table.from_batches(waiting)
            yield table.slice(0, _ROWS)
            waiting, count = table.slice(_ROWS).to_batches(), count - _ROWS
    if count:
        yield pyarrow.Table.from_batches(waiting)


def _compare(columns: list[str], old: Any, new: Any, start: int, tally: Tally) -> None:
    for name in columns:
        left, right = old.column(name), new.column(name)
        tally.total += len(left)
        if left.equals(right):
            continue
        pairs = zip(left.to_pylist(), right.to_pylist(), strict=False)
        for at, (one, other) in enumerate(pairs, start=start + 1):
            if one != other:
                tally.values(name, f"row {at}", one, other)
