"""Numbers and words that a paper takes out of a run's results, and never types again.

A value is named by its file and a place in it: "results/metrics.json:model.rmse",
"results/table.csv:season=winter:mean", "results/table.csv:3:mean" (the third row), or
"results/answer.txt" (the whole of a one-line text).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reprokit import files
from reprokit.errors import BadRequest, ResultsDiffer
from reprokit.history import reading
from reprokit.history.contents import inside

LARGEST = 32 * 1024 * 1024
_LONGEST = 200


def chosen(
    wanted: Mapping[str, str], record: reading.Record, results: Path
) -> tuple[tuple[str, str], ...]:
    """The text of each value, by name, sorted. Numbers stay as the file writes them.

    results: the run's own results folder. Raises BadRequest for a place that no result has, and
    ResultsDiffer for a file that is no longer the one of the record.
    """
    known = reading.hashes(reading.rows(record, "results"))
    return tuple((name, _value(name, wanted[name], known, results)) for name in sorted(wanted))


def _value(name: str, place: str, known: Mapping[str, str], results: Path) -> str:
    path, selector = _split(name, place, known)
    content = _content(path, known[path], results)
    try:
        if path.lower().endswith(".json"):
            found = _in_json(content, selector)
        elif path.lower().endswith((".csv", ".tsv")):
            found = _in_table(content, selector, "\t" if path.lower().endswith(".tsv") else ",")
        elif selector:
            raise LookupError("only .json, .csv and .tsv files have places")
        else:
            found = content.strip()
    except (LookupError, ValueError, RecursionError, csv.Error) as error:
        why = error.args[0] if error.args else "cannot be read"
        raise BadRequest(f"the value {name} cannot be had: {why}", where=place) from error
    if "\n" in found or len(found) > _LONGEST:
        raise BadRequest(f"the value {name} is longer than a line of text", where=place)
    return found


def _split(name: str, place: str, known: Mapping[str, str]) -> tuple[str, str]:
    """The result and the place in it: file names may have colons as well."""
    ends = [end for end, character in enumerate(place) if character == ":"]
    for end in (len(place), *reversed(ends)):
        for path in (place[:end], place[:end].removeprefix("results/")):
            if path in known:
                return path, place[end + 1 :]
    some = ", ".join(sorted(known)[:5]) or "none"
    raise BadRequest(
        f"the value {name} names no result of this run",
        where=place,
        next=f"its results are: {some}{', …' if len(known) > 5 else ''}",
    )


def _content(path: str, sha256: str, results: Path) -> str:
    file = inside(results, path)
    if file is None or files.sha256(file) != sha256:
        raise ResultsDiffer(
            "is no longer the result that the record names",
            where=str(results / path),
            next="run again and cite that run",
        )
    if file.stat().st_size > LARGEST:
        raise BadRequest(f"is larger than {LARGEST // 1024**2} MiB", where=path)
    return file.read_text("utf-8-sig", errors="replace")


def _in_json(content: str, selector: str) -> str:
    found: Any = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
    for key in selector.split(".") if selector else ():
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, dict) and key in found:
            found = found[key]
        else:
            raise LookupError(f"there is no {key!r}")
    if isinstance(found, bool):
        return str(found).lower()
    if not isinstance(found, str):
        raise LookupError("it is no single number or text")
    return found


def _in_table(content: str, selector: str, delimiter: str) -> str:
    row_selector, _, column = selector.rpartition(":")
    rows = list(csv.DictReader(io.StringIO(content, newline=""), delimiter=delimiter))
    if "=" in row_selector:
        name, _, wanted = row_selector.partition("=")
        rows = [row for row in rows if row.get(name) == wanted]
    elif row_selector:
        number = int(row_selector) if row_selector.isdecimal() else 0
        rows = rows[number - 1 : number] if number else []
    if len(rows) != 1:
        raise LookupError(
            f"{len(rows)} rows fit; write FILE:COLUMN=VALUE:COLUMN or FILE:ROW:COLUMN"
        )
    value = rows[0].get(column)
    if not isinstance(value, str):
        raise LookupError(f"there is no column {column!r}")
    return value
