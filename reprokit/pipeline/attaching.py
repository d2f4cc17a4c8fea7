"""`attach` and `stop`: what a person does to a run that goes on in another process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from reprokit import errors
from reprokit.errors import BadRequest, CommandFailed, Interrupted, ReprokitError
from reprokit.frozen import frozen
from reprokit.history import following, living, progress_log, run_folder
from reprokit.history.index import Entry, Index
from reprokit.history.progress_log import Event
from reprokit.history.wording import printable
from reprokit.model import JSON
from reprokit.pipeline.running import RunResult
from reprokit.progress import Reporter

TAIL = 10  # lines of what was printed before that are shown
PATIENCE = 60.0  # seconds that `stop` waits for the end
PAUSE = 0.1


def attach(run: str, reporter: Reporter, *, project: Path | None) -> RunResult:
    """Show how a run goes until it ends. See `reprokit.verbs.attach`."""
    index = Index()
    entry = index.find(run, project)
    seen = following.follow(entry, index, reporter, tail=TAIL)
    return _result(index.find(entry.id, Path(entry.project)), None if seen is None else seen.end)


def _result(entry: Entry, end: Event | None) -> RunResult:
    """What a run came to; raises its error where it left no record."""
    folder = entry.folder
    failure = None if end is None else _error(end.get("error"))
    if not folder.record.exists():
        raise failure or _without_a_word(entry)
    record = run_folder.read_record(folder.record)
    if end is None and record["status"] != "succeeded":
        kind = Interrupted if record["status"] == "interrupted" else CommandFailed
        failure = kind(f"the run ended: {record['status']}", where=str(folder.log))
    results = None if end is None else _text(end, "results")
    return RunResult(
        record=record,
        folder=folder.path,
        results=folder.results if results is None else Path(results),
        failure=failure,
    )


def _error(said: JSON) -> ReprokitError | None:
    """The error of an end event, as it was raised in the other process."""
    if not isinstance(said, dict):
        return None
    kind = getattr(errors, _text(said, "class") or "", None)
    if not (isinstance(kind, type) and issubclass(kind, ReprokitError)):
        kind = ReprokitError  # a plugin's own
    what = _text(said, "what") or "the run failed"
    return kind(what, where=_text(said, "where"), next=_text(said, "next"))


def _text(said: dict[str, JSON], key: str) -> str | None:
    value = said.get(key)
    return value if isinstance(value, str) else None


def _without_a_word(entry: Entry) -> ReprokitError:
    where = str(entry.folder.path)
    if entry.status not in ("lost", "running"):
        return Interrupted(f"run {entry.id} has no record ({entry.status})", where=where)
    return Interrupted(
        f"run {entry.id} ended without a word: its process was killed, or the machine restarted",
        where=where,
        next="what it printed is kept; `reprokit clean` removes a container that it left behind",
    )


@frozen
class Stopped:
    """What became of a run that was asked to stop. `asked` is false where it had ended before."""

    entry: Entry
    asked: bool

    def json(self) -> JSON:
        return {
            "schema": 1,
            "run": self.entry.id,
            "status": self.entry.status,
            "asked": self.asked,
        }

    def text(self) -> str:
        if self.entry.status == "running":
            return f"Run {self.entry.id} was asked to stop and is still busy: reprokit status"
        if not self.asked:
            return f"Run {self.entry.id} had ended already: {self.entry.status}."
        place = printable(str(self.entry.folder.path))
        return f"Run {self.entry.id}: {self.entry.status}. What there is of it is in {place}"


def stop(run: str, reporter: Reporter, *, project: Path | None) -> Stopped:
    """Ask a detached run to stop and wait until it has. See `reprokit.verbs.stop`."""
    index = Index()
    entry = index.find(run, project)
    process = None if entry.status != "running" else entry.process
    if process is None:
        return Stopped(entry=entry, asked=False)
    if progress_log.read(entry.folder) is None:
        raise BadRequest(
            f"run {entry.id} is not detached",
            next="stop it where it was started: Ctrl-C, or interrupt the kernel",
        )
    number = living.number_here(process)
    if number is not None:
        _ask(number, entry)
    elif living.is_alive(process):
        raise BadRequest(
            f"run {entry.id} goes on on another machine", where=living.host_of(process)
        )
    until = time.monotonic() + PATIENCE
    reporter.message(f"stopping run {entry.id}")
    while living.is_alive(process) and time.monotonic() < until:
        time.sleep(PAUSE)
    now = index.find(entry.id, Path(entry.project))
    if now.status == "lost":
        # It was asked before it could hear.
        index.mark(now, "interrupted")
        now = now._replace(status="interrupted")
    return Stopped(entry=now, asked=number is not None)


def _ask(number: int, entry: Entry) -> None:
    try:
        os.kill(number, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it ended in this moment
    except PermissionError as error:
        raise BadRequest(
            f"run {entry.id} was started by another user",
            next="stop it as that user, or with sudo",
        ) from error
