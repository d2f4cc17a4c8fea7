"""`export`: a folder that builds and runs under plain docker, offline, without reprokit."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from string import Template

from reprokit import files, folders, lock_file, resources
from reprokit.data_hashes import hash_files
from reprokit.engines.connect import connect
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import JSON, Lock
from reprokit.phases import build as building
from reprokit.phases.fetch import fetch, using
from reprokit.phases.make import make
from reprokit.phases.mounting import binds
from reprokit.pipeline.job import (
    Job,
    Stopwatch,
    Wishes,
    ensure_lock,
    powers_for,
    prepare,
    unpacked_data,
)
from reprokit.pipeline.job import prepare_build as prepared_for
from reprokit.powers import Powers
from reprokit.progress import Reporter
from reprokit.quoting import shell_word
from reprokit.unpacking import limits_for


@frozen
class ExportResult:
    """An exported folder: its files and their size in bytes."""

    folder: Path
    files: int
    size: int

    def json(self) -> JSON:
        return {"schema": 1, "folder": self.folder.name, "files": self.files, "size": self.size}

    def text(self) -> str:
        return (
            f"{self.folder}: {self.files} files, {self.size / 1e6:.0f} MB; "
            "README.md says how to build and run it"
        )


def export(path: Path, directory: Path, wishes: Wishes, reporter: Reporter) -> ExportResult:
    """Write the folder, all or nothing. Raises BadRequest where it exists and is not empty."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadRequest("is not an empty folder", where=str(directory), next="name a new one")
    job = prepare(path, wishes)
    directory.absolute().parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=directory.absolute().parent, prefix=".export-"))
    try:
        with connect(wishes.engine) as engine:
            _fill(temporary, job, engine, reporter)
        temporary.chmod(0o755)
        if directory.exists():
            directory.rmdir()
        temporary.rename(directory)
    except OSError as error:
        raise files.storage_failed(error, directory) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    found = [p for p in directory.rglob("*") if p.is_file()]
    return ExportResult(
        folder=directory, files=len(found), size=sum(p.stat().st_size for p in found)
    )


def _fill(folder: Path, job: Job, engine: Engine, reporter: Reporter) -> None:
    powers = powers_for(engine, reporter).with_whole_site()
    watch = Stopwatch(reporter)
    lock = ensure_lock(job, powers, watch, again=False)
    wanted = (*job.plan.code, *job.plan.data.files)
    digests = {f.path: f.sha256 for f in hash_files(job.project.root, wanted, reporter)}
    prepared = prepared_for(job, lock, digests)
    artifacts = prepared.context.artifacts

    def bring() -> None:
        make(artifacts, job.project, lock, powers)
        fetch(artifacts, powers.store, powers.site, reporter)

    with watch.phase("fetch"):
        family = powers.family(lock.base)
        family.provide(lock.base, engine, powers.site, folders.archives(), reporter)
        bring()
    unpacked = unpacked_data(job, prepared, reporter)

    def lay_out() -> None:
        building.lay_out(
            prepared, job.project.root, folder, powers.store, epoch=lock.epoch, unpacked=unpacked
        )

    using(bring, reporter, lay_out)
    (folder.parent / f"{folder.name}.placed").unlink(missing_ok=True)
    if job.plan.data.mode == "mount":
        _copy_data(job, folder, digests, powers)
    with (folder / "base.tar").open("wb") as archive:
        for chunk in engine.save(lock.base.reference):
            archive.write(chunk)
    files.write_text(folder / lock_file.NAME, lock_file.dumps(lock))
    files.write_text(folder / "README.md", _readme(job, lock, prepared.tag))


def _copy_data(job: Job, folder: Path, digests: Mapping[str, str], powers: Powers) -> None:
    """Data as the program sees it: what the plan unpacks is unpacked here as well."""
    store = folders.store() / "unpacked"
    limits = limits_for(job.configuration.data_unpack_limit)
    found = binds(job.plan.data, job.project.root, digests, store, powers.reporter, limits)
    for bind in found:
        target = folder / "data" / PurePosixPath(bind.target).relative_to("/app")
        target.parent.mkdir(parents=True, exist_ok=True)
        if bind.source.is_dir():
            shutil.copytree(bind.source, target)
        else:
            shutil.copyfile(bind.source, target)


def _readme(job: Job, lock: Lock, tag: str) -> str:
    mounts = "".join(
        f' \\\n        --volume "$PWD"/{shell_word(f"data/{mount.target}:/app/{mount.target}:ro")}'
        for mount in job.plan.data.mounts
        if job.plan.data.mode == "mount"
    )
    template = Template(resources.template("export-README.md"))
    return template.substitute(
        name=job.plan.name,
        tag=tag,
        base=lock.base.reference,
        day=lock.date.day,
        epoch=lock.epoch,
        mounts=mounts,
    )
