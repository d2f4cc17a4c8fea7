"""What a study counts: pure functions from rows to numbers, as published studies print them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from reprokit.frozen import frozen
from reprokit.history.reading import Record, mapping, number
from reprokit.model import JSON

STAGES = ("found", "locked", "built", "ran", "compared", "same")
"""What a source can come to, one after the other. "compared": it ran, and there was something to
compare with; "same": identical or within tolerance."""
OUTCOMES = ("same", "not the same", "nothing to compare", "failed", "not built", "not found")
"""What came of a source, the best first: each has one."""
UNKNOWN = "unknown"


def reached(row: Record) -> dict[str, bool]:
    """Whether a source came to each of the stages."""
    ran = row["ran"] is True
    return {
        **{stage: row[stage] is True for stage in ("found", "locked", "built")},
        "ran": ran,
        "compared": ran and row["same"] is not None,
        "same": row["same"] is True,
    }


def outcome(row: Record) -> str:
    """The one of `OUTCOMES` that came of a source."""
    stages = reached(row)
    if not stages["found"]:
        return "not found"
    if not stages["built"]:
        return "not built"
    if not stages["ran"]:
        return "failed"
    if not stages["compared"]:
        return "nothing to compare"
    return "same" if stages["same"] else "not the same"


@frozen
class Counts:
    """How many of some sources came how far, and what came of them."""

    name: str
    sources: int
    stages: Mapping[str, int]
    outcomes: Mapping[str, int]

    def json(self) -> dict[str, JSON]:
        return {"name": self.name, "sources": self.sources, **self.stages}


def counts(name: str, rows: Sequence[Record]) -> Counts:
    """Counted over these rows."""
    each = [reached(row) for row in rows]
    outcomes = Counter(outcome(row) for row in rows)
    return Counts(
        name=name,
        sources=len(rows),
        stages={stage: sum(stages[stage] for stages in each) for stage in STAGES},
        outcomes={outcome: outcomes[outcome] for outcome in OUTCOMES},
    )


def by(rows: Sequence[Record], name_of: Callable[[Record], str | None]) -> list[Counts]:
    """Counted for each name; rows without one come last as "unknown"."""
    parts: dict[str, list[Record]] = {}
    for row in rows:
        parts.setdefault(name_of(row) or UNKNOWN, []).append(row)
    return [
        counts(name, parts[name]) for name in sorted(parts, key=lambda n: (n == UNKNOWN, n.lower()))
    ]


def language(row: Record) -> str | None:
    """The languages of a source together: "java + python"."""
    return _together(row["languages"])


def ecosystem(row: Record) -> str | None:
    """Its ecosystems, but for the distribution's packages, which any may need."""
    return _together(row["ecosystems"], without="apt")


def year(row: Record) -> str | None:
    """The year, as a name."""
    return None if row["year"] is None else str(row["year"])


def group(row: Record) -> str | None:
    """The group that the list says."""
    return None if row["group"] is None else str(row["group"])


def _together(names: JSON, without: str = "") -> str | None:
    listed = names if isinstance(names, list) else []
    return " + ".join(str(name) for name in listed if name != without) or None


@frozen
class Cause:
    """Why sources did not run: the cause, the phase that it came in, and of how many."""

    name: str
    phase: str
    sources: int

    def json(self) -> dict[str, JSON]:
        return {"name": self.name, "phase": self.phase, "sources": self.sources}


def causes(rows: Iterable[Record]) -> list[Cause]:
    """The causes of failure, the most frequent first."""
    found = Counter(
        (str(mapping(row, "cause")["name"]), str(row["phase"]))
        for row in rows
        if row["cause"] is not None and row["ran"] is not True
    )
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [Cause(name=name, phase=phase, sources=n) for (name, phase), n in ordered]


def grades(rows: Iterable[Record]) -> dict[str, int]:
    """How many of those that ran and were compared have each grade."""
    return dict(Counter(str(row["grade"]) for row in rows if reached(row)["compared"]))


def notebooks(rows: Iterable[Record]) -> dict[str, int]:
    """How many notebooks were found, ran, executed every cell, had outputs to compare with, and
    gave the same."""
    total: Counter[str] = Counter()
    for row in rows:
        total.update(
            {k: int(v) for k, v in mapping(row, "notebooks").items() if isinstance(v, int)}
        )
    return {key: total[key] for key in ("found", "ran", "executed", "compared", "same")}


def phases(rows: Iterable[Record]) -> dict[str, float]:
    """Seconds in each phase, of all sources together."""
    total: dict[str, float] = {}
    for row in rows:
        for name, took in mapping(row, "phases").items():
            if isinstance(took, int | float):
                total[name] = total.get(name, 0.0) + took
    return total


def median(rows: Iterable[Record]) -> float | None:
    """What half of the sources took less than; `None` of none."""
    each = sorted(number(row, "seconds") for row in rows)
    return each[len(each) // 2] if each else None


def seconds(rows: Iterable[Record]) -> float:
    """What all reruns took together."""
    return sum(number(row, "seconds") for row in rows)


def share(part: int, whole: int) -> str:
    """ "66 %", "7.6 %": as these studies print them; empty where there is no whole."""
    if whole == 0:
        return ""
    value = 100 * part / whole
    return f"{value:.1f} %" if 0 < value < 10 or 99 < value < 100 else f"{value:.0f} %"
