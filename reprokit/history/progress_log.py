"""`progress.jsonl` in the folder of a detached run: what its reporter said, one JSON object a line.

Whoever wants to know how the run goes reads it: `status` and `attach`, from other processes, while
it is written and after. What the program itself prints stands in log.txt and not here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from reprokit.frozen import frozen
from reprokit.history import living
from reprokit.history.wording import shortened
from reprokit.model import JSON

PAUSE = 0.5  # seconds between two notes of how far a phase is
WIDTH = 500  # letters of a line that are kept
LOGGED = ("run", "repeat")
"""Phases whose output is the program's: the run's log has it."""

_LATEST = 1e11  # seconds since 1970, in the year 5138: no time or duration is beyond it

Event = dict[str, JSON]


class Folder(Protocol):
    """Where the file lies: the folder of a run, or of a source of a study."""

    @property
    def path(self) -> Path: ...


def place(folder: Folder) -> Path:
    """The file of a run; only detached runs have one."""
    return folder.path / "progress.jsonl"


class ProgressLog:
    """A Reporter that writes it all down. A disk that is full must not end a run that needs none:
    what cannot be written is left out."""

    def __init__(self, folder: Folder) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(place(folder), flags, 0o644)
        self._phase = ""
        self._advanced = 0.0
        self._write("start", process=living.this_process())

    def phase(self, name: str, expected: float | None = None) -> None:
        """Begin a phase; the one before is over."""
        self._phase, self._advanced = name, 0.0
        self._write("phase", name=name, expected=expected)

    def message(self, text: str) -> None:
        """One line about what is happening now."""
        self._write("message", text=shortened(text, WIDTH))

    def log(self, line: str) -> None:
        """A line of a build's own output."""
        if self._phase not in LOGGED:
            self._write("log", text=shortened(line, WIDTH))

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        """How far the present phase is."""
        now = time.monotonic()
        if now - self._advanced >= PAUSE:
            self._advanced = now
            self._write("advance", done=done, total=total, unit=unit)

    def warning(self, text: str) -> None:
        """Something the user should know."""
        self._write("warning", text=shortened(text, WIDTH))

    def finish(self, *, failed: bool = False, left: bool = False) -> None:
        """Nothing is held back, so nothing is left to do."""

    def end(self, *, exit_code: int, error: JSON, results: Path | None) -> None:
        """The run is over. error: as `ReprokitError.json`; `None` for a run that succeeded."""
        where = None if results is None else str(results)
        self._write("end", exit_code=exit_code, error=error, results=where)
        os.close(self._file)

    def _write(self, event: str, **values: JSON) -> None:
        line = json.dumps({"at": round(time.time(), 3), "event": event, **values}) + "\n"
        with suppress(OSError):
            # One call a line: processes that read meanwhile see whole lines, but for the last one.
            os.write(self._file, line.encode("ascii"))


@frozen
class Progress:
    """How far a run is, as its file says.

    `process` is the token of its process, `started` and `since` are the times (seconds since 1970)
    at which it and the present phase began, `line` what was said last, `end` the last event.
    """

    process: str | None = None
    started: float | None = None
    phase: str | None = None
    since: float | None = None
    expected: float | None = None
    line: str = ""
    warnings: tuple[str, ...] = ()
    end: Event | None = None

    def after(self, event: Event) -> Progress:
        """The same, and what this event says. Fields of another type than theirs count as absent:
        a project's folder may come from a stranger."""
        at, said = _number(event.get("at")), _text(event.get("text")) or ""
        match event.get("event"):
            case "start":
                return replace(self, process=_text(event.get("process")), started=at)
            case "phase":
                name, expected = _text(event.get("name")), _number(event.get("expected"))
                return replace(self, phase=name, since=at, expected=expected, line="")
            case "message" | "log":
                return replace(self, line=said)
            case "warning":
                return replace(self, warnings=(*self.warnings, said))
            case "end":
                return replace(self, end=event)
        return self


def read(folder: Folder) -> Progress | None:
    """How far a detached run is; `None` for one that is not detached."""
    try:
        lines = place(folder).read_bytes().splitlines()
    except OSError:
        return None
    return progress(events(lines))


def progress(found: Iterable[Event]) -> Progress:
    """What these events say together."""
    so_far = Progress()
    for event in found:
        so_far = so_far.after(event)
    return so_far


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events of these lines; what is no event, such as half a line, is left out."""
    for line in lines:
        try:
            loaded = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(loaded, dict):
            yield loaded


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: JSON) -> float | None:
    if not isinstance(value, int | float) or not 0 <= value < _LATEST:
        return None
    return float(value)
