"""The one seam through which reprokit runs other programs.

Every external process passes `run` or `stream`; tests replace nothing else. No shell is ever
involved, secrets are redacted in what is printed, and a failure carries the whole story.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from reprokit.frozen import frozen
from reprokit.interrupts import deferred
from reprokit.printable import redacted
from reprokit.quoting import printable_command

_log = logging.getLogger("reprokit.process")


@frozen
class Completed:
    """A process that ended. `stdout` and `stderr` are decoded leniently as UTF-8."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


class ProcessFailed(Exception):
    """A program could not be started (`returncode` is `None`) or ended with a non-zero status."""

    def __init__(self, completed: Completed) -> None:
        command = redacted(printable_command(completed.argv))
        tail = redacted(completed.stderr or completed.stdout).strip()[-2000:]
        super().__init__(f"{command} ended with status {completed.returncode}\n{tail}")
        self.completed = completed


def run(
    argv: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    input: str | None = None,
    timeout: float | None = None,
    check: bool = True,
) -> Completed:
    """Run a program to its end and return what it printed.

    environment: added to this process's own. timeout: seconds.
    Raises ProcessFailed for a missing program (status 127), a time-out (124) and, with `check`,
    any non-zero status.
    """
    _log.debug("%s", redacted(printable_command(argv)))
    try:
        done = subprocess.run(
            list(argv),
            cwd=folder,
            env={**os.environ, **environment} if environment else None,
            input=input.encode() if input is not None else None,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            timeout=timeout,
        )
    except (FileNotFoundError, PermissionError) as error:
        failed = Completed(argv=tuple(argv), returncode=127, stdout="", stderr=str(error))
        raise ProcessFailed(failed) from error
    except subprocess.TimeoutExpired as error:
        failed = Completed(
            argv=tuple(argv), returncode=124, stdout="", stderr=f"no answer in {timeout} s"
        )
        raise ProcessFailed(failed) from error
    completed = Completed(
        argv=tuple(argv),
        returncode=done.returncode,
        stdout=done.stdout.decode("utf-8", "replace"),
        stderr=done.stderr.decode("utf-8", "replace"),
    )
    if check and completed.returncode != 0:
        raise ProcessFailed(completed)
    return completed


def stream(
    argv: Sequence[str],
    on_line: Callable[[str], None],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    children_first: bool = False,
) -> Completed:
    """Run a program, handing over each line of its output (stdout and stderr mixed) as it comes.

    The program is stopped (SIGTERM to its whole group, then SIGKILL) when anything interrupts the
    reading; with `children_first` its children are, and it may clean up after them. Raises
    ProcessFailed as `run` does; its `stdout` is everything that was printed.
    """
    with _started(argv, folder, environment, children_first) as process:
        lines = []
        for line in _lines(process):
            lines.append(line)
            on_line(line)
        returncode = process.wait()
    completed = Completed(
        argv=tuple(argv), returncode=returncode, stdout="\n".join(lines), stderr=""
    )
    if returncode != 0:
        raise ProcessFailed(completed)
    return completed


def background(
    argv: Sequence[str],
    log: Path,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    told: bool = False,
    held: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a service that writes to `log`; the caller ends it with `end`.

    It has its own session: Ctrl-C is ours to handle first. told: its standard input is a pipe,
    whose end tells it to stop, or that this process is no more. held: files that it keeps open, and
    so their locks. Raises ProcessFailed (status 127) for a missing program.
    """
    _log.debug("%s", redacted(printable_command(argv)))
    with log.open("ab") as output:
        try:
            return subprocess.Popen(
                list(argv),
                cwd=folder,
                env={**os.environ, **environment} if environment else None,
                stdin=subprocess.PIPE if told else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=held,
            )
        except (FileNotFoundError, PermissionError) as error:
            failed = Completed(argv=tuple(argv), returncode=127, stdout="", stderr=str(error))
            raise ProcessFailed(failed) from error


def piped(
    argv: Sequence[str], *, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program that answers on its stdout what it is asked on its stdin; what it says on
    stderr goes nowhere. The caller ends it. Raises ProcessFailed (status 127) for a missing one."""
    _log.debug("%s", redacted(printable_command(argv)))
    try:
        return subprocess.Popen(
            list(argv),
            env={**os.environ, **environment} if environment else None,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (FileNotFoundError, PermissionError) as error:
        failed = Completed(argv=tuple(argv), returncode=127, stdout="", stderr=str(error))
        raise ProcessFailed(failed) from error


def end(process: subprocess.Popen[bytes], *, children_first: bool = False) -> None:
    """End a process and its group: SIGTERM, after ten seconds SIGKILL."""
    if children_first and process.poll() is None:
        for child in _children(process.pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


@contextmanager
def _started(
    argv: Sequence[str],
    folder: Path | None,
    environment: Mapping[str, str] | None,
    children_first: bool,
) -> Iterator[subprocess.Popen[bytes]]:
    _log.debug("%s", redacted(printable_command(argv)))
    process = None
    try:
        with deferred():
            process = subprocess.Popen(
                list(argv),
                cwd=folder,
                env={**os.environ, **environment} if environment else None,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        yield process
    except (FileNotFoundError, PermissionError) as error:
        if process is not None:
            raise
        failed = Completed(argv=tuple(argv), returncode=127, stdout="", stderr=str(error))
        raise ProcessFailed(failed) from error
    finally:
        if process is not None:
            # A second Ctrl-C would leave it running.
            with deferred():
                end(process, children_first=children_first)
                if process.stdout is not None:
                    process.stdout.close()


def _children(parent: int) -> list[int]:
    """The processes right below one, past those that are the same program started again (as a
    rootless Podman does); none where there is no /proc."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The program's name, in brackets, may contain anything.
            if int(place.read_text().rpartition(")")[2].split()[1]) == parent:
                child = int(place.parent.name)
                again = _command_line(child) == _command_line(parent)
                found += _children(child) if again else [child]
    return found


def _command_line(number: int) -> bytes:
    return Path(f"/proc/{number}/cmdline").read_bytes()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, AttributeError):
        process.send_signal(number)


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    for raw in process.stdout:
        yield raw.decode("utf-8", "replace").rstrip("\r\n")
