"""A study of tiny projects on real engines, killed on the way and gone on with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit.engines.connect import connect
from reprokit.history import living
from reprokit.schemas import schema
from tests.conftest import engines

pytestmark = [pytest.mark.engine, pytest.mark.network]
PATIENCE = 600.0
WRITES = """\
import pathlib

pathlib.Path("results").mkdir(exist_ok=True)
pathlib.Path("results/table.csv").write_text("place,mean\\n1,0.5\\n")
"""
WAITS = """\
import time

print("begun", flush=True)
time.sleep(1000)
"""
FAILS = 'raise SystemExit(open("/home/author/data.csv").read())\n'


@pytest.fixture(params=engines())
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REPROKIT_ENGINE", name)
    return name


def source(folder: Path, code: str, expected: str = "place,mean\n1,0.5\n") -> None:
    (folder / "results").mkdir(parents=True)
    (folder / "main.py").write_text(code)
    (folder / "results" / "table.csv").write_text(expected)
    (folder / "repro.toml").write_text('base = "debian"\n')


def begin(list_file: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "reprokit", "study", str(list_file), *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def document(process: subprocess.Popen[str]) -> Any:
    said, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, told[-3000:]
    found = json.loads(said)
    Draft202012Validator(schema("study-1")).validate(found)
    return found


def eventually(true: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, f"{what}: not within {PATIENCE:.0f} s"
        time.sleep(0.2)


def progress(study: Path, name: str) -> str:
    """What the process of a source said so far."""
    return "".join(p.read_text() for p in study.glob(f"sources/{name}-*/progress.jsonl"))


def alive(number: int) -> bool:
    return living.is_alive(living.token(number))


def abandoned(engine: str) -> set[str]:
    with connect(engine) as connected:
        return set(connected.leftovers(abandoned=True))


def left_of(study: Path, engine: str, before: set[str]) -> list[str]:
    """The process of the slow source, if it lives, and new containers without a process."""
    tokens = [json.loads(line).get("process") for line in progress(study, "slow").splitlines()]
    numbers = [int(token.split("/")[1]) for token in tokens if token]
    return [*(abandoned(engine) - before), *(str(n) for n in numbers if alive(n))]


def test_a_study_that_is_killed_and_gone_on_with(engine: str, tmp_path: Path) -> None:
    source(tmp_path / "same", WRITES)
    source(tmp_path / "different", WRITES, "place,mean\n1,0.25\n")
    source(tmp_path / "failing", FAILS)
    source(tmp_path / "slow", WAITS)
    listed = tmp_path / "list.toml"
    listed.write_text('sources = ["same", "slow", "different", "failing"]\n')
    study, before = tmp_path / "list-study", abandoned(engine)

    first = begin(listed, "--jobs", "1")
    try:
        eventually(
            lambda: '"name": "run"' in progress(study, "slow") or first.poll() is not None,
            "the container of the second source",
        )
        assert first.poll() is None, first.communicate()
        time.sleep(1)
    finally:
        first.kill()
        first.communicate()
    # It can tell nobody; its processes notice, and take their containers along.
    eventually(lambda: not left_of(study, engine, before), "the end of what was left")
    done = {path.parent.name.rpartition("-")[0] for path in study.glob("sources/*/result.json")}
    assert done == {"same"}
    kept = next(study.glob("sources/same-*/result.json")).read_text()

    (tmp_path / "slow" / "main.py").write_text(WAITS.replace("1000", "0.1") + WRITES)
    found = document(begin(listed, "--jobs", "2", "--keep-images", "1"))
    outcomes = {row["name"]: row["outcome"] for row in found["sources"]}
    assert outcomes == {
        "same": "same", "slow": "same", "different": "not the same", "failing": "failed",
    }  # fmt: skip
    assert next(study.glob("sources/same-*/result.json")).read_text() == kept
    assert found["causes"] == [{"name": "authors-path", "phase": "run", "sources": 1}]
    assert found["counts"]["ran"] == 3 and found["counts"]["same"] == 2
    assert "0.25" not in (study / "index.html").read_text()
    # As little room as possible was wanted: only base images are left of it.
    digests = {row["image"]["config_digest"] for row in found["sources"]}
    with connect(engine) as connected:
        left = {image.config_digest for image in connected.images(label="org.reprokit.owner")}
    assert not digests & left


def test_ctrl_c_leaves_no_container(engine: str, tmp_path: Path) -> None:
    source(tmp_path / "slow", WAITS)
    listed = tmp_path / "list.toml"
    listed.write_text('sources = ["slow"]\n')
    study, before = tmp_path / "list-study", abandoned(engine)
    process = begin(listed)
    try:
        eventually(
            lambda: '"name": "run"' in progress(study, "slow") or process.poll() is not None,
            "the container",
        )
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, told[-3000:]
    assert "0 of 1 sources are done" in told and "goes on where it was" in told
    assert not left_of(study, engine, before)
    found = document(begin(listed, "--timeout", "90"))
    [row] = found["sources"]
    assert (row["outcome"], row["cause"]["name"]) == ("failed", "timed-out")
