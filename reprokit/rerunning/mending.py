"""What a rerun mends by itself: after a failure whose cause says how, it tries again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from reprokit.diagnosing.mend import Mend, together
from reprokit.diagnosing.protocol import Cause
from reprokit.frozen import frozen
from reprokit.model import JSON, Plan

MOST = 5
"""Mends that one rerun tries. Each is a lock, a build and a run."""
_WITH_A_DOCKERFILE = frozenset({"run.environment", "dockerfile"})
"""What reaches a container whose image the project's own Dockerfile makes, or does without it."""


@frozen
class Mended:
    """A cause and what was set because of it. `refused`: why that could not be had; `None` where
    the rerun went on with it."""

    cause: Cause
    mend: Mend
    refused: str | None = None

    def __str__(self) -> str:
        return f"{self.cause.text}: {'; '.join(self.mend.lines)}"

    def json(self) -> dict[str, JSON]:
        """As it stands in a record, where all are of those that the run went on with."""
        return {
            "phase": self.cause.phase,
            "cause": self.cause.name,
            "text": self.cause.text,
            "evidence": [*self.cause.evidence],
            "settings": self.mend.json(),
            "toml": [*self.mend.lines],
        }


@dataclass(slots=True)
class Tries:
    """What was tried so far, at most `most`, and none twice. A mend that is not new, or does not
    take the rerun at least as far as without it, is not tried again."""

    most: int = MOST
    kept: tuple[Mended, ...] = ()
    refused: tuple[Mended, ...] = ()
    _tried: set[tuple[str, ...]] = field(default_factory=set)

    def next(self, cause: Cause | None, plan: Plan) -> Mended | None:
        """The next mend of a cause."""
        for mend in () if cause is None else cause.mends:
            if len(self._tried) >= self.most:
                return None
            if plan.dockerfile is not None and not mend.settings.keys() <= _WITH_A_DOCKERFILE:
                continue
            if mend.lines not in self._tried:
                self._tried.add(mend.lines)
                assert cause is not None
                return Mended(cause=cause, mend=mend)
        return None

    def keep(self, mended: Mended) -> None:
        self.kept = (*self.kept, mended)

    def refuse(self, mended: Mended, why: str) -> None:
        self.refused = (*self.refused, replace(mended, refused=why))


def lines(kept: Sequence[Mended]) -> tuple[str, ...]:
    """All that was set, as one repro.toml has it."""
    return together(mended.mend for mended in kept).lines
