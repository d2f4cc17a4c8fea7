"""The card of a run: how it ended, whether the results are the same as last time and what changed,
the results themselves, and what a paper names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.history import wording
from reprokit.history.contents import inside
from reprokit.history.reading import (
    Record,
    command_text,
    mapping,
    number,
    rows,
    text,
    text_or_none,
    warnings,
)
from reprokit.notebook import previews
from reprokit.notebook.elements import (
    Html,
    code,
    copied,
    facts,
    folded,
    headline,
    more,
    preformatted,
    sign,
    table,
)
from reprokit.notebook.elements import text as escaped
from reprokit.terminal import one_line
from reprokit.verdict import Grade, Verdict

if TYPE_CHECKING:
    from reprokit.history.since import Since

PREVIEWS = 12
"""Files shown with their content; the others are listed."""
LISTED = 100
BUDGET = 6_000_000
"""Letters of HTML after which files are only listed, so that the notebook stays light."""
LOG_LINES = 20
_LOG_BYTES = 64_000
_KEPT = "log and results so far are kept"


def run(result: Any) -> str:
    """A finished run."""
    return card(result.record, result.folder, compared(result.record, result.folder))


def shown(result: Any) -> str:
    """The same for a former run, and what was warned of when it began."""
    from reprokit.publishing import pushed

    folder = result.folder
    references = [push.reference for push in pushed.read(folder)]
    since = compared(result.record, folder.path)
    told = warnings(result.record)
    listed = "".join(f"<p>{sign('warning', 'fair')} {escaped(text, 400)}</p>" for text in told[:5])
    listed += more(len(told) - 5, "warning")
    return card(result.record, folder.path, since, references) + listed


def compared(record: Record, folder: Path) -> Since | None:
    """The run of that folder against the one before it."""
    from reprokit.history import since

    return since.since(record, folder.parents[2], folder / "results")


def run_text(result: Any) -> str:
    """A finished run where no HTML is shown."""
    parts = [result.text()]
    since = compared(result.record, result.folder)
    if since is not None:
        parts.append(since.text())
    if result.record.get("status") == "succeeded":
        parts.append(f"cite as       {citation(result.record)}")
    return "\n".join(parts)


def tone(record: Record) -> str:
    """The tone of how a run ended."""
    status = text(record, "status")
    return {"succeeded": "good", "interrupted": "fair"}.get(status, "bad")


def card(record: Record, folder: Path, since: Since | None, pushed: Sequence[str] = ()) -> str:
    """HTML for a record whose run has that folder; `pushed` is what can be pulled."""
    return "".join(
        (
            _lead(record),
            _compared(since),
            _notebooks(record),
            _cell(record, folder),
            _log(record, folder / "log.txt"),
            results(rows(record, "results"), folder / "results"),
            _citation(record),
            _facts(record, pushed),
        )
    )


def _lead(record: Record) -> str:
    project, count = mapping(record, "project"), len(rows(record, "results"))
    took = wording.duration(number(record, "seconds"))
    kept = "" if record["status"] == "succeeded" else f"; {_KEPT}"
    said = f"run {text(record, 'run')} of {text(project, 'name')} in {took}, "
    said += wording.counted(count, "result") + kept
    return headline(sign(ending(record), tone(record)), escaped(said))


def ending(record: Record) -> str:
    """How it ended, in words."""
    status, exit_code = text(record, "status"), record.get("exit_code")
    return f"{status} (exit code {exit_code})" if status == "failed" else status


def _compared(found: Since | None) -> str:
    if found is None:
        return ""
    earlier = f"since {code(found.earlier.id)}"
    if found.verdict is None:
        head = f"<p>{earlier}, the last that succeeded: {escaped(found.reason, 400)}</p>"
    else:
        reproduced = found.verdict.grade.reproduced
        word = "same results" if reproduced else "other results"
        mark = sign(word, "good" if reproduced else "fair")
        head = headline(mark, f"{earlier}: {escaped(found.headline)}")
        head += f"<p>{escaped(found.reason, 400)}</p>"
    changed = facts((change.kind, Html(escaped(change.text, 400))) for change in found.changes)
    return head + (changed if found.changes else "") + _differing(found.verdict)


def _differing(verdict: Verdict | None) -> str:
    """What is new in the results, file by file."""
    files = () if verdict is None else verdict.files
    differing = [file for file in files if file.grade is not Grade.IDENTICAL]
    if not differing:
        return ""
    body = [
        (code(file.path), Html(escaped(file.grade.value)), Html(escaped(file.summary, 300)))
        for file in differing[:PREVIEWS]
    ]
    listed = table(("result", "now", "what differs"), body, brief=(1,))
    return listed + more(len(differing) - PREVIEWS, "result")


def _notebooks(record: Record) -> str:
    """Whether the outputs of the notebooks that ran are those stored in their files."""
    if "notebooks" not in record:
        return ""
    from reprokit.notebook_runs import outputs

    return preformatted("\n".join(outputs.lines(record)))


def _cell(record: Record, folder: Path) -> str:
    """Of the run of a cell its figures, what it carried, and its text."""
    if "cell" not in record:
        return ""
    from reprokit.cells import telling
    from reprokit.notebook import cell_card

    text_of = preformatted("\n".join(telling.described(record)))
    return cell_card.figures(record, folder) + folded("the cell and what it carried", text_of)


def _log(record: Record, path: Path) -> str:
    """The end of what it printed, where it did not end well."""
    if record["status"] == "succeeded":
        return ""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _LOG_BYTES, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()[-LOG_LINES:]
    except OSError:
        return ""
    if not lines:
        return "<p>It printed nothing.</p>"
    tail = "\n".join(wording.shortened(one_line(line), previews.LINE) for line in lines)
    return folded("the end of its log", preformatted(tail), open=True)


def results(files: Sequence[Record], folder: Path) -> str:
    shown: list[str] = []
    listed: list[Record] = []
    spent = 0
    for file in files:
        content = None
        if len(shown) < PREVIEWS and spent < BUDGET:
            path = inside(folder, text(file, "path"))
            content = None if path is None else previews.preview(path, text(file, "path"))
        if content is None:
            listed.append(file)
            continue
        spent += len(content)
        shown.append(f"<h4>{_file(file)}</h4>{content}")
    head = "<h3>Results</h3>" if files else ""
    return head + "".join(shown) + _listing(listed)


def _listing(files: Sequence[Record]) -> str:
    if not files:
        return ""
    body = "".join(f"<li>{_file(file)}</li>" for file in files[:LISTED])
    left = f"<li>and {len(files) - LISTED} more</li>" if len(files) > LISTED else ""
    return f"<ul>{body}{left}</ul>"


def _file(file: Record) -> str:
    size = wording.size(int(number(file, "size")))
    digest = text(file, "sha256")
    return (
        f"{code(text(file, 'path'))} "
        f'<small title="{escaped(digest)}">{size}, {wording.short_digest(digest)}</small>'
    )


def citation(record: Record) -> str:
    """One sentence that a paper can carry; `cite` says it at length."""
    version = text(mapping(record, "reprokit"), "version")
    digest = text_or_none(record, "environment_digest") or "not known"
    return (
        f"Computed on {text(record, 'started')[:10]} with reprokit {version}, run "
        f"{text(record, 'run')}, in the environment {digest}; record {text(record, 'digest')}."
    )


def _citation(record: Record) -> str:
    if record["status"] != "succeeded":
        return ""
    run = text(record, "run")
    return (
        f"<h3>To cite</h3>{preformatted(citation(record), 'copy')}"
        f'<p class="soft">A paragraph for the methods section: {code(f"%repro cite {run}")}; '
        f"{code('--format bibtex')}, {code('latex')} and others.</p>"
    )


def _facts(record: Record, pushed: Sequence[str]) -> str:
    """Digests in full, for copying."""
    image, project = mapping(record, "image"), mapping(record, "project")
    said: list[tuple[str, object]] = [
        ("environment digest", copied(record.get("environment_digest") or "not known")),
        ("image (config digest)", copied(image.get("config_digest"))),
        ("image (registry digest)", copied(", ".join(pushed) or "not pushed")),
        ("record", copied(record.get("digest"))),
        ("command", code(command_text(record))),
        ("commit", code(_commit(project))),
        ("packages as of", mapping(record, "date").get("day")),
    ]
    return folded("digests, command and commit", facts(said))


def _commit(project: Record) -> str:
    if project.get("commit") is None:
        return "not in a git repository"
    return f"{project['commit']}{', with changes' if project.get('dirty') else ''}"
