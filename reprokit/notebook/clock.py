"""When each cell of this kernel began, which no kernel remembers by itself. Imports nothing."""

from __future__ import annotations

import time
from typing import Any


class Clock:
    """Called by the shell before each cell; `began` has the times, in seconds since 1970, by the
    number of the cell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.began: dict[int, float] = {}

    def __call__(self, *_: object) -> None:
        self.began[self._shell.execution_count] = time.time()


_EVENT = "pre_run_cell"


def register(shell: Any) -> None:
    """Begin to look at the clock, unless that was done before."""
    if of(shell) is None:
        shell.events.register(_EVENT, Clock(shell))


def of(shell: Any) -> Clock | None:
    """The shell's clock; `None` where reprokit was not loaded into it."""
    known = shell.events.callbacks[_EVENT]
    return next((called for called in known if isinstance(called, Clock)), None)
