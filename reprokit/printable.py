"""Text from projects as a terminal may show it."""

from __future__ import annotations

import re
from typing import Any

_LOGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s\"]+@", re.IGNORECASE)


def printable(text: str) -> str:
    """The text with control characters, and those that turn the direction of writing, as escapes:
    names can hold what would move a cursor or make a person read another text."""
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )


def redacted(text: str) -> str:
    """`text` without the user names and passwords of URLs in it."""
    return _LOGIN.sub(r"\g<scheme>***@", text)


def redacted_values(value: Any) -> Any:
    """A JSON value with every text in it redacted."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, (list, tuple)):
        return [redacted_values(item) for item in value]
    if isinstance(value, dict):
        return {redacted(key): redacted_values(item) for key, item in value.items()}
    return value
