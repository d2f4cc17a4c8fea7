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

from reprokit.history.progress_log import LOGGED
from reprokit.history.wording import counted, duration, printable, shortened
from reprokit.notebook.elements import SIGNS, folded, frame, sign
from reprokit.terminal import amount, one_line

PAUSE = 0.25  # seconds between two updates: at most four a second
IDLE = 1.0  # seconds between two updates while only time passes
TAIL = 12  # lines of the log that stay in sight
WIDTH = 200  # letters of a line that are shown
LONGEST = 4 * WIDTH  # letters of a line that are looked at: programs print lines of megabytes
WARNINGS = 20
WAY = ("plan", "lock", "fetch", "build", "run")
"""The phases of a run, in order: those that had nothing to do are shown as well."""
SILENT = ("compare",)
"""Phases that print nothing: what the run printed stays in sight."""


@dataclass(slots=True)
class Phase:
    """A phase as it is shown. `seconds` is `None` while it goes on; `failed`: it did not end;
    `left`: it goes on, and is not shown any more."""

    name: str
    expected: float | None
    started: float
    seconds: float | None = None
    before: float = 0.0
    failed: bool = False
    left: bool = False

    @property
    def elapsed(self) -> float:
        """Seconds so far, those before it was taken up again among them."""
        return time.monotonic() - self.started + self.before


@dataclass(slots=True)
class Progress:
    """The object that is displayed: a row for each phase and the last lines of the log. `kept`:
    all lines of the present phase are on disk."""

    command: str
    phases: list[Phase] = field(default_factory=list)
    doing: str = ""
    progress: tuple[int, int | None, str] | None = None
    warnings: deque[str] = field(default_factory=lambda: deque(maxlen=WARNINGS))
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))
    lines: int = 0
    kept: bool = False
    finished: bool = False

    def _repr_mimebundle_(self, **options: object) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}

    def text(self) -> str:
        """Lines for where no HTML is shown."""
        rows = [f"{row.name:<8}{row.took:<12}{row.note}".rstrip() for row in self._rows()]
        rows += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join([f"$ {self.command}", *rows, *self._tail()])

    def html(self) -> str:
        """The same as HTML, with a bar for what goes on."""
        rows = "".join(map(_row, self._rows()))
        warnings = "".join(
            f"<p>{sign('warning', 'fair')} {escape(warning)}</p>" for warning in self.warnings
        )
        return frame(
            f'<p class="headline"><code>$ {escape(self.command)}</code> '
            f'<span role="status">{escape(self._state())}</span></p>'
            f'<table class="phases"><caption class="unseen">phases</caption>'
            f"<tbody>{rows}</tbody></table>{warnings}{self._log_html()}",
            self._tone(),
            self.command,
        )

    def _tone(self) -> str:
        if not self.finished:
            return "now"
        return "fair" if any(phase.failed or phase.left for phase in self.phases) else ""

    def _state(self) -> str:
        """Where it is, without anything that changes each second: it is read aloud."""
        if not self.phases:
            return ""
        last = self.phases[-1]
        if not self.finished:
            return f"{last.name} is going on"
        if last.failed:
            return f"stopped in {last.name}"
        if last.left:
            return f"{last.name} goes on by itself"
        return f"done in {duration(sum(phase.seconds or 0 for phase in self.phases))}"

    def _rows(self) -> list[Row]:
        begun = {phase.name: self._begun(phase) for phase in self.phases}
        if not self.phases or self.phases[0].name != WAY[0]:
            return [*begun.values()]
        latest = max((WAY.index(name) for name in begun if name in WAY), default=-1)
        over = self.finished and not any(phase.failed or phase.left for phase in self.phases)
        rows = []
        for place, name in enumerate(WAY):
            if name in begun:
                rows.append(begun.pop(name))
            elif place < latest or over:
                rows.append(Row(name, "", "up to date", "good"))
            elif not self.finished:
                rows.append(Row(name, "", "to come", ""))
        return [*rows, *begun.values()]

    def _begun(self, phase: Phase) -> Row:
        if phase.seconds is not None:
            if phase.left:
                return Row(phase.name, "", "goes on, and is not shown here any more", "fair")
            shade = "bad" if phase.failed else "good"
            return Row(phase.name, duration(phase.seconds), "stopped" * phase.failed, shade)
        notes = [] if self.progress is None else [amount(*self.progress)]
        if phase.expected is not None:
            notes.append(f"took {duration(phase.expected)} last time")
        notes += [self.doing] if self.doing else []
        elapsed = phase.elapsed
        share, exact = self._share(phase, elapsed)
        note = ", ".join(notes) or "…"
        return Row(phase.name, duration(elapsed), note, "now", share, exact)

    def _share(self, phase: Phase, elapsed: float) -> tuple[float | None, bool]:
        """How much of the present phase is done: as counted, else by the time it took last time,
        which is only a guess and never says that it is done."""
        if self.progress is not None and self.progress[1]:
            return min(self.progress[0] / self.progress[1], 1.0), True
        if phase.expected:
            return min(elapsed / phase.expected, 0.95), False
        return None, False

    def _tail(self) -> list[str]:
        hidden = self.lines - len(self.tail)
        where = "; all of them: %repro logs" if self.kept else ""
        more = [f"… {hidden} lines before{where}"] if hidden > 0 else []
        # The tail grows while it is read, by another thread.
        return more + [shortened(one_line(line), WIDTH) for line in self.tail.copy()]

    def _log_html(self) -> str:
        lines = "\n".join(self._tail())
        if not lines:
            return ""
        block = (
            f'<pre role="log" aria-live="off" aria-label="last lines of the log" tabindex="0">'
            f"{escape(lines)}</pre>"
        )
        if not self.finished:
            return block
        return folded(f"log, {counted(self.lines, 'line')}", block)


@dataclass(frozen=True, slots=True)
class Row:
    """A phase in words. `share` is how much is done; `exact`: counted, not guessed."""

    name: str
    took: str
    note: str
    tone: str
    share: float | None = None
    exact: bool = False


def _row(row: Row) -> str:
    mark = SIGNS.get(row.tone, "·")
    bar = _bar(row) if row.tone == "now" else ""
    kind = row.tone or "later"
    return (
        f'<tr class="{kind}"><th scope="row" class="{kind}">'
        f'<span aria-hidden="true">{mark} </span>{escape(row.name)}</th>'
        f'<td class="number">{escape(row.took)}</td><td>{bar}{escape(row.note)}</td></tr>'
    )


def _bar(row: Row) -> str:
    """A bar that is right without scripts; without a value it says that nobody knows."""
    if row.share is None:
        value, inner = "", '<span class="unknown" style="width:100%"></span>'
    else:
        percent = round(row.share * 100)
        said = f"{percent} %" if row.exact else f"about {percent} %, by the time it took last time"
        value = f' aria-valuenow="{percent}" aria-valuetext="{said}"'
        inner = f'<span style="width:{percent}%"></span>'
    return (
        f'<span class="track" role="progressbar" aria-label="{escape(row.name)}" '
        f'aria-valuemin="0" aria-valuemax="100"{value}>{inner}</span>'
    )


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
        if name not in SILENT:
            self.shown.tail.clear()
            self.shown.lines = 0
            self.shown.kept = name in LOGGED
        self._begin(printable(name), expected)
        self._open()
        self._changed = True

    def message(self, text: str) -> None:
        """One line about what is happening now."""
        self.shown.doing = shortened(one_line(text), WIDTH)
        self.shown.progress = None
        self._changed = True

    def log(self, line: str) -> None:
        """A line of a build's or program's own output."""
        self.shown.tail.append(line[:LONGEST])
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

    def finish(self, *, failed: bool = False, left: bool = False) -> None:
        """Stop updating; the display keeps its final state."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._conclude(failed=failed, left=left)
        self.shown.finished = True
        if self._handle is not None:
            self._handle.update(self.shown)

    def _begin(self, name: str, expected: float | None) -> None:
        """A new row, or the same one again: building has two parts."""
        phases = self.shown.phases
        if phases and phases[-1].name == name:
            again = phases[-1]
            again.before, again.seconds = again.seconds or 0.0, None
            again.started = time.monotonic()
            return
        phases.append(Phase(name, expected, time.monotonic()))

    def _conclude(self, *, failed: bool = False, left: bool = False) -> None:
        if self.shown.phases and self.shown.phases[-1].seconds is None:
            last = self.shown.phases[-1]
            last.seconds, last.failed, last.left = last.elapsed, failed, left

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
