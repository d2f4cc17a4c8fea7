"""How tables, sizes, durations and times are written for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Names and logs come from projects: an escape sequence in one must not steer a terminal.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """`text` on one line, control characters and changes of writing direction shown escaped."""
    return _UNPRINTABLE.sub(lambda match: ascii(match.group())[1:-1], text)


def shortened(text: str, width: int) -> str:
    """`text` on one line of at most `width` characters."""
    line = printable(text)
    return line if len(line) <= width else line[: width - 1] + "…"


def size(count: int) -> str:
    """Bytes as people read them: "3.4 MB", decimal."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float | None) -> str:
    """Seconds as people read them: "0.4 s", "3 min 12 s", "2 h 05 min"; empty for `None`."""
    if seconds is None:
        return ""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def moment(started: str) -> str:
    """An ISO time as "2026-11-23 20:15 UTC"."""
    return f"{started[:10]} {started[11:16]} UTC"


def short_digest(digest: str | None) -> str:
    """The first twelve digits of a digest, as engines show them; "-" for `None`."""
    return "-" if digest is None else digest.removeprefix("sha256:")[:12]


def counted(number: int, one: str, many: str | None = None) -> str:
    """ "1 file", "2 files"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Iterable[str]) -> str:
    """ "a, b and c"."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns two spaces apart, each as wide as its longest cell."""
    cells = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)
