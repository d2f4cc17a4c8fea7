"""What a diagnosis is, and what it is given."""

from __future__ import annotations

from typing import Protocol

from reprokit.diagnosing.mend import Mend
from reprokit.frozen import frozen
from reprokit.model import JSON, Lock, Plan

LONGEST_LINE = 2000
"""Characters of a log's line that are looked at. Logs may come from strangers."""


@frozen
class Failure:
    """A run whose command failed: `lines` are the last of its log, without their ends. Or an
    environment that could not be made: `phase` is then "lock" or "build", `lines` are the error,
    and `lock` is `None` where it did not come to one."""

    exit_code: int | None
    lines: tuple[str, ...]
    plan: Plan
    lock: Lock | None
    phase: str = "run"


@frozen
class Cause:
    """Why it failed. `name` is the cause's class, as it stands in the record ("missing-module");
    `text` one sentence, `next` what the user can do. `evidence` are lines of the log, and `line`
    is the place in `Failure.lines` of the one that decided. `mends` are what `rerun` may try by
    itself, best first."""

    name: str
    text: str
    next: str
    evidence: tuple[str, ...]
    line: int
    mends: tuple[Mend, ...] = ()
    phase: str = "run"

    def json(self) -> dict[str, JSON]:
        """The cause as it stands in the record; `toml` are the lines of the best mend."""
        toml: dict[str, JSON] = {"toml": [*self.mends[0].lines]} if self.mends else {}
        return {
            **toml,
            "phase": self.phase,
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
