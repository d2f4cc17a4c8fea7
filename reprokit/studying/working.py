"""The processes of a study: so many at a time, each with its limit, none of which can end it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from reprokit import errors, files, process
from reprokit.engines.protocol import Engine
from reprokit.errors import ReprokitError
from reprokit.frozen import frozen
from reprokit.history import progress_log, reading
from reprokit.history.following import Growing
from reprokit.history.wording import duration
from reprokit.interrupts import deferred
from reprokit.model import JSON
from reprokit.progress import Reporter
from reprokit.studying import row, state
from reprokit.studying.listing import Listed

# -P: the folder that we are in is a project, and nothing in it may pass for a module of ours.
PROGRAM = ("-P", "-m", "reprokit.studying.worker")
PAUSE = 0.2
GRACE = 120.0
"""Seconds beyond its limit in which a source may compare what its program left when stopped."""
_WITH_RESULTS = ("run", "repeat", "compare")
"""Phases in which there may be such."""
PATIENCE = 60.0
"""Seconds that a process has to stop its container once it is asked."""
_TAIL = 4000
SOON = 1.0
"""Seconds of which it is not worth telling that they are left."""


@frozen
class Work:
    """How a study works. memory: bytes for each container. held: the file whose lock says that the
    study goes on: its processes hold it as well."""

    jobs: int
    engine: str | None = None
    memory: int | None = None
    reports: bool = False
    held: int | None = None


@dataclass(slots=True, kw_only=True)
class _Job:
    """A source under way. asked: when it was asked to stop."""

    listed: Listed
    folder: state.SourceFolder
    process: subprocess.Popen[bytes]
    began: float
    told: Growing
    progress: progress_log.Progress = field(default_factory=progress_log.Progress)
    asked: float | None = None
    killed: bool = False

    @property
    def phase(self) -> str:
        return self.progress.phase or "find"

    def look(self) -> None:
        """Read what it said since the last time."""
        for event in progress_log.events(self.told.lines()):
            self.progress = self.progress.after(event)

    def stop(self) -> None:
        """Ask it to stop, once."""
        if self.asked is None and self.process.stdin is not None:
            self.asked = time.monotonic()
            self.process.stdin.close()

    def is_late(self, now: float) -> bool:
        timeout = self.listed.timeout
        grace = GRACE if self.phase in _WITH_RESULTS else 0.0
        return timeout is not None and now - self.began > timeout + grace


def work(
    todo: Sequence[Listed],
    done: Mapping[str, Mapping[str, JSON]],
    folder: state.StudyFolder,
    how: Work,
    engine: Engine,
    reporter: Reporter,
) -> Generator[tuple[Listed, dict[str, JSON]]]:
    """Rerun these sources, and yield each with its row as it ends. done: the rows of the others.

    Raises NoEngine where the engine is gone. However it ends, nothing of it is left running.
    """
    waiting, running = deque(todo), list[_Job]()
    display = _Display(reporter=reporter, done=dict(done), total=len(done) + len(todo), how=how)
    _sweep(engine)
    try:
        while waiting or running:
            while waiting and len(running) < how.jobs:
                running.append(_started(waiting.popleft(), folder, how))
            time.sleep(PAUSE)
            for job in [*running]:
                job.look()
                _limit(job)
                if job.process.poll() is not None:
                    running.remove(job)
                    found = _settled(job, folder, engine)
                    display.ended(job.listed, found, running, len(waiting))
                    yield job.listed, found
            display.show(running, len(waiting))
    finally:
        _stop(running, engine, reporter)


def _started(listed: Listed, study: state.StudyFolder, how: Work) -> _Job:
    folder = study.of(listed.name)
    state.begin(folder)
    request = {
        "listed": dataclasses.asdict(listed),
        "memory": how.memory,
        "engine": how.engine,
        "report": how.reports,
    }
    # A source's address may hold a password: nobody else reads it.
    files.write_text(folder.request, files.canonical_json(request), mode=0o600)
    return _Job(
        listed=listed,
        folder=folder,
        process=process.background(
            [sys.executable, *PROGRAM, str(folder.path), str(folder.report)],
            folder.output,
            told=True,
            held=() if how.held is None else (how.held,),
        ),
        began=time.monotonic(),
        told=Growing(progress_log.place(folder)),
    )


def _limit(job: _Job) -> None:
    now = time.monotonic()
    if job.asked is None and job.is_late(now):
        job.stop()
    elif job.asked is not None and now - job.asked > PATIENCE and not job.killed:
        job.killed = True
        job.process.kill()


def _settled(job: _Job, study: state.StudyFolder, engine: Engine) -> dict[str, JSON]:
    """The row of a source whose process has ended; written here where it could not do so."""
    job.stop()
    found = study.finished(job.listed)
    if found is None:
        found = _without_a_word(job)
        _sweep(engine)
        state.keep(job.folder, job.listed, found)
    if row.is_of_the_machine(found):
        # Nothing is known of the source: the next call reruns it.
        job.folder.result.unlink(missing_ok=True)
        cause = reading.mapping(found, "cause")
        if cause["name"] != "storage-failed":
            raise errors.NoEngine(str(cause["text"]), next=str(cause["next"]) or None)
    return found


def _without_a_word(job: _Job) -> dict[str, JSON]:
    survey = state.survey_of(job.folder)
    ended: progress_log.Event = {"at": time.time(), "event": "end"}
    base = row.row(job.listed, survey, [*row.events_of(job.folder), ended])
    if job.is_late(job.asked or 0.0):
        limit = duration(job.listed.timeout)
        return row.of_end(
            base,
            "timed-out",
            f"it was not done with {base['phase']} within {limit}",
            "give it more time: --timeout, or `timeout` in the list",
        )
    code, said = job.process.returncode, state.end_of(job.folder.output, _TAIL)
    if code == errors.StorageFailed.exit_code:
        return row.of_end(base, "storage-failed", " ".join(said))
    if code == errors.Interrupted.exit_code:
        return row.of_end(base, "killed", "its process was asked to stop by somebody else")
    if code < 0:
        text = f"its process was killed (signal {-code}), as happens where memory is not enough"
        return row.of_end(base, "killed", text, "rerun it with fewer --jobs", said)
    text = f"reprokit itself failed in {base['phase']}"
    return row.of_end(base, "defect", text, "please report it, with the lines below", said)


def _stop(running: Sequence[_Job], engine: Engine, reporter: Reporter) -> None:
    if not running:
        return
    # A second Ctrl-C would leave containers behind.
    with deferred():
        reporter.message(f"stopping {', '.join(job.listed.name for job in running)}")
        for job in running:
            job.stop()
        until = time.monotonic() + PATIENCE
        for job in running:
            try:
                job.process.wait(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                job.process.kill()
                job.process.wait()
        _sweep(engine)


def _sweep(engine: Engine) -> None:
    """Remove containers whose process was killed."""
    try:
        for identifier in engine.leftovers(abandoned=True):
            engine.remove_container(identifier)
    except ReprokitError:
        pass  # an engine that is gone has no containers either; the next source will tell


@dataclass(slots=True, kw_only=True)
class _Display:
    """What is said while a study goes on."""

    reporter: Reporter
    done: dict[str, Mapping[str, JSON]]
    total: int
    how: Work
    said: str = ""

    def show(self, running: Sequence[_Job], waiting: int) -> None:
        """What runs now, where that has changed, and how long all will take."""
        text = "now: " + ", ".join(f"{job.listed.name} ({job.phase})" for job in running)
        if running and text != self.said:
            self.said = text
            self.reporter.log(text + self._left(running, waiting))
        self.reporter.advance(len(self.done), self.total, "sources")

    def ended(
        self, listed: Listed, found: Mapping[str, JSON], running: Sequence[_Job], waiting: int
    ) -> None:
        """A source is done."""
        self.done[listed.name] = found
        took = duration(reading.number(found, "seconds"))
        left = self._left(running, waiting)
        so_far = f"{len(self.done)} of {self.total} done{left}"
        self.reporter.message(f"{listed.name}: {found['status']} ({took}); {so_far}")
        self.said = ""

    def _left(self, running: Sequence[_Job], waiting: int) -> str:
        """When all will be done, nothing where that cannot be said."""
        now = time.monotonic()
        seconds = seconds_left(
            [reading.number(found, "seconds") for found in self.done.values()],
            [now - job.began for job in running],
            waiting,
            self.how.jobs,
        )
        if seconds is None or seconds <= SOON:
            return ""
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        return f"; about {duration(seconds)} left, until {end:%H:%M} UTC"


def seconds_left(
    done: Sequence[float], running: Sequence[float], waiting: int, jobs: int
) -> float | None:
    """How long a study will still take; `None` while nothing is done. done, running: the seconds
    that its sources took, and took so far.

    What those that run took counts too, else a few that failed at once would promise an early end:
    the mean of durations of which some are only known to be longer.
    """
    if not done:
        return None
    mean = (sum(done) + sum(running)) / len(done)
    return (len(running) + waiting) * mean / jobs
