"""How each kind of result is shown: as HTML, and as text where no HTML is."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

from reprokit.history import wording
from reprokit.history.reading import Record, mapping, rows, text
from reprokit.notebook import card, cell_card, changes, going, judged
from reprokit.notebook.elements import (
    Html,
    code,
    copied,
    facts,
    folded,
    frame,
    headline,
    preformatted,
    shell,
    sign,
    table,
)
from reprokit.notebook.elements import text as escaped
from reprokit.notebook.init_display import initialised
from reprokit.notebook.study_display import study


@dataclass(frozen=True, slots=True)
class Display:
    """How one kind of result is shown.

    text: instead of the result's own. tone: of the frame. command: the verb that shows it again,
    for results that no magic made.
    """

    html: Callable[[Any], str]
    text: Callable[[Any], str] = lambda result: str(result.text())
    tone: Callable[[Any], str] = lambda result: ""
    command: Callable[[Any], str | None] = lambda result: None


def bundle(place: tuple[str, str], result: Any, command: str | None) -> dict[str, str]:
    """A result by media type. place: module and name of its class; command: what was typed, which
    a shell is given too unless the result says otherwise."""
    display = DISPLAYS[place]
    again = getattr(result, "shell", None) or command or display.command(result)
    below = "" if again is None else shell(again)
    content = display.html(result) + below
    return {
        "text/plain": display.text(result),
        "text/html": frame(content, display.tone(result), again or "reprokit"),
    }


def plain(result: Any) -> str:
    """A result as its text, for verbs whose answer is a text."""
    return preformatted(result.text().rstrip("\n"))


def log(result: Any) -> str:
    """What a run printed, or that there is nothing of it."""
    return plain(result) if result.text().strip() else "<p>Nothing to show.</p>"


def created(result: Any) -> str:
    """A starter that was written, and the magic to go on with."""
    what, command = result.said("%repro")
    return f"<p>{escaped(what, 400)}</p><p>Next: {copied(command)}</p>"


def citation(result: Any) -> str:
    """A citation to copy; a badge is shown as one."""
    from reprokit.citing.cite import FORMATS

    picture = ""
    if result.format == "badge":
        encoded = base64.b64encode(result.content.encode()).decode()
        picture = f'<p><img alt="badge of the run" src="data:image/svg+xml;base64,{encoded}"></p>'
    written = "" if result.output is None else f"<p>{code(result.output)} is written.</p>"
    others = ", ".join(name for name in sorted(FORMATS) if name != result.format)
    return (
        f"{picture}{written}{preformatted(result.content, 'copy')}"
        f'<p class="soft">One click marks it all. Other notations: {code("--format")} '
        f"{escaped(others)}.</p>"
    )


def plan(result: Any) -> str:
    """A plan part by part, with its Dockerfile folded below."""
    body = "".join(
        f"<dt>{escaped(title)}</dt>" + "".join(f"<dd>{_planned(line)}</dd>" for line in lines)
        for title, lines in result.sections()
    )
    dockerfile = ""
    if result.dockerfile is not None:
        dockerfile = folded("Dockerfile", preformatted(result.dockerfile.rstrip("\n")))
    return f'<dl class="plan">{body}</dl>{dockerfile}'


def _planned(line: str) -> str:
    """A line of a plan: its reason stands in parentheses after two spaces."""
    what, between, why = line.rstrip().rpartition("  (")
    if not between or not why.endswith(")"):
        return escape(line.strip())
    return f'{escape(what.strip())} <small class="soft">({escape(why)}</small>'


def run_list(result: Any) -> str:
    """The table of runs."""
    if not result.entries:
        return f"<p>{escape(result.text())}</p>"
    everywhere = result.project is None
    header = ["run", "status", "started", "took", "image", "command"]
    body = []
    for entry in rows(result.json(), "runs"):
        status = text(entry, "status")
        cells: list[object] = [
            copied(entry["run"]),
            sign(_failed(entry) if status == "failed" else status, _tone(status)),
            wording.moment(text(entry, "started")),
            wording.duration(_optional(entry["seconds"])),
            code(wording.short_digest(_digest(entry["config_digest"]))),
            code(text(entry, "command"), 80),
        ]
        cells[1:1] = [mapping(entry, "project")["name"]] if everywhere else []
        body.append(cells)
    header[1:1] = ["project"] if everywhere else []
    older = "<p>There are older ones: <code>--limit</code> shows more.</p>" if result.more else ""
    brief = tuple(place for place, name in enumerate(header) if name not in ("started", "command"))
    return table(header, body, "the runs, newest first", brief=brief) + older


def _tone(status: str) -> str:
    tones = {"succeeded": "good", "running": "now", "interrupted": "fair", "lost": "fair"}
    return tones.get(status, "bad")


def _failed(entry: Record) -> str:
    return f"{entry['status']} ({entry['exit_code']})"


def _optional(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _digest(value: object) -> str | None:
    return value if isinstance(value, str) else None


def publication(result: Any) -> str:
    """Where a run is now, and what others type."""
    parts = []
    if result.pushed is not None:
        pushed = result.pushed
        pull = f"docker pull {pushed.reference}"
        parts.append(headline(sign("pushed", "good"), code(pushed.name)))
        said: list[tuple[str, object]] = [
            ("to have it", copied(pull)),
            ("to run it again", copied(f"reprokit rerun {pushed.reference}")),
            ("environment digest", copied(pushed.environment)),
            ("attached record", copied(pushed.record)),
        ]
        said += [] if pushed.data is None else [("attached data", copied(pushed.data))]
        said += [] if pushed.key is None else [("signed by", copied(pushed.key))]
        parts.append(facts(said))
    if result.archive is not None:
        archive = result.archive
        size = f"{wording.counted(archive.files, 'file')}, {wording.size(archive.size)}"
        parts.append(headline(sign("written", "good"), code(archive.archive)))
        parts.append(
            facts(
                [
                    ("holds", size),
                    ("SHA-256", copied(archive.sha256)),
                    ("to run it again", copied(f"reprokit rerun {archive.archive.name}")),
                ]
            )
        )
    return "".join(parts)


def examination(result: Any) -> str:
    """What the doctor found, a row a check, with the way out where something is missing."""
    words = {"good": ("ok", "good"), "warning": ("warning", "fair"), "bad": ("missing", "bad")}
    body = []
    for check in result.checks:
        found = escaped(check.text, 400)
        if check.level != "good" and check.next:
            found += f'<p class="soft">{escaped(check.next, 400)}</p>'
        body.append((check.name, sign(*words[check.level]), Html(found)))
    fixable = any(check.fixable and check.level != "good" for check in result.checks)
    help_is_near = "<p><code>%repro doctor --fix</code> can put this right.</p>" if fixable else ""
    return table(("checked", "state", "found"), body, brief=(0, 1)) + help_is_near


def _examined(result: Any) -> str:
    levels = {check.level for check in result.checks}
    return "bad" if "bad" in levels else "fair" if "warning" in levels else "good"


def _of_run(verb: str) -> Callable[[Any], str]:
    return lambda result: f"reprokit {verb} {text(result.record, 'run')}"


def _of_difference(result: Any) -> str:
    sides = (text(mapping(result.document, side), "run") for side in changes.SIDES)
    return f"reprokit diff {' '.join(sides)}"


DISPLAYS: dict[tuple[str, str], Display] = {
    ("reprokit.pipeline.running", "RunResult"): Display(
        card.run,
        card.run_text,
        lambda result: card.tone(result.record),
        command=_of_run("show"),
    ),
    ("reprokit.pipeline.cells", "CellResult"): Display(
        cell_card.cell,
        tone=lambda result: card.tone(result.record),
        command=_of_run("show"),
    ),
    ("reprokit.starting", "Created"): Display(
        created, lambda result: "\n\n    ".join(result.said("%repro")), tone=lambda result: "good"
    ),
    ("reprokit.initialising.initialise", "InitResult"): Display(initialised),
    ("reprokit.pipeline.locked", "LockResult"): Display(plain),
    ("reprokit.pipeline.exporting", "ExportResult"): Display(plain),
    ("reprokit.pipeline.verifying", "Verification"): Display(
        judged.verification,
        tone=lambda result: "good" if result.same else "bad",
        command=lambda result: f"reprokit verify {result.run}",
    ),
    ("reprokit.pipeline.bill", "Bill"): Display(plain),
    ("reprokit.citing.cite", "Citation"): Display(
        citation,
        command=lambda result: f"reprokit cite {result.facts.run} --format {result.format}",
    ),
    ("reprokit.publishing.publish", "Publication"): Display(publication),
    ("reprokit.publishing.checking", "ImageCheck"): Display(plain),
    ("reprokit.rerunning.result", "RerunResult"): Display(judged.rerun, tone=judged.tone),
    ("reprokit.studying.study", "StudyResult"): Display(study),
    ("reprokit.verdict", "Verdict"): Display(judged.verdict),
    ("reprokit.phases.plan_report", "PlanReport"): Display(plan),
    ("reprokit.history.listing", "RunList"): Display(run_list),
    ("reprokit.history.listing", "Shown"): Display(
        card.shown, tone=lambda result: card.tone(result.record), command=_of_run("show")
    ),
    ("reprokit.history.listing", "Log"): Display(
        log, command=lambda result: f"reprokit logs {result.entry.id}"
    ),
    ("reprokit.history.following", "Followed"): Display(plain),
    ("reprokit.history.status", "Status"): Display(going.status),
    ("reprokit.pipeline.detaching", "Detached"): Display(going.detached, tone=lambda result: "now"),
    ("reprokit.pipeline.attaching", "Stopped"): Display(plain),
    ("reprokit.history.difference", "Difference"): Display(
        changes.difference, command=_of_difference
    ),
    ("reprokit.history.cleaning", "Cleaned"): Display(plain),
    ("reprokit.engines.doctor", "Report"): Display(examination, tone=_examined),
    ("reprokit.registry", "PluginList"): Display(plain),
}
