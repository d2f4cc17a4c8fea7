"""The table of a study: a row a source as CSV, and everything as JSON (schema study-1)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from reprokit.history.reading import Record, mapping
from reprokit.model import JSON
from reprokit.studying import statistics
from reprokit.version import __version__

SCHEMA = 1
PHASES = ("clone", "unpack", "lock", "fetch", "build", "run", "compare")
COLUMNS = (
    "name", "source", "group", "year", "kind", "identifier", "date", "languages", "ecosystems",
    "found", "locked", "built", "ran", "same", "outcome", "status", "phase", "cause", "cause_text",
    "grade", "compared_with", "files", "files_same", "notebooks_found", "notebooks_ran",
    "notebooks_executed", "notebooks_compared", "notebooks_same", "started", "seconds",
    *(f"{phase}_seconds" for phase in PHASES),
    "run", "image", "environment_digest",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take the beginning of a formula in."""


def document(name: str, rows: Sequence[Record], listed: int) -> dict[str, JSON]:
    """The document. listed: how many sources the list has."""
    parts = {
        "languages": statistics.language,
        "ecosystems": statistics.ecosystem,
        "years": statistics.year,
        "groups": statistics.group,
    }
    return {
        "schema": SCHEMA,
        "name": name,
        "reprokit": __version__,
        "listed": listed,
        "seconds": round(statistics.seconds(rows), 1),
        "counts": statistics.counts("all", rows).json(),
        "grades": {**statistics.grades(rows)},
        "causes": [cause.json() for cause in statistics.causes(rows)],
        **{
            part: [counts.json() for counts in statistics.by(rows, name_of)]
            for part, name_of in parts.items()
        },
        "notebooks": {**statistics.notebooks(rows)},
        "sources": [{**row, "outcome": statistics.outcome(row)} for row in rows],
    }


def comma_separated(rows: Sequence[Record]) -> str:
    """The rows as CSV (RFC 4180). A text that a spreadsheet would take for a formula begins with an
    apostrophe: messages come from strangers' programs."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(COLUMNS)
    for row in rows:
        cells = _cells(row)
        writer.writerow([_cell(cells[column]) for column in COLUMNS])
    return written.getvalue()


def _cells(row: Record) -> dict[str, JSON]:
    cause = mapping(row, "cause") if row["cause"] is not None else {}
    image = mapping(row, "image") if row["image"] is not None else {}
    files, books, phases = (mapping(row, key) for key in ("files", "notebooks", "phases"))
    numbers = {grade: n for grade, n in files.items() if isinstance(n, int)}
    return {
        **row,
        "outcome": statistics.outcome(row),
        "cause": cause.get("name"),
        "cause_text": cause.get("text"),
        "compared_with": row["basis"],
        "files": sum(numbers.values()),
        "files_same": numbers.get("identical", 0) + numbers.get("within tolerance", 0),
        **{f"notebooks_{key}": value for key, value in books.items()},
        **{f"{phase}_seconds": phases.get(phase) for phase in PHASES},
        "image": image.get("config_digest"),
    }


def _cell(value: JSON) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ";".join(str(item) for item in value)
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
