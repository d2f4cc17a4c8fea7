"""What a diagnosis is, and what it is given."""

from __future__ import annotations

from typing import Protocol

from reprokit.frozen import frozen
from reprokit.model import JSON, Lock, Plan

LONGEST_LINE = 2000
"""Characters of a log's line that are looked at. Logs may come from strangers."""


@frozen
class Failure:
    """A run whose command failed. `lines` are the last of its log, without their ends."""

    exit_code: int | None
    lines: tuple[str, ...]
    plan: Plan
    lock: Lock


@frozen
class Cause:
    """Why it failed. `name` is the cause's class, as it stands in the record ("missing-module");
    `text` one sentence, `next` what the user can do. `evidence` are lines of the log, and `line`
    is the place in `Failure.lines` of the one that decided."""

    name: str
    text: str
    next: str
    evidence: tuple[str, ...]
    line: int

    def json(self) -> dict[str, JSON]:
        """The cause as it stands in the record."""
        return {
            "phase": "run",
            "cause": self.name,
            "text": self.text,
            "next": self.next,
            "evidence": [*self.evidence],
        }


class Diagnosis(Protocol):
    """Knows one kind of failure. An instance keeps no state."""

    name: str

    def diagnose(self, failure: Failure) -> Cause | None:
        """The cause, or `None` where the failure is of another kind."""
