"""A run against the last one before it: are the results the same, and what changed between them?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reprokit.errors import ReprokitError
from reprokit.frozen import frozen
from reprokit.history import around, wording
from reprokit.history.difference import compare
from reprokit.history.index import Entry, Index
from reprokit.history.listing import record_of
from reprokit.history.reading import Record, mapping, rows, text, texts
from reprokit.model import JSON, ResultFile
from reprokit.verdict import Grade, Verdict

_NAMED = 5


@frozen
class Change:
    """One thing that is not what it was. kind: "code", "data", "environment" or "command"."""

    kind: str
    text: str


@frozen
class Since:
    """What is new since `earlier`, the last run of the project that succeeded before this one.

    verdict: of the results of this run, with the earlier ones as what is expected; `None` for a
    run that did not succeed, whose results mean nothing yet.
    """

    earlier: Entry
    verdict: Verdict | None
    changes: tuple[Change, ...]

    @property
    def headline(self) -> str:
        """One sentence about the results."""
        if self.verdict is None:
            return "it did not come to its end, so its results are not compared"
        if not self.verdict.files:
            return "neither run wrote results"
        if self.verdict.grade is Grade.IDENTICAL:
            return f"{wording.counted(len(self.verdict.files), 'result')}, all identical"
        counts = self.verdict.counts
        said = ", ".join(f"{count:,} {grade}" for grade, count in counts.items() if count)
        same = "the same within tolerance" if self.verdict.grade.reproduced else "not the same"
        return f"{same}: {said}"

    @property
    def reason(self) -> str:
        """What changed, in one sentence."""
        if self.changes:
            kinds = list(dict.fromkeys(change.kind for change in self.changes))
            return f"changed: {', '.join(kinds)}"
        if self.verdict is None or self.verdict.grade is Grade.IDENTICAL:
            return "code, data, environment and command are the same"
        return (
            "code, data, environment and command are the same, so the program's results vary by "
            "themselves (random numbers, time, order): set a seed, or measure it with --repeat 3"
        )

    def text(self) -> str:
        lines = [f"since {self.earlier.id}: {self.headline}", f"  {self.reason}"]
        lines += [f"  {change.kind:<12} {change.text}" for change in self.changes]
        return "\n".join(lines)


def since(record: Record, project: Path, results: Path) -> Since | None:
    """How a run, whose results lie in `results`, compares with the one before it in its project.

    `None` for the first one, and where the earlier one cannot be read any more.
    """
    try:
        earlier = around.before(text(record, "run"), project, Index())
        if earlier is None:
            return None
        before = record_of(earlier)
        verdict = None
        if record["status"] == "succeeded":
            verdict = _verdict(before, earlier.folder.results, record, results, project)
    except (ReprokitError, OSError):
        return None
    return Since(earlier=earlier, verdict=verdict, changes=tuple(changes(before, record)))


def _verdict(before: Record, old: Path, after: Record, new: Path, project: Path) -> Verdict:
    from reprokit import configuration
    from reprokit.phases.compare import compare as judge
    from reprokit.phases.compare import expected_of

    options = configuration.load(project).compare
    return judge(expected_of(_results(before), old), _results(after), new, options=options)


def _results(record: Record) -> tuple[ResultFile, ...]:
    return tuple(
        ResultFile(
            path=text(file, "path"),
            size=int(str(file["size"])),
            sha256=text(file, "sha256"),
            origin="collected" if file.get("origin") == "collected" else "results",
        )
        for file in rows(record, "results")
    )


def changes(before: Record, after: Record) -> Iterator[Change]:
    """What went into the runs and is not the same, in words."""
    found = compare(before, after)
    if code_changed(found.document):
        yield Change(kind="code", text=_code(before, after))
    data = rows(found.document, "data")
    if data:
        yield Change(kind="data", text=_named([_file(row) for row in data]))
    packages = rows(found.document, "packages")
    if packages:
        yield Change(kind="environment", text=_named([_package(row) for row in packages]))
    others = {text(row, "name"): row for row in rows(found.document, "environment")}
    for name in ("base", "platform", "date"):
        if name in others:
            row = others[name]
            said = f"{name}: {_value(row['before'])} → {_value(row['after'])}"
            yield Change(kind="environment", text=said)
    if "lock" in others and not packages:
        yield Change(kind="environment", text="repro.lock is another one, with the same packages")
    if "dockerfile" in others and "lock" not in others:
        yield Change(kind="environment", text="the Dockerfile is another one")
    for row in rows(found.document, "command"):
        said = f"{text(row, 'name')}: {_value(row['before'])} → {_value(row['after'])}"
        yield Change(kind="command", text=said)


def code_changed(document: Record) -> bool:
    """Whether a difference of two runs says for sure that the code is another one.

    The build's key ("context") is over code, Dockerfile and lock, and over data that the image
    carries: it speaks of the code where none of the others is another one.
    """
    names = {text(row, "name") for row in rows(document, "code")}
    environment = {text(row, "name") for row in rows(document, "environment")}
    if "context" not in names:
        return False
    alone = environment.isdisjoint(("lock", "dockerfile")) and not rows(document, "data")
    return alone or "commit" in names


def _code(before: Record, after: Record) -> str:
    commits = [_commit(mapping(record, "project")) for record in (before, after)]
    if commits[0] is None or commits[1] is None:
        return "the project's files are not those of that run"
    return f"commit {commits[0]} → {commits[1]}"


def _commit(project: Record) -> str | None:
    commit = project.get("commit")
    if not isinstance(commit, str):
        return None
    return commit[:12] + (" with changes" if project["dirty"] else "")


def _file(row: Record) -> str:
    status = {"extra": "new", "missing": "gone", "different": "other content"}[text(row, "status")]
    return f"{wording.shortened(text(row, 'path'), 60)} ({status})"


def _package(row: Record) -> str:
    old, new = (", ".join(texts(row, key)) or "absent" for key in ("before", "after"))
    return wording.shortened(f"{text(row, 'name')} {old} → {new}", 80)


def _value(value: JSON) -> str:
    if value is None:
        return "none"
    return wording.shortened(str(value), 60)


def _named(items: list[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
