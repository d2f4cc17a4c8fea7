"""Finished runs of real project folders, made without an engine."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from reprokit import lock_file
from reprokit.data_hashes import hash_files
from reprokit.history import run_folder
from reprokit.history.index import Index
from reprokit.history.run_folder import RunFolder
from reprokit.model import JSON, Lock, Outcome
from reprokit.phases import record as records
from reprokit.phases.record import project_state
from reprokit.pipeline.job import Wishes, prepare, prepare_build
from reprokit.progress import Silent
from tests.history import made
from tests.phases.test_record import inputs

RESULTS = {
    "metrics.json": b'{"model": {"rmse": 0.10, "folds": [1, 2.50]}, "done": true}',
    "table.csv": b"season,mean\nwinter,1.50\nsummer,18.2\n",
    "answer.txt": b"forty-two\n",
}


def lock() -> Lock:
    """A lock that needs no ecosystem and no package."""
    given: Lock = inputs()["lock"]
    return replace(given, ecosystems=(), build_system=())


def git(root: Path, *words: str) -> str:
    """Run git as somebody."""
    names = ("-c", "user.name=Jane Doe", "-c", "user.email=jane@example.org")
    command = ["git", "-C", str(root), *names, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path) -> str:
    """Commit everything; the commit's name."""
    if not (root / ".git").exists():
        git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "more")
    return git(root, "rev-parse", "HEAD")


def run(
    root: Path,
    *,
    results: dict[str, bytes] | None = None,
    after: timedelta = timedelta(),
    locked: Lock | None = None,
    **changes: Any,
) -> tuple[RunFolder, dict[str, JSON]]:
    """A run of the project in `root` that succeeded, in its folder and in the index."""
    used = locked or lock()
    job = prepare(root, Wishes())
    digests = {
        file.path: file.sha256
        for file in hash_files(root, (*job.plan.code, *job.plan.data.files), Silent())
    }
    prepared = prepare_build(job, used, digests)
    folder, record = made.finished(
        root,
        Index(),
        results=RESULTS if results is None else results,
        after=after,
        **{
            "state": project_state(root, job.plan.name),
            "plan": job.plan,
            "lock": used,
            "steps": job.plan.entry.steps if job.plan.entry else (),
            "lock_digest": lock_file.digest(used),
            "context_digest": prepared.key,
            "dockerfile": prepared.context.dockerfile,
            "data": hash_files(root, job.plan.data.files, Silent()),
            "environment_digest": made.digest("0"),
            **changes,
        },
    )
    folder.lock.write_text(lock_file.dumps(used), "utf-8")
    folder.dockerfile.write_text(prepared.context.dockerfile, "utf-8")
    folder.log.write_text("done\n", "utf-8")
    return folder, record


def finished_with(
    root: Path, outcome: Outcome, after: timedelta
) -> tuple[RunFolder, dict[str, JSON]]:
    """A run that ended in another way."""
    folder, record = made.finished(root, Index(), after=after)
    changed = records.sealed({**record, "status": outcome.status, "exit_code": outcome.exit_code})
    run_folder.write_record(folder, changed)
    return folder, changed
