"""The page of a study: one HTML file with charts, tables and every source, without scripts.

What comes from strangers is escaped text, as on the page of a rerun, whose parts it shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from string import Template
from urllib.parse import quote

from reprokit import resources
from reprokit.history.reading import Record, mapping, number, texts
from reprokit.history.wording import counted, duration
from reprokit.rerunning.report import more, table, text
from reprokit.studying import statistics
from reprokit.studying.charts import Bar, Stack, bars, stacks
from reprokit.studying.statistics import Counts, share
from reprokit.verdict import Grade
from reprokit.version import __version__

LISTED = 5000
"""Sources in the table."""
EXPLAINED = 1000
CAUSES = 20
TONES = {
    "same": "good",
    "not the same": "amber",
    "nothing to compare": "none",
    "failed": "bad",
    "not built": "unbuilt",
    "not found": "gone",
}
WORDS = {
    "found": "found: the source could be had",
    "locked": "locked: every package has a version",
    "built": "built: there is an image",
    "ran": "ran to its end",
    "compared": "has results to compare with",
    "same": "same results, or within tolerance",
}
"""What each stage means."""


def page(
    name: str, rows: Sequence[Record], listed: int, reports: Mapping[str, str] | None = None
) -> str:
    """The page's text. listed: how many sources the list has. reports: for sources that have one,
    where the page of their rerun lies, from this page on."""
    took = duration(statistics.seconds(rows))
    missing = listed - len(rows)
    left = f"; {counted(missing, 'source')} not yet" if missing else ""
    return Template(resources.template("page.html")).substitute(
        title=text(name),
        heading=text(name),
        subtitle=text(f"{counted(len(rows), 'source')} rerun, which took {took} together{left}"),
        style=resources.template("page.css") + resources.template("study.css"),
        sections="\n".join(_sections(rows, reports or {})),
        version=text(__version__),
    )


def _sections(rows: Sequence[Record], reports: Mapping[str, str]) -> Iterator[str]:
    total = statistics.counts("all", rows)
    yield "<h2>How far they came</h2>" + _funnel(total)
    yield from _grades(rows)
    yield from _notebooks(rows)
    yield from _causes(rows)
    yield from _parts("By language", "language", statistics.by(rows, statistics.language))
    yield from _parts("By ecosystem", "ecosystem", statistics.by(rows, statistics.ecosystem))
    yield from _parts("By year", "year", statistics.by(rows, statistics.year))
    groups = statistics.by(rows, statistics.group)
    if [counts.name for counts in groups] != [statistics.UNKNOWN]:
        yield from _parts("By group", "group", groups)
    yield from _times(rows)
    yield "<h2>Every source</h2>" + _sources(rows, reports)
    yield from _failures(rows)


def _funnel(total: Counts) -> str:
    drawn = [Bar(label="sources", value=total.sources, note=f"{total.sources:,}")]
    for stage in statistics.STAGES:
        n = total.stages[stage]
        tone = "good" if stage == "same" else "plain"
        note = f"{n:,}  ({share(n, total.sources)})"
        drawn.append(Bar(label=stage, value=n, note=note, tone=tone))
    compared, same = total.stages["compared"], total.stages["same"]
    of_these = ""
    if compared:
        of_these = (
            f"<p><strong>{share(same, compared)}</strong> of those that ran and had something to "
            "compare with gave the same results.</p>"
        )
    words = "".join(f"<li>{escape(word)}</li>" for word in WORDS.values())
    return (
        bars("How many sources came to each stage", drawn, total.sources)
        + of_these
        + f"<details><summary>What the stages mean</summary><ul>{words}</ul></details>"
    )


def _grades(rows: Sequence[Record]) -> Iterator[str]:
    found = statistics.grades(rows)
    whole = sum(found.values())
    if not whole:
        return
    drawn = [
        Bar(
            label=grade,
            value=found[grade],
            note=f"{found[grade]:,}  ({share(found[grade], whole)})",
            tone="good" if grade.reproduced else "amber",
        )
        for grade in Grade
        if found.get(grade)
    ]
    yield "<h2>How close the results are</h2>"
    yield bars("The worst grade of each source's results", drawn, whole)
    yield '<p class="soft">Of each source that was compared, the grade of its worst file.</p>'


def _times(rows: Sequence[Record]) -> Iterator[str]:
    found = statistics.phases(rows)
    if not found:
        return
    whole = sum(found.values())
    drawn = [
        Bar(label=name, value=seconds, note=f"{duration(seconds)}")
        for name, seconds in sorted(found.items(), key=lambda item: -item[1])
    ]
    yield "<h2>Where the time went</h2>" + bars("Time in each phase, all together", drawn, whole)
    median = duration(statistics.median(rows))
    yield f'<p class="soft">Half of the sources took less than {text(median)}.</p>'


def _notebooks(rows: Sequence[Record]) -> Iterator[str]:
    found = statistics.notebooks(rows)
    if not found["ran"]:
        return
    ran, executed = found["ran"], found["executed"]
    compared, same = found["compared"], found["same"]
    drawn = [
        Bar(label="notebooks that ran", value=ran, note=f"{ran:,}"),
        Bar(
            label="every cell executed",
            value=executed,
            note=f"{executed:,}  ({share(executed, ran)})",
        ),
        Bar(label="outputs to compare", value=compared, note=f"{compared:,}"),
        Bar(
            label="same outputs",
            value=same,
            note=f"{same:,}  ({share(same, compared)})",
            tone="good",
        ),
    ]
    yield "<h2>Notebooks</h2>" + bars("How far the notebooks came", drawn, ran)
    yield (
        '<p class="soft">Notebooks that a source was run by. The last share is of those whose file '
        "holds outputs to compare with.</p>"
    )


def _causes(rows: Sequence[Record]) -> Iterator[str]:
    found = statistics.causes(rows)
    if not found:
        return
    failed = sum(cause.sources for cause in found)
    drawn = [
        Bar(label=cause.name, value=cause.sources, note=f"{cause.sources:,}  in {cause.phase}",
            tone="bad")
        for cause in found[:CAUSES]
    ]  # fmt: skip
    yield "<h2>Why they did not run</h2>"
    yield bars("Causes of failure", drawn, max(cause.sources for cause in found))
    yield more(len(found) - CAUSES, "cause")
    yield (
        f'<p class="soft">{counted(failed, "source")} failed. The causes are those of '
        "<code>reprokit</code>’s records; behind each stands the phase it came in.</p>"
    )


def _parts(title: str, what: str, parts: Sequence[Counts]) -> Iterator[str]:
    if not any(counts.sources for counts in parts):
        return
    drawn = [Stack(label=counts.name, parts=counts.outcomes) for counts in parts]
    rows = [
        (
            text(counts.name),
            f"{counts.sources:,}",
            *(
                f'{counts.stages[stage]:,} <span class="soft">'
                f"{share(counts.stages[stage], counts.sources)}</span>"
                for stage in statistics.STAGES
            ),
        )
        for counts in parts
    ]
    yield f"<h2>{escape(title)}</h2>"
    yield stacks(f"What came of the sources, {title.lower()}", drawn, TONES)
    listed = table(title, (what, "sources", *statistics.STAGES), rows)
    yield f"<details><summary>The numbers</summary>{listed}</details>"


def _sources(rows: Sequence[Record], reports: Mapping[str, str]) -> str:
    listed = [
        (
            _named(row, reports),
            text(statistics.language(row) or ""),
            text(row["year"] if row["year"] is not None else ""),
            _outcome(row),
            text(row["grade"] if statistics.reached(row)["compared"] else _cause_name(row)),
            text(duration(number(row, "seconds"))),
        )
        for row in rows[:LISTED]
    ]
    header = ("source", "language", "year", "came of it", "grade or cause", "took")
    return table("In the order of the list", header, listed) + more(len(rows) - LISTED, "source")


def _named(row: Record, reports: Mapping[str, str]) -> str:
    name = f"<code>{text(row['name'])}</code>"
    place = reports.get(str(row["name"]))
    return name if place is None else f'<a href="{escape(quote(place))}">{name}</a>'


def _outcome(row: Record) -> str:
    outcome = statistics.outcome(row)
    shade = {"good": "good", "amber": "", "none": "", "gone": "bad"}.get(TONES[outcome], "bad")
    return f'<span class="grade {shade}">{escape(outcome)}</span>'


def _cause_name(row: Record) -> str:
    return "" if row["cause"] is None else str(mapping(row, "cause")["name"])


def _failures(rows: Sequence[Record]) -> Iterator[str]:
    """What is known of each failure: the sentence, the advice, the lines of the log."""
    failed = [row for row in rows if row["cause"] is not None]
    if not failed:
        return
    yield "<h2>Each failure</h2>"
    for row in failed[:EXPLAINED]:
        cause = mapping(row, "cause")
        evidence = "\n".join(text(line) for line in texts(cause, "evidence"))
        yield (
            f"<details><summary><code>{text(row['name'])}</code>: {text(cause['name'])} "
            f'<span class="soft">in {text(row["phase"])}</span></summary>'
            f'<div class="part"><p>{text(cause["text"], 2000)}</p>'
            + (f'<p class="soft">{text(cause["next"], 1000)}</p>' if cause["next"] else "")
            + (f"<pre>{evidence}</pre>" if evidence else "")
            + "</div></details>"
        )
    yield more(len(failed) - EXPLAINED, "failure")
