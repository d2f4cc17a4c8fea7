"""Running again: what of it reaches the record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from reprokit.errors import BadRequest
from reprokit.history.variation_text import described
from reprokit.model import JSON, Outcome, ResultFile
from reprokit.phases.collect import listing
from reprokit.phases.learn import read
from reprokit.pipeline.repeating import check, repeated
from reprokit.progress import Silent
from reprokit.tolerance import CompareOptions
from tests.conftest import engines

Status = Literal["succeeded", "failed"]


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def warning(self, text: str) -> None:
        self.said.append(text)


def run(folder: Path, value: float, status: Status = "succeeded") -> Any:
    def once(results: Path, log: Path) -> tuple[Outcome, tuple[ResultFile, ...]]:
        results.mkdir(exist_ok=True)
        (results / "a.csv").write_text(f"x\n{value}\n")
        outcome = Outcome(
            status=status, exit_code=0, started="", finished="", seconds=1, peak_memory=None
        )
        return outcome, listing(results, (), pytest.fail)

    return once


def unused(script: str, files: object) -> str:
    raise AssertionError


def test_runs_are_learnt_from_until_one_fails(tmp_path: Path) -> None:
    heard = Heard()
    _, first = run(tmp_path, 1.0)(tmp_path / "results", tmp_path)
    calls = [run(tmp_path, 2.0), run(tmp_path, 1.5), run(tmp_path, 9.0, "failed")]

    def once(results: Path, log: Path) -> Any:
        return calls.pop(0)(results, log)

    options = CompareOptions()
    known = (first, tmp_path / "results")
    found = repeated(once, 9, known, tmp_path, options, unused, heard)
    assert found is not None and found.runs == 3 and not calls
    assert found.files["a.csv"].intervals == {("x", "row 1"): (1.0, 2.0)}
    assert sorted(place.name for place in (tmp_path / "repeats").iterdir()) == ["2", "3", "4"]
    assert "run 4 of 9 did not succeed (failed)" in heard.said[0] and "3 runs" in heard.said[0]


def test_nothing_is_learnt_from_one_run(tmp_path: Path) -> None:
    known: Any = ((), tmp_path)
    once = run(tmp_path, 1.0, "failed")
    assert repeated(once, 3, known, tmp_path, CompareOptions(), unused, Heard()) is None


@pytest.mark.parametrize("repeat", [0, -1, 1001])
def test_a_number_of_runs_that_makes_no_sense(repeat: int) -> None:
    with pytest.raises(BadRequest, match="cannot be run"):
        check(repeat)


def varied(files: dict[str, Any], *unstable: str) -> list[str]:
    document: JSON = {"runs": 3, "unstable": [*unstable], "files": files}
    return described({"variation": document})


def test_what_varies_is_told() -> None:
    one = {"intervals": [["rmse", "row 2", 1.0, 2.0]], "spreads": {}, "opaque": False}
    many = {"intervals": [], "spreads": {"fit": 0.5}, "opaque": True}
    bytes_only = {"intervals": [], "spreads": {}, "opaque": False}
    words = {"intervals": [], "spreads": {}, "opaque": True}
    found = varied({"a.csv": one, "b\x1b.npy": many, "c.json": bytes_only, "e.txt": words}, "d.txt")
    assert found == [
        "varies       5 results, between 3 runs",
        "  a.csv: 1 number",
        "  b\\x1b.npy: many numbers in 1 place and more than numbers",
        "  c.json: other bytes, the same content",
        "  d.txt: not every run wrote it",
        "  e.txt: something else than numbers",
    ]
    assert varied({}) == ["varies       nothing, between 3 runs"]
    assert len(varied({str(n): one for n in range(40)})) == 17
    assert described({}) == described({"variation": {"runs": "x"}}) == []
    assert described({"variation": None}) == []


PROGRAM = """\
import os, random
os.makedirs("results", exist_ok=True)
with open("results/metrics.csv", "w") as file:
    file.write(f"model,rmse\\na,0.5\\nb,{0.2 + random.random() / 10}\\n")
"""


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.parametrize("engine", engines())
def test_a_record_keeps_what_varies(engine: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PROGRAM)
    (tmp_path / "repro.toml").write_text('base = "bookworm"\n')
    words = ("run", str(tmp_path), "--engine", engine, "--repeat", "3", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "reprokit", *words], capture_output=True, text=True, check=True
    )
    record = json.loads(done.stdout)
    variation = read(record["variation"])
    assert (
        variation is not None and variation.runs == 3 and list(variation.files) == ["metrics.csv"]
    )
    ((place, (low, high)),) = variation.files["metrics.csv"].intervals.items()
    assert place == ("rmse", "row 2") and 0.2 <= low < high <= 0.3
    folder = tmp_path / ".reprokit" / "runs" / record["run"]
    assert (folder / "repeats" / "3" / "results" / "metrics.csv").is_file()
    published = (tmp_path / "results" / "metrics.csv").read_text()
    assert published == (folder / "results" / "metrics.csv").read_text()
    shown = subprocess.run(
        [sys.executable, "-m", "reprokit", "show", record["run"]],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert record["run"] in shown.stdout
    assert "varies       1 result, between 3 runs\n  metrics.csv: 1 number\n" in shown.stdout
