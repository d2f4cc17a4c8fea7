"""Reading what a container prints from the connection that was attached before its start."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

Stream = Literal["stdout", "stderr"]
Chunk = tuple[Stream, bytes]

UNREAD_LIMIT = 64 * 1024 * 1024
"""Bytes that are kept of output nobody reads; what comes after them is dropped."""

_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}


def chunks(attached: Any) -> Iterator[Chunk]:
    """Chunks from an attached connection as soon as they come; closes it at the end."""
    from docker.utils import socket

    frames: Any = socket.frames_iter
    try:
        for number, data in frames(attached, tty=False):
            yield _STREAMS.get(number, "stdout"), data
    finally:
        close(attached)


def close(attached: Any) -> None:
    """Close an attached connection."""
    # The answer that the socket came from goes first: it flushes into the socket.
    response = getattr(attached, "_response", None)
    if response is not None:
        response.close()
    attached.close()


class Kept:
    """Output that is read in the background, for whoever waits before reading: a program that
    prints a lot would be held up by a connection nobody reads. (Asking for the log afterwards is
    no way out: Podman 4 loses lines of it.)"""

    def __init__(self, attached: Any) -> None:
        self._queue: queue.SimpleQueue[Chunk | None] = queue.SimpleQueue()
        self._attached = attached
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        size = 0
        # A connection that breaks has nothing more to say; `wait` tells why.
        with suppress(OSError, ValueError):
            for chunk in chunks(self._attached):
                size += len(chunk[1])
                if size <= UNREAD_LIMIT:
                    self._queue.put(chunk)
        self._queue.put(None)

    def chunks(self) -> Iterator[Chunk]:
        """What was kept and what still comes, until the container ends."""
        while (chunk := self._queue.get()) is not None:
            yield chunk
        self._queue.put(None)

    def join(self) -> None:
        """Wait for the reading to end, which it does once the container is removed."""
        self._thread.join(timeout=5)
