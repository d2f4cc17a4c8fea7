"""What long work says while it goes on: phases speak to a Reporter, who shows it decides how."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Receives progress. Implementations must be cheap: `log` may be called 100,000 times."""

    def phase(self, name: str, expected: float | None = None) -> None:
        """A phase begins ("lock", "fetch", "build", "run"); `expected` seconds, from last time."""

    def message(self, text: str) -> None:
        """One line about what is happening now."""

    def log(self, line: str) -> None:
        """A line of a build's or program's own output."""

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        """How far the present phase is."""

    def warning(self, text: str) -> None:
        """Something the user should know even if all ends well."""

    def finish(self, *, failed: bool = False, left: bool = False) -> None:
        """No more is coming; leave the display in its final state. failed: the present phase did
        not come to its end. left: it goes on, and nobody looks on any more."""


class Silent:
    """A Reporter that says nothing."""

    def phase(self, name: str, expected: float | None = None) -> None: ...
    def message(self, text: str) -> None: ...
    def log(self, line: str) -> None: ...
    def advance(self, done: int, total: int | None, unit: str = "B") -> None: ...
    def warning(self, text: str) -> None: ...
    def finish(self, *, failed: bool = False, left: bool = False) -> None: ...
