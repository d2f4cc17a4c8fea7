"""A row of the study: what came of one source, from the document of its rerun."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reprokit.ecosystems.python.notebook_runner import is_left_out
from reprokit.errors import ReprokitError
from reprokit.history import progress_log, reading
from reprokit.history.contents import inside
from reprokit.history.progress_log import Event
from reprokit.model import JSON
from reprokit.notebook_runs.stored import RUNNER
from reprokit.printable import redacted, redacted_values
from reprokit.rerunning.consent import NotAllowed
from reprokit.studying.listing import Listed
from reprokit.verdict import Grade

EVIDENCE = 5
"""Lines of a log that a row holds, and letters of each."""
LONGEST = 400
_REPRODUCED = {grade.value for grade in Grade if grade.reproduced}
_LARGEST_NOTEBOOK = 64 * 1024**2
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
OF_THE_MACHINE = ("no-engine", "no-permission", "named-engine-silent", "storage-failed")
"""Causes that say nothing of a source: it is rerun by the next call."""


def row(
    listed: Listed, survey: Mapping[str, JSON] | None, events: Iterable[Event]
) -> dict[str, JSON]:
    """The row of a source of which only that is known: it did not come to an end."""
    phases, started, ended = timed(events)
    seen = {} if survey is None else dict(survey)
    built, locked = "run" in phases, bool({"build", "run"} & phases.keys())
    year = listed.year if listed.year is not None else _year(seen.get("date") or listed.date)
    return {
        "name": listed.name,
        "source": redacted(listed.said),
        "group": listed.group,
        "year": year,
        "kind": seen.get("kind"),
        "identifier": seen.get("identifier"),
        "date": seen.get("date") or listed.date,
        "ecosystems": seen.get("ecosystems") or [],
        "languages": seen.get("languages") or [],
        "found": survey is not None,
        "locked": locked,
        "built": built,
        "ran": False,
        "same": None,
        "status": "not ended",
        "phase": next(reversed(phases), "find"),
        "cause": None,
        "grade": None,
        "basis": None,
        "files": {},
        "notebooks": {"found": seen.get("notebooks") or 0, **_NO_NOTEBOOKS},
        "started": None if started is None else _moment(started),
        "ended": None if ended is None else _moment(ended),
        "seconds": round(sum(phases.values()), 1),
        "phases": {name: round(seconds, 1) for name, seconds in phases.items()},
        "run": None,
        "image": None,
        "environment_digest": None,
    }


_NO_NOTEBOOKS: dict[str, JSON] = {"ran": 0, "executed": 0, "compared": 0, "same": 0}


def of_rerun(base: Mapping[str, JSON], found: reading.Record, results: Path) -> dict[str, JSON]:
    """The row of a source that was rerun. base: as `row` gives it. found: the document of the
    rerun. results: the folder of its results."""
    record = reading.mapping(found, "record") if found["record"] is not None else None
    verdict = reading.mapping(found, "verdict") if found["verdict"] is not None else None
    expected = reading.mapping(found, "expected") if found["expected"] is not None else None
    phase = reading.text(found, "phase")
    ran = record is not None and record["status"] == "succeeded"
    changes: dict[str, JSON] = {
        "ran": ran,
        "status": found["status"],
        "phase": phase,
        "cause": None if ran and _compared(found) else _cause(found, record),
        "run": found["run"],
        "locked": bool(base["locked"]) or phase in ("fetch", "build", "run", "compare"),
    }
    if record is not None:
        image = reading.mapping(record, "image")
        changes |= {
            "locked": True,
            "built": True,
            "date": reading.mapping(record, "date")["day"],
            "image": {"config_digest": image["config_digest"], "size": image["size"]},
            "environment_digest": record["environment_digest"],
            "notebooks": {
                "found": reading.mapping(base, "notebooks")["found"],
                **_notebooks(record, results),
            },
        }
    if expected is not None:
        changes["basis"] = expected["basis"]
    if verdict is not None:
        changes |= {
            "grade": verdict["grade"],
            "files": {k: v for k, v in reading.mapping(verdict, "counts").items() if v},
            "same": verdict["grade"] in _REPRODUCED if ran else None,
        }
    return {**base, **changes}


def of_error(base: Mapping[str, JSON], error: ReprokitError) -> dict[str, JSON]:
    """The row of a source that was not even begun with: not there, damaged, not allowed."""
    name = "not-allowed" if isinstance(error, NotAllowed) else _name_of(type(error).__name__)
    if not base["found"] and name not in OF_THE_MACHINE:
        name = "not-found"
    cause = _named(name, error.what, error.next or "")
    return {**base, "status": "failed", "cause": cause}


def of_end(
    base: Mapping[str, JSON], name: str, text: str, next: str = "", evidence: Iterable[str] = ()
) -> dict[str, JSON]:
    """The row of a source whose process did not say how it ended."""
    return {**base, "status": name.replace("-", " "), "cause": _named(name, text, next, evidence)}


def is_of_the_machine(row: Mapping[str, JSON]) -> bool:
    """Whether the cause is this machine's, so that nothing is known of the source."""
    cause = row["cause"]
    return isinstance(cause, dict) and cause["name"] in OF_THE_MACHINE


def timed(events: Iterable[Event]) -> tuple[dict[str, float], float | None, float | None]:
    """Seconds in each phase so far, in the order of their beginning, and the first and the last
    moment that is known, in seconds since 1970."""
    phases: dict[str, float] = {}
    name, started, last = None, None, None
    for event in events:
        at = event.get("at")
        if not isinstance(at, int | float) or isinstance(at, bool):
            continue
        started = float(at) if started is None else started
        if name is not None and last is not None:
            phases[name] = phases.get(name, 0.0) + max(0.0, at - last)
        if event.get("event") == "phase":
            name = str(event.get("name"))
            phases.setdefault(name, 0.0)
        last = float(at)
    return phases, started, last


def events_of(folder: progress_log.Folder) -> list[Event]:
    """What the process of a source said so far."""
    try:
        lines = progress_log.place(folder).read_bytes().splitlines()
    except OSError:
        return []
    return list(progress_log.events(lines))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _year(date: JSON) -> int | None:
    return int(date[:4]) if isinstance(date, str) and date[:4].isdecimal() else None


def _compared(found: reading.Record) -> bool:
    """Whether what went wrong, if anything did, is that results differ, which the grade tells."""
    cause = found["cause"]
    return cause is None or (isinstance(cause, dict) and cause["class"] == "ResultsDiffer")


def _cause(found: reading.Record, record: reading.Record | None) -> JSON:
    """As a diagnosis says it, of the run or of a phase before; else as the error does."""
    told = found.get("diagnosis") or (None if record is None else record.get("failure"))
    evidence: list[str] = []
    if isinstance(told, dict):
        name, evidence = reading.text(told, "cause"), reading.texts(told, "evidence")
        if name != "unknown" or record is not None:
            return _named(name, reading.text(told, "text"), reading.text(told, "next"), evidence)
    if found["cause"] is None:
        return None
    cause = reading.mapping(found, "cause")
    return _named(
        _name_of(reading.text(cause, "class")),
        reading.text(cause, "what"),
        reading.text_or_none(cause, "next") or "",
        evidence,
    )


def _named(name: str, text: str, next: str, evidence: Iterable[str] = ()) -> JSON:
    lines = [line[:LONGEST] for line in list(evidence)[-EVIDENCE:]]
    return {
        "name": name,
        "text": redacted(text)[: 5 * LONGEST],
        "next": redacted(next)[: 2 * LONGEST],
        "evidence": redacted_values(lines),
    }


def _name_of(error: str) -> str:
    """ "InputUnavailable" as causes are called: "input-unavailable"."""
    return "cannot-be-planned" if error == "BadRequest" else _CAPITAL.sub("-", error).lower()


def _notebooks(record: reading.Record, results: Path) -> dict[str, JSON]:
    """How many notebooks ran, executed every cell, had outputs to compare, and gave the same."""
    argv = [reading.texts(step, "argv") for step in reading.rows(record, "command")]
    names = {words[1].rpartition("/")[2] for words in argv if words[:1] == [RUNNER] and words[1:]}
    executed = [inside(results, name) for name in sorted(names)]
    listed = record.get("notebooks")
    told = reading.rows(record, "notebooks") if listed is not None else []
    grades = [book["grade"] for book in told if book["grade"] is not None]
    return {
        "ran": len(names),
        "executed": sum(place is not None and is_executed(place) for place in executed),
        "compared": len(grades),
        "same": sum(grade in _REPRODUCED for grade in grades),
    }


def is_executed(notebook: Path) -> bool:
    """Whether every code cell of a notebook ran, and none failed that was not meant to. Cells that
    are left out in a container do not count."""
    try:
        if notebook.stat().st_size > _LARGEST_NOTEBOOK:
            return False
        cells = json.loads(notebook.read_bytes())["cells"]
        return all(_ran(cell) for cell in cells if cell["cell_type"] == "code")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _ran(cell: Mapping[str, Any]) -> bool:
    source, tags = "".join(cell["source"]), cell["metadata"].get("tags") or ()
    if not source.strip() or is_left_out(source, tags):
        return True
    fails = any(output["output_type"] == "error" for output in cell["outputs"])
    return cell["execution_count"] is not None and (not fails or "raises-exception" in tags)
