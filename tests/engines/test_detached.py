"""Detached runs on a real engine: what becomes of the container."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import docker
import pytest

from reprokit.engines.engine import SocketEngine
from reprokit.history import living

pytestmark = [pytest.mark.engine, pytest.mark.network]

PROGRAM = """\
import pathlib, sys, time
pathlib.Path("results/a.txt").write_text("1")
print("begun", flush=True)
time.sleep(float(sys.argv[1]))
print("done")
"""


@pytest.fixture
def project(tmp_path: Path, engine: SocketEngine, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPROKIT_ENGINE", engine.information().socket)
    root = tmp_path / "detached project"
    root.mkdir()
    (root / "main.py").write_text(PROGRAM)
    (root / "repro.toml").write_text('base = "bookworm"\n')
    return root


def reprokit(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reprokit", *words], capture_output=True, text=True, cwd=project
    )


def answer(project: Path, *words: str) -> Any:
    done = reprokit(project, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def detach(project: Path, seconds: float) -> Any:
    words = ("run", "--detach", "--json", "--", "python", "main.py", str(seconds))
    done = reprokit(project, *words)
    assert done.returncode == 0, done.stderr
    started = json.loads(done.stdout)
    until = time.monotonic() + 600
    while not any(run["last_line"] == "begun" for run in answer(project, "status")["runs"]):
        assert time.monotonic() < until and living.is_alive(living.token(started["process"]))
        time.sleep(0.2)
    return started


def containers(engine: SocketEngine, run: str) -> list[str]:
    client = docker.DockerClient(base_url=engine.information().socket)
    try:
        found = client.containers.list(all=True, filters={"label": f"org.reprokit.run={run}"})
        return [str(container.id) for container in found]
    finally:
        client.close()


def test_a_detached_run_is_attached_to_and_stopped(project: Path, engine: SocketEngine) -> None:
    run = detach(project, 3)["run"]
    attached = reprokit(project, "attach", run)
    assert attached.returncode == 0, attached.stderr
    assert "begun\ndone\n" in attached.stderr
    assert (project / "results" / "a.txt").read_text() == "1"

    started = detach(project, 600)
    assert len(containers(engine, started["run"])) == 1
    assert answer(project, "stop")["status"] == "interrupted"
    assert containers(engine, started["run"]) == []
    record = json.loads((Path(started["folder"]) / "record.json").read_text())
    assert record["status"] == "interrupted"
    assert [row["path"] for row in record["results"]] == ["a.txt"]
    assert reprokit(project, "attach").returncode == 130


def test_what_a_killed_run_left_running_is_ended_by_the_next_one(
    project: Path, engine: SocketEngine
) -> None:
    started = detach(project, 600)
    [container] = containers(engine, started["run"])
    try:
        assert container not in engine.leftovers(abandoned=True)
        os.kill(started["process"], signal.SIGKILL)
        while living.is_alive(living.token(started["process"])):
            time.sleep(0.05)
        assert [run["status"] for run in answer(project, "status")["runs"]] == ["lost"]
        assert container in engine.leftovers(abandoned=True)
        assert reprokit(project, "attach").returncode == 130
        again = reprokit(project, "run", "--", "python", "main.py", "0")
        assert again.returncode == 0 and f"run {started['run']} was killed" in again.stderr
        assert containers(engine, started["run"]) == []
        assert (Path(started["folder"]) / "log.txt").read_text() == "begun\n"
    finally:
        engine.remove_container(container)
    assert "was killed" not in reprokit(project, "run", "--", "python", "main.py", "0").stderr
