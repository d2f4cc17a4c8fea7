"""A run against the last one that succeeded before it in its project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reprokit.history.index import Index, entry_of
from reprokit.history.run_folder import RunFolder
from reprokit.history.since import Since, since
from reprokit.model import JSON
from reprokit.phases import record as records_of_runs
from reprokit.verdict import Grade
from tests.notebook import records

FIRST, FAILED, LAST = "20260102-030405-abcd", "20260102-040405-abcd", "20260103-030405-abcd"
TABLE = b"x,y\n1,2\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    folder = (tmp_path / "project").resolve()
    folder.mkdir()
    return folder


def ran(
    project: Path, run: str, contents: dict[str, bytes], status: str = "succeeded", **fields: Any
) -> tuple[dict[str, JSON], RunFolder]:
    """A finished run with other fields than `records.record` has."""
    folder = RunFolder(project=project, id=run)
    written = [records.result_file(folder.results, n, c) for n, c in sorted(contents.items())]
    plain = {**records.record(run, written, status), **fields}
    plain["started"] = f"{run[:4]}-{run[4:6]}-{run[6:8]}T{run[9:11]}:04:05.000+00:00"
    made = records_of_runs.sealed(plain)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.record.write_text(records_of_runs.canonical(made), encoding="utf-8")
    Index().add(entry_of(made, project))
    return made, folder


def compared(project: Path, made: tuple[dict[str, JSON], RunFolder]) -> Since | None:
    return since(made[0], project, made[1].results)


def package(version: str) -> dict[str, str]:
    return {"source": "pip", "name": "numpy", "version": version}


def test_the_first_run_has_nothing_to_compare_with(project: Path) -> None:
    assert compared(project, ran(project, FIRST, {"t.csv": TABLE})) is None


def test_the_same_again(project: Path) -> None:
    ran(project, FIRST, {"t.csv": TABLE})
    found = compared(project, ran(project, LAST, {"t.csv": TABLE}))
    assert found is not None and found.verdict is not None
    assert found.verdict.grade is Grade.IDENTICAL
    assert found.headline == "1 result, all identical"
    assert found.reason == "code, data, environment and command are the same"


def test_results_that_vary_by_themselves_are_said_to(project: Path) -> None:
    ran(project, FIRST, {"t.csv": TABLE})
    found = compared(project, ran(project, LAST, {"t.csv": b"x,y\n1,3\n"}))
    assert found is not None
    assert found.headline == "not the same: 1 different"
    assert "set a seed" in found.reason


def test_what_changed_is_named(project: Path) -> None:
    ran(project, FIRST, {"t.csv": TABLE}, packages=[package("1.0")])
    found = compared(
        project,
        ran(
            project,
            LAST,
            {"t.csv": TABLE},
            packages=[package("2.0")],
            lock={"sha256": "sha256:" + "b" * 64},
            context={"sha256": "sha256:" + "b" * 64},
            command=[{"argv": ["python", "main.py", "7"], "folder": "."}],
            data={
                "mode": "mount",
                "files": [{"path": "a.csv", "size": 1, "sha256": records.DIGEST}],
            },
        ),
    )
    assert found is not None
    assert [(change.kind, change.text) for change in found.changes] == [
        ("data", "a.csv (new)"),
        ("environment", "numpy 1.0 → 2.0"),
        ("command", "command: python main.py → python main.py 7"),
    ]
    assert found.text().splitlines()[1] == "  changed: data, environment, command"


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({}, ["code"]),
        # The key is another one because the Dockerfile is: that says nothing about the code.
        ({"dockerfile": {"sha256": "sha256:" + "b" * 64}}, ["environment"]),
    ],
)
def test_the_code_is_only_blamed_for_sure(
    project: Path, fields: dict[str, Any], kinds: list[str]
) -> None:
    ran(project, FIRST, {"t.csv": TABLE})
    other = {"sha256": "sha256:" + "b" * 64}
    found = compared(project, ran(project, LAST, {"t.csv": TABLE}, context=other, **fields))
    assert found is not None
    assert [change.kind for change in found.changes] == kinds


def test_failed_runs_are_neither_compared_nor_compared_with(project: Path) -> None:
    ran(project, FIRST, {"t.csv": TABLE})
    failed = compared(project, ran(project, FAILED, {}, status="failed"))
    assert failed is not None and failed.verdict is None and failed.earlier.id == FIRST
    found = compared(project, ran(project, LAST, {"t.csv": TABLE}))
    assert found is not None and found.earlier.id == FIRST


def test_an_earlier_run_that_cannot_be_read_is_no_error(project: Path) -> None:
    _, folder = ran(project, FIRST, {"t.csv": TABLE})
    folder.record.write_text("{", encoding="utf-8")
    assert compared(project, ran(project, LAST, {"t.csv": TABLE})) is None
