"""The code that a run ran on, laid out as it was then: for building its image again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from reprokit import git, lock_file, process
from reprokit.data_hashes import hash_files
from reprokit.errors import BadRequest, InputUnavailable, ReprokitError
from reprokit.frozen import frozen
from reprokit.history import reading, run_folder
from reprokit.history.index import Entry
from reprokit.model import DataFile, Lock
from reprokit.phases import build as building
from reprokit.phases import self_description
from reprokit.pipeline.job import Job, Wishes, prepare, prepare_build, without_notebooks
from reprokit.progress import Silent


@frozen
class Kept:
    """The Dockerfile of a run, and what its image says of the plan, as far as they are kept."""

    dockerfile: str | None
    plan: str | None


def lock_of(entry: Entry) -> Lock:
    """The lock that a run keeps. Raises BadRequest where it is gone or damaged."""
    try:
        return lock_file.loads(entry.folder.lock.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(
            "the run's lock cannot be read", where=str(entry.folder.lock), next="run it again"
        ) from error


@contextmanager
def code_of(
    entry: Entry, record: reading.Record, lock: Lock, key: str
) -> Iterator[tuple[Job, building.Prepared]]:
    """The job of a run and its build: the project as it is, else as of the run's commit.

    key: the run's build key, which tells whether it is the very same build. A reprokit that would
    render another Dockerfile takes the one that the run kept. Raises BadRequest where neither has
    the code any more.
    """
    project, kept = entry.folder.project, kept_of(entry)
    prepared = same_build(project, kept, record, lock, key)
    if prepared is not None:
        yield prepared
        return
    commit = reading.commit(record)
    if commit is not None:
        # Beside the runs, so that data can be linked; the project's name may be its folder's.
        parent = run_folder.runs_folder(project).parent
        with tempfile.TemporaryDirectory(dir=parent, prefix="code-") as temporary:
            root = Path(temporary) / project.name
            _check_out(project, commit, root)
            _bring_data(project, root, record)
            prepared = same_build(root, kept, record, lock, key)
            if prepared is not None:
                yield prepared
                return
    raise BadRequest(
        "the project's files are no longer those of this run",
        where=str(project),
        next="restore them"
        + (f" (`git checkout {commit[:12]}`)" if commit else "")
        + ", or run again and take that run",
    )


def kept_of(entry: Entry) -> Kept:
    """What a run keeps of its build."""
    return Kept(dockerfile=_text(entry.folder.dockerfile), plan=_text(entry.folder.plan))


def same_build(
    root: Path, kept: Kept, record: reading.Record, lock: Lock, key: str
) -> tuple[Job, building.Prepared] | None:
    """The job of this folder and its build under a run's lock; `None` where that is not the very
    same build, which the run's `key` tells."""
    argv = [tuple(reading.texts(step, "argv")) for step in reading.rows(record, "command")]
    given = Wishes(command=argv[0] if len(argv) == 1 else None)
    for wishes in (Wishes(), given):
        with suppress(ReprokitError):
            job = prepare(root, wishes)
            job = without_notebooks(job) if "cell" in record else job
            wanted = (*job.plan.code, *job.plan.data.files)
            digests = {file.path: file.sha256 for file in hash_files(root, wanted, Silent())}
            rendered = prepare_build(job, lock, digests)
            for prepared in (rendered, _as_kept(rendered, kept, job, lock)):
                if prepared.key == key:
                    return replace(job, lock=lock), prepared
    return None


def _as_kept(rendered: building.Prepared, kept: Kept, job: Job, lock: Lock) -> building.Prepared:
    """The same build with the Dockerfile and the plan that the run kept."""
    if kept.dockerfile is None:
        return rendered
    context = self_description.as_kept(rendered.context, kept.dockerfile, kept.plan)
    root, name = job.project.root, job.plan.name
    return building.prepare(context, rendered.digests, root, name, lock.epoch)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _bring_data(project: Path, root: Path, record: reading.Record) -> None:
    """Data that the run read and the commit lacks (it is often not in git) comes from the project,
    as far as it is still the same there."""
    known = reading.hashes(reading.rows(reading.mapping(record, "data"), "files"))
    there = {path for path in known if (root / path).is_file()}
    same = {file.path for file in hash_files(root, there, Silent()) if _is(file, known)}
    here = [path for path in known if path not in same and (project / path).is_file()]
    for file in hash_files(project, here, Silent()):
        if _is(file, known):
            target = root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            try:
                os.link((project / file.path).resolve(), target)
            except OSError:
                shutil.copyfile(project / file.path, target)


def _is(file: DataFile, known: Mapping[str, str]) -> bool:
    return file.sha256 == known[file.path]


def _check_out(project: Path, commit: str, target: Path) -> None:
    """The files of a commit below `target`, without touching the project."""
    with tempfile.NamedTemporaryFile(prefix="reprokit-", suffix=".tar") as archive:
        try:
            words = ("--format=tar", f"--output={archive.name}", commit, ".")
            git.ask(project, "archive", *words, contents=True)
        except process.ProcessFailed as error:
            raise InputUnavailable(
                f"git has no commit {commit[:12]} any more", where=str(project)
            ) from error
        target.mkdir(parents=True)
        git.unpack(Path(archive.name), target)
