"""What the author's own runs differed by (`run --repeat`), in lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reprokit.history import wording
from reprokit.history.reading import Record

if TYPE_CHECKING:
    from reprokit.phases.learn import Variation

_SHOWN = 15


def described(record: Record) -> list[str]:
    """How many results varied between how many runs, and a line for each; nothing for a record of
    one run, or one whose variation has another form."""
    if "variation" not in record:
        return []
    from reprokit.phases.learn import read

    try:
        found = read(record["variation"])
    except ValueError:
        return []
    if found is None:
        return []
    rows = [*_rows(found)]
    many = wording.counted(len(rows), "result") if rows else "nothing"
    lines = [f"{'varies':<12} {many}, between {wording.counted(found.runs, 'run')}"]
    lines += [f"  {wording.printable(path)}: {what}" for path, what in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        lines.append(f"  and {wording.counted(len(rows) - _SHOWN, 'result')} more")
    return lines


def _rows(found: Variation) -> Iterator[tuple[str, str]]:
    for path in sorted({*found.files, *found.unstable}):
        if path in found.unstable:
            yield path, "not every run wrote it"
            continue
        learnt, parts = found.files[path], []
        if learnt.intervals:
            parts.append(wording.counted(len(learnt.intervals), "number"))
        if learnt.spreads:
            parts.append(f"many numbers in {wording.counted(len(learnt.spreads), 'place')}")
        if learnt.opaque:
            parts.append("more than numbers" if parts else "something else than numbers")
        yield path, " and ".join(parts) or "other bytes, the same content"
