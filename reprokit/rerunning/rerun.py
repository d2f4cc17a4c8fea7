"""`rerun`: from a source to a verdict."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from reprokit import configuration as configurations
from reprokit import files, folders, lock_file
from reprokit.diagnosing.protocol import Cause
from reprokit.engines.connect import connect
from reprokit.errors import (
    BadRequest,
    BuildFailed,
    CommandFailed,
    InputUnavailable,
    NoBase,
    NoSuchBase,
    NothingFits,
    ReprokitError,
)
from reprokit.frozen import frozen
from reprokit.history import index as indexes
from reprokit.history import reading, run_folder
from reprokit.model import Image, Lock
from reprokit.notebook_runs.stored import stored
from reprokit.phases import build as building
from reprokit.phases import collect as collecting
from reprokit.phases import record as records
from reprokit.phases.self_description import plan_text
from reprokit.pipeline import running
from reprokit.pipeline.job import Job, Stopwatch, folder_of, powers_for
from reprokit.powers import Powers
from reprokit.progress import Reporter
from reprokit.rerunning import consent, environment, expected, judging, planning, sources
from reprokit.rerunning.archive import folder_name
from reprokit.rerunning.inferred import Inference, check_writable, configuration_text
from reprokit.rerunning.limits import Limits
from reprokit.rerunning.mending import MOST, Mended, Tries
from reprokit.rerunning.origin import Origin
from reprokit.rerunning.planning import Planned
from reprokit.rerunning.result import RerunResult

DOCUMENT = "rerun.json"
"""What is kept of a rerun in the folder of its run: what `rerun --json` prints."""
_OF_THE_SOURCE = (BadRequest, InputUnavailable, BuildFailed, CommandFailed)
"""Errors that say something about what is rerun, and nothing about this machine."""
_PHASES = {"plan": 0, "lock": 1, "fetch": 2, "build": 3}


@frozen
class Wanted:
    """How to rerun. yes: loosened isolation is allowed. report: where the page goes. mend: what
    nobody published is tried again where the cause of its failure says how. write: what was taken
    for granted goes into the folder's repro.toml. look: shown the source once it is there, before
    anything is done with it."""

    yes: bool = False
    report: Path | None = None
    engine: str | None = None
    date: str | None = None
    limits: Limits = field(default_factory=Limits)
    look: Callable[[Origin], None] | None = None
    mend: bool = True
    write: bool = False


@dataclass(slots=True, kw_only=True)
class _Rerun:
    """One rerun under way. `allowed` are the loosenings that the user was asked for, `job`,
    `lock` and `inferred` what is known of the present try. loose, later: see `Project`."""

    origin: Origin
    wanted: Wanted
    powers: Powers
    watch: Stopwatch
    workspace: Path
    allowed: list[str] = field(default_factory=list)
    job: Job | None = None
    lock: Lock | None = None
    inferred: tuple[Inference, ...] = ()
    loose: bool = False
    later: bool = False

    @property
    def home(self) -> Path:
        """The folder that its run lies in, as if it were a project of ours."""
        return folders.reruns() / folder_name(self.origin.source.name)

    def allow(self, asked: Sequence[str]) -> None:
        source, reporter = str(self.origin.source), self.powers.reporter
        new = [text for text in asked if text not in self.allowed]
        consent.ask(new, source, yes=self.wanted.yes, before=reporter.finish)
        self.allowed += new


@frozen
class _Try:
    """How far one try came: to a run, or to an error in `phase`."""

    phase: str
    planned: Planned | None = None
    image: Image | None = None
    how: str = ""
    started: running.Started | None = None
    done: running.RunResult | None = None
    error: ReprokitError | None = None
    cause: Cause | None = None

    def is_as_far_as(self, before: _Try) -> bool:
        """Whether to go on from here: from a run, or from an environment that came as far and
        whose failure has a cause."""
        if self.done is not None or before.done is not None:
            return self.done is not None
        here, there = _PHASES.get(self.phase, 0), _PHASES.get(before.phase, 0)
        return here > there or (here == there and self.cause is not None)


def rerun(
    source: str, wanted: Wanted, reporter: Reporter, *, project: Path | None = None
) -> RerunResult:
    """Run a source again and compare. See `reprokit.verbs.rerun`."""
    if wanted.report is not None:
        collecting.check_writable(wanted.report.absolute().parent)
    with (
        _workspace() as workspace,
        sources.opened(source, workspace, reporter, project=project) as origin,
    ):
        if wanted.look is not None:
            wanted.look(origin)
        if wanted.write:
            check_writable(origin)
        with connect(wanted.engine) as engine:
            work = _Rerun(
                origin=origin,
                wanted=wanted,
                powers=powers_for(engine, reporter),
                watch=Stopwatch(reporter),
                workspace=workspace,
            )
            return _kept(_made(work), wanted)


@contextmanager
def _workspace() -> Iterator[Path]:
    parent = folders.workspaces()
    try:
        parent.mkdir(parents=True, exist_ok=True)
        workspace = Path(tempfile.mkdtemp(dir=parent, prefix="rerun-"))
    except OSError as error:
        raise files.storage_failed(error, parent) from error
    try:
        yield workspace
    finally:
        shutil.rmtree(workspace, ignore_errors=True)


def _kept(found: RerunResult, wanted: Wanted) -> RerunResult:
    """Keep what was found beside the run, and write the page and the configuration."""
    files.write_text(found.folder / DOCUMENT, files.canonical_json(found.json()) + "\n")
    if wanted.write and found.inferred:
        place = folder_of(found.origin.root) / configurations.FILE
        kept = [mended for mended in found.mended if mended.refused is None]
        files.write_text(place, configuration_text(found.inferred, kept, wanted.date))
        files.give_to_caller(place)
        found = replace(found, written=place)
    if wanted.report is None:
        return found
    from reprokit.rerunning import report

    found = replace(found, report=wanted.report)
    files.write_text(wanted.report, report.page(found))
    files.give_to_caller(wanted.report)
    return found


def _made(work: _Rerun) -> RerunResult:
    """The rerun to its end, mended where that helps. What is wrong with the source is told in the
    result."""
    tries = Tries(most=MOST if work.wanted.mend and work.origin.published is None else 0)
    try:
        last = _tried(work, ())
        while not work.wanted.limits.over:
            mended = None if work.job is None else tries.next(last.cause, work.job.plan)
            if mended is None:
                if not tries.most or not _widened(work, last.error):
                    break
                last = _tried(work, tries.kept)
                continue
            work.powers.reporter.warning(f"{mended}; trying again with that")
            found = _tried(work, (*tries.kept, mended))
            if found.is_as_far_as(last):
                tries.keep(mended)
                last = found
            else:
                tries.refuse(mended, "" if found.error is None else found.error.what)
    finally:
        if work.origin.root.is_relative_to(work.workspace):
            building.forget(work.origin.root.resolve())
    if isinstance(last.error, consent.NotAllowed):
        raise last.error
    return replace(_ended(work, last), mended=(*tries.kept, *tries.refused))


def _widened(work: _Rerun, error: ReprokitError | None) -> bool:
    """Read limits as lower bounds only, where no base has a Python for pinned packages, or the
    versions of the languages. False where that was done already, or is of no use."""
    if isinstance(error, NothingFits) and not work.loose:
        work.loose = True
    elif isinstance(error, NoBase | NoSuchBase) and not work.later:
        work.later = True
    else:
        return False
    work.powers.reporter.warning(f"{error.what}: trying again with what can be had")
    return True


def _tried(work: _Rerun, mends: tuple[Mended, ...]) -> _Try:
    """One try, as far as it comes."""
    before = work.job
    try:
        planned, image, how = _made_ready(work, mends)
        plan = work.wanted.limits.within(planned.job.plan)
        planned = replace(planned, job=replace(planned.job, plan=plan))
        started = _started(work, planned, image, mends)
        index = indexes.Index()
        done = running.run_and_record(started, work.powers.engine, work.watch, index, None)
    except consent.NotAllowed as error:
        # Without its own Dockerfile the project may ask for nothing that wants to be allowed.
        own = work.job is not None and work.job.plan.dockerfile is not None
        if not own or not isinstance(error, consent.NobodyToAsk):
            raise
        return _Try(phase="plan", error=error, cause=_cause(work, error))
    except _OF_THE_SOURCE as error:
        # What could not even be planned says nothing of the plan before it.
        cause = None if work.job is before else _cause(work, error)
        return _Try(phase=work.watch.current, error=error, cause=cause)
    return _Try(
        phase="run",
        planned=planned,
        image=image,
        how=how,
        started=started,
        done=done,
        cause=done.cause if done.failure is not None else _silence(work, planned, started, done),
    )


def _silence(
    work: _Rerun, planned: Planned, started: running.Started, done: running.RunResult
) -> Cause | None:
    """Why a program ended well that wrote nothing of what its project expects, as far as its output
    tells: its parts may have failed one by one."""
    if work.origin.published is not None:
        return None
    names = {PurePosixPath(path).name for path in expected.lists(planned.job.project)}
    found = {PurePosixPath(file.path).name for file in expected.written(done.record)}
    if (names & found) if names else found:
        return None
    from reprokit.diagnosing.dispatch import diagnosed_silence

    warn = work.powers.reporter.warning
    return diagnosed_silence(started.folder.log, planned.job.plan, planned.lock, warn)


def _cause(work: _Rerun, error: ReprokitError) -> Cause | None:
    if work.job is None:
        return None
    from reprokit.diagnosing.dispatch import diagnosed_error

    warn = work.powers.reporter.warning
    return diagnosed_error(error, work.watch.current, work.job.plan, work.lock, warn)


def _ended(work: _Rerun, last: _Try) -> RerunResult:
    """What the last try came to."""
    if last.done is None or last.planned is None or last.image is None:
        assert last.error is not None
        return replace(_failed(work, last.error, last.phase), diagnosis=last.cause)
    done = last.done
    found = RerunResult(
        origin=work.origin,
        run=reading.text(done.record, "run"),
        folder=done.folder,
        phase="run",
        record=done.record,
        environment=environment.environment(work.origin.published, done.record, last.how),
        failure=done.failure,
        diagnosis=last.cause,
        allowed=tuple(work.allowed),
        notes=last.planned.notes,
        inferred=last.planned.inferred,
    )
    try:
        assert last.started is not None
        limits, report = work.wanted.limits, work.wanted.report is not None
        return judging.judged(
            found,
            last.started,
            work.origin,
            work.workspace,
            limits,
            work.powers,
            work.watch,
            report=report,
        )
    except _OF_THE_SOURCE as error:
        return replace(found, phase="compare", failure=found.failure or error)


def _made_ready(work: _Rerun, mends: Sequence[Mended]) -> tuple[Planned, Image, str]:
    """What will run, in which image, and where that came from."""
    if work.origin.has_code:
        return _image(work, _planned(work, mends))
    from reprokit.rerunning.registry_image import unfolded

    root, published = work.origin.root, work.origin.published
    assert published is not None
    found = environment.from_registry(published, work.powers, work.watch)
    published = replace(published, kept=unfolded(found[0], root, work.powers.engine))
    planned = planning.of_image(root, published, work.powers.reporter)
    work.allow(consent.of_run(planned.job.plan))
    return planned, *found


def _planned(work: _Rerun, mends: Sequence[Mended]) -> Planned:
    root, published = work.origin.root, work.origin.published
    if published is None:
        before, work.lock = work.lock, None
        work.watch.current = "plan"
        work.job = planning.plain_job(
            root, work.wanted.date, [m.mend for m in mends], loose=work.loose, later=work.later
        )
        planned = planning.plain(work.job, work.powers, work.watch, work.allow, before=before)
        work.lock, work.inferred = planned.lock, planned.inferred
        return planned
    return planning.as_published(root, published, work.powers, work.watch, work.allow)


def _image(work: _Rerun, planned: Planned) -> tuple[Planned, Image, str]:
    """The image to run, where it came from, and the plan as it was built, where it had to be."""
    published = work.origin.published
    if published is not None:
        found = environment.exact(published, work.powers, work.watch)
        if found is not None:
            return planned, *found
        work.allow(consent.of_build(planned.job.plan, foreign=planned.foreign))
        planned = planning.current(planned, work.powers, work.watch)
    image = environment.rebuilt(
        published, planned.job, planned.lock, planned.prepared, work.powers, work.watch
    )
    return planned, image, planned.how


def _started(
    work: _Rerun, planned: Planned, image: Image, mends: tuple[Mended, ...]
) -> running.Started:
    """What is to run, in a folder of its own: the source stays as it was."""
    published = work.origin.published
    if published is None:
        state = running.settled(records.project_state(folder_of(work.origin.root)), planned.job)
    else:
        state = _published_state(published.record)
    with ThreadPoolExecutor(1) as ahead:
        return running.Started(
            job=planned.job,
            lock=planned.lock,
            lock_text=lock_file.dumps(planned.lock),
            image=image,
            engine=ahead.submit(running.meanwhile, work.powers.engine),
            dockerfile=planned.prepared.context.dockerfile,
            image_plan=plan_text(planned.prepared.context),
            context_digest=planned.prepared.key,
            data=planned.data,
            entry=planned.entry,
            folder=_folder(work),
            state=state,
            notebooks=stored(planned.entry, planned.job.project),
            rerun_of=work.origin.source.json(None if published is None else published.record),
            mends=mends,
        )


def _published_state(record: reading.Record) -> records.ProjectState:
    project = reading.mapping(record, "project")
    return records.ProjectState(
        name=reading.text(project, "name"),
        root_name=reading.text(project, "folder"),
        commit=reading.commit(record),
        dirty=project.get("dirty") is True,
    )


def _folder(work: _Rerun) -> run_folder.RunFolder:
    try:
        work.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.storage_failed(error, work.home) from error
    return run_folder.create(work.home, datetime.now(UTC))


def _failed(work: _Rerun, error: ReprokitError, phase: str) -> RerunResult:
    """A rerun that came to no container: that is a result, kept as every run is."""
    folder = _folder(work)
    entry = indexes.running(folder.id, folder.project, folder.project.name, datetime.now(UTC), "")
    index = indexes.Index()
    index.add(entry)
    index.mark(entry, "failed")
    files.write_text(folder.log, f"{phase}: {error}\n")
    return RerunResult(
        origin=work.origin,
        run=folder.id,
        folder=folder.path,
        phase=phase,
        failure=error,
        allowed=tuple(work.allowed),
        inferred=work.inferred,
    )
