"""Answers of servers that are not trusted: bounded, and told without their secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reprokit.errors import InputUnavailable
from reprokit.printable import redacted

if TYPE_CHECKING:
    import requests

_CHUNK = 256 * 1024
# urllib3 begins its errors with the connection's own description.
_CONNECTION = re.compile(r"^<?HTTPS?Connection(?:Pool)?[^>]*?\)?>?: (?=[A-Z])")


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


def plain_reason(error: BaseException) -> str:
    """What a failed request says, in a line and without credentials: its innermost cause."""
    told: object = error
    while isinstance(told, BaseException):
        inner = getattr(told, "reason", None) or (told.args[0] if told.args else None)
        if not isinstance(inner, BaseException):
            break
        told = inner
    text = str(told) or type(told).__name__
    return redacted(_CONNECTION.sub("", text))[:300]
