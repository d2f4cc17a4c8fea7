"""Which of all diagnoses tells why a run failed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from reprokit import registry
from reprokit.diagnosing.protocol import LONGEST_LINE, Cause, Failure
from reprokit.errors import BadRequest, ReprokitError
from reprokit.model import Lock, Outcome, Plan

_TAIL = 256 * 1024
_SHOWN = 5
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR_LINES = 500
_FAILURE = re.compile(
    r"^Traceback \(most recent call last\):|^(?:Fatal )?[Ee]rror\b|^[\w.]*(?:Error|Exception): "
    r"|: (?:command )?not found$|^Execution halted|^Exception in thread |\*\*\* .* Error \d+"
)
"""Lines that only a failing program writes."""


def diagnosed(
    outcome: Outcome, log: Path, plan: Plan, lock: Lock, warn: Callable[[str], None]
) -> Cause | None:
    """Why a run failed; `None` for one that succeeded or was interrupted. What nothing explains
    has the cause "unknown" and the end of the log as its evidence. A plugin that fails is warned
    of: the run's record is worth more than its opinion."""
    if outcome.status in ("succeeded", "interrupted"):
        return None
    lines = last_lines(log)
    end = tuple(line.strip() for line in lines if line.strip())[-_SHOWN:]
    if outcome.status != "failed":
        text = "its memory was not enough" if outcome.status == "out-of-memory" else "it took long"
        return Cause(name=outcome.status, text=text, next="", evidence=end, line=len(lines))
    failure = Failure(exit_code=outcome.exit_code, lines=lines, plan=plan, lock=lock)
    found = _told(failure, warn)
    if found is None:
        return Cause(name="unknown", text="", next="", evidence=end, line=len(lines))
    return found


def diagnosed_silence(
    log: Path, plan: Plan, lock: Lock, warn: Callable[[str], None]
) -> Cause | None:
    """What went wrong in a run that ended well and yet wrote nothing of what was expected: a
    program whose parts fail one by one, and that goes on. `None` where its output names no failure,
    or none that is known."""
    lines = last_lines(log)
    if not any(map(_FAILURE.search, lines)):
        return None
    return _told(Failure(exit_code=0, lines=lines, plan=plan, lock=lock), warn)


def diagnosed_error(
    error: ReprokitError, phase: str, plan: Plan, lock: Lock | None, warn: Callable[[str], None]
) -> Cause | None:
    """Why an environment could not be made; `None` where the error itself says all there is."""
    lines = tuple(line[:LONGEST_LINE] for line in str(error).splitlines()[-_ERROR_LINES:])
    phase = "build" if phase in ("fetch", "build") else "lock"
    failure = Failure(exit_code=None, lines=lines, plan=plan, lock=lock, phase=phase)
    return _told(failure, warn)


def _told(failure: Failure, warn: Callable[[str], None]) -> Cause | None:
    """The cause that stands last: what ended a program is the last that it says. Where no program
    ran, an error names all its causes, and what mends the others may help as well."""
    found = []
    try:
        for diagnosis in registry.diagnoses():
            cause = diagnosis.diagnose(failure)
            if cause is not None:
                found.append(cause)
    except BadRequest as error:
        warn(str(error))
    if not found:
        return None
    found.sort(key=lambda cause: cause.line, reverse=True)
    if failure.phase == "run":
        return found[0]
    return replace(found[0], mends=tuple(mend for cause in found for mend in cause.mends))


def last_lines(log: Path) -> tuple[str, ...]:
    """The last lines of a log without their colours, each cut to what is looked at. A log of any
    size costs the same."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            start = max(0, file.tell() - _TAIL)
            file.seek(start)
            text = file.read(_TAIL).decode("utf-8", "replace")
    except OSError:
        return ()
    lines = _COLOUR.sub("", text).splitlines()
    return tuple(line[:LONGEST_LINE] for line in (lines[1:] if start else lines))
