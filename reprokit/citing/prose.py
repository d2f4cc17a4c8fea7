"""The methods paragraph, as plain text and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from reprokit.citing.facts import Facts
from reprokit.history import reading
from reprokit.history.wording import counted, listed
from reprokit.model import Step
from reprokit.notebook_runs.stored import step_path

_MOST = 12


@dataclass(frozen=True, slots=True)
class _Notation:
    """How identifiers and commands are written, and how names in running text."""

    code: Callable[[str], str]
    words: Callable[[str], str]


def text(facts: Facts) -> str:
    """One paragraph for the methods section."""
    values = listed(f"{name} is {value}" for name, value in facts.values)
    said = f" Of its results, {values}." if values else ""
    return _paragraph(facts, _Notation(str, str)) + said


def markdown(facts: Facts) -> str:
    """The paragraph, and the identifiers as a table."""
    rows = [("run", facts.run), ("environment", facts.environment)]
    rows += [("image", push.reference) for push in facts.pushed]
    rows += [("source", facts.source)] if facts.source else []
    rows += [("revision", facts.revision)] if facts.revision else []
    rows += [("record", reading.text(facts.record, "digest"))]
    rows += list(facts.values)
    table = "\n".join(f"| {escaped(name)} | {_code(value)} |" for name, value in rows)
    return f"{_paragraph(facts, _Notation(_code, escaped))}\n\n| | |\n|---|---|\n{table}"


def _paragraph(facts: Facts, notation: _Notation) -> str:
    record = facts.record
    options = reading.mapping(record, "options")
    network = "with" if options.get("network") else "without"
    sentences = [
        f"The results of {notation.words(facts.title)} were computed on {facts.day}"
        f"{_by(record, notation)} in a container {network} network access.",
        _environment(facts, notation),
    ]
    if facts.pushed:
        sentences.append(f"The image can be pulled as {notation.code(facts.pushed[-1].reference)}.")
    sentences += _code_sentences(facts, notation)
    digest = notation.code(reading.text(record, "digest"))
    reprokit = reading.text(reading.mapping(record, "reprokit"), "version")
    data = reading.rows(reading.mapping(record, "data"), "files")
    results = reading.rows(record, "results")
    read = f"read {counted(len(data), 'data file')} and " if data else ""
    sentences.append(
        f"It {read}wrote {counted(len(results), 'result')}; "
        f"their SHA-256 hashes are in the run's record ({digest})."
    )
    sentences.append(f"The run ({facts.run}) was made with reprokit {reprokit}.")
    return " ".join(sentences)


def _by(record: reading.Record, notation: _Notation) -> str:
    """What computed them: notebooks by their names, anything else by its command."""
    rows = reading.rows(record, "command")
    steps = [
        Step(argv=tuple(reading.texts(row, "argv")), folder=reading.text(row, "folder"))
        for row in rows
    ]
    books = [path for path in map(step_path, steps) if path is not None]
    if not books or len(books) < len(steps):
        command = reading.command_text(record)
        return f" by {notation.code(command)}" if command else ""
    what = "the notebook " if len(books) == 1 else "the notebooks "
    given = reading.mapping(record, "parameters").items()
    values = ", ".join(notation.code(f"{name} = {json.dumps(value)}") for name, value in given)
    with_values = f" with {values}" if values else ""
    return f" by {what}{', '.join(map(notation.code, books))}{with_values}"


def _environment(facts: Facts, notation: _Notation) -> str:
    named = [f"{notation.words(name)} {version}" for name, version in facts.versions[:_MOST]]
    more = len(facts.versions) - _MOST
    named += [f"{more} more that it asks for"] if more > 0 else []
    held = f", with {', '.join(named)}," if named else ""
    day = reading.text(reading.mapping(facts.record, "date"), "day")
    packages = counted(len(reading.rows(facts.record, "packages")), "package")
    return (
        f"The container's image{held} holds {packages} as of {day}, each pinned by its hash; its "
        f"environment digest is {notation.code(facts.environment)}."
    )


def _code_sentences(facts: Facts, notation: _Notation) -> list[str]:
    found = []
    if facts.commit is not None:
        changed = " with uncommitted changes" if facts.dirty else ""
        found.append(f"The code is that of git commit {notation.code(facts.commit)}{changed}.")
    if facts.source is not None:
        found.append(f"The source tree has the SWHID {notation.code(facts.source)}.")
    return found


def _code(value: str) -> str:
    """Markdown's code span: as many back-ticks around it as none inside has."""
    fence = "`"
    while fence in value:
        fence += "`"
    space = " " if "`" in value[:1] + value[-1:] else ""
    return f"{fence}{space}{value.replace('|', chr(92) + '|')}{space}{fence}"


def escaped(value: str) -> str:
    """A text that Markdown shows as it is."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#~" else c for c in value)
