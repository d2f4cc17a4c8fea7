"""`run`: plan, lock, fetch, render, build, run, collect, record."""

from __future__ import annotations

from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit import files, folders, lock_file, registry
from reprokit.data_hashes import hash_files
from reprokit.engines.connect import connect
from reprokit.engines.protocol import Bind, Container, Engine, EngineInformation
from reprokit.errors import ReprokitError
from reprokit.frozen import frozen
from reprokit.history import index as indexes
from reprokit.history import run_folder
from reprokit.identity import POLICY
from reprokit.model import (
    JSON,
    DataFile,
    Entry,
    Image,
    Lock,
    Note,
    Outcome,
    Plan,
    ResultFile,
)
from reprokit.notebook_runs import code as notebook_code
from reprokit.notebook_runs.stored import Stored, parameters_of
from reprokit.phases import collect as collecting
from reprokit.phases import record as records
from reprokit.phases import run as runs
from reprokit.phases import self_description
from reprokit.phases.mounting import binds
from reprokit.phases.render import steps_command
from reprokit.pipeline import ending, left_behind
from reprokit.pipeline.entry_choice import command_text, wished_entry
from reprokit.pipeline.job import (
    Job,
    Stopwatch,
    Wishes,
    ensure_image,
    ensure_lock,
    folder_of,
    powers_for,
    prepare,
    prepare_build,
)
from reprokit.progress import Reporter
from reprokit.unpacking import limits_for
from reprokit.version import __version__

if TYPE_CHECKING:
    from reprokit.cells.exchange import Exchange
    from reprokit.diagnosing.protocol import Cause
    from reprokit.pipeline.repeating import Once
    from reprokit.rerunning.mending import Mended


@frozen
class RunResult:
    """A finished run. `folder` is the run's own, `results` where people look; `cause` says why it
    failed, where it did."""

    record: dict[str, JSON]
    folder: Path
    results: Path
    failure: ReprokitError | None
    cause: Cause | None = None

    def json(self) -> JSON:
        return self.record

    def text(self) -> str:
        from reprokit.history.listing import run_text

        return run_text(self.record, folder=self.folder, results=self.results)


@frozen
class Started:
    """What is known when the container starts.

    The run's folder may lie elsewhere than in the project that `job` names. `rerun_of`: which
    published run is run again, see `phases.record.compose`; `mends`: what was set after earlier
    failures. `notebooks` are what it executes;
    `cell` is the one that it runs instead.
    """

    job: Job
    lock: Lock
    lock_text: str
    image: Image
    engine: Future[EngineInformation]
    dockerfile: str
    image_plan: str | None
    context_digest: str
    data: tuple[DataFile, ...]
    entry: Entry
    folder: run_folder.RunFolder
    state: records.ProjectState
    repeat: int = 1
    rerun_of: dict[str, JSON] | None = None
    mends: tuple[Mended, ...] = ()
    notebooks: tuple[Stored, ...] = ()
    cell: Exchange | None = None


def run(
    path: Path,
    wishes: Wishes,
    reporter: Reporter,
    *,
    no_cache: bool = False,
    results: Path | None = None,
    repeat: int = 1,
    folder: run_folder.RunFolder | None = None,
    cell: Exchange | None = None,
) -> RunResult:
    """The whole way. See `reprokit.verbs.run`. folder: the run's, where it has one already. cell:
    what runs is this one, and the wishes have its command."""
    if repeat != 1:
        from reprokit.pipeline import repeating

        repeating.check(repeat)
    reporter.phase("plan")
    with ExitStack() as stack:
        # The engine is asked who it is, and git which commit this is, while the plan is made.
        ahead = stack.enter_context(ThreadPoolExecutor(2))
        opening = ahead.submit(_opened, stack, wishes.engine)
        asking = ahead.submit(records.project_state, folder_of(path))
        job = prepare(path, wishes)
        if cell is not None:
            from reprokit.pipeline.cells import fitted

            job = fitted(job, cell.cell)
        entry, notes, books = wished_entry(job, wishes)
        target = results or collecting.results_folder(job.project.root, job.configuration.results)
        collecting.check_writable(target)
        job = replace(job, plan=replace(job.plan, notes=(*job.plan.notes, *notes)))
        for note in job.plan.notes:
            if note.level == "warning" and cell is None:  # said at each cell, nobody reads it
                text = note.text if note.reason is None else f"{note.reason}: {note.text}"
                reporter.warning(text)
        index = indexes.Index()
        watch = Stopwatch(reporter, index.last_durations(job.project.root))
        engine = opening.result()
        left_behind.end(job.project.root, index, engine, reporter)
        state = settled(asking.result(), job)
        started = _make_ready(job, entry, engine, watch, state, ahead, folder, no_cache=no_cache)
        started = replace(started, repeat=repeat, notebooks=books, cell=cell)
        result = run_and_record(started, engine, watch, index, target)
        if wishes.write_back and result.failure is None:
            from reprokit.notebook_runs.marking import mark

            for book in books:
                mark(book, job.project, started.folder.results, result.record)
        return result


def settled(state: records.ProjectState, job: Job) -> records.ProjectState:
    """What git says, with the project's name; what only outputs of notebooks differ by is no change
    of the code."""
    dirty = state.dirty and notebook_code.is_dirty(job.project, job.plan, state.changed)
    return replace(state, name=job.plan.name, dirty=dirty)


def _opened(stack: ExitStack, wanted: str | None) -> Engine:
    engine = stack.enter_context(connect(wanted))
    engine.prefetch()
    return engine


def meanwhile(engine: Engine) -> EngineInformation:
    """Bring what is needed only when the container has ended, while it runs: what the engine says
    of itself, which takes commands of their own, and the code that shows a run."""
    from reprokit.history import listing  # noqa: F401

    return engine.information()


def _make_ready(
    job: Job,
    entry: Entry,
    engine: Engine,
    watch: Stopwatch,
    state: records.ProjectState,
    ahead: Executor,
    folder: run_folder.RunFolder | None,
    *,
    no_cache: bool,
) -> Started:
    """Everything before the container: lock, image, data, the run's folder."""
    powers = powers_for(engine, watch.reporter)
    locked = ensure_lock(job, powers, watch, again=False)
    digests = {
        f.path: f.sha256 for f in hash_files(job.project.root, job.plan.code, watch.reporter)
    }
    if job.plan.data.files:
        watch.reporter.message("hashing data")
    data = hash_files(job.project.root, job.plan.data.files, watch.reporter)
    if job.plan.data.mode == "bake":
        digests |= {f.path: f.sha256 for f in data}
    prepared = prepare_build(job, locked, digests)
    image = ensure_image(job, locked, prepared, powers, watch, no_cache=no_cache)
    return Started(
        job=job,
        lock=locked,
        lock_text=self_description.lock_text(prepared.context, locked),
        image=image,
        engine=ahead.submit(meanwhile, engine),
        dockerfile=prepared.context.dockerfile,
        image_plan=self_description.plan_text(prepared.context),
        context_digest=prepared.key,
        data=data,
        entry=entry,
        folder=folder or run_folder.create(job.project.root, datetime.now(UTC)),
        state=state,
        repeat=1,
    )


def run_and_record(
    started: Started,
    engine: Engine,
    watch: Stopwatch,
    index: indexes.Index,
    target: Path | None,
) -> RunResult:
    """Run the container, write its record and enter it into the index. The results are copied to
    `target`, where there is one."""
    folder, plan = started.folder, started.job.plan
    running = indexes.running(
        folder.id,
        folder.project,
        plan.name,
        datetime.now(UTC),
        command_text(started.entry) if started.cell is None else started.cell.cell.headline,
        image=started.image.config_digest,
    )
    folder.dockerfile.write_text(started.dockerfile, "utf-8")
    if started.image_plan is not None:
        folder.plan.write_text(started.image_plan, "utf-8")
    folder.lock.write_text(started.lock_text, "utf-8")
    index.add(running)
    try:
        record, outcome, found, cause = _contained(started, engine, watch)
        run_folder.write_record(folder, record)
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        index.mark(running, "interrupted" if stopped else "failed")
        raise
    finally:
        runs.give_to_user(folder.path)
    index.add(indexes.entry_of(record, folder.project), watch.seconds)
    told = {"record": record, "run": folder.id, "outcome": outcome}
    registry.observe("reprokit_after_run", told, watch.reporter)
    if target is not None:
        _deliver(found, folder.results, target)
    return RunResult(
        record=record,
        folder=folder.path,
        results=target or folder.results,
        failure=ending.failure(outcome, plan, folder, record),
        cause=cause,
    )


def _deliver(found: tuple[ResultFile, ...], results: Path, target: Path) -> None:
    try:
        collecting.deliver(found, results, target)
    finally:
        if files.sudo_caller() is not None:
            runs.give_to_user(target)


def image_once(started: Started, engine: Engine, watch: Stopwatch) -> Once:
    """What runs the image once, as often as it is called."""
    request, plan = _request(started, watch.reporter), started.job.plan

    def once(results: Path, log: Path) -> tuple[Outcome, tuple[ResultFile, ...]]:
        collected: list[str] = []
        warn = watch.reporter.warning

        def collect(container: Container) -> None:
            collected.extend(collecting.collect(container, plan, results, warn))

        wanted = replace(request, results=results, log=log)
        outcome = runs.run(wanted, engine, watch.reporter, collect)
        return outcome, collecting.listing(results, tuple(collected), warn)

    return once


def _contained(
    started: Started, engine: Engine, watch: Stopwatch
) -> tuple[dict[str, JSON], Outcome, tuple[ResultFile, ...], Cause | None]:
    """The container itself, from its start to the record of what it did."""
    folder, plan = started.folder, started.job.plan
    told = {"plan": plan, "run": folder.id}
    registry.observe("reprokit_before_run", told, watch.reporter)
    once = image_once(started, engine, watch)
    with watch.phase("run"):
        outcome, found = once(folder.results, folder.log)
    variation = None
    if started.repeat > 1 and outcome.status == "succeeded":
        from reprokit.pipeline.r_container import r_in
        from reprokit.pipeline.repeating import repeated

        with watch.phase("repeat"):
            options = started.job.configuration.compare
            run_r = r_in(engine, started.image.reference)
            first = (found, folder.results)
            learnt = repeated(
                once, started.repeat, first, folder.path, options, run_r, watch.reporter
            )
            variation = None if learnt is None else learnt.json()
    outputs = _outputs(started, outcome, engine, watch)
    cause = ending.cause_of(started, outcome, watch.reporter)
    record = _record(started, outcome, found, variation, outputs, cause)
    return record, outcome, found, cause


def _outputs(
    started: Started, outcome: Outcome, engine: Engine, watch: Stopwatch
) -> list[JSON] | None:
    """Whether the outputs of the notebooks that ran are those stored."""
    if not started.notebooks:
        return None
    from reprokit.notebook_runs import outputs
    from reprokit.pipeline.r_container import r_in

    # What stopped in the run is not to be shown as having stopped here.
    with watch.phase("compare" if outcome.status == "succeeded" else "run"):
        return outputs.checked(
            started.notebooks,
            started.folder.results,
            options=started.job.configuration.compare,
            run_r=r_in(engine, started.image.reference),
        )


def _request(started: Started, reporter: Reporter) -> runs.RunRequest:
    plan, folder, cell = started.job.plan, started.folder, started.cell
    data = _data_binds(started, reporter)
    return runs.RunRequest(
        image=started.image.reference,
        command=steps_command(started.entry) if started.entry.steps else None,
        results=folder.results,
        log=folder.log,
        binds=data if cell is None else (*data, *cell.binds()),
        options=plan.options,
        as_image_says=plan.dockerfile is not None,
        labels=(("org.reprokit.owner", "reprokit"), ("org.reprokit.run", folder.id)),
        output=None if cell is None else cell.output,
    )


def _data_binds(started: Started, reporter: Reporter) -> tuple[Bind, ...]:
    """Data mounts; none where the image holds the data."""
    data, configuration = started.job.plan.data, started.job.configuration
    if data.mode == "bake":
        return ()
    digests = {file.path: file.sha256 for file in started.data}
    store = folders.store() / "unpacked"
    limits = limits_for(configuration.data_unpack_limit)
    return binds(data, started.job.project.root, digests, store, reporter, limits)


def _record(
    started: Started,
    outcome: Outcome,
    results: tuple[ResultFile, ...],
    variation: dict[str, JSON] | None,
    notebooks: list[JSON] | None,
    cause: Cause | None,
) -> dict[str, JSON]:
    plan, lock = started.job.plan, started.lock
    return records.compose(
        run=started.folder.id,
        state=started.state,
        plan=replace(plan, entry=started.entry),
        lock=lock,
        image=started.image,
        engine=started.engine.result(),
        steps=started.entry.steps,
        parameters=parameters_of(started.entry.steps),
        outcome=outcome,
        data=started.data,
        results=results,
        dockerfile=started.dockerfile,
        lock_digest=files.sha256_text(started.lock_text),
        context_digest=started.context_digest,
        # The image that ran is the canonical one: its config digest is its identity.
        environment_digest=started.image.config_digest,
        environment_policy=POLICY,
        version=__version__,
        plugins=registry.installed(),
        loosenings=plan.options.loosenings(),
        notes=_notes(plan),
        undated=lock_file.undated(lock),
        variation=variation,
        notebooks=notebooks,
        rerun_of=started.rerun_of,
        failure=None if cause is None else cause.json(),
        mends=[mended.json() for mended in started.mends],
        cell=None if started.cell is None else started.cell.account(started.folder.path),
    )


def _notes(plan: Plan) -> tuple[Note, ...]:
    found = (*plan.notes, *(note for d in plan.detections for note in d.notes))
    return tuple(dict.fromkeys(found))
