"""Results that are others every time are judged by what the rerun's own runs vary by."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from reprokit.engines.fake import Box
from reprokit.errors import ResultsDiffer
from reprokit.progress import Silent
from reprokit.rerunning import rerun as rerunning
from reprokit.rerunning.limits import Limits
from reprokit.rerunning.result import RerunResult
from reprokit.verdict import Grade
from tests.mending.test_loop import Machine, in_place
from tests.projects import write


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = in_place(tmp_path, monkeypatch)
    files = {"main.py": "print(1)\n", "results/a.csv": "x,y\n1,5.0\n", "results/b.txt": "same\n"}
    write(tmp_path / "study", files)
    return found


def gives(machine: Machine, *values: float) -> list[float]:
    """The program's result is one of these after the other; what it gave."""
    given: list[float] = []
    endless = itertools.cycle(values)

    def program(box: Box) -> int:
        given.append(next(endless))
        box.write("/app/results/a.csv", f"x,y\n1,{given[-1]}\n".encode())
        box.write("/app/results/b.txt", b"same\n")
        return 0

    machine.engine.programs = {("python",): program}
    return given


def rerun(folder: Path, **wanted: object) -> RerunResult:
    asked = rerunning.Wanted(**wanted)  # type: ignore[arg-type]
    return rerunning.rerun(str(folder / "study"), asked, Silent())


def test_an_expected_value_among_those_that_the_runs_gave(machine: Machine, tmp_path: Path) -> None:
    given = gives(machine, 4.8, 5.3, 4.9, 5.1, 5.2)
    found = rerun(tmp_path)
    assert found.failure is None and found.verdict is not None and len(given) == 5
    assert found.verdict.grade is Grade.WITHIN_TOLERANCE
    (varied,) = (file for file in found.verdict.files if file.path == "a.csv")
    assert "within what 5 runs here varied by" in varied.summary
    assert any("other results every time" in note for note in found.notes)


def test_an_expected_value_far_from_all_of_them(machine: Machine, tmp_path: Path) -> None:
    gives(machine, 7.8, 8.3, 7.9, 8.1, 8.2)
    found = rerun(tmp_path)
    assert isinstance(found.failure, ResultsDiffer) and found.verdict is not None
    assert "by more than in 5 runs here" in found.verdict.files[0].summary


def test_a_program_that_gives_the_same_again_differs(machine: Machine, tmp_path: Path) -> None:
    given = gives(machine, 5.1)
    found = rerun(tmp_path)
    assert isinstance(found.failure, ResultsDiffer) and len(given) == 2
    assert not any("every time" in note for note in found.notes)


def test_what_is_as_expected_runs_once(machine: Machine, tmp_path: Path) -> None:
    given = gives(machine, 5.0)
    assert rerun(tmp_path).failure is None and len(given) == 1


def test_there_may_be_no_time_for_it(machine: Machine, tmp_path: Path) -> None:
    given = gives(machine, 4.8, 5.3)
    found = rerun(tmp_path, limits=Limits(until=0.0))
    assert isinstance(found.failure, ResultsDiffer) and len(given) == 1
