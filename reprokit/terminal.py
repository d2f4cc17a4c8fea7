"""Progress in a terminal, on stderr, so that stdout stays free for results.

With a terminal there is one status line, drawn at most four times a second by a thread of its
own; without one (a pipe, CI) there are plain lines. `log` only takes a lock and writes, so that a
program that prints 100,000 lines is not slowed down.
"""

from __future__ import annotations

import re
import shutil
import sys
import threading
import time
from typing import TextIO

from reprokit.history import wording
from reprokit.history.wording import duration

PAUSE = 0.25  # seconds between two drawings of the status line
SIGN_OF_LIFE = 15.0  # seconds of silence in a long phase after which a plain line is written
PROGRAM = "run"  # the phase whose log is the program's own output
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]")


class TerminalReporter:
    """A Reporter for shells. The program's output goes to stdout if asked, else to stderr."""

    def __init__(
        self,
        *,
        program_to_stdout: bool = False,
        stream: TextIO | None = None,
        program: TextIO | None = None,
        live: bool | None = None,
    ) -> None:
        self._stream = stream if stream is not None else sys.stderr
        own = program if program is not None else sys.stdout
        self._program = own if program_to_stdout else self._stream
        self._live = self._stream.isatty() if live is None else live
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._drawn = False
        self._ticker: threading.Thread | None = None
        self._phase: str | None = None
        self._expected: float | None = None
        self._started = self._spoken = time.monotonic()
        self._doing = ""
        self._progress: tuple[int, int | None, str] | None = None

    def phase(self, name: str, expected: float | None = None) -> None:
        """Begin a phase; the one before is over."""
        with self._lock:
            self._conclude()
            self._phase, self._expected = name, expected
            self._started = self._spoken = time.monotonic()
            self._doing, self._progress = "", None
            if not self._live:
                self._write(f"reprokit: {name}{last_time(expected)}")
        self._start_ticking()

    def message(self, text: str) -> None:
        """One line about what is happening now."""
        with self._lock:
            self._doing, self._progress = one_line(text), None
            if not self._live:
                self._write(f"reprokit: {self._doing}")
                self._spoken = time.monotonic()

    def log(self, line: str) -> None:
        """The program's output passes through; a build's is only hinted at."""
        if self._phase != PROGRAM:
            self._doing = line
            return
        with self._lock:
            self._erase()
            _print(line + "\n", self._program)
            self._spoken = time.monotonic()

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        """How far the present phase is."""
        self._progress = (done, total, unit)

    def warning(self, text: str) -> None:
        """A line that stays."""
        with self._lock:
            self._erase()
            self._write(f"reprokit: warning: {one_line(text)}")

    def finish(self, *, failed: bool = False, left: bool = False) -> None:
        """Stop drawing and leave nothing half written."""
        self._ended.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._lock:
            self._conclude()
            self._phase = None
            self._stream.flush()

    def _start_ticking(self) -> None:
        if self._ticker is None:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        while not self._ended.wait(PAUSE):
            with self._lock:
                if self._live:
                    self._draw()
                elif time.monotonic() - self._spoken >= SIGN_OF_LIFE:
                    self._spoken = time.monotonic()
                    self._write(f"reprokit: {self._status()}")

    def _status(self) -> str:
        parts = [f"{self._phase} {duration(time.monotonic() - self._started)}"]
        if self._expected is not None:
            parts.append(f"(took {duration(self._expected)} last time)")
        if self._progress is not None:
            parts.append(amount(*self._progress))
        if self._doing:
            parts.append(one_line(self._doing))
        return "  ".join(parts)

    def _draw(self) -> None:
        width = shutil.get_terminal_size().columns - 1
        _print("\r\x1b[K" + self._status()[:width], self._stream)
        self._stream.flush()
        self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            _print("\r\x1b[K", self._stream)
            self._stream.flush()
            self._drawn = False

    def _conclude(self) -> None:
        """A finished phase leaves one line with its time."""
        self._erase()
        if self._live and self._phase is not None:
            took = duration(time.monotonic() - self._started)
            self._write(f"{self._phase:<8}{took}")

    def _write(self, line: str) -> None:
        _print(line + "\n", self._stream)
        self._stream.flush()


def _print(text: str, stream: TextIO) -> None:
    try:
        stream.write(text)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def one_line(text: str) -> str:
    """Text with colours and control characters taken out, so that it cannot leave its line."""
    return _CONTROL.sub(" ", text).strip()


def last_time(expected: float | None) -> str:
    """What is said of a phase's former duration."""
    return "" if expected is None else f" (took {duration(expected)} last time)"


def amount(done: int, total: int | None, unit: str = "B") -> str:
    """Progress as people say it: "1.5 MB of 20.0 MB", "3 of 7 files"."""
    if unit != "B":
        return f"{done} {unit}" if total is None else f"{done} of {total} {unit}"
    return wording.size(done) if total is None else f"{wording.size(done)} of {wording.size(total)}"
