"""What whoever reruns something sets against a program that takes too much: memory and time."""

from __future__ import annotations

import time
from dataclasses import replace

from reprokit.configuration_keys import positive_number, size
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import Plan

_LEAST = 1.0
"""Seconds that a program has at least: an engine takes no time limit of nothing."""


@frozen
class Limits:
    """memory: bytes. timeout: seconds for the program. until: the moment, on the monotonic clock,
    at which it is stopped. The smaller of these and the project's own limits counts."""

    memory: int | None = None
    timeout: float | None = None
    until: float | None = None

    @property
    def over(self) -> bool:
        """Whether no time is left for another try."""
        return self.until is not None and time.monotonic() >= self.until

    def within(self, plan: Plan) -> Plan:
        """The same plan, confined so."""
        options = plan.options
        left = None if self.until is None else max(_LEAST, self.until - time.monotonic())
        memory = _smallest(options.memory, self.memory)
        return replace(
            plan,
            options=replace(
                options,
                memory=None if memory is None else int(memory),
                timeout=_smallest(options.timeout, self.timeout, left),
            ),
        )


def _smallest(*given: float | None) -> float | None:
    return min((value for value in given if value is not None), default=None)


def given(memory: str | int | None, timeout: float | None) -> Limits:
    """The limits of a command line. Raises BadRequest for what is no size or no time."""
    try:
        bytes_ = None if memory is None else size(memory)
    except ValueError as error:
        raise BadRequest(f"--memory {error}", next="for example 4g") from error
    try:
        seconds = None if timeout is None else positive_number(timeout)
    except ValueError as error:
        raise BadRequest(f"--timeout {error}", next="give a number of seconds") from error
    return Limits(memory=bytes_, timeout=seconds)
