"""Reading what comes in chunks as if it were a file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import cast


def as_file(chunks: Iterable[bytes]) -> io.BufferedReader:
    """A file made of chunks, read as they come: for tarfile and the like."""
    return io.BufferedReader(_Chunks(chunks), 1024 * 1024)


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._rest = iter(chunks), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = cast(memoryview, buffer)
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        taken = self._rest[: len(target)]
        target[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
