"""What results of verbs look like in a notebook.

The result classes know nothing of notebooks: their displays are registered by name, so that
loading the extension imports none of them. Every display has its plain text beside the HTML.
No colours are set, so both light and dark themes show it; status is said in words.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from reprokit.history import wording
from reprokit.history.contents import inside
from reprokit.history.reading import Record, command_text, mapping, number, rows, text
from reprokit.notebook import previews
from reprokit.notebook.init_display import initialised

PREVIEWS = 12
"""Files shown with their content; the others are listed."""
LISTED = 100
BUDGET = 6_000_000
"""Letters of HTML after which files are only listed, so that the notebook stays light."""


def register(shell: Any) -> None:
    """Teach a shell to display the results of all verbs."""
    formatter = shell.display_formatter.mimebundle_formatter
    for (module, name), html in DISPLAYS.items():
        formatter.for_type_by_name(module, name, _formatter(html))


def _formatter(html: Callable[[Any], str]) -> Callable[..., dict[str, str]]:
    def bundle(result: Any, include: object = None, exclude: object = None) -> dict[str, str]:
        return {
            "text/plain": result.text(),
            "text/html": f"<div class='reprokit'>{html(result)}</div>",
        }

    return bundle


def plain(result: Any) -> str:
    """A result as its text, for verbs whose answer is a text."""
    return f"<pre>{escape(_lines(result.text()))}</pre>"


def _lines(content: str) -> str:
    """A text of several lines without control characters."""
    return "\n".join(wording.printable(line) for line in content.split("\n"))


def citation(result: Any) -> str:
    """A citation to copy; a badge is shown as one."""
    if result.format != "badge":
        return plain(result)
    encoded = base64.b64encode(result.content.encode()).decode()
    return f"<img alt='badge' src='data:image/svg+xml;base64,{encoded}'>{plain(result)}"


def plan(result: Any) -> str:
    """A plan, with its Dockerfile folded below."""
    dockerfile = result.dockerfile
    if dockerfile is None:
        return plain(result)
    return (
        f"{plain(dataclasses.replace(result, dockerfile=None))}"
        f"<details><summary>Dockerfile</summary><pre>{escape(_lines(dockerfile))}</pre></details>"
    )


def run(result: Any) -> str:
    """A finished run: how it ended, its results, and what a paper needs to name."""
    return record_html(result.record, result.folder / "results")


def shown(result: Any) -> str:
    """The same for a former run."""
    from reprokit.publishing import pushed

    references = [push.reference for push in pushed.read(result.folder)]
    return record_html(result.record, result.folder.results, references)


def record_html(record: Record, results: Path, pushed: Sequence[str] = ()) -> str:
    """HTML for a record whose result files lie in `results`; `pushed` is what can be pulled."""
    return (
        f"<p><strong>{escape(_ending(record))}</strong> {escape(_took(record))}</p>"
        f"{_notebooks(record)}{_results(rows(record, 'results'), results)}"
        f"{_facts(record, pushed)}"
    )


def _notebooks(record: Record) -> str:
    """Whether the outputs of the notebooks that ran are those stored."""
    if "notebooks" not in record:
        return ""
    from reprokit.notebook_runs import outputs

    return f"<pre>{escape(_lines(chr(10).join(outputs.lines(record))))}</pre>"


def _ending(record: Record) -> str:
    status, code = text(record, "status"), record.get("exit_code")
    return f"{status} (exit code {code})" if status == "failed" else status


def _took(record: Record) -> str:
    count = len(rows(record, "results"))
    took = wording.duration(number(record, "seconds"))
    return f"in {took}, {wording.counted(count, 'result')}"


def _facts(record: Record, pushed: Sequence[str]) -> str:
    """Digests in full, for copying; folded, because only papers need them."""
    image, project = mapping(record, "image"), mapping(record, "project")
    identifier = text(record, "run")
    facts = [
        ("run", identifier),
        ("command", command_text(record)),
        ("commit", _commit(project)),
        ("image (config digest)", image.get("config_digest")),
        ("image (registry digest)", ", ".join(pushed) or "not pushed"),
        ("environment digest", record.get("environment_digest") or "not known"),
        ("record", record.get("digest")),
        ("packages as of", mapping(record, "date").get("day")),
        ("in a shell", f"reprokit show {identifier}"),
    ]
    body = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'><code>{_text(value)}</code></td></tr>"
        for name, value in facts
    )
    return f"<details open><summary>what a paper needs</summary><table>{body}</table></details>"


def _commit(project: Record) -> str:
    if project.get("commit") is None:
        return "not in a git repository"
    return f"{project['commit']}{', with changes' if project.get('dirty') else ''}"


def _results(files: Sequence[Record], folder: Path) -> str:
    shown: list[str] = []
    listed: list[Record] = []
    spent = 0
    for file in files:
        content = None
        if len(shown) < PREVIEWS and spent < BUDGET:
            path = inside(folder, text(file, "path"))
            content = None if path is None else previews.preview(path)
        if content is None:
            listed.append(file)
            continue
        spent += len(content)
        shown.append(f"<h4>{_file(file)}</h4>{content}")
    return "".join(shown) + _listing(listed)


def _listing(files: Sequence[Record]) -> str:
    if not files:
        return ""
    body = "".join(f"<li>{_file(file)}</li>" for file in files[:LISTED])
    more = f"<li>and {len(files) - LISTED} more</li>" if len(files) > LISTED else ""
    return f"<ul>{body}{more}</ul>"


def _file(file: Record) -> str:
    size = wording.size(int(number(file, "size")))
    digest = text(file, "sha256")
    return (
        f"<code>{_text(text(file, 'path'))}</code> "
        f"<small title='{escape(digest)}'>{size}, {wording.short_digest(digest)}</small>"
    )


def run_list(result: Any) -> str:
    """The table of runs."""
    if not result.entries:
        return plain(result)
    body = (
        [
            entry["run"],
            mapping(entry, "project")["name"],
            entry["status"] if entry["exit_code"] in (0, None) else _failed(entry),
            wording.moment(text(entry, "started")),
            wording.duration(_optional(entry["seconds"])),
            wording.short_digest(_digest(entry["config_digest"])),
            wording.shortened(text(entry, "command"), 80),
        ]
        for entry in rows(result.json(), "runs")
    )
    more = "<p>There are older ones: <code>--limit</code> shows more.</p>" if result.more else ""
    return table(("run", "project", "status", "started", "took", "image", "command"), body) + more


def _failed(entry: Record) -> str:
    return f"{entry['status']} ({entry['exit_code']})"


def _optional(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _digest(value: object) -> str | None:
    return value if isinstance(value, str) else None


def difference(result: Any) -> str:
    """What changed between two runs, a table a section; sections without a change are left out."""
    document = result.json()
    before, after = mapping(document, "before"), mapping(document, "after")
    parts = [f"<p>{_side(before)} → {_side(after)}</p>"]
    for name in ("code", "environment", "command", "outcome", "packages"):
        changes = rows(document, name)
        if changes:
            changed = [(row["name"], row["before"], row["after"]) for row in changes]
            parts.append(f"<h4>{name}</h4>" + table(("what", "before", "after"), changed))
    for name in ("data", "results"):
        files = rows(document, name)
        if files:
            body = [(f["path"], f["status"], _hash(f["before"]), _hash(f["after"])) for f in files]
            parts.append(f"<h4>{name}</h4>" + table(("file", "status", "before", "after"), body))
    if document["same"]:
        parts.append("<p><strong>Nothing differs but the times.</strong></p>")
    return "".join(parts)


def _side(side: Record) -> str:
    return f"<code>{_text(side['run'])}</code> ({_text(side['status'])})"


def _hash(content: object) -> str:
    return wording.short_digest(str(content["sha256"])) if isinstance(content, dict) else "none"


def table(header: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    """An HTML table of values from anywhere."""
    head = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in header)
    lines = "".join(
        "<tr>"
        + "".join(f"<td style='text-align:left'>{_text(cell)}</td>" for cell in row)
        + "</tr>"
        for row in body
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _text(value: object) -> str:
    """Any value of a record as one line of escaped text."""
    if value is None:
        return "none"
    if isinstance(value, list):
        value = ", ".join(map(str, value)) or "none"
    return escape(wording.shortened(str(value), 200))


DISPLAYS: dict[tuple[str, str], Callable[[Any], str]] = {
    ("reprokit.pipeline.running", "RunResult"): run,
    ("reprokit.initialising.initialise", "InitResult"): initialised,
    ("reprokit.pipeline.locked", "LockResult"): plain,
    ("reprokit.pipeline.exporting", "ExportResult"): plain,
    ("reprokit.pipeline.verifying", "Verification"): plain,
    ("reprokit.pipeline.bill", "Bill"): plain,
    ("reprokit.citing.cite", "Citation"): citation,
    ("reprokit.publishing.publish", "Publication"): plain,
    ("reprokit.publishing.checking", "ImageCheck"): plain,
    ("reprokit.rerunning.result", "RerunResult"): plain,
    ("reprokit.verdict", "Verdict"): plain,
    ("reprokit.phases.plan_report", "PlanReport"): plan,
    ("reprokit.history.listing", "RunList"): run_list,
    ("reprokit.history.listing", "Shown"): shown,
    ("reprokit.history.listing", "Log"): plain,
    ("reprokit.history.following", "Followed"): plain,
    ("reprokit.history.status", "Status"): plain,
    ("reprokit.pipeline.detaching", "Detached"): plain,
    ("reprokit.pipeline.attaching", "Stopped"): plain,
    ("reprokit.history.difference", "Difference"): difference,
    ("reprokit.history.cleaning", "Cleaned"): plain,
    ("reprokit.engines.doctor", "Report"): plain,
    ("reprokit.registry", "PluginList"): plain,
}
