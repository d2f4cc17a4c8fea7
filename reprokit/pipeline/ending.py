"""How a run ended: why it failed, and the error that tells it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reprokit.errors import CommandFailed, Interrupted, ReprokitError
from reprokit.history import run_folder
from reprokit.history.wording import size
from reprokit.model import JSON, Outcome, Plan

if TYPE_CHECKING:
    from reprokit.diagnosing.protocol import Cause
    from reprokit.pipeline.running import Started
    from reprokit.progress import Reporter

PROGRAM = "the project's command"


def cause_of(started: Started, outcome: Outcome, reporter: Reporter) -> Cause | None:
    """Why the run failed; `None` where it did not."""
    if outcome.status in ("succeeded", "interrupted"):
        return None
    from reprokit.diagnosing.dispatch import diagnosed

    plan = started.job.plan
    return diagnosed(outcome, started.folder.log, plan, started.lock, reporter.warning)


def failure(
    outcome: Outcome, plan: Plan, folder: run_folder.RunFolder, record: Mapping[str, JSON]
) -> ReprokitError | None:
    """The error that an unsuccessful run ends with; its results and log are kept all the same.
    record: of the run, which may say why it failed."""
    where = str(folder.log)
    options = plan.options
    if outcome.status == "succeeded":
        return None
    if outcome.status == "interrupted":
        return Interrupted("the run was interrupted", where=where, next="partial results are kept")
    if outcome.status == "timed-out":
        return CommandFailed(
            f"the run was stopped after {options.timeout:g} s",
            where=where,
            next="give it more time with --timeout, or `timeout` under [run] in repro.toml",
        )
    if outcome.status == "out-of-memory":
        limit = "the machine's memory" if options.memory is None else size(options.memory)
        return CommandFailed(
            f"the program ran out of memory (limit: {limit})",
            where=where,
            next="raise the limit with --memory, or `memory` under [run] in repro.toml",
        )
    cause, what = record.get("failure"), "the cell" if "cell" in record else PROGRAM
    ended = _ended_with(outcome.exit_code, what)
    if isinstance(cause, dict) and cause["text"]:
        return CommandFailed(f"{ended}: {cause['text']}", where=where, next=str(cause["next"]))
    return CommandFailed(
        ended, where=where, next="its output is above and in the log; partial results are kept"
    )


def _ended_with(code: int | None, what: str = PROGRAM) -> str:
    """What an exit status says: above 128 it is, by convention, a signal that ended a process."""
    text = f"{what} ended with status {code}"
    if code == 137:
        return f"{text}: it was killed, from outside or because the machine ran out of memory"
    try:
        return f"{text}: {signal.Signals((code or 0) - 128).name} ended it"
    except ValueError:
        return text
