"""Following a run that goes on in another process: its progress and what it prints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reprokit.errors import BadRequest, Interrupted, NoLongerAttached
from reprokit.frozen import frozen
from reprokit.history import living, progress_log
from reprokit.history.index import Entry, Index
from reprokit.history.listing import Log, decoded, seek_tail
from reprokit.history.progress_log import Progress
from reprokit.model import JSON
from reprokit.progress import Reporter

PAUSE = 0.2  # seconds between two looks


@frozen
class Followed:
    """A run whose log was followed to its end."""

    entry: Entry

    def json(self) -> JSON:
        return Log(entry=self.entry, tail=None).json()

    def text(self) -> str:
        return f"Run {self.entry.id}: {self.entry.status}."


def follow_log(run: str, reporter: Reporter, *, tail: int | None, project: Path | None) -> Followed:
    """What a run printed so far, or its last `tail` lines, and what it prints until it ends."""
    if tail is not None and tail < 0:
        raise BadRequest(f"there are no last {tail} lines", next="give 0 or more")
    index = Index()
    entry = index.find(run, project)
    follow(entry, index, reporter, tail=tail)
    return Followed(entry=index.find(entry.id, Path(entry.project)))


def follow(entry: Entry, index: Index, reporter: Reporter, *, tail: int | None) -> Progress | None:
    """Tell the reporter how a run goes, from where it is until it ends; with the last `tail` lines
    of what it printed before. Returns what is known in the end; `None` for a run that is not
    detached. Raises Interrupted for Ctrl-C, which ends this and not the run."""
    try:
        return _followed(entry, index, reporter, tail)
    except KeyboardInterrupt:
        run = entry.id
        if index.find(run, Path(entry.project)).status != "running":
            raise Interrupted(f"run {run} had ended", next=f"see it: reprokit show {run}") from None
        raise NoLongerAttached(
            f"no longer attached; run {run} goes on",
            next=f"`reprokit attach {run}` shows it, `reprokit stop {run}` ends it",
        ) from None


def _followed(entry: Entry, index: Index, reporter: Reporter, tail: int | None) -> Progress | None:
    told = Growing(progress_log.place(entry.folder))
    log = Growing(entry.folder.log, tail)
    seen = progress_log.read(entry.folder)
    if seen is None:
        reporter.phase("run")
    else:
        seen = progress_log.progress(progress_log.events(told.lines()))
        _tell_so_far(seen, reporter)
    while True:
        # Asked before reading: what was written before the end must not be lost.
        goes_on = _goes_on(entry, index, seen)
        for event in progress_log.events(told.lines()):
            if event.get("event") in ("phase", "end"):
                _pass_on(log, reporter)
            seen = (seen or Progress()).after(event)
            _tell(event, seen, reporter)
        _pass_on(log, reporter)
        if not goes_on or (seen is not None and seen.end is not None):
            break
        time.sleep(PAUSE)
    for raw in log.rest():
        reporter.log(decoded(raw))
    return seen


def _goes_on(entry: Entry, index: Index, seen: Progress | None) -> bool:
    if seen is None or seen.process is None:
        return index.find(entry.id, Path(entry.project)).status == "running"
    return living.is_alive(seen.process)


def _tell_so_far(seen: Progress, reporter: Reporter) -> None:
    # What the program printed is shown in its own phase alone, though it goes on in "repeat".
    phase = "run" if seen.phase in progress_log.LOGGED else seen.phase or "plan"
    reporter.phase(phase, seen.expected)
    for warning in seen.warnings:
        reporter.warning(warning)
    if seen.since is not None and seen.end is None:
        begun = datetime.fromtimestamp(seen.since, UTC)
        # It stands there until something else is said, so it must stay true.
        reporter.message(f"began at {begun:%H:%M:%S} UTC")


def _tell(event: progress_log.Event, seen: Progress, reporter: Reporter) -> None:
    match event:
        case {"event": "phase"}:
            reporter.phase(seen.phase or "", seen.expected)
        case {"event": "message", "text": str(text)}:
            reporter.message(text)
        case {"event": "log", "text": str(text)}:
            reporter.log(text)
        case {"event": "warning", "text": str(text)}:
            reporter.warning(text)
        case {"event": "advance", "done": int(done), "total": int() | None as total}:
            unit = event.get("unit")
            reporter.advance(done, total, unit if isinstance(unit, str) else "B")


def _pass_on(log: Growing, reporter: Reporter) -> None:
    for raw in log.lines():
        reporter.log(decoded(raw))


class Growing:
    """A file that others write to, read line by line; it may not be there yet. With `tail`, only
    so many of the lines that it has now."""

    def __init__(self, path: Path, tail: int | None = None) -> None:
        self._path = path
        self._position = 0
        self._pending = b""
        if tail is not None:
            with suppress(OSError), path.open("rb") as file:
                seek_tail(file, tail)
                self._position = file.tell()

    def lines(self) -> Iterator[bytes]:
        """The lines that were completed since the last call."""
        with suppress(OSError), self._path.open("rb") as file:
            file.seek(self._position)
            for raw in file:
                self._position += len(raw)
                self._pending += raw
                if self._pending.endswith(b"\n"):
                    yield self._pending
                    self._pending = b""

    def rest(self) -> Iterator[bytes]:
        """A last line that has no end."""
        if self._pending:
            yield self._pending
