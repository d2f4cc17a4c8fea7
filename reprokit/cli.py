"""The shell's door: parse, call one verb, show its result, turn errors into exit codes."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from types import FrameType

from reprokit.errors import BadRequest, Interrupted, ReprokitError
from reprokit.interrupts import STOPPING


def main(argv: list[str] | None = None) -> int:
    """Run one command line; returns the exit code (docs/exit-codes.md)."""
    from reprokit import arguments

    # Imports make many objects and no garbage: collecting on the way costs a fifth of a warm run.
    gc.set_threshold(200_000, 20, 20)
    words, command = arguments.split_command(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    _hear_signals()
    try:
        return _run(words, command)
    except ReprokitError as error:
        _tell(error, as_json)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return Interrupted.exit_code
    except BrokenPipeError:
        # The reader went away (`reprokit runs | head`); Python must not complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    finally:
        # What lives at the end need not be searched for garbage, which takes 20 ms.
        gc.freeze()


def _run(words: list[str], command: list[str] | None) -> int:
    from reprokit import arguments

    parsed = arguments.build_parser().parse_args(words)
    _stand_somewhere()
    # Imported only now: `--version` and `--help` end above.
    from reprokit import dispatch
    from reprokit.terminal import TerminalReporter

    # A log that is followed is the answer itself: it goes where answers go, line by line.
    follows = getattr(parsed, "follow", False)
    reporter = TerminalReporter(
        program_to_stdout=not parsed.json and (follows or sys.stdout.isatty()),
        live=False if follows else None,
    )
    try:
        result = dispatch.execute(parsed, command, reporter)
    finally:
        reporter.finish()
    if parsed.json:
        print(json.dumps(result.json(), ensure_ascii=False, indent=1, sort_keys=True))
    else:
        aside = follows or parsed.verb in ("run", "attach")
        people = sys.stderr if aside and not sys.stdout.isatty() else sys.stdout
        print(result.text(), file=people)
    failure = getattr(result, "failure", None)
    if isinstance(failure, ReprokitError):
        print(f"reprokit: {failure}", file=sys.stderr)
        return failure.exit_code
    return 0


def _stand_somewhere() -> None:
    """Names are read from the working folder on, which another program may have removed."""
    from pathlib import Path

    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise BadRequest(
            "the folder that this shell is in does not exist any more",
            next="go to one that does, for example with cd",
        ) from error


def _tell(error: ReprokitError, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": error.json()}, ensure_ascii=False, indent=1, sort_keys=True))
    print(f"reprokit: {error}", file=sys.stderr)


def _hear_signals() -> None:
    """SIGTERM, and a terminal that is closed, end a run as Ctrl-C does: the container is stopped,
    what is there is kept. Signals that the caller has switched off (nohup) stay so."""
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def interrupt(number: int, frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            # Writing to a terminal that is gone would fail.
            for descriptor in terminals:
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        raise KeyboardInterrupt

    for number in STOPPING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, interrupt)
