"""Plain values as JSON, in which NaN and the infinities are `NaN`, `Infinity` and `-Infinity`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEEPEST = 100
"""Lists in lists; what contains itself has no end."""
LARGEST = 512 * 1024**2
"""Bytes of text that are read at once."""
CARRIED = (
    "None, True and False, numbers, text, lists and dictionaries of these, NumPy arrays, pandas "
    "data frames and series"
)


class CannotCarry(Exception):
    """A value that cannot be carried. library: what is missing where it would be held."""

    def __init__(self, what: str, library: str | None = None) -> None:
        super().__init__(what)
        self.library = library


class Damaged(Exception):
    """A file that no writer of these makes."""


def encode(value: Any, called: str) -> str:
    """JSON of a plain value, in ASCII. A tuple becomes a list, a scalar of NumPy Python's own."""
    try:
        return json.dumps(plain(value, called))
    except ValueError:  # Python writes no numbers of more than some thousand digits
        raise CannotCarry(f"{called} holds a whole number with too many digits") from None


def plain(value: Any, called: str, depth: int = 0) -> Any:
    """The value made of nothing but what JSON knows."""
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if depth > DEEPEST:
        raise CannotCarry(f"{called[:80]}… is nested too deeply, or contains itself")
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{called}[{at}]", depth + 1) for at, item in enumerate(value)]
    if isinstance(value, dict):
        found = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise CannotCarry(
                    f"{called} has the key {key!r}; keys that are text can be carried"
                )
            found[str(key)] = plain(item, f"{called}[{key!r}]", depth + 1)
        return found
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        own = value.item()
        if type(own) in (bool, int, float, str):
            return own
    raise CannotCarry(f"{called} is {described(value)}")


def described(value: Any) -> str:
    """A value's type, as an error names it."""
    kind = type(value)
    name = kind.__qualname__
    name = name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
    return f"an {name}" if name[:1] in "aeio" else f"a {name}"


def decode(place: Path, called: str) -> Any:
    """The value in a JSON file."""
    try:
        return json.loads(content(place, called).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{called} is no JSON: {error}") from None


def content(place: Path, called: str) -> bytes:
    """The bytes of a file of text."""
    if place.stat().st_size > LARGEST:
        raise Damaged(f"{called} has more than {LARGEST // 1024**2} MiB of text")
    return place.read_bytes()
