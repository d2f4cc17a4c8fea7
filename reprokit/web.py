"""Answers of servers that are not trusted: bounded, and told without their secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reprokit.errors import InputUnavailable
from reprokit.printable import redacted

if TYPE_CHECKING:
    import requests

_CHUNK = 256 * 1024


def bounded(answer: requests.Response, limit: int, where: str) -> bytes:
    """The body of an answer. Raises InputUnavailable where it has more than `limit` bytes."""
    return b"".join(chunks(answer, limit, where))


def chunks(answer: requests.Response, limit: int, where: str) -> Iterator[bytes]:
    """The same, piece by piece."""
    left = limit
    for chunk in answer.iter_content(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise InputUnavailable(f"the answer has more than {limit} bytes", where=redacted(where))
        yield chunk


def plain_reason(error: Exception) -> str:
    """What a failed request says, in a line and without credentials."""
    reason = getattr(error, "args", None) or (type(error).__name__,)
    return redacted(str(reason[0]))[:300]
