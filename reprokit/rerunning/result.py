"""What a rerun found, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reprokit.diagnosing.protocol import Cause
from reprokit.errors import ReprokitError
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.wording import counted, duration
from reprokit.model import JSON
from reprokit.printable import printable
from reprokit.rerunning.environment import Environment
from reprokit.rerunning.expected import Expectation
from reprokit.rerunning.inferred import Inference
from reprokit.rerunning.mending import Mended
from reprokit.rerunning.mending import lines as toml_lines
from reprokit.rerunning.origin import Origin
from reprokit.verdict import Verdict

SCHEMA = 1


@frozen
class RerunResult:
    """A rerun, however it ended. `folder` is that of its own run, with log and results.

    mended: what was set after earlier tries had failed, and what was tried in vain. phase: the one
    it came to. diagnosis: why it failed there, where that is known. record: of its own run; `None`
    where it never started. failure: why the command ends with another status than 0. allowed: the
    loosened isolation that it ran with. inferred: what was taken for granted. written: the
    repro.toml that says so now.
    """

    origin: Origin
    run: str
    folder: Path
    phase: str
    record: reading.Record | None = None
    environment: Environment | None = None
    expectation: Expectation | None = None
    verdict: Verdict | None = None
    failure: ReprokitError | None = None
    diagnosis: Cause | None = None
    allowed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    report: Path | None = None
    mended: tuple[Mended, ...] = ()
    inferred: tuple[Inference, ...] = ()
    written: Path | None = None

    @property
    def status(self) -> str:
        """One or two words: the verdict's grade, how the run failed, or that nothing compares."""
        if self.record is None:
            return f"failed in {self.phase}"
        ended = reading.text(self.record, "status")
        if ended != "succeeded":
            return ended
        return self.verdict.grade.value if self.verdict is not None else "nothing to compare with"

    def json(self) -> JSON:
        published, expectation = self.origin.published, self.expectation
        return {
            "schema": SCHEMA,
            "source": self.origin.source.json(None if published is None else published.record),
            "run": self.run,
            "status": self.status,
            "phase": self.phase,
            "exit_code": 0 if self.failure is None else self.failure.exit_code,
            "cause": None if self.failure is None else _cause(self.failure),
            "diagnosis": None if self.diagnosis is None else self.diagnosis.json(),
            "environment": None if self.environment is None else self.environment.json(),
            "expected": None
            if expectation is None
            else {
                "basis": expectation.basis,
                "files": len(expectation.files),
                "notes": [*expectation.notes],
            },
            "verdict": None if self.verdict is None else self.verdict.json(),
            "allowed": [*self.allowed],
            "notes": [*self.notes],
            "inferred": [item.json() for item in self.inferred],
            "mends": [{**m.json(), "refused": m.refused} for m in self.mended],
            "record": None if self.record is None else dict(self.record),
        }

    def text(self) -> str:
        lines = [f"source       {self.origin.source}", f"run          {self.run}{self._took()}"]
        if self.environment is not None:
            first, *rest = self.environment.lines()
            lines += [f"environment  {first}", *rest]
        lines += [f"allowed      {text}" for text in self.allowed]
        lines += [f"inferred     {item}" for item in self.inferred]
        lines += [f"note         {text}" for text in self.notes]
        lines += [f"{name:<13}{text}" for name, text in self.mends()]
        if self.record is None and self.diagnosis is not None:
            lines.append(f"cause        {self.diagnosis.text}")
        if self.expectation is not None and self.verdict is not None:
            lines.append(f"compared     with {self.expectation}")
            lines += [f"  {text}" for text in self.expectation.notes]
        if self.record is not None:
            lines.append(f"results      {self.folder / 'results'}")
        if self.written is not None:
            lines.append(f"written      {self.written}")
        if self.report is not None:
            lines.append(f"report       {self.report}")
        lines.append(f"verdict      {self._verdict()}")
        return printable("\n".join(lines))

    def mends(self) -> Iterator[tuple[str, str]]:
        """What was mended, what was tried in vain, and what keeps it, each with its name."""
        for mended in self.mended:
            if mended.refused is None:
                yield "mended", str(mended)
            else:
                yield "not mended", f"{mended} (tried in vain: {mended.refused})"
        kept = [mended for mended in self.mended if mended.refused is None]
        if kept:
            yield "to keep that", f"write into repro.toml: {'; '.join(toml_lines(kept))}"

    def _took(self) -> str:
        if self.record is None:
            return ""
        found = counted(len(reading.rows(self.record, "results")), "result")
        return f" {reading.text(self.record, 'status')} in " + (
            f"{duration(reading.number(self.record, 'seconds'))}, {found}"
        )

    def _verdict(self) -> str:
        if self.verdict is not None:
            return self.verdict.text()
        if self.record is None or reading.text(self.record, "status") != "succeeded":
            return self.status
        return "ran; nothing to compare with"


def _cause(error: ReprokitError) -> JSON:
    return {
        "class": type(error).__name__,
        "what": error.what,
        "where": None if error.where is None else Path(error.where).name,
        "next": error.next,
    }
