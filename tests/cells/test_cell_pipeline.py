"""`reprokit.cell`, with a process of this machine where the container would be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import reprokit
from reprokit.cells.cell import LANGUAGES, Cell
from reprokit.cells.exchange import Exchange
from reprokit.errors import BadRequest, CommandFailed, Interrupted, NoEngine
from reprokit.history import living
from reprokit.pipeline import cells, running
from reprokit.pipeline.cells import fitted
from reprokit.pipeline.job import Job, Wishes, prepare


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "a.py").write_text("import json\n")
    (folder / "a.ipynb").write_text('{"cells": [], "nbformat": 4, "metadata": {}}')
    return folder


Contained = Callable[[Exchange], int]


@pytest.fixture
def contained(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Contained], None]:
    """Sets what happens in place of the container; it gives the exit status."""

    def replace(work: Contained) -> None:
        def run(path: Path, wishes: Wishes, *rest: Any, cell: Exchange, **more: Any) -> Any:
            assert wishes.command == LANGUAGES[cell.cell.language].command
            folder = project / ".reprokit" / "runs" / "one"
            folder.mkdir()
            (folder / "log.txt").write_bytes(b"")
            code = work(cell)
            record: dict[str, Any] = {
                "status": "failed" if code else "succeeded",
                "exit_code": code,
            }
            failure = CommandFailed(f"the cell ended with status {code}") if code else None
            return running.RunResult(
                record=record,
                folder=folder,
                results=folder,
                failure=failure,
            )

        monkeypatch.setattr(running, "run", run)

    return replace


def here(cell: Exchange) -> int:
    command = [sys.executable, str(cell.given / "start.py"), str(cell.taken)]
    return subprocess.run(command, check=False, capture_output=True).returncode


class Abandoned:
    """An engine with a container of a process that is gone, and one of another."""

    def __init__(self, process: str) -> None:
        self.containers = {"left": process, "other": living.this_process()}

    def leftovers(self, *, process: str) -> tuple[str, ...]:
        return tuple(name for name, of in self.containers.items() if of == process)

    def remove_container(self, identifier: str) -> None:
        del self.containers[identifier]


def test_values_come_back_and_nothing_is_left(
    project: Path, contained: Callable[[Contained], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = project / ".reprokit" / "cell-dead"
    (stale / "given").mkdir(parents=True)
    dead = f"{living.host_of(living.this_process())}/1/0"
    (stale / "process").write_text(dead)
    engine = Abandoned(dead)
    monkeypatch.setattr(cells, "connect", lambda wanted: nullcontext(engine))
    contained(here)
    result = reprokit.cell("y = [x, x]", inputs={"x": 2}, outputs=["y"], path=project)
    assert result.failure is None and result.values == {"y": [2, 2]}
    assert sorted(path.name for path in (project / ".reprokit").iterdir()) == [".gitignore", "runs"]
    assert list(engine.containers) == ["other"]


def test_what_a_killed_kernel_left_stays_until_its_engine_answers(
    project: Path, contained: Callable[[Contained], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = project / ".reprokit" / "cell-dead"
    stale.mkdir(parents=True)
    (stale / "process").write_text(f"{living.host_of(living.this_process())}/1/0")

    def nobody(wanted: str | None) -> Any:
        raise NoEngine("no engine answers")

    monkeypatch.setattr(cells, "connect", nobody)
    contained(here)
    assert reprokit.cell("1", path=project).failure is None and stale.exists()


def test_a_cell_that_fails_gives_no_values(
    project: Path, contained: Callable[[Contained], None]
) -> None:
    contained(here)
    result = reprokit.cell("y = 1\n1 / 0", outputs=["y"], path=project)
    assert str(result.failure).startswith("line 3 of the cell: ZeroDivisionError")
    assert result.values == {}


def test_values_that_a_container_did_not_write_as_agreed_are_a_failure(
    project: Path, contained: Callable[[Contained], None]
) -> None:
    def hostile(cell: Exchange) -> int:
        (cell.taken / "0.json").symlink_to("/etc/passwd")
        return 0

    contained(hostile)
    result = reprokit.cell("y = 1", outputs=["y"], path=project)
    assert isinstance(result.failure, CommandFailed) and result.values == {}


@pytest.mark.parametrize(
    ("language", "code", "log", "said"),
    [
        ("R", 127, b"", "the container has no R"),
        ("python", 1, b"SyntaxError: future feature annotations is not defined\n", "Python 3.7"),
        ("python", 137, b"", "the cell ended with status 137"),
        ("sh", 127, b"", "the cell ended with status 127"),
    ],
)
def test_a_container_that_cannot_run_the_cell(
    project: Path,
    contained: Callable[[Contained], None],
    language: str,
    code: int,
    log: bytes,
    said: str,
) -> None:
    def work(cell: Exchange) -> int:
        (project / ".reprokit" / "runs" / "one" / "log.txt").write_bytes(log)
        return code

    contained(work)
    assert said in str(reprokit.cell("1", language, path=project).failure)


def test_an_interrupt_leaves_no_values_behind(
    project: Path, contained: Callable[[Contained], None]
) -> None:
    def stopped(cell: Exchange) -> int:
        raise Interrupted("stopped")

    contained(stopped)
    with pytest.raises(Interrupted):
        reprokit.cell("1", path=project)
    assert not list((project / ".reprokit").glob("cell-*"))


def job(project: Path, language: str) -> Job:
    return prepare(project, Wishes(command=LANGUAGES[language].command, base="bookworm"))


def test_the_image_of_a_cell_lacks_the_notebooks(project: Path) -> None:
    made = fitted(job(project, "python"), Cell(language="python", line="%%repro", text="1"))
    assert made.plan.code == ("a.py",)


def test_a_language_that_the_project_lacks_is_told_before_anything_is_built(project: Path) -> None:
    of_r = Cell(language="R", line="%%repro R", text="1")
    with pytest.raises(BadRequest, match="has no R, as nothing") as caught:
        fitted(job(project, "R"), of_r)
    assert "r-base-core" in str(caught.value.next)
    (project / "repro.toml").write_text('[system]\npackages = ["r-base-core"]\n')
    fitted(job(project, "R"), of_r)
