"""From documents to rows, from rows to numbers, and from these to tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit.errors import BadRequest, InputUnavailable, NoEngine
from reprokit.model import JSON
from reprokit.rerunning.consent import NotAllowed
from reprokit.schemas import schema
from reprokit.studying import row, statistics, table
from tests.studying.rows import failed, listed, made

DIGEST = "sha256:" + "0" * 64


def document(**changes: JSON) -> dict[str, JSON]:
    """What `rerun --json` says of a run of two notebooks, as far as rows read it."""
    record: JSON = {
        "status": "succeeded",
        "date": {"day": "2020-02-02", "source": "commit"},
        "image": {"config_digest": DIGEST, "size": 5},
        "environment_digest": DIGEST,
        "command": [
            {"argv": ["repro-notebook", "a.ipynb"], "folder": "."},
            {"argv": ["repro-notebook", "sub/b.ipynb"], "folder": "."},
            {"argv": ["python", "c.py"], "folder": "."},
        ],
        "notebooks": [{"grade": "within tolerance"}, {"grade": None}],
    }
    return {
        "phase": "compare", "status": "identical", "run": "20260102-030405-abcd", "cause": None,
        "record": record, "expected": {"basis": "tracked files"},
        "verdict": {"grade": "identical", "counts": {"identical": 3, "missing": 0}},
        **changes,
    }  # fmt: skip


def of(found: dict[str, JSON], results: Path) -> Any:
    base = row.row(listed(year=2018), {"kind": "git", "notebooks": 3}, [])
    return row.of_rerun(base, found, results)


def notebook(*cells: dict[str, Any]) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "metadata": {}, **cell} for cell in cells]})


RAN = {"source": ["x = 1"], "execution_count": 1, "outputs": []}
BROKEN = {"source": "x", "execution_count": 2, "outputs": [{"output_type": "error"}]}
NOT_RUN: dict[str, Any] = {"source": "x", "execution_count": None, "outputs": []}


def test_a_row_of_a_rerun(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(notebook(RAN, {**NOT_RUN, "source": " \n"}))
    (tmp_path / "b.ipynb").write_text(notebook(RAN, BROKEN))
    found = of(document(), tmp_path)
    assert (found["found"], found["locked"], found["built"], found["ran"]) == (True,) * 4
    assert (found["same"], found["grade"], found["files"]) == (True, "identical", {"identical": 3})
    assert (found["year"], found["date"], found["basis"]) == (2018, "2020-02-02", "tracked files")
    assert found["notebooks"] == {"found": 3, "ran": 2, "executed": 1, "compared": 1, "same": 1}
    assert found["cause"] is None and found["image"] == {"config_digest": DIGEST, "size": 5}


@pytest.mark.parametrize(
    ("cells", "executed"),
    [
        ([RAN], True),
        ([RAN, NOT_RUN], False),
        ([RAN, BROKEN], False),
        ([{**BROKEN, "metadata": {"tags": ["raises-exception"]}}], True),
        ([{**NOT_RUN, "metadata": {"tags": ["skip-execution"]}}], True),
        ([{**NOT_RUN, "source": "%load_ext reprokit"}], True),
    ],
)
def test_notebooks_that_executed_every_cell(
    tmp_path: Path, cells: list[dict[str, Any]], executed: bool
) -> None:
    place = tmp_path / "a.ipynb"
    place.write_text(notebook(*cells))
    assert row.is_executed(place) is executed


@pytest.mark.parametrize("content", ["", "[]", '{"cells": [{"cell_type": "code"}]}', "[" * 9000])
def test_a_notebook_that_is_none_was_not_executed(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.ipynb").write_text(content)
    assert not row.is_executed(tmp_path / "a.ipynb")


def test_results_that_differ_are_no_failure(tmp_path: Path) -> None:
    cause: JSON = {"class": "ResultsDiffer", "what": "differ", "where": None, "next": None}
    verdict: JSON = {"grade": "different", "counts": {"different": 1, "identical": 1}}
    found = of(document(cause=cause, verdict=verdict, status="different"), tmp_path)
    assert (found["same"], found["cause"]) == (False, None)
    assert statistics.outcome(found) == "not the same"


def test_a_program_that_failed_has_the_cause_of_its_record(tmp_path: Path) -> None:
    failure: JSON = {"phase": "run", "cause": "missing-module", "text": "tabulate is missing",
                     "next": "name it", "evidence": [str(n) for n in range(9)]}  # fmt: skip
    ended = document()
    ended["record"] = {**ended["record"], "status": "failed", "failure": failure}  # type: ignore[dict-item]
    ended["cause"] = {"class": "CommandFailed", "what": "x", "where": None, "next": None}
    found = of(ended, tmp_path)
    assert found["cause"]["name"] == "missing-module"
    assert found["cause"]["evidence"] == ["4", "5", "6", "7", "8"]
    # What did not run to its end is not judged by what it left.
    assert (found["ran"], found["same"]) == (False, None)
    assert statistics.outcome(found) == "failed"
    assert statistics.reached(found)["compared"] is False


@pytest.mark.parametrize(
    ("phase", "locked"), [("plan", False), ("lock", False), ("fetch", True), ("build", True)]
)
def test_a_rerun_without_a_container(tmp_path: Path, phase: str, locked: bool) -> None:
    cause: JSON = {
        "class": "InputUnavailable", "what": "https://me:secret@x/ is gone", "where": None,
        "next": None,
    }  # fmt: skip
    found = of(
        document(phase=phase, record=None, verdict=None, expected=None, cause=cause), tmp_path
    )
    assert (found["found"], found["locked"], found["built"]) == (True, locked, False)
    assert found["cause"]["name"] == "input-unavailable" and "secret" not in str(found["cause"])
    assert statistics.outcome(found) == "not built"


@pytest.mark.parametrize(
    ("cause", "name", "text"),
    [("missing-header", "missing-header", "ffi.h"), ("unknown", "build-failed", "it failed")],
)
def test_a_build_that_failed_has_the_cause_of_its_diagnosis(
    tmp_path: Path, cause: str, name: str, text: str
) -> None:
    diagnosis: JSON = {"phase": "build", "cause": cause, "text": "ffi.h", "next": "add it",
                       "evidence": ["ffi.h: No such file"]}  # fmt: skip
    error: JSON = {"class": "BuildFailed", "what": "it failed", "where": None, "next": None}
    found = of(
        document(phase="build", record=None, verdict=None, cause=error, diagnosis=diagnosis),
        tmp_path,
    )
    assert (found["cause"]["name"], found["cause"]["text"]) == (name, text)
    assert found["cause"]["evidence"] == ["ffi.h: No such file"]


def test_errors_before_a_rerun() -> None:
    there = row.row(listed(), {"kind": "git"}, [])
    gone = row.row(listed(), None, [])
    for base, error, name in (
        (gone, InputUnavailable("no such repository"), "not-found"),
        (gone, BadRequest("no such file"), "not-found"),
        (there, BadRequest("is damaged"), "cannot-be-planned"),
        (there, NotAllowed("asks for more"), "not-allowed"),
        (gone, NoEngine("none"), "no-engine"),
    ):
        found: Any = row.of_error(base, error)
        assert found["cause"]["name"] == name
        assert row.is_of_the_machine(found) == (name == "no-engine")


def test_times() -> None:
    found = made()
    assert found["phases"] == {"clone": 2.5, "lock": 10.0, "run": 7.5}
    assert (found["seconds"], found["started"]) == (20.0, "1970-01-01T00:16:40+00:00")
    assert row.timed([{"event": "phase"}, {"at": "x"}, {"at": True}]) == ({}, None, None)


ROWS = [
    made("one"),
    made("two", same=False, grade="different", files={"different": 1, "identical": 3}),
    made("three", same=None, grade=None, basis="nothing", files={}, year=None),
    failed("four", "missing-module", languages=["java", "r"]),
    failed("five", "missing-module", languages=[], group="others"),
    failed("six", "input-unavailable", "lock"),
    failed("seven", "not-found", "find", year=2021),
]


def test_counts() -> None:
    total = statistics.counts("all", ROWS)
    assert total.sources == 7
    assert [*total.stages.values()] == [6, 5, 5, 3, 2, 1]
    assert [*total.outcomes.values()] == [1, 1, 1, 2, 1, 1]
    assert sum(total.outcomes.values()) == total.sources
    assert [*statistics.STAGES] == [*total.stages]
    parts = statistics.by(ROWS, statistics.language)
    assert [(part.name, part.sources) for part in parts] == [
        ("java + r", 1), ("python", 5), ("unknown", 1),
    ]  # fmt: skip
    years = statistics.by(ROWS, statistics.year)
    assert [(part.name, part.sources) for part in years] == [
        ("2019", 5), ("2021", 1), ("unknown", 1),
    ]  # fmt: skip
    assert [part.name for part in statistics.by(ROWS, statistics.ecosystem)] == ["python"]
    assert [(c.name, c.phase, c.sources) for c in statistics.causes(ROWS)] == [
        ("missing-module", "run", 2), ("input-unavailable", "lock", 1), ("not-found", "find", 1),
    ]  # fmt: skip
    assert statistics.grades(ROWS) == {"identical": 1, "different": 1}
    assert statistics.notebooks(ROWS)["found"] == 14
    assert statistics.phases(ROWS)["lock"] == 70.0 and statistics.median(ROWS) == 20.0


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 3, "0 %"), (1, 3, "33 %"), (3, 3, "100 %"), (879, 15817, "5.6 %"),
     (999, 1000, "99.9 %"), (1, 10, "10 %"), (0, 0, "")],
)  # fmt: skip
def test_shares(part: int, whole: int, said: str) -> None:
    assert statistics.share(part, whole) == said


def test_the_document_fits_its_schema() -> None:
    found = table.document("A study", ROWS, 9)
    Draft202012Validator(schema("study-1")).validate(found)
    assert found["listed"] == 9 and len(found["sources"]) == 7  # type: ignore[arg-type]
    Draft202012Validator(schema("study-1")).validate(table.document("Of nothing", [], 3))


def test_the_table() -> None:
    evil = failed("=cmd|' /C calc'!A0", "unknown")
    assert isinstance(evil["cause"], dict)
    evil["cause"]["text"] = "-1+cmd\nsecond, line"
    read = list(csv.DictReader(io.StringIO(table.comma_separated([*ROWS, evil]))))
    assert tuple(read[0]) == table.COLUMNS and len(read) == 8
    assert read[0]["same"] == "yes" and read[0]["ecosystems"] == "apt;python"
    assert (read[1]["files"], read[1]["files_same"]) == ("4", "3")
    assert read[2]["same"] == "" and read[2]["outcome"] == "nothing to compare"
    assert read[7]["name"].startswith("'=cmd") and read[7]["cause_text"].startswith("'-1+cmd\n")
    assert read[0]["lock_seconds"] == "10.0" and read[0]["build_seconds"] == ""
