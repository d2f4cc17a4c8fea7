"""Texts: line by line, without what changes with every run, and numbers by tolerance."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from pathlib import Path, PurePosixPath

from reprokit.comparators.protocol import Settings, Unreadable
from reprokit.comparators.tally import Tally, shown
from reprokit.comparators.text_rules import ARRAY, in_one_line, normalised
from reprokit.model import JSON
from reprokit.verdict import Finding, Grade

_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w)", re.ASCII)
_LINE = 1_000_000
"""Characters after which a line is taken as two."""
_WINDOW = 2_000
"""Lines after the first difference in words, within which lines are matched."""
_EXCERPT = 40
_LAID_OUT = 4 * 1024**2
"""Bytes of a file in which arrays are looked for."""
_COUNTED = 32 * 1024**2
"""Bytes of a file in which also those numbers are counted that are equal."""


class Text:
    """Any text that no other comparator knows."""

    name = "text"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 10 if is_text(first) else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with actual.open("rb") as file:
            if not is_text(file.read(4096)):
                raise Unreadable("it is no text")
        tally = Tally(settings, unit="number")
        counted = expected.stat().st_size <= _COUNTED
        excerpt = compare_lines(lines(expected), lines(actual), tally, counted=counted)
        found = finding(tally, excerpt)
        if found.grade is Grade.DIFFERENT:
            return _laid_out(expected, actual, settings) or found
        return found


def _laid_out(expected: Path, actual: Path, settings: Settings) -> Finding | None:
    """The finding where the texts are the same but for how arrays are laid out: another version
    prints them with other spaces, and breaks their lines elsewhere. Else `None`."""
    if max(expected.stat().st_size, actual.stat().st_size) > _LAID_OUT:
        return None
    old, new = ("\n".join(lines(path)) for path in (expected, actual))
    if not (ARRAY.search(old) and ARRAY.search(new)):
        return None
    tally = Tally(settings, unit="number")
    olds, news = (ARRAY.sub(in_one_line, text).split("\n") for text in (old, new))
    excerpt = compare_lines(olds, news, tally)
    tally.rules.update(["the layout of arrays"])
    found = finding(tally, excerpt)
    return found if found.grade.reproduced else None


def finding(tally: Tally, excerpt: list[JSON]) -> Finding:
    """The finding about texts: what was counted, with an excerpt of the difference."""
    found = tally.finding()
    details = {**found.details, "diff": excerpt}
    return Finding(grade=found.grade, summary=found.summary, details=details)


def is_text(first: bytes) -> bool:
    """Whether the beginning of a file is that of a text in UTF-8, UTF-16 or an older encoding."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1b\x08" for byte in first)
    return b"\0" not in first and control * 100 <= len(first)


def encoding(path: Path) -> str:
    """UTF-16 where the file says so, else UTF-8; a byte that is neither is shown escaped."""
    with path.open("rb") as file:
        first = file.read(2)
    return "utf-16" if first in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def lines(path: Path) -> Iterator[str]:
    """The lines of a file without their line feeds; a huge one comes in parts."""
    with path.open(encoding=encoding(path), errors="backslashreplace", newline="\n") as file:
        while line := file.readline(_LINE):
            yield line.removesuffix("\n")


def compare_lines(
    expected: Iterable[str], actual: Iterable[str], tally: Tally, *, counted: bool = True
) -> list[JSON]:
    """Count what differs into `tally`, and give an excerpt of the lines that differ in words.

    Lines are compared one by one until their words differ; from there on those of a window are
    matched, as lines may have come or gone. counted: also count the numbers that are equal.
    """
    left, right = iter(expected), iter(actual)
    for number, (old, new) in enumerate(zip_longest(left, right), start=1):
        if old == new:
            if counted:
                tally.total += len(_NUMBER.findall(old))
        elif old is None or new is None or not _same_words(old, new, number, tally):
            olds = [] if old is None else [old, *islice(left, _WINDOW)]
            news = [] if new is None else [new, *islice(right, _WINDOW)]
            return _matched(olds, news, number, tally)
    return []


def _same_words(old: str, new: str, number: int, tally: Tally) -> bool:
    """Compare two lines; False (and nothing counted) where they differ in more than numbers."""
    (left, rules), (right, others) = normalised(old), normalised(new)
    words = _NUMBER.sub("#", left)
    if words != _NUMBER.sub("#", right):
        return False
    tally.rules.update(rules | others)
    olds, news = _NUMBER.findall(left), _NUMBER.findall(right)
    tally.total += len(olds)
    for one, other in zip(olds, news, strict=True):
        if one != other:
            tally.numbers(words[:100].strip(), f"line {number}", float(one), float(other))
    return True


def _matched(olds: list[str], news: list[str], number: int, tally: Tally) -> list[JSON]:
    """Compare what follows the first line that differs in words, by matching lines."""
    whole = max(len(olds), len(news)) <= _WINDOW
    words = [_words(line) for line in olds], [_words(line) for line in news]
    matcher = difflib.SequenceMatcher(None, *words)
    excerpt: list[JSON] = []
    removed = added = 0
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            for old, new in zip(olds[i:j], news[k:m], strict=True):
                _same_words(old, new, number + i, tally)
            continue
        removed, added = removed + j - i, added + m - k
        excerpt.append(f"@@ -{number + i},{j - i} +{number + k},{m - k} @@")
        excerpt += [f"-{shown(line)}" for line in olds[i:j]]
        excerpt += [f"+{shown(line)}" for line in news[k:m]]
    if not whole:
        tally.misses(f"the text is another from line {number} on")
    elif removed == added:
        many = f"{removed:,} lines differ in their" if removed > 1 else "1 line differs in its"
        tally.misses(f"{many} words, the first is line {number}{_change(olds, news)}")
    else:
        tally.misses(f"{_lines(added)} came and {_lines(removed)} went, the first at line {number}")
    return excerpt[:_EXCERPT]


def _words(line: str) -> str:
    return _NUMBER.sub("#", normalised(line)[0])


def _change(olds: list[str], news: list[str]) -> str:
    if not olds or not news or max(len(olds[0]), len(news[0])) > 60:
        return ""
    return f": '{news[0].strip()}' instead of '{olds[0].strip()}'"


def _lines(count: int) -> str:
    return f"{count:,} line" if count == 1 else f"{count:,} lines"
