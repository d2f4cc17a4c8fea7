"""What `%repro run --detach` and `%repro status` show: runs that go on by themselves."""

from __future__ import annotations

from typing import Any

from reprokit.history import wording
from reprokit.notebook.elements import Html, code, copied, facts, headline, sign, table
from reprokit.notebook.elements import text as escaped

TONES = {"running": "now", "lost": "bad"}


def detached(result: Any) -> str:
    """A run that was started, and how to see more of it."""
    run = result.folder.id
    return headline(sign("goes on by itself", "now"), f"run {code(run)}") + facts(
        (
            ("see how it goes", copied(f"%repro attach {run}")),
            ("what runs now", copied("%repro status")),
            ("stop it", copied(f"%repro stop {run}")),
            ("its folder", copied(result.folder.path)),
        )
    )


def status(result: Any) -> str:
    """A row for each run that goes on, or was killed."""
    if not result.going:
        return f"<p>{escaped(result.text(), 400)}</p>"
    everywhere = result.project is None
    header = ["run", "status", "phase", "for", "last time", "says"]
    header[1:1] = ["project"] if everywhere else []
    body = []
    for run in result.going:
        cells: list[object] = [
            copied(run.entry.id),
            sign(run.entry.status, TONES.get(run.entry.status, "fair")),
            run.phase,
            wording.duration(run.phase_seconds),
            wording.duration(run.expected),
            code(run.line.strip(), 80),
        ]
        cells[1:1] = [run.entry.name] if everywhere else []
        body.append(cells)
    listed = table(header, body, "what runs now", brief=tuple(range(len(header) - 1)))
    return listed + "".join(_lost(run) for run in result.going if run.entry.status == "lost")


def _lost(run: Any) -> Html:
    command = copied(f"%repro logs {run.entry.id}")
    return Html(f"<p>It was killed, or the machine restarted; what it printed: {command}</p>")
