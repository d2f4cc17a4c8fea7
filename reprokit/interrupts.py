"""Keeping Ctrl-C out of the few moments in which it would leave something behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""The signals that ask a command to stop: Ctrl-C, `kill`, a terminal that was closed."""


@contextmanager
def deferred() -> Iterator[None]:
    """Hold back what asks this command to stop until the block is done, then deliver it.

    Only the main thread receives signals; elsewhere nothing needs doing. Handlers that are not
    Python's (the default one, or "ignore") stay.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    before = {number: signal.getsignal(number) for number in STOPPING}
    replaced = {number: handler for number, handler in before.items() if callable(handler)}
    for number in replaced:
        signal.signal(number, lambda number, frame: arrived.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
        if arrived:
            number, frame = arrived[0]
            replaced[signal.Signals(number)](number, frame)
