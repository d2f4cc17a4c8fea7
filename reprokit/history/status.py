"""The verb `status`: what runs now, and what was killed."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from reprokit.frozen import frozen
from reprokit.history import progress_log, wording
from reprokit.history.index import Entry, Index
from reprokit.history.listing import Log
from reprokit.model import JSON

RECENT = 1000  # runs among which the last one of each project is looked for


@frozen
class Going:
    """A run that goes on, or was killed. `seconds` and `phase_seconds` are how long it and its
    present phase have been going on, `expected` how long that phase took last time."""

    entry: Entry
    detached: bool
    phase: str
    seconds: float
    phase_seconds: float | None
    expected: float | None
    line: str

    def json(self) -> JSON:
        return {
            "run": self.entry.id,
            "project": {"name": self.entry.name, "path": self.entry.project},
            "status": self.entry.status,
            "detached": self.detached,
            "started": self.entry.started,
            "seconds": round(self.seconds, 1),
            "phase": self.phase,
            "phase_seconds": None if self.phase_seconds is None else round(self.phase_seconds, 1),
            "expected_seconds": self.expected,
            "command": self.entry.command,
            "last_line": self.line,
        }


@frozen
class Status:
    """What runs now in `project`, or in all. `newest` is the last run where none goes on."""

    going: tuple[Going, ...]
    newest: Entry | None
    project: Path | None

    def json(self) -> JSON:
        return {"schema": 1, "runs": [run.json() for run in self.going]}

    def text(self) -> str:
        if not self.going:
            place = "" if self.project is None else " in this project"
            last = self.newest
            more = "" if last is None else f" The last run, {last.id}: {last.status}."
            return f"Nothing runs now{place}.{more}"
        header = ["RUN", "PROJECT", "STATUS", "PHASE", "FOR", "LAST TIME", "SAYS"]
        table = wording.table(header, [_row(run) for run in self.going])
        lost = [run.entry.id for run in self.going if run.entry.status == "lost"]
        why = "was killed, or the machine restarted: reprokit logs"
        told = [f"Run {run} {why} {run}" for run in lost]
        return "\n".join([table, *told])


def _row(run: Going) -> list[str]:
    return [
        run.entry.id,
        wording.shortened(run.entry.name, 20),
        run.entry.status,
        run.phase,
        wording.duration(run.phase_seconds),
        wording.duration(run.expected),
        wording.shortened(run.line.strip(), 60),
    ]


def status(*, project: Path | None = None) -> Status:
    """What runs now in `project`, or in all projects where it is `None`; and of each project its
    last run if that was killed."""
    index = Index()
    entries = [*index.list(project=project, status="running")]
    newest: dict[str, Entry] = {}
    for entry in index.list(RECENT, project):
        newest.setdefault(entry.project, entry)
    entries += [entry for entry in newest.values() if entry.status == "lost"]
    entries.sort(key=lambda entry: (entry.started, entry.id), reverse=True)
    last = max(newest.values(), key=lambda entry: (entry.started, entry.id), default=None)
    return Status(
        going=tuple(_going(entry, index) for entry in entries), newest=last, project=project
    )


def _going(entry: Entry, index: Index) -> Going:
    seen = progress_log.read(entry.folder)
    # A run in a terminal tells the index when its container starts, and nobody else.
    progress = seen or progress_log.Progress(phase="run")
    since = progress.since
    expected = progress.expected
    if seen is None:
        since = datetime.fromisoformat(entry.started).timestamp()
        expected = index.last_durations(Path(entry.project)).get("run")
    started = progress.started or datetime.fromisoformat(entry.started).timestamp()
    until = _until(entry)
    line = progress.line
    if progress.phase in progress_log.LOGGED:
        line = next(iter(Log(entry=entry, tail=1).lines()), line)
    return Going(
        entry=entry,
        detached=seen is not None,
        phase=progress.phase or "plan",
        seconds=max(0.0, until - started),
        phase_seconds=None if since is None else max(0.0, until - since),
        expected=expected,
        line=line,
    )


def _until(entry: Entry) -> float:
    """Now; of one that was killed the last sign of life."""
    if entry.status == "running":
        return time.time()
    signs = []
    for path in (progress_log.place(entry.folder), entry.folder.log):
        try:
            signs.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(signs, default=datetime.now(UTC).timestamp())
