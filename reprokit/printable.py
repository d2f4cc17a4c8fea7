"""Text from projects as a terminal may show it."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters, and those that turn the direction of writing, as escapes:
    names can hold what would move a cursor or make a person read another text."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )
