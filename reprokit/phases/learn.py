"""Learn: what the results of several runs of one project differ by.

Some programs do not give the same numbers twice: threads add in another order, a seed is missing.
Their author runs them several times, and a rerun is judged by what varied there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from reprokit.comparators.dispatch import compare_differing, settings_for
from reprokit.comparators.protocol import Learnt, Limits, Place, RunR, Settings
from reprokit.frozen import frozen
from reprokit.model import JSON, ResultFile
from reprokit.tolerance import EXACT, CompareOptions
from reprokit.verdict import Comparison

MOST = 200
"""Places of one series that get an interval each; of more, the series gets a spread."""

Run = tuple[Sequence[ResultFile], Path]
"""The results of a run, and the folder they lie in."""


@frozen
class Variation:
    """What `runs` runs of a project differed by: per file, and the files not every one wrote. ours:
    they are a rerun's, not the author's."""

    runs: int
    files: Mapping[str, Learnt] = field(default_factory=dict)
    unstable: tuple[str, ...] = ()
    ours: bool = False

    @property
    def whose(self) -> str:
        """The runs, in words."""
        return f"{self.runs} runs here" if self.ours else f"the author's own {self.runs} runs"

    def here(self) -> Variation:
        """The same, of a rerun's own runs."""
        files = {path: replace(learnt, ours=True) for path, learnt in self.files.items()}
        return replace(self, files=files, ours=True)

    def json(self) -> dict[str, JSON]:
        """The compact form that a record keeps."""
        return {
            "runs": self.runs,
            "unstable": [*self.unstable],
            "files": {path: _written(self.files[path]) for path in sorted(self.files)},
        }


def learn(
    runs: Sequence[Run],
    *,
    options: CompareOptions | None = None,
    run_r: RunR | None = None,
    limits: Limits | None = None,
) -> Variation:
    """What the runs differed by, the first being the one whose results are published."""
    rules, kept = options or CompareOptions(), limits or Limits()
    tables = [{file.path: file.sha256 for file in found} for found, _ in runs]
    paths = sorted(path for path in set().union(*tables) if not rules.ignores(path))
    unstable = [path for path in paths if any(path not in table for table in tables)]
    files = {}
    for path in paths:
        if path in unstable or len({table[path] for table in tables}) == 1:
            continue
        others = [
            folder / path
            for table, (_, folder) in zip(tables, runs, strict=True)
            if table[path] != tables[0][path]
        ]
        files[path] = _file(path, runs[0][1] / path, others, len(runs), rules, kept, run_r)
    return Variation(runs=len(runs), files=files, unstable=tuple(unstable))


def _file(
    path: str,
    first: Path,
    others: Sequence[Path],
    runs: int,
    rules: CompareOptions,
    limits: Limits,
    run_r: RunR | None,
) -> Learnt:
    seen = _Seen()
    moved = False

    def compared(other: Path, **changes: object) -> Comparison:
        from reprokit import registry

        made: Settings = settings_for(path, (first, other), rules, limits, run_r)
        settings = replace(made, tolerance=EXACT, **changes)  # type: ignore[arg-type]
        return compare_differing(path, first, other, settings, registry.comparators())

    for other in others:
        moved |= compared(other, observe=seen).details.get("reordered") is True
    if moved:
        # The numbers of rows that moved are not those of one place.
        return Learnt(runs=runs, opaque=True)
    learnt = Learnt(runs=runs, intervals=seen.intervals(), spreads=seen.spreads)
    opaque = any(not compared(other, learnt=learnt).grade.reproduced for other in others)
    return replace(learnt, opaque=opaque)


class _Seen:
    """The values seen at each place, as long as there are not too many of one series."""

    def __init__(self) -> None:
        self.spreads: dict[str, float] = {}
        self._series: dict[str, dict[str, tuple[float, float]]] = {}

    def __call__(self, place: Place, expected: float, actual: float) -> None:
        if not (math.isfinite(expected) and math.isfinite(actual)):
            return
        series, position = place
        if series in self.spreads:
            self.spreads[series] = max(self.spreads[series], abs(actual - expected))
            return
        places = self._series.setdefault(series, {})
        least, most = places.get(position, (expected, expected))
        places[position] = min(least, actual), max(most, actual)
        if len(places) > MOST:
            # The first run's value lies in each interval, so no value is farther from it.
            self.spreads[series] = max(high - low for low, high in places.values())
            del self._series[series]

    def intervals(self) -> dict[Place, tuple[float, float]]:
        """By series and position."""
        return {
            (series, position): interval
            for series, places in self._series.items()
            for position, interval in places.items()
        }


def _written(learnt: Learnt) -> dict[str, JSON]:
    intervals: list[JSON] = [
        [series, position, low, high]
        for (series, position), (low, high) in sorted(learnt.intervals.items())
    ]
    spreads: dict[str, JSON] = {name: learnt.spreads[name] for name in sorted(learnt.spreads)}
    return {"intervals": intervals, "spreads": spreads, "opaque": learnt.opaque}


def read(document: JSON) -> Variation | None:
    """The variation that a record keeps; `None` for one that has none. Records come from
    strangers: what has not the form of `Variation.json` raises ValueError."""
    if document is None:
        return None
    try:
        return _read(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("the variation in the record has another form") from error


def _read(document: JSON) -> Variation:
    if not isinstance(document, dict) or not isinstance(document["files"], dict):
        raise TypeError
    runs = document["runs"]
    if not isinstance(runs, int) or not isinstance(document["unstable"], list):
        raise TypeError
    files = {path: _learnt(runs, found) for path, found in document["files"].items()}
    unstable = tuple(path for path in document["unstable"] if isinstance(path, str))
    return Variation(runs=runs, files=files, unstable=unstable)


def _learnt(runs: int, found: JSON) -> Learnt:
    if not isinstance(found, dict) or not isinstance(found["intervals"], list):
        raise TypeError
    intervals: dict[Place, tuple[float, float]] = {}
    for row in found["intervals"]:
        if not isinstance(row, list):
            raise TypeError
        series, position, low, high = row
        intervals[str(series), str(position)] = _finite(low), _finite(high)
    if not isinstance(found["spreads"], dict):
        raise TypeError
    spreads = {name: _finite(value) for name, value in found["spreads"].items()}
    return Learnt(runs=runs, intervals=intervals, spreads=spreads, opaque=found["opaque"] is True)


def _finite(value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return float(value)
