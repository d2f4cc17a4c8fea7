"""Documents as their leaves: every value with the path that leads to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from reprokit.comparators.protocol import Limits, Unreadable
from reprokit.comparators.tally import Tally, number
from reprokit.verdict import Finding

Leaves: TypeAlias = Mapping[str, object]
"""Path -> value, in the order of the document: a text, a number, a truth value, `None`, or how an
empty container is written."""

_INDEX = re.compile(r"\[\d+\]")
_DEEPEST = 200


def leaves(document: object, limits: Limits) -> dict[str, object]:
    """The leaves of what a JSON or YAML document holds. Raises Unreadable for one that is too
    large or too deep, as one with aliases can be that is small as a file."""
    found: dict[str, object] = {}
    for path, value in _walk(document, "", 0):
        found[path or "/"] = value
        if len(found) > limits.values:
            raise Unreadable(f"it holds more than {limits.values:,} values")
    return found


def _walk(value: object, path: str, depth: int) -> Iterator[tuple[str, object]]:
    if depth > _DEEPEST:
        raise Unreadable(f"it is nested deeper than {_DEEPEST} levels")
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, f"{path}/{_word(key)}", depth + 1)
    elif isinstance(value, list | tuple | set) and value:
        for at, inner in enumerate(value):
            yield from _walk(inner, f"{path}[{at}]", depth + 1)
    elif isinstance(value, dict):
        yield path, "{}"
    elif isinstance(value, list | tuple | set):
        yield path, "[]"
    else:
        yield path, value


def _word(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def series(path: str) -> str:
    """The path without indices, which many values share."""
    return _INDEX.sub("[]", path)


def compare_leaves(expected: Leaves, actual: Leaves, tally: Tally, *, texts: bool = False) -> None:
    """Count what differs. texts: values are texts all of them, and a number is one by its look."""
    shared = 0
    gone = [path for path in expected if path not in actual]
    come = [path for path in actual if path not in expected]
    for path, old in expected.items():
        if path not in actual:
            continue
        shared += 1
        new = actual[path]
        if old is new or (old == new and type(old) is type(new)):
            continue
        if texts:
            old, new = _as_number(old, new)
        tally.values(series(path), path, old, new)
    tally.total += max(len(expected), len(actual))
    for paths, sentence in ((gone, "without"), (come, "with the new")):
        kept = [path for path in paths if not tally.settings.skips(series(path))]
        tally.skipped += len(paths) - len(kept)
        if kept:
            more = f" and {len(kept) - 1:,} more" if len(kept) > 1 else ""
            tally.misses(f"{sentence} {kept[0]}{more}")
    if not gone and not come and list(expected) != list(actual):
        tally.notes.append("keys in another order")


def _as_number(old: object, new: object) -> tuple[object, object]:
    """Two texts as numbers, where both are."""
    numbers = number(str(old)), number(str(new))
    return (old, new) if None in numbers else numbers


def finding(expected: Leaves, actual: Leaves, tally: Tally) -> Finding:
    """The finding; it tells where lists hold the same in another order."""
    if tally.differs and len(expected) == len(actual) and _sorted(expected) == _sorted(actual):
        return tally.finding(similar=f"the same {len(expected):,} values in another order")
    return tally.finding()


def _sorted(document: Leaves) -> Counter[tuple[str, str]]:
    return Counter((series(path), repr(value)) for path, value in document.items())
