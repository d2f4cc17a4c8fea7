"""What is said of a cell that ran, and of what it carried."""

from __future__ import annotations

from pathlib import Path

from reprokit.history import wording
from reprokit.history.reading import Record, mapping, number, rows, text
from reprokit.model import JSON


def told(record: Record, folder: Path) -> str:
    """The cell's run in a few lines, below what it printed."""
    took = wording.duration(number(record, "seconds"))
    lines = [f"Cell {text(record, 'status')}, took {took}: run {text(record, 'run')}."]
    cell = mapping(record, "cell")
    for key, title in (("inputs", "in"), ("outputs", "out")):
        carried = rows(cell, key)
        if carried:
            lines.append(f"{title:<12} {', '.join(map(of, carried))}")
    files = [*rows(cell, "figures"), *rows(record, "results")]
    for file in files[:12]:
        place = folder if file in rows(cell, "figures") else folder / "results"
        lines.append(f"{'result':<12} {place / text(file, 'path')}")
    if len(files) > 12:
        lines.append(f"and {len(files) - 12} more: reprokit show {text(record, 'run')}")
    return "\n".join(map(wording.printable, lines))


def of(carried: dict[str, JSON]) -> str:
    """A value that was carried: its name, what it is, its size."""
    size = wording.size(int(number(carried, "size")))
    return f"{text(carried, 'name')} ({text(carried, 'kind')}, {size})"


def described(record: Record) -> list[str]:
    """What `show` says of it: the values with their hashes, and the text."""
    cell = mapping(record, "cell")
    lines = [f"{'language':<12} {text(cell, 'language')}"]
    for key, title in (("inputs", "given"), ("outputs", "taken")):
        lines += [
            f"{title:<12} {wording.short_digest(text(carried, 'sha256'))}  {of(carried)}"
            for carried in rows(cell, key)
        ]
    for figure in rows(cell, "figures"):
        digest = wording.short_digest(text(figure, "sha256"))
        lines.append(f"{'figure':<12} {digest}  {text(figure, 'path')}")
    source = text(cell, "source").rstrip("\n").split("\n")
    lines.append(f"{'cell':<12} {text(cell, 'sha256')}")
    lines += [f"  {line}" for line in source[:40]]
    if len(source) > 40:
        lines.append(f"  and {len(source) - 40} more lines")
    return [wording.printable(line) for line in lines]
