"""SVG: shapes by their numbers, texts by their words; dates and the names of ids say nothing."""

from __future__ import annotations

import io
import re
from pathlib import Path, PurePosixPath
from typing import Any

from reprokit.comparators.leaves import series
from reprokit.comparators.markup import read_from
from reprokit.comparators.pictures import compare_pixels, compared, frames
from reprokit.comparators.protocol import (
    Limits,
    NeedsExtra,
    Settings,
    Unreadable,
    needing,
    reading,
    small_enough,
)
from reprokit.comparators.tally import Tally
from reprokit.verdict import Finding, Grade

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_METADATA = re.compile(r"/metadata\[\d+\]")
_SIDE = 1000


class Svg:
    """Scalable Vector Graphics. Where what is written differs, both are drawn by resvg."""

    name = "SVG"
    apart = True

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if path.suffix == ".svg" or b"<svg" in first[:1000] else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        small_enough(settings.limits.document, expected, actual)
        left, right = (_leaves(path, settings.limits) for path in (expected, actual))
        tally = Tally(settings)
        reads_otherwise = _compare(left, right, tally)
        found = tally.finding()
        if not tally.differs:
            return found
        try:
            looks = _drawn(expected, actual, settings)
        except (Unreadable, NeedsExtra):
            # What is written has been compared; the picture would only have shown it.
            return found
        grade = Grade.SIMILAR if looks.grade.reproduced else looks.grade
        return Finding(
            # Words are not drawn: the fonts of this machine would decide what they look like.
            grade=Grade.DIFFERENT if reads_otherwise else grade,
            summary=f"{found.summary}; drawn: {looks.summary}",
            details={"written": dict(found.details), "looks": dict(looks.details)},
            attachments=looks.attachments,
        )


def _leaves(path: Path, limits: Limits) -> dict[str, str]:
    """Texts and attributes, without metadata, and ids by the order in which they appear."""
    with path.open("rb") as file:
        found = read_from(file.read, limits)
    ids = {value for key, value in found.items() if key.endswith("/@id")}
    order: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in ids:
            return match.group()
        return match.group().replace(name, order.setdefault(name, f"id{len(order) + 1}"))

    reference = re.compile(r"(?:url\(#|^#)(?P<name>[^)\s]+)")
    kept = {}
    for key, value in found.items():
        if _METADATA.search(key):
            continue
        if key.endswith("/@id"):
            value = order.setdefault(value, f"id{len(order) + 1}")
        kept[key] = reference.sub(renamed, value)
    return kept


def _compare(left: dict[str, str], right: dict[str, str], tally: Tally) -> bool:
    """Count what differs; whether it is something that is written in the picture, as a label."""
    reads_otherwise = False
    for paths, other, sentence in ((left, right, "without"), (right, left, "with the new")):
        gone = [path for path in paths if path not in other]
        if gone:
            more = f" and {len(gone) - 1:,} more" if len(gone) > 1 else ""
            tally.misses(f"{sentence} {gone[0]}{more}")
    for path, old in left.items():
        numbers = _NUMBER.findall(old)
        tally.total += max(len(numbers), 1)
        new = right.get(path, old)
        if old == new:
            continue
        before = tally.beyond
        if _NUMBER.sub("#", old) != _NUMBER.sub("#", new):
            tally.texts(series(path), path, old, new)
        else:
            for at, (one, other) in enumerate(zip(numbers, _NUMBER.findall(new), strict=True)):
                tally.numbers(series(path), f"{path}, number {at + 1}", float(one), float(other))
        reads_otherwise |= tally.beyond > before and "/@" not in path
    if not tally.differs and not tally.apart:
        tally.rules["dates, ids and spaces"] += 1
    return reads_otherwise


def _drawn(expected: Path, actual: Path, settings: Settings) -> Finding:
    """What both look like."""
    pixels = [_pixels(path, settings.limits) for path in (expected, actual)]
    return compared([compare_pixels(*pixels)], "picture", settings)


def _pixels(path: Path, limits: Limits) -> Any:
    with needing("drawings"):
        import PIL  # noqa: F401
        import resvg_py
    if any(not value.startswith(("#", "data:")) for value in _references(path, limits)):
        raise Unreadable("it shows other files")
    with reading():
        text = path.read_text(encoding="utf-8-sig")
        # Both sides are given: one with a height of a million times its width would fill memory.
        drawn = resvg_py.svg_to_bytes(
            svg_string=text,
            background="white",
            width=_SIDE,
            height=_SIDE,
            dpi=96,
            skip_system_fonts=True,
        )
        return next(frames(io.BytesIO(bytes(drawn)), limits))


def _references(path: Path, limits: Limits) -> list[str]:
    with path.open("rb") as file:
        found = read_from(file.read, limits)
    return [value for key, value in found.items() if key.rpartition("/")[2].endswith("href")]
