"""`run --detach`: check what can be checked at once, then let a process of its own do the run.

The process has its own session and no terminal, so that neither a closed tab or terminal nor a
kernel or server that ends takes it along. What it is to do stands in the run's folder, and so does
all that it says (reprokit/pipeline/detached.py).
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from reprokit import files, process
from reprokit.engines.connect import connect
from reprokit.errors import BadRequest, StorageFailed
from reprokit.frozen import frozen
from reprokit.history import index as indexes
from reprokit.history import living, progress_log, run_folder
from reprokit.history.wording import printable
from reprokit.interrupts import deferred
from reprokit.model import JSON
from reprokit.notebook_runs import unsaved
from reprokit.phases import collect as collecting
from reprokit.pipeline.entry_choice import command_text, wished_entry
from reprokit.pipeline.job import Wishes, prepare
from reprokit.progress import Reporter

# -P: the folder that we are in is a project, and nothing in it may pass for a module of ours.
PROGRAM = ("-P", "-m", "reprokit.pipeline.detached")
REQUEST, OUTPUT = "request.json", "detached.txt"
"""In the run's folder: what to do, until it is read; and what the process itself printed."""


@frozen
class Detached:
    """A run that was started and goes on by itself. `process` is the number of its process."""

    folder: run_folder.RunFolder
    process: int

    def json(self) -> JSON:
        return {
            "schema": 1,
            "run": self.folder.id,
            "folder": str(self.folder.path),
            "log": str(self.folder.log),
            "process": self.process,
        }

    def text(self) -> str:
        run = self.folder.id
        rows = [
            ("see how it goes", f"reprokit attach {run}"),
            ("what runs now", "reprokit status"),
            ("stop it", f"reprokit stop {run}"),
            ("its folder", printable(str(self.folder.path))),
        ]
        told = [f"{what:<16} {how}" for what, how in rows]
        return "\n".join([f"Run {run} goes on by itself.", *told])


def detach(
    path: Path,
    wishes: Wishes,
    reporter: Reporter,
    *,
    no_cache: bool = False,
    results: Path | None = None,
    repeat: int = 1,
) -> Detached:
    """Start a run that outlives this process. See `reprokit.verbs.detach`."""
    if sys.platform == "win32":
        raise BadRequest(
            "a run cannot be detached on Windows", next="run it in WSL, or leave out --detach"
        )
    if repeat != 1:
        from reprokit.pipeline import repeating

        repeating.check(repeat)
    job = prepare(path, wishes)
    entry, _, books = wished_entry(job, wishes)
    # The run's own process knows nothing of the kernel that this may be.
    wishes = dataclasses.replace(wishes, unsaved=unsaved.told(books, job.project))
    for text in wishes.unsaved or ():
        reporter.warning(text)
    root = job.project.root
    collecting.check_writable(results or collecting.results_folder(root, job.configuration.results))
    with connect(wishes.engine):
        pass  # that there is one is told now and not to a log
    request: dict[str, JSON] = {
        "name": job.plan.name,
        "command": command_text(entry),
        "path": str(path.resolve()),
        "wishes": dataclasses.asdict(wishes),
        "no_cache": no_cache,
        "results": None if results is None else str(results.absolute()),
        "repeat": repeat,
    }
    folder = run_folder.create(root, datetime.now(UTC))
    # Ctrl-C now would leave a run of which nobody was told.
    with deferred():
        return Detached(folder=folder, process=_started(folder, request))


def entry_of(folder: run_folder.RunFolder, request: dict[str, JSON], process: str) -> indexes.Entry:
    """The run as the index knows it from its start: both processes enter it, in whatever order."""
    name, command = str(request["name"]), str(request["command"])
    running = indexes.running(folder.id, folder.project, name, datetime.now(UTC), command)
    return running._replace(process=process)


def _started(folder: run_folder.RunFolder, request: dict[str, JSON]) -> int:
    started = None
    try:
        # A command may hold a password: nobody else reads it.
        files.write_text(folder.path / REQUEST, json.dumps(request), mode=0o600)
        progress_log.place(folder).touch()  # by which the run is known to be detached
        started = process.background(
            [sys.executable, *PROGRAM, str(folder.path)], folder.path / OUTPUT
        )
        indexes.Index().enter(entry_of(folder, request, living.token(started.pid)))
    except BaseException as error:
        if started is not None:
            process.end(started)
        shutil.rmtree(folder.path, ignore_errors=True)
        if not isinstance(error, process.ProcessFailed):
            raise
        raise StorageFailed(
            f"no process could be started: {error.completed.stderr}", where=sys.executable
        ) from error
    _reap(started)
    return started.pid


def _reap(started: subprocess.Popen[bytes]) -> None:
    """A kernel lives longer than the run: unless somebody asks how it ended, a zombie stays."""
    threading.Thread(target=started.wait, daemon=True).start()
