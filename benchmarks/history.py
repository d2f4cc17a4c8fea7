"""How long the index of runs takes when it holds 100,000, opening the file included.

What `reprokit runs` shows has a limit of 0.2 s;
"all_entries" makes every row an object and has none.

python benchmarks/history.py [--count 100000] [--runs 5]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reprokit.history import listing
from reprokit.history.index import Entry, Index

LIMIT = 0.2  # seconds to list the runs of an index of 100,000
ADDED = 200


def entry(number: int) -> Entry:
    """The number-th of many runs, in fifty projects."""
    started = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=90 * number)
    return Entry(
        id=f"{started:%Y%m%d-%H%M%S}-aaaa",
        project=f"/home/ann/projects/{number % 50}",
        name=f"project {number % 50}",
        status="failed" if number % 10 == 0 else "succeeded",
        started=started.isoformat(),
        exit_code=0,
        seconds=12.5,
        command="python analyse.py --seed 3 --input data/wheat.csv.gz",
        image="sha256:" + f"{number:064x}",
        environment="sha256:" + f"{number:064x}",
    )


def fill(index: Index, count: int) -> None:
    """Runs written in one transaction; `add` makes the file and its schema first."""
    index.add(entry(0))
    places = ", ".join("?" * len(Entry._fields))
    statement = f"INSERT INTO runs ({', '.join(Entry._fields)}) VALUES ({places})"
    with sqlite3.connect(index.path) as connection:
        connection.executemany(statement, (entry(number) for number in range(1, count)))
    connection.close()


def median(work: Callable[[], object], runs: int) -> float:
    """The median wall time in seconds, after one warm-up."""
    seconds = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return round(statistics.median(seconds[1:]), 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = Index(path=Path(folder) / "runs.sqlite")
        fill(index, given.count)
        place = Path(entry(7).project)
        measured = {
            "count": given.count,
            "newest_20": median(lambda: index.list(20), given.runs),
            "newest_20_of_a_project": median(lambda: index.list(20, place), given.runs),
            "newest_20_failed": median(lambda: index.list(20, status="failed"), given.runs),
            "runs_verb": median(lambda: listing.runs(index=index).text(), given.runs),
            "all_entries": median(lambda: index.list(), given.runs),
            "find_by_prefix": median(lambda: index.find(entry(500).id[:15]), given.runs),
            "find_last": median(lambda: index.find("last", place), given.runs),
            "import": _import_seconds(given.runs),
            "add": _add_seconds(index, given.count),
            "limit": LIMIT,
        }
    print(json.dumps(measured, indent=2))
    judged = ("newest_20", "newest_20_of_a_project", "newest_20_failed", "runs_verb", "find_last")
    return 0 if max(measured[name] for name in judged) < LIMIT else 1


def _import_seconds(runs: int) -> float:
    """What importing the index adds to a bare interpreter."""
    bare = median(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), runs)
    code = "import reprokit.history.index"
    loaded = median(lambda: subprocess.run([sys.executable, "-c", code], check=True), runs)
    return round(loaded - bare, 4)


def _add_seconds(index: Index, count: int) -> float:
    started = time.perf_counter()
    for number in range(count, count + ADDED):
        index.add(entry(number))
    return round((time.perf_counter() - started) / ADDED, 4)


if __name__ == "__main__":
    sys.exit(main())
