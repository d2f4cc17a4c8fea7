"""Records, run folders and indexes to test with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reprokit import files
from reprokit.history import index as indexes
from reprokit.history import run_folder
from reprokit.history.index import Entry, Index
from reprokit.history.run_folder import RunFolder
from reprokit.model import JSON, ResultFile
from reprokit.phases import record as records
from tests.phases.test_record import inputs

NOW = datetime(2026, 11, 23, 20, 15, 30, tzinfo=UTC)


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def finished(
    project: Path,
    index: Index,
    *,
    results: dict[str, bytes] | None = None,
    after: timedelta = timedelta(),
    image: str = "0",
    **changes: Any,
) -> tuple[RunFolder, dict[str, JSON]]:
    """A run that ended, as the pipeline leaves it."""
    folder = run_folder.create(project, NOW + after)
    found = []
    for path, content in (results or {}).items():
        target = folder.results / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        found.append(ResultFile(path=path, size=len(content), sha256=files.sha256(target)))
    given = inputs()
    given["image"] = replace(given["image"], config_digest=digest(image))
    started = (NOW + after).isoformat()
    given["outcome"] = replace(given["outcome"], started=started, finished=started)
    record = records.compose(**{**given, "run": folder.id, "results": tuple(found), **changes})
    run_folder.write_record(folder, record)
    index.add(indexes.entry_of(record, folder.project), {"run": 1.5})
    return folder, record


def entry(number: int, project: str = "/p", status: str = "succeeded", **changes: Any) -> Entry:
    """The number-th run, a second after the one before."""
    started = NOW + timedelta(seconds=number)
    made = Entry(
        id=f"{started:%Y%m%d-%H%M%S}-aaaa",
        project=project,
        name="wheat",
        status=status,
        started=started.isoformat(),
        exit_code=0,
        seconds=1.5,
        command="python analyse.py --seed 3",
        image=digest("a"),
    )
    return made._replace(**changes)
