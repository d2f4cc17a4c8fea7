"""Comparing in a process of its own what only compiled libraries read (HDF5, Parquet, pictures,
PDF): on a damaged file such a library can end the process that it runs in.

The process is reprokit's own program (`reprokit.comparators.apart_program`). It is no sandbox: it
keeps a rerun from ending with a file.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from reprokit import process
from reprokit.comparators.protocol import Settings, Unreadable
from reprokit.verdict import Attachment, Comparison, Grade

# -P: the folder that we are in may be a stranger's; nothing in it may pass for a module of ours.
PROGRAM = ("-P", "-m", "reprokit.comparators.apart_program")
READY = b"ready\n"
LONGEST = 600.0
"""Seconds for one file."""


class Apart:
    """A process that compares files, one after the other. It starts with the first, again where one
    ended it, and ends with the block. Where it cannot start, files are compared here."""

    def __init__(self, program: tuple[str, ...] = PROGRAM, longest: float = LONGEST) -> None:
        self._program, self._longest = program, longest
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def __call__(self, path: str, expected: Path, actual: Path, settings: Settings) -> Comparison:
        """What `compare_files` says, but where the file ends the process: then Unreadable."""
        from reprokit.comparators.dispatch import compare_files

        plain = replace(settings, apart=None, observe=None, run_r=None)
        worker = self._started()
        if worker is None:
            return compare_files(path, expected, actual, replace(settings, apart=None))
        request = pickle.dumps((path, expected.absolute(), actual.absolute(), plain))
        answer = self._answer(worker, request)
        if answer is None:
            raise Unreadable("the library that reads it failed on it")
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        settings.budget.take(answer["taken"])
        return _read(answer["comparison"])

    def _started(self) -> subprocess.Popen[bytes] | None:
        if self._process is None or self._process.poll() is not None:
            self._end()
            # Wherever this very package is imported from, the process has it from there as well.
            here = str(Path(__file__).parents[2])
            paths = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
            try:
                argv = [sys.executable, *self._program]
                started = process.piped(argv, environment={"PYTHONPATH": paths})
            except process.ProcessFailed:
                return None
            self._process = started
            assert started.stdout is not None
            if started.stdout.readline() != READY:
                self._end()
        return self._process

    def _answer(self, worker: subprocess.Popen[bytes], request: bytes) -> dict[str, Any] | None:
        """What the process says; `None` where it ended instead."""
        late = threading.Event()

        def expire() -> None:
            late.set()
            worker.kill()

        timer = threading.Timer(self._longest, expire)
        timer.daemon = True
        timer.start()
        try:
            answer = _exchanged(worker, request)
        finally:
            timer.cancel()
        if late.is_set():
            raise Unreadable(f"it could not be read within {self._longest:g} s")
        if answer is None:
            self._end()
        return answer

    def _end(self) -> None:
        worker, self._process = self._process, None
        if worker is not None:
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                with suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]


def _exchanged(worker: subprocess.Popen[bytes], request: bytes) -> dict[str, Any] | None:
    assert worker.stdin is not None and worker.stdout is not None
    try:
        worker.stdin.write(b"%d\n" % len(request) + request)
        worker.stdin.flush()
        line = worker.stdout.readline()
    except OSError:
        return None
    # Read as JSON: a process that a file led astray is not believed more than the file.
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """What the process does: compare what is asked for, until nothing more is."""
    import traceback

    from reprokit.comparators.dispatch import compare_files

    answers.write(READY)
    answers.flush()
    while length := requests.readline():
        path, expected, actual, settings = pickle.loads(requests.read(int(length)))  # ours
        before = settings.budget.left
        try:
            found = compare_files(path, expected, actual, settings)
            taken = before - settings.budget.left
            answer = {"comparison": _written(found), "taken": max(min(taken, before), 0)}
        except Exception:
            answer = {"failed": traceback.format_exc()}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _written(found: Comparison) -> dict[str, Any]:
    contents = [base64.b64encode(one.content).decode() for one in found.attachments]
    return {**found.json(), "contents": contents}


def _read(found: Mapping[str, Any]) -> Comparison:
    attached = zip(found["attachments"], found["contents"], strict=True)
    return Comparison(
        path=found["path"],
        comparator=found["comparator"],
        grade=Grade(found["grade"]),
        summary=found["summary"],
        details=found["details"],
        attachments=tuple(
            Attachment(
                name=one["name"],
                media_type=one["media_type"],
                content=base64.b64decode(content),
            )
            for one, content in attached
        ),
    )
