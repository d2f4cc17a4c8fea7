"""`%repro run` in a notebook, down to the container and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reprokit.engines.engine import SocketEngine
from tests.notebook import kernels

pytestmark = [pytest.mark.engine, pytest.mark.network]

PROGRAM = """
import os, struct, sys, time, zlib

def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

with open("results/figure.png", "wb") as file:
    file.write(b"\\x89PNG\\r\\n\\x1a\\n")
    file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)))
    file.write(chunk(b"IDAT", zlib.compress(b"\\0\\xff")) + chunk(b"IEND", b""))
with open("results/table.csv", "w") as file:
    file.write("x,y\\n1,<b>2</b>\\n")
print("half way", flush=True)
if os.path.exists("fail"):
    sys.exit(3)
if os.path.exists("wait"):
    time.sleep(300)
print("done")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kernels.find_reprokit(tmp_path, monkeypatch)
    folder = tmp_path / "pilot study"
    folder.mkdir()
    (folder / "main.py").write_text(PROGRAM)
    return folder


def run(engine: SocketEngine) -> str:
    return f"%repro run . --base debian --engine {engine.information().socket}"


def shown(outputs: list[dict[str, Any]]) -> str:
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs)


def test_a_run_shows_its_results_and_they_can_be_used(project: Path, engine: SocketEngine) -> None:
    _, ran, value, listed = kernels.execute(
        project,
        "%load_ext reprokit",
        run(engine),
        "_.record['image']['config_digest']",
        "%repro runs",
        timeout=900,
    )
    assert [output["output_type"] for output in ran] == ["display_data", "execute_result"]
    live, result = ran
    assert live["data"]["text/plain"].splitlines()[-1] == "done"
    assert "…" not in live["data"]["text/plain"]
    html = result["data"]["text/html"]
    assert "src='data:image/png;base64," in html.replace('"', "'")
    assert '<th scope="col" class="number">x</th>' in html and "&lt;b&gt;2&lt;/b&gt;" in html
    digest = value[0]["data"]["text/plain"].strip("'")
    assert digest.startswith("sha256:") and digest in html
    assert "succeeded" in listed[0]["data"]["text/plain"]
    assert (project / "results" / "table.csv").exists()


def test_a_failed_run_is_shown_and_fails_the_cell(project: Path, engine: SocketEngine) -> None:
    (project / "fail").touch()
    _, ran, after = kernels.execute(
        project, "%load_ext reprokit", run(engine), "1 + 1", allow_errors=True, timeout=900
    )
    assert [output["output_type"] for output in ran] == ["display_data", "display_data", "error"]
    assert "failed (exit code 3)" in shown(ran) and "half way" in shown(ran)
    assert '<th scope="col" class="number">x</th>' in shown(ran)
    assert ran[2]["ename"] == "CommandFailed"
    assert "Traceback" not in "".join(ran[2]["traceback"])
    assert after[0]["data"]["text/plain"] == "2"


INTERRUPT = """
import os, signal, threading, time
from pathlib import Path
import docker
client = docker.DockerClient(base_url={socket!r})
def containers():
    (run,) = Path(".reprokit/runs").iterdir()
    found = client.containers.list(all=True, filters={{"label": f"org.reprokit.run={{run.name}}"}})
    return len(found)
seen = []
def interrupt():
    while "half way" not in "".join(
        log.read_text() for log in Path(".reprokit").glob("runs/*/log*")
    ):
        time.sleep(0.2)
    seen.extend([containers(), time.monotonic()])
    os.kill(os.getpid(), signal.SIGINT)  # what a front end's stop button does
threading.Thread(target=interrupt, daemon=True).start()
"""


def test_an_interrupted_kernel_stops_the_container(project: Path, engine: SocketEngine) -> None:
    (project / "wait").touch()
    _, _, ran, took, listed, left = kernels.execute(
        project,
        "%load_ext reprokit",
        INTERRUPT.format(socket=engine.information().socket),
        run(engine),
        "print(time.monotonic() - seen[1])",
        "%repro runs",
        "seen[0], containers()",
        allow_errors=True,
        timeout=900,
    )
    assert ran[-1]["output_type"] == "error"
    assert ran[-1]["ename"] in ("Interrupted", "KeyboardInterrupt")
    assert "interrupted" in listed[0]["data"]["text/plain"]
    # The run's own container, by its label: there before the interrupt, gone after it.
    assert left[0]["data"]["text/plain"] == "(1, 0)"
    assert float(took[0]["text"]) < 60  # the program would have slept for 300 s
    assert (project / "results" / "table.csv").exists()


def test_a_detached_run_outlives_its_kernel(project: Path, engine: SocketEngine) -> None:
    command = "python -c \"import time; time.sleep(5); open('results/over', 'w')\""
    with kernels.kernel(project) as kernel:
        assert kernel.run("%load_ext reprokit") == "ok"
        assert kernel.run(f"{run(engine)} --detach -- {command}") == "ok"
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=60)
    _, going, attached, ended = kernels.execute(
        project, "%load_ext reprokit", "%repro status", "%repro attach", "%repro status"
    )
    assert "running" in going[0]["data"]["text/plain"]
    assert "succeeded" in attached[-1]["data"]["text/plain"]
    assert "succeeded" in shown(attached)
    assert (project / "results" / "over").exists()
    assert "Nothing runs now" in shown(ended)
