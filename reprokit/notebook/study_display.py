"""What `%repro study` shows: how far the sources came, by language, and why they failed."""

from __future__ import annotations

from typing import Any

from reprokit.history.wording import counted, duration
from reprokit.notebook.elements import code, facts, folded, headline, more, sign, table
from reprokit.notebook.elements import text as escaped

CAUSES = 20


def study(result: Any) -> str:
    """The counts of a study, and where its page and tables are."""
    from reprokit.studying import statistics

    total = statistics.counts("all", result.rows)
    done = len(result.rows) == result.listed
    said = f"{len(result.rows)} of {counted(result.listed, 'source')} rerun, which took "
    lead = headline(
        sign("done" if done else "not done", "good" if done else "fair"),
        escaped(said + duration(statistics.seconds(result.rows)) + " together"),
    )
    funnel = table(
        ("stage", "sources", "share"),
        [
            (
                stage,
                f"{total.stages[stage]:,}",
                statistics.share(total.stages[stage], total.sources),
            )
            for stage in statistics.STAGES
        ],
        "how far they came",
    )
    languages = table(
        ("language", "sources", *statistics.STAGES),
        [
            (c.name, f"{c.sources:,}", *(f"{c.stages[stage]:,}" for stage in statistics.STAGES))
            for c in statistics.by(result.rows, statistics.language)
        ],
        "by language",
    )
    causes = statistics.causes(result.rows)
    listed = [(c.name, c.phase, f"{c.sources:,}") for c in causes[:CAUSES]]
    why = table(("cause", "in", "sources"), listed) + more(len(causes) - CAUSES, "cause")
    places = [("page", code(result.folder.page)), ("table", code(result.folder.table))]
    failed = folded("why they did not run", why, open=True) if causes else ""
    return lead + funnel + languages + failed + facts(places)
