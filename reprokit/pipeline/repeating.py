"""`run --repeat N`: the same image run again, to learn what its results vary by.

The runs after the first leave log and results in the run's folder, below repeats/2, repeats/3, …;
only the first run's results are delivered and published.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from reprokit.comparators.protocol import RunR
from reprokit.errors import BadRequest
from reprokit.history.wording import counted
from reprokit.model import Outcome, ResultFile
from reprokit.phases.learn import Run, Variation, learn
from reprokit.progress import Reporter
from reprokit.tolerance import CompareOptions

MOST = 1000

Once = Callable[[Path, Path], tuple[Outcome, tuple[ResultFile, ...]]]
"""Runs the image once: where results go, and the log; how it ended, and what it wrote."""


def check(repeat: int) -> None:
    """Raises BadRequest for a number of runs that makes no sense."""
    if not 1 <= repeat <= MOST:
        raise BadRequest(
            f"a project cannot be run {repeat} times", next=f"--repeat takes 1 to {MOST}"
        )


def repeated(
    once: Once,
    repeat: int,
    first: Run,
    folder: Path,
    options: CompareOptions,
    run_r: RunR,
    reporter: Reporter,
    enough: Callable[[Sequence[Run]], bool] = lambda _: False,
) -> Variation | None:
    """Run again until there are `repeat` runs, or `enough` says so, and learn from all. The first
    that does not succeed is the last; `None` where none did. folder: what repeats/ is made in."""
    runs = [first]
    for number in range(2, repeat + 1):
        reporter.message(f"run {number} of {repeat}")
        place = folder / "repeats" / str(number)
        (place / "results").mkdir(parents=True)
        outcome, found = once(place / "results", place / "log.txt")
        if outcome.status != "succeeded":
            reporter.warning(
                f"run {number} of {repeat} did not succeed ({outcome.status}): its log is "
                f"{place / 'log.txt'}; what varies is learnt from {counted(len(runs), 'run')}"
            )
            break
        runs.append((found, place / "results"))
        if enough(runs):
            break
    if len(runs) < 2:
        return None
    return learn(runs, options=options, run_r=run_r)
