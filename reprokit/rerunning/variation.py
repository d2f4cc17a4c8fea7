"""What a program's results vary by: as its author measured it, or else as measured here.

Results that are not those expected may be others every time: no seed is set, threads add in another
order. Nobody can be asked, so the program is run again, and what its own runs differ by counts. A
program that gives the same again differs for another reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest
from reprokit.history import reading
from reprokit.model import ResultFile
from reprokit.phases import run as runs
from reprokit.phases.learn import Run, Variation
from reprokit.phases.learn import read as variation_in
from reprokit.pipeline import running
from reprokit.pipeline.job import Stopwatch
from reprokit.pipeline.r_container import r_in
from reprokit.pipeline.repeating import repeated
from reprokit.rerunning.limits import Limits

MOST_RUNS = 5
"""One more run leaves what five varied by one time in thirty (docs/compare.md)."""
MOST_SECONDS = 900.0
"""For all further runs together: a program that takes longer is not run again."""


def published(record: reading.Record) -> Variation | None:
    """What the author measured. Raises BadRequest for a record that has another form."""
    try:
        return variation_in(record.get("variation"))
    except ValueError as error:
        raise BadRequest(str(error), where="record.json") from error


def measured(
    started: running.Started,
    first: Sequence[ResultFile],
    unlike: Iterable[str],
    seconds: float,
    limits: Limits,
    engine: Engine,
    watch: Stopwatch,
) -> Variation | None:
    """Run the image again, at least once and at most until there are five runs.

    first: what the first run wrote, in `seconds`. unlike: its files that are not as expected.
    `None` where the second run gives the same in all of them, does not succeed, or where there is
    no time for it.
    """
    begun, wanted = time.monotonic(), frozenset(unlike) & {file.path for file in first}
    folder = started.folder

    def is_late() -> bool:
        now = time.monotonic()
        over = limits.until is not None and now + 1.5 * seconds > limits.until
        return over or now + seconds > begun + MOST_SECONDS

    def varied(found: Sequence[Run]) -> bool:
        hashes = [{file.path: file.sha256 for file in files} for files, _ in found]
        return any(other.get(path) != hashes[0][path] for other in hashes[1:] for path in wanted)

    if not wanted or is_late():
        return None
    compare = started.job.configuration.compare
    with watch.phase("repeat"):
        try:
            learnt = repeated(
                running.image_once(started, engine, watch),
                MOST_RUNS,
                (first, folder.results),
                folder.path,
                compare,
                r_in(engine, started.image.reference),
                watch.reporter,
                enough=lambda found: not varied(found) or is_late(),
            )
        finally:
            runs.give_to_user(folder.path)
    if learnt is None or not wanted & {*learnt.files, *learnt.unstable}:
        return None
    return learnt.here()
