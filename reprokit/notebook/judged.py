"""What `%repro rerun` and `%repro verify` show: the judgement first, then what it rests on."""

from __future__ import annotations

from typing import Any

from reprokit.history.wording import counted
from reprokit.notebook.elements import (
    Html,
    code,
    copied,
    facts,
    folded,
    headline,
    more,
    sign,
    table,
)
from reprokit.notebook.elements import text as escaped
from reprokit.verdict import Comparison, Grade, Verdict

LISTED = 40
PICTURES = 4_000_000
"""Bytes of pictures of what differs: a notebook has to stay light."""
ORDER = list(Grade)
_TONES = {
    Grade.IDENTICAL: "good",
    Grade.WITHIN_TOLERANCE: "good",
    Grade.SIMILAR: "fair",
    Grade.EXTRA: "fair",
    Grade.DIFFERENT: "bad",
    Grade.MISSING: "bad",
}


def verdict(result: Verdict) -> str:
    """Every file's grade, the worst first; identical ones are counted."""
    if not result.files:
        return "<p>nothing was expected, and nothing compared</p>"
    total = counted(len(result.files), "file")
    said = ", ".join(f"{count:,} {grade}" for grade, count in result.counts.items() if count)
    lead = headline(_grade(result.grade), f"of {total}: {escaped(said)}")
    return lead + _files(result)


def _grade(grade: Grade) -> Html:
    return sign(grade.value, _TONES[grade])


def _files(result: Verdict) -> str:
    differing = [file for file in result.files if file.grade is not Grade.IDENTICAL]
    differing.sort(key=lambda file: (-ORDER.index(file.grade), file.path))
    ignored = len(result.ignored)
    said = f"Tolerance of numbers: {result.tolerance}."
    if ignored:
        said += f" {counted(ignored, 'file')} not compared, as the configuration says."
    soft = f'<p class="soft">{escaped(said)}</p>'
    if not differing:
        return soft
    listed = table(("file", "grade", "finding"), map(_row, differing[:LISTED]), brief=(1,))
    return listed + more(len(differing) - LISTED, "file") + soft


def _row(file: Comparison) -> tuple[Html, Html, Html]:
    return code(file.path), _grade(file.grade), Html(escaped(file.summary, 400))


def rerun(result: Any) -> str:
    """A rerun: its verdict, its environment, and what differs side by side."""
    from reprokit.rerunning import report

    parts = [headline(sign(result.status, tone(result)), escaped(report.headline(result)))]
    if result.failure is not None and result.verdict is None:
        parts.append(f"<p>{escaped(result.failure.what, 2000)}</p>")
    said: list[tuple[str, object]] = [
        ("source", code(result.origin.source)),
        ("run", code(result.run)),
    ]
    if result.environment is not None:
        said.append(("environment", Html(escaped(result.environment.lines()[0], 300))))
    if result.expectation is not None and result.verdict is not None:
        said.append(("compared with", Html(escaped(result.expectation, 300))))
    said += [("allowed", Html(escaped(text, 300))) for text in result.allowed]
    said += [("note", Html(escaped(text, 300))) for text in result.notes]
    said += [(name, Html(escaped(text, 1000))) for name, text in result.mends()]
    if result.report is not None:
        said.append(("report", code(result.report)))
    parts.append(facts(said))
    if result.verdict is not None:
        parts.append(_files(result.verdict))
        parts += report.differences(result, PICTURES)
    elif result.record is None or result.failure is not None:
        log = report.log_end(result.folder / "log.txt")
        parts += [] if log is None else [folded("the end of its log", log, open=True)]
    return "".join(parts)


def tone(result: Any) -> str:
    """The tone of a rerun."""
    if result.verdict is not None:
        return _TONES[result.verdict.grade]
    return "bad" if result.failure is not None else "fair"


def verification(result: Any) -> str:
    """Whether a run is as its record says, check by check."""
    rows: list[tuple[object, object, object]] = []
    image = {"as recorded": "good", "gone": "fair"}.get(result.image, "bad")
    named = "" if result.image_digest is None else copied(result.image_digest)
    rows.append(("image", sign(result.image, image), named))
    changed = ", ".join(result.changed[:LISTED])
    if result.changed:
        word = f"{len(result.changed)} changed since"
        rows.append(("results", sign(word, "bad"), Html(escaped(changed, 600))))
    else:
        rows.append(("results", sign("as recorded", "good"), ""))
    if result.rebuilt is not None:
        same = result.rebuilt == result.recorded
        word = "the same digest" if same else "another digest"
        rows.append(("rebuilt", sign(word, "good" if same else "bad"), copied(result.rebuilt)))
    word, shade = ("as recorded", "good") if result.same else ("not as recorded", "bad")
    lead = headline(sign(word, shade), f"run {code(result.run)}")
    recorded = facts([("environment digest", copied(result.recorded))])
    checked = table(("checked", "finding", ""), rows)
    altered = _compared(result.altered, "What differs in the image", "now")
    rebuilt = _compared(result.comparison, "What differs in the new build", "rebuilt")
    return lead + recorded + checked + altered + rebuilt


def _compared(found: Any, title: str, after: str) -> str:
    """What another image has in other ways."""
    if found is None:
        return ""
    parts = [f"<h3>{title}</h3><p>reached: {escaped(found.rung)}</p>"]
    if found.packages:
        packages = [
            (name, source, before or "absent", after or "absent")
            for source, name, before, after in found.packages[:LISTED]
        ]
        parts.append(table(("package", "from", "recorded", after), packages))
    if not found.files:
        parts.append("<p>No file differs: only the layering or the image's settings do.</p>")
        return "".join(parts)
    files = [
        (code(f"/{file.path}"), file.change, ", ".join(t for t in (file.detail, file.cause) if t))
        for file in found.files[:LISTED]
    ]
    parts.append(table(("file", "change", "why"), files))
    return "".join(parts) + more(len(found.files) - LISTED, "file")
