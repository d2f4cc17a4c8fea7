"""Progress in a notebook: one display that is updated in place.

It needs no widgets, so that its last state is right in a saved notebook, in HTML and in Markdown.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from contextvars import copy_context
from dataclasses import dataclass, field
from html import escape
from typing import Any

from reprokit.history.wording import duration, printable, shortened
from reprokit.terminal import amount, one_line

PAUSE = 0.25  # seconds between two updates: at most four a second
IDLE = 1.0  # seconds between two updates while only time passes
TAIL = 12  # lines of the log that stay in sight
WIDTH = 200  # letters of a line that are shown
WARNINGS = 20


@dataclass(slots=True)
class Phase:
    """A phase as it is shown. `seconds` is `None` while it goes on."""

    name: str
    expected: float | None
    started: float
    seconds: float | None = None


@dataclass(slots=True)
class Progress:
    """The object that is displayed: a table of phases and the last lines of the log."""

    command: str
    phases: list[Phase] = field(default_factory=list)
    doing: str = ""
    progress: tuple[int, int | None, str] | None = None
    warnings: deque[str] = field(default_factory=lambda: deque(maxlen=WARNINGS))
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    lines: int = 0
    finished: bool = False

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}

    def text(self) -> str:
        """Lines for where no HTML is shown."""
        rows = [f"{name:<8}{took}  {note}".rstrip() for name, took, note in self._rows()]
        rows += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join([f"$ {self.command}", *rows, *self._tail()])

    def html(self) -> str:
        """The same as HTML. Without colours of its own, it follows the front end's theme."""
        rows = "".join(
            f"<tr><td style='text-align:left'>{escape(name)}</td>"
            f"<td style='text-align:right'>{escape(took)}</td>"
            f"<td style='text-align:left'>{escape(note)}</td></tr>"
            for name, took, note in self._rows()
        )
        warnings = "".join(
            f"<div><strong>warning:</strong> {escape(warning)}</div>" for warning in self.warnings
        )
        return (
            f"<div class='reprokit'><code>$ {escape(self.command)}</code>"
            f"<table>{rows}</table>{warnings}{self._log_html()}</div>"
        )

    def _rows(self) -> list[tuple[str, str, str]]:
        rows = []
        for phase in self.phases:
            if phase.seconds is not None:
                rows.append((phase.name, duration(phase.seconds), ""))
                continue
            notes = [] if self.progress is None else [amount(*self.progress)]
            if phase.expected is not None:
                notes.append(f"took {duration(phase.expected)} last time")
            notes += [self.doing] if self.doing else []
            elapsed = duration(time.monotonic() - phase.started)
            rows.append((phase.name, elapsed, ", ".join(notes) or "…"))
        return rows

    def _tail(self) -> list[str]:
        hidden = self.lines - len(self.tail)
        more = [f"… {hidden} lines before; all of them: %repro logs"] if hidden > 0 else []
        # The tail grows while it is read, by another thread.
        return more + [shortened(one_line(line), WIDTH) for line in self.tail.copy()]

    def _log_html(self) -> str:
        lines = "\n".join(self._tail())
        if not lines:
            return ""
        block = f"<pre style='max-height:16em;overflow:auto'>{escape(lines)}</pre>"
        if not self.finished:
            return block
        return f"<details><summary>log, {self.lines} lines</summary>{block}</details>"


class LiveReporter:
    """A Reporter that keeps one display of `Progress` up to date.

    `log` only remembers the line; a thread updates the display. That thread runs in the context
    of the cell that made it, so that updates find their way to the cell's output.
    """

    def __init__(self, command: str) -> None:
        self.shown = Progress(command=shortened(command, WIDTH))
        self._handle: Any = None
        self._changed = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def phase(self, name: str, expected: float | None = None) -> None:
        """Begin a phase; the one before is over."""
        self._conclude()
        self.shown.doing, self.shown.progress = "", None
        self.shown.tail.clear()
        self.shown.lines = 0
        self.shown.phases.append(Phase(printable(name), expected, time.monotonic()))
        self._open()
        self._changed = True

    def message(self, text: str) -> None:
        """One line about what is happening now."""
        self.shown.doing = shortened(one_line(text), WIDTH)
        self.shown.progress = None
        self._changed = True

    def log(self, line: str) -> None:
        """A line of a build's or program's own output."""
        self.shown.tail.append(line)
        self.shown.lines += 1
        self._changed = True

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        """How far the present phase is."""
        self.shown.progress = (done, total, unit)
        self._changed = True

    def warning(self, text: str) -> None:
        """A line that stays."""
        self.shown.warnings.append(shortened(one_line(text), WIDTH * 2))
        self._open()
        self._changed = True

    def finish(self) -> None:
        """Stop updating; the display keeps its final state."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._conclude()
        self.shown.finished = True
        if self._handle is not None:
            self._handle.update(self.shown)

    def _conclude(self) -> None:
        if self.shown.phases and self.shown.phases[-1].seconds is None:
            last = self.shown.phases[-1]
            last.seconds = time.monotonic() - last.started

    def _open(self) -> None:
        """Show it for the first time: verbs that have nothing to say leave no empty display."""
        if self._handle is not None:
            return
        from IPython import display

        show: Any = display.display
        self._handle = show(self.shown, display_id=True)
        context = copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._update,), daemon=True)
        self._thread.start()

    def _update(self) -> None:
        latest = time.monotonic()
        while not self._ended.wait(PAUSE):
            if self._changed or time.monotonic() - latest >= IDLE:
                self._changed = False
                latest = time.monotonic()
                self._handle.update(self.shown)
