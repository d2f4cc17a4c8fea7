"""What a rerun is going to do: the job of a source, under the published lock where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from reprokit import configuration as configurations
from reprokit.data_hashes import hash_files
from reprokit.diagnosing.mend import Mend
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.model import (
    BuildContext,
    DataFile,
    DataMount,
    DataPlan,
    Entry,
    Lock,
    Note,
    Plan,
    Reason,
    Step,
)
from reprokit.phases import build as building
from reprokit.phases import own_images
from reprokit.pipeline.earlier_code import same_build
from reprokit.pipeline.entry_choice import chosen_entry, unattended_entry
from reprokit.pipeline.job import (
    Job,
    Stopwatch,
    Wishes,
    current_lock,
    is_current,
    prepare,
    prepare_build,
)
from reprokit.powers import Powers
from reprokit.progress import Reporter
from reprokit.project import Project
from reprokit.publishing.data_in_registry import mounts
from reprokit.rerunning import consent
from reprokit.rerunning.inferred import Inference, inferred
from reprokit.rerunning.origin import Published
from reprokit.unpacking import FORMATS

Allow = Callable[[Sequence[str]], None]
"""Asks whether these loosenings are allowed; raises NotAllowed where they are not."""


@frozen
class Planned:
    """A job with its lock and build. `how` says where its packages come from; `foreign`: the
    Dockerfile is the published one, where this reprokit would write another; `same`: it is the very
    same build as the published one, or none was."""

    job: Job
    lock: Lock
    prepared: building.Prepared
    entry: Entry
    data: tuple[DataFile, ...]
    how: str
    foreign: bool = False
    same: bool = True
    notes: tuple[str, ...] = ()
    inferred: tuple[Inference, ...] = ()


def plain_job(
    root: Path,
    date: str | None,
    mends: Sequence[Mend] = (),
    *,
    loose: bool = False,
    later: bool = False,
) -> Job:
    """A project that nobody published, planned: as it is, with mends on top. loose, later: see
    `Project`."""
    return prepare(
        root,
        Wishes(date=date),
        upgrade=date is not None,
        lenient=True,
        loose=loose,
        later=later,
        mends=mends,
    )


def plain(
    job: Job, powers: Powers, watch: Stopwatch, allow: Allow, *, before: Lock | None = None
) -> Planned:
    """A project that nobody published: by its own lock, else locked as of its date. before: the
    lock of an earlier try, which serves again where nothing else is asked for."""
    entry, notes = unattended_entry(job.plan)
    slips = [n for d in job.plan.detections for n in d.notes if n.level == "warning"]
    # What was left out of the commands: its reason says it all.
    slips += (n for n in job.plan.notes if n.level == "warning" and n not in slips and _whole(n))
    notes += tuple(n.text if n.reason is None else f"{n.reason}" for n in slips)
    allow((*consent.of_run(job.plan), *consent.of_build(job.plan)))
    if before is not None and is_current(before, job.plan, powers.engine):
        lock = before
    else:
        lock = current_lock(job, powers, watch, again=False)
    how = f"planned and locked as of {lock.date.day} ({lock.date.source})"
    if lock is job.lock:
        how = f"built from the project's own lock, as of {lock.date.day}"
    notes += tuple(_departures(lock))
    data = _hashed(job, powers.reporter)
    prepared = _prepared(job, lock, data, powers.reporter)
    return Planned(
        job=job,
        lock=lock,
        prepared=prepared,
        entry=entry,
        data=data,
        how=how,
        notes=notes,
        inferred=inferred(
            job.plan,
            lock,
            entry,
            job.configuration,
            own=lock is job.lock,
            later=job.project.later,
        ),
    )


def _whole(note: Note) -> bool:
    return note.reason is not None and note.reason.text == note.text


def _departures(lock: Lock) -> Iterator[str]:
    """Where what is locked is not what the project's files and its date ask for."""
    for ecosystem in lock.ecosystems:
        changes = ecosystem.settings.get("repaired", ())
        yield from map(str, changes if isinstance(changes, (list, tuple)) else ())
        yield from (f"not dated: {text}" for text in ecosystem.undated)


def as_published(
    root: Path, published: Published, powers: Powers, watch: Stopwatch, allow: Allow
) -> Planned:
    """The published run: the very same build, else what this reprokit makes of its project."""
    record, lock, notes = published.record, published.lock, list[str]()
    found = same_build(root, published.kept, record, lock, published.key)
    if found is not None:
        job, prepared = found
        allow(consent.of_run(job.plan))
        data = _hashed(job, powers.reporter)
    else:
        argv = [tuple(reading.texts(step, "argv")) for step in reading.rows(record, "command")]
        job = prepare(root, Wishes(command=argv[0] if len(argv) == 1 else None))
        job = replace(job, lock=lock)
        allow(consent.of_run(job.plan))
        data = _hashed(job, powers.reporter)
        prepared = _prepared(job, lock, data, powers.reporter)
        notes.append("the published files plan another build here than the published one")
    _check_data(published, data)
    return Planned(
        job=job,
        lock=lock,
        prepared=prepared,
        entry=_entry(job, record),
        data=data,
        how=f"built again from {_origin(published)}",
        foreign=prepared.context.dockerfile
        != prepare_build(job, lock, prepared.digests).context.dockerfile,
        same=found is not None,
        notes=tuple(notes),
    )


def _origin(published: Published) -> str:
    """Where what is built again comes from."""
    if published.lock.base.family == own_images.FAMILY:
        return "the published Dockerfile"
    vendor, artifacts = published.vendor, published.lock.artifacts()
    if vendor is not None and all((vendor / a.path).is_file() for a in artifacts):
        return "the archive's packages"
    return "the published lock"


def of_image(root: Path, published: Published, reporter: Reporter) -> Planned:
    """The run of an image alone, from its record. `root` holds the data, and the project's
    configuration where the image has it."""
    record, lock = published.record, published.lock
    configuration = configurations.load(root)
    data = reading.mapping(record, "data")
    mode = reading.text(data, "mode")
    paths = tuple(reading.text(row, "path") for row in reading.rows(data, "files"))
    own = lock.base.family == own_images.FAMILY
    plan = Plan(
        name=reading.text(reading.mapping(record, "project"), "name"),
        detections=(),
        runtimes=(),
        bases=(),
        system_packages=(),
        date=lock.date,
        entry=None,
        alternatives=(),
        code=(),
        data=DataPlan(
            mode="mount" if mode == "mount" else "bake",
            files=paths,
            mounts=_mounts(record, paths) if mode == "mount" else (),
        ),
        excluded=(),
        options=configuration.options,
        dockerfile="Dockerfile" if own else None,
    )
    job = Job(
        project=Project(root),
        configuration=configuration,
        plan=plan,
        ecosystems={},
        lock=lock,
        given=True,
    )
    found: tuple[DataFile, ...] = ()
    if mode == "mount":
        found = hash_files(root, paths, reporter)
        _check_data(published, found)
    context = BuildContext(
        dockerfile=published.kept.dockerfile or "",
        dockerignore="",
        files=(),
        artifacts=(),
        code=(),
    )
    prepared = building.Prepared(context=context, digests={}, key=published.key, tag="")
    entry = _entry(job, record)
    return Planned(job=job, lock=lock, prepared=prepared, entry=entry, data=found, how="", notes=())


def _mounts(record: reading.Record, paths: Sequence[str]) -> tuple[DataMount, ...]:
    """How the program sees its data. A record may be a stranger's."""
    found = mounts(record)
    for mount in found:
        place = PurePosixPath(mount.target)
        inside = not place.is_absolute() and ".." not in place.parts and place.parts
        if mount.source not in paths or not inside or mount.unpack not in (None, *FORMATS):
            raise BadRequest(f"the record mounts {mount.source!r} as {mount.target!r}")
    return found


def current(planned: Planned, powers: Powers, watch: Stopwatch) -> Planned:
    """The same under a lock that pins what the project asks for here: where another build than the
    published one is made anyway, an old lock may not fit it."""
    if planned.same:
        return planned
    job = planned.job
    lock = current_lock(job, powers, watch, again=False)
    if lock is job.lock:
        return planned
    prepared = _prepared(job, lock, planned.data, powers.reporter)
    return replace(planned, lock=lock, prepared=prepared, how="locked and built anew")


def _entry(job: Job, record: reading.Record) -> Entry:
    """What the published run ran, whatever its project would choose."""
    steps = tuple(
        Step(argv=tuple(reading.texts(step, "argv")), folder=reading.text(step, "folder"))
        for step in reading.rows(record, "command")
    )
    if not steps or any(not step.argv for step in steps):
        return chosen_entry(job.plan)
    return Entry(steps=steps, reason=Reason(text="what the published run ran"), rank=0)


def _hashed(job: Job, reporter: Reporter) -> tuple[DataFile, ...]:
    if job.plan.data.files:
        reporter.message("hashing data")
    return hash_files(job.project.root, job.plan.data.files, reporter)


def _prepared(
    job: Job, lock: Lock, data: Sequence[DataFile], reporter: Reporter
) -> building.Prepared:
    digests = {f.path: f.sha256 for f in hash_files(job.project.root, job.plan.code, reporter)}
    if job.plan.data.mode == "bake":
        digests |= {file.path: file.sha256 for file in data}
    return prepare_build(job, lock, digests)


def _check_data(published: Published, data: Sequence[DataFile]) -> None:
    """Data is no part of a build, so a build may be the same while data is not."""
    wanted = reading.hashes(reading.rows(reading.mapping(published.record, "data"), "files"))
    found = {file.path: file.sha256 for file in data}
    for path, digest in wanted.items():
        if found.get(path) != digest:
            state = "another file than" if path in found else "not there any more, as"
            raise InputUnavailable(
                f"the data is {state} the published run read it",
                where=path,
                next="put the file back, or rerun an archive, which holds the data",
            )
