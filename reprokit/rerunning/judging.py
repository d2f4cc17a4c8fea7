"""The results of a rerun compared with what was expected, and with each other where they vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from reprokit.errors import ReprokitError, ResultsDiffer
from reprokit.history import reading
from reprokit.history.wording import counted
from reprokit.model import ResultFile
from reprokit.phases.compare import compare
from reprokit.phases.learn import Variation
from reprokit.pipeline.job import Stopwatch
from reprokit.pipeline.r_container import r_in
from reprokit.pipeline.running import Started
from reprokit.powers import Powers
from reprokit.rerunning import expected, variation
from reprokit.rerunning.expected import Expectation
from reprokit.rerunning.limits import Limits
from reprokit.rerunning.origin import Origin
from reprokit.rerunning.result import RerunResult
from reprokit.verdict import Grade, Verdict


def judged(
    found: RerunResult,
    started: Started,
    origin: Origin,
    workspace: Path,
    limits: Limits,
    powers: Powers,
    watch: Stopwatch,
    *,
    report: bool,
) -> RerunResult:
    """What was found, with its verdict. Where nobody published what the results vary by and they
    are not as expected, the program runs again (`reprokit.rerunning.variation`)."""
    assert found.record is not None
    written = expected.written(found.record)
    options = started.job.configuration.compare
    with watch.phase("compare"):
        expectation = _expected(origin, started, written, workspace)
        if expectation.basis == "nothing":
            return replace(found, expectation=expectation)

    def verdict_with(known: Variation | None) -> Verdict:
        with watch.phase("compare"):
            return compare(
                expectation.files,
                written,
                found.folder / "results",
                options=options,
                variation=known,
                complete=expectation.complete,
                run_r=r_in(powers.engine, started.image.reference),
                reporter=powers.reporter,
            )

    if origin.published is not None:
        verdict = verdict_with(variation.published(origin.published.record))
    else:
        verdict = verdict_with(None)
        if found.failure is None and not verdict.grade.reproduced:
            unlike = [file.path for file in verdict.files if not file.grade.reproduced]
            seconds = reading.number(found.record, "seconds")
            known = variation.measured(
                started, written, unlike, seconds, limits, powers.engine, watch
            )
            if known is not None:
                told = f"it gives other results every time: what {known.whose} varied by counts"
                found = replace(found, notes=(*found.notes, told))
                verdict = verdict_with(known)
    if not verdict.files:
        left_out = "the project's configuration leaves every result out of the comparison"
        notes = (*found.notes, *([left_out] if verdict.ignored else []))
        return replace(found, expectation=expectation, notes=notes)
    failure = found.failure or _differing(verdict, report=report)
    return replace(found, expectation=expectation, verdict=verdict, failure=failure)


def _expected(
    origin: Origin, started: Started, written: Sequence[ResultFile], workspace: Path
) -> Expectation:
    if origin.published is not None:
        return expected.of_record(origin.published)
    job = started.job
    scratch = workspace / "committed"
    scratch.mkdir()
    return expected.of_project(
        job.project, job.configuration.results, written, started.entry.steps, scratch
    )


def _differing(verdict: Verdict, *, report: bool) -> ReprokitError | None:
    if verdict.grade.reproduced:
        return None
    unlike = [file for file in verdict.files if not file.grade.reproduced]
    first = max(unlike, key=lambda file: list(Grade).index(file.grade))
    return ResultsDiffer(
        f"{counted(len(unlike), 'result')} of {len(verdict.files)} not as expected, "
        f"{first.path} is {first.grade}: {first.summary}",
        next=None if report else "--report FILE.html shows what differs",
    )
