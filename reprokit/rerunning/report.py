"""The page of a rerun: one HTML file with all that it shows, for any browser, without scripts.

Names, values, logs and pictures come from strangers: every text is escaped, and a picture (SVG as
well) is only ever the source of an `img`, where a browser runs nothing and fetches nothing. What
is shown of each part has a limit, so that the page stays of a size that opens.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template

from reprokit import resources
from reprokit.history import reading
from reprokit.history.contents import inside
from reprokit.history.wording import (
    counted,
    duration,
    moment,
    printable,
    shortened,
    size,
)
from reprokit.notebook.previews import FIGURES
from reprokit.printable import redacted
from reprokit.quoting import printable_command
from reprokit.rerunning.evidence import evidence
from reprokit.rerunning.result import RerunResult
from reprokit.verdict import Comparison, Grade
from reprokit.version import __version__

LISTED = 500
"""Files in the table of results."""
DETAILED = 40
"""Files whose differences are shown."""
PACKAGES = 200
PICTURE = 3_000_000
"""Bytes of one picture."""
PICTURES = 30_000_000
"""Bytes of all pictures: a third more in the page."""
LOG_LINES = 60
_LOG_BYTES = 200_000
_TONES = {
    Grade.IDENTICAL: "good",
    Grade.WITHIN_TOLERANCE: "good",
    Grade.SIMILAR: "fair",
    Grade.EXTRA: "bad",
    Grade.DIFFERENT: "bad",
    Grade.MISSING: "bad",
}
_ORDER = list(Grade)
_ENDED = {
    "failed": "The project's program failed",
    "out-of-memory": "The project's program ran out of memory",
    "timed-out": "The run took too long and was stopped",
    "interrupted": "The run was interrupted",
}


def page(found: RerunResult) -> str:
    """The page's text."""
    source = str(found.origin.source)
    name = found.origin.source.name
    template = Template(resources.template("page.html"))
    return template.substitute(
        title=text(f"{found.status}: {name}"),
        heading=f"Rerun of {text(source)}",
        subtitle=text(_subtitle(found)),
        style=resources.template("page.css"),
        sections="\n".join((_first_section(found), *_sections(found))),
        version=text(__version__),
    )


def _first_section(found: RerunResult) -> str:
    return (
        f'<section class="verdict {_tone(found)}" aria-labelledby="verdict">\n'
        f'<h2 id="verdict" style="margin-top:0">Verdict</h2>\n{_verdict(found)}\n</section>'
    )


def text(value: object, width: int = 400) -> str:
    """Any value as one line of HTML."""
    return escape(shortened(str(value), width))


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; the first of each row names it."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{row[0]}</th>'
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _subtitle(found: RerunResult) -> str:
    if found.record is None:
        return f"run {found.run}"
    took = duration(reading.number(found.record, "seconds"))
    return f"run {found.run}, {moment(reading.text(found.record, 'started'))}, took {took}"


def _tone(found: RerunResult) -> str:
    if found.failure is not None and found.verdict is None:
        return "bad"
    return "fair" if found.verdict is None else _TONES[found.verdict.grade]


def _verdict(found: RerunResult) -> str:
    parts = [f"<p><strong>{text(headline(found))}</strong></p>"]
    if found.verdict is not None:
        counts = [f"{n:,} {grade}" for grade, n in found.verdict.counts.items() if n]
        total = counted(len(found.verdict.files), "file")
        parts.append(f"<p>Of {total}: {text(', '.join(counts))}.</p>")
    if found.expectation is not None and found.verdict is not None:
        parts.append(f"<p>Compared with {text(found.expectation)}.</p>")
    if found.failure is not None:
        parts.append(f"<p>{text(found.failure.what, 2000)}</p>")
    for allowed in found.allowed:
        parts.append(f"<p>Allowed beyond the usual isolation: {text(allowed)}.</p>")
    for name, told in found.mends():
        parts.append(f"<p>{text(name[0].upper() + name[1:])}: {text(told, 1000)}</p>")
    notes = (*found.notes, *(() if found.expectation is None else found.expectation.notes))
    parts += [f"<p>{text(note)}.</p>" for note in notes]
    return "\n".join(parts)


def headline(found: RerunResult) -> str:
    """What came of it, in one sentence."""
    if found.record is None:
        return f"It did not run: {found.phase} failed"
    status = reading.text(found.record, "status")
    if status != "succeeded":
        return _ENDED.get(status, f"The run did not succeed: {status}")
    if found.verdict is None:
        return "It ran; there is nothing to compare with"
    grade = found.verdict.grade
    if grade is Grade.IDENTICAL:
        return "The results are identical"
    if grade is Grade.WITHIN_TOLERANCE:
        return "The results are the same within tolerance"
    if grade is Grade.SIMILAR:
        return "The results are similar, not the same"
    return "The results are not the same"


def _sections(found: RerunResult) -> Iterator[str]:
    if found.environment is not None:
        yield "<h2>Environment</h2>" + "".join(_environment(found))
    if found.inferred:
        yield f"<h2>Taken for granted</h2>{_inferred(found)}"
    if found.verdict is not None:
        yield "<h2>Results</h2>" + "".join(_results(found))
        yield from differences(found, PICTURES)
    log = log_end(found.folder / "log.txt")
    if log is not None:
        yield f"<h2>End of the log</h2>{log}"
    yield f"<h2>To repeat this</h2>{_repeat(found)}"


def _inferred(found: RerunResult) -> str:
    rows = [
        (text(i.about), text(i.value), text(i.reason), text(i.confidence), text(i.line, 2000))
        for i in found.inferred
    ]
    return table(
        "What the project does not say",
        ("about", "value", "why", "how sure", "in repro.toml"),
        rows,
    )


def _environment(found: RerunResult) -> Iterator[str]:
    environment = found.environment
    assert environment is not None
    facts = [("reached", environment.rung), ("image", environment.how)]
    facts.append(("environment digest", environment.digest))
    if environment.expected not in (None, environment.digest):
        facts.append(("published digest", str(environment.expected)))
    if environment.platforms is not None:
        facts.append(("platform", f"{environment.platforms[1]}, not {environment.platforms[0]}"))
    yield _facts(facts)
    if environment.packages:
        rows = [
            (text(name), text(source), text(before or "absent"), text(after or "absent"))
            for source, name, before, after in environment.packages[:PACKAGES]
        ]
        yield table("Packages that differ", ("package", "from", "published", "here"), rows)
        yield more(len(environment.packages) - PACKAGES, "package")


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<dt>{text(k)}</dt><dd><code>{text(v)}</code></dd>" for k, v in facts)
    return f"<dl>{rows}</dl>"


def more(number: int, what: str) -> str:
    """That there is more than is shown; nothing where there is not."""
    return f'<p class="soft">and {counted(number, what)} more</p>' if number > 0 else ""


def _worst_first(found: RerunResult) -> list[Comparison]:
    assert found.verdict is not None
    return sorted(found.verdict.files, key=lambda file: (-_ORDER.index(file.grade), file.path))


def _results(found: RerunResult) -> Iterator[str]:
    assert found.verdict is not None
    rows = [
        (
            f"<code>{text(file.path)}</code>",
            f'<span class="grade {_TONES[file.grade]}">{escape(file.grade)}</span>',
            text(file.summary, 1000),
        )
        for file in _worst_first(found)[:LISTED]
    ]
    yield table("Every expected and every written file", ("file", "grade", "finding"), rows)
    yield more(len(found.verdict.files) - LISTED, "file")
    yield f'<p class="soft">Tolerance of numbers: {text(found.verdict.tolerance)}.</p>'
    if found.verdict.ignored:
        ignored = counted(len(found.verdict.ignored), "file")
        yield f'<p class="soft">{ignored} not compared, as the configuration says.</p>'


def differences(found: RerunResult, pictures: int) -> Iterator[str]:
    """What differs in each file, pictures beside each other: at most so many bytes of them."""
    differing = [f for f in _worst_first(found) if f.details or f.attachments or _is_figure(f.path)]
    differing = [file for file in differing if file.grade is not Grade.IDENTICAL]
    if not differing:
        return
    yield "<h2>What differs</h2>"
    left = pictures
    for file in differing[:DETAILED]:
        figures, spent = _pictures(found, file, left)
        left -= spent
        yield (
            f"<section><h3>{text(file.path)}</h3><p>{text(file.summary, 1000)}</p>"
            f"{figures}{evidence(file.details)}</section>"
        )
    yield more(len(differing) - DETAILED, "file")


def _is_figure(path: str) -> bool:
    return Path(path).suffix.lower() in FIGURES


def _pictures(found: RerunResult, file: Comparison, left: int) -> tuple[str, int]:
    """Expected, actual and what differs, side by side; and the bytes that took."""
    shown: list[tuple[str, str, bytes]] = []
    if _is_figure(file.path):
        here = inside(found.folder / "results", file.path)
        for caption, place in (("expected", _expected(found, file.path)), ("this run", here)):
            content = None if place is None else _small(place)
            if content is not None:
                shown.append((caption, FIGURES[Path(file.path).suffix.lower()], content))
    shown += [
        (attached.name.removesuffix(".png"), attached.media_type, attached.content)
        for attached in file.attachments
        if attached.media_type in FIGURES.values() and len(attached.content) <= PICTURE
    ]
    spent = sum(len(content) for _, _, content in shown)
    if not shown or spent > left:
        return "", 0
    figures = "".join(
        f'<figure><img alt="{text(f"{caption}: {file.path}")}" '
        f'src="data:{kind};base64,{base64.b64encode(content).decode()}">'
        f"<figcaption>{text(caption)}, {size(len(content))}</figcaption></figure>"
        for caption, kind, content in shown
    )
    return f'<div class="pictures">{figures}</div>', spent


def _expected(found: RerunResult, path: str) -> Path | None:
    if found.expectation is None:
        return None
    return next((f.content for f in found.expectation.files if f.path == path), None)


def _small(place: Path) -> bytes | None:
    try:
        return place.read_bytes() if place.stat().st_size <= PICTURE else None
    except OSError:
        return None


def log_end(path: Path) -> str | None:
    """The last lines of the log."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _LOG_BYTES, 0))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    shown = [escape(shortened(line.expandtabs(4), 400)) for line in lines[-LOG_LINES:]]
    return f"<pre>{chr(10).join(shown)}</pre>" if shown else None


def _repeat(found: RerunResult) -> str:
    source = found.origin.source
    target = source.name
    if source.kind == "git" and source.identifier is not None:
        target = f"{source.name}#{source.identifier.rpartition(':')[2]}"
    if source.kind == "image":
        target = f"{source.name}@{source.identifier}"
    facts = [("source", str(source))]
    if source.identifier is not None:
        facts.append(("identified by", source.identifier))
    published = found.origin.published
    if published is not None:
        facts.append(("published run", reading.text(published.record, "run")))
    if found.record is not None:
        facts.append(("command", reading.command_text(found.record)))
        facts.append(("record of this run", reading.text(found.record, "digest")))
    command = printable_command(("reprokit", "rerun", redacted(target)))
    return (
        f"<pre>pip install reprokit=={text(__version__)}\n{escape(printable(command))}</pre>"
        f"{_facts(facts)}"
    )
