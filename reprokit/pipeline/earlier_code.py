"""The code that a run ran on, laid out as it was then: for building its image again."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from reprokit import git, lock_file, process
from reprokit.data_hashes import hash_files
from reprokit.errors import BadRequest, InputUnavailable, ReprokitError
from reprokit.history import reading
from reprokit.history.index import Entry
from reprokit.model import Lock
from reprokit.phases import build as building
from reprokit.pipeline.job import Job, Wishes, prepare, prepare_build
from reprokit.progress import Silent


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

    key: the run's build key, which tells whether it is the very same build. Raises BadRequest where
    neither has it any more.
    """
    prepared = _prepared(entry.folder.project, record, lock, key)
    if prepared is not None:
        yield prepared
        return
    commit = reading.text_or_none(reading.mapping(record, "project"), "commit")
    if commit is not None:
        # The project's name, which is part of the image, may be that of its folder.
        with tempfile.TemporaryDirectory(prefix="reprokit-code-") as temporary:
            root = Path(temporary) / entry.folder.project.name
            _check_out(entry.folder.project, commit, root)
            prepared = _prepared(root, record, lock, key)
            if prepared is not None:
                yield prepared
                return
    raise BadRequest(
        "the project's files are no longer those of this run",
        where=str(entry.folder.project),
        next="restore them"
        + (f" (`git checkout {commit[:12]}`)" if commit else "")
        + ", or run again and take that run",
    )


def _prepared(
    root: Path, record: reading.Record, lock: Lock, key: str
) -> tuple[Job, building.Prepared] | None:
    """The build of this folder under the run's lock, if it is the very same build."""
    argv = [tuple(reading.texts(step, "argv")) for step in reading.rows(record, "command")]
    given = Wishes(command=argv[0] if len(argv) == 1 else None)
    for wishes in (Wishes(), given):
        with suppress(ReprokitError):
            job = prepare(root, wishes)
            wanted = (*job.plan.code, *job.plan.data.files)
            digests = {file.path: file.sha256 for file in hash_files(root, wanted, Silent())}
            prepared = prepare_build(job, lock, digests)
            if prepared.key == key:
                return replace(job, lock=lock), prepared
    return None


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
        with tarfile.open(archive.name) as tar:
            tar.extractall(target, filter="data")
