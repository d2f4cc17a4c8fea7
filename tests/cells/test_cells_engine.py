"""`%%repro` in a notebook, down to the container and back, in all three languages."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import reprokit
from reprokit.engines.engine import SocketEngine
from reprokit.history import living
from tests.notebook import kernels

pytestmark = [pytest.mark.engine, pytest.mark.network]

VALUES = """
import numpy as np, pandas as pd
frame = pd.DataFrame({
    "n": [1, 2, 3], "x": [0.1, None, 2.5],
    "word": pd.array(["ä", None, "c'"], "str"), "flag": [True, False, True],
    "day": pd.to_datetime(["2024-01-01", None, "2024-03-01"]).tz_localize("UTC"),
    "kind": pd.Categorical(["u", None, "v"]), "count": pd.array([1, None, 3], "Int32"),
})
odd = pd.DataFrame({"": [1], "a b": pd.to_datetime(["2020-01-01T00:00:00+02:00"])})
matrix, plain = np.arange(6.0).reshape(2, 3), {"a": [1, 2], "b": "é", "c": float("inf")}
"""
PYTHON = """
import sys
print("to stdout", flush=True)
print("to stderr", file=sys.stderr, flush=True)
open("results/table.csv", "w").write("p,q\\n1,2\\n")
back, sums, plain = frame.copy(), matrix.sum(axis=0), dict(plain, d=None)
len(frame)
"""
R = """
back_r <- frame
shape <- dim(matrix)
doubled <- matrix * 2
fit <- coef(lm(y ~ x, data.frame(x = 1:3, y = c(2, 4, 6))))
plain_r <- plain
edge <- list(character(0), NULL, c(a = 1L), 2.5)
none <- data.frame()
span <- data.frame(s = as.difftime(c(90, NA), units = "mins"), z = c(1i, 2))
stopifnot(identical(names(odd), c("", "a b")), format(odd[[2]]) == "2019-12-31 22:00:00")
plot(1:3)
nchar(frame$word)
"""
SHELL = """
head -1 "$frame"
touch /opt/reprokit/cell/x 2> /dev/null || echo read-only
echo '[1, 2]' > /tmp/list.json
user=$(id -u)
listed=/tmp/list.json
"""
CHECK = """
pd.testing.assert_frame_equal(back, frame)
pd.testing.assert_frame_equal(back_r, frame.assign(n=frame.n.astype("int32")), check_dtype=False)
assert list(back_r.dtypes.astype(str)[["n", "x", "count"]]) == ["int32", "float64", "Int32"]
assert sums.tolist() == [3.0, 5.0, 7.0] and doubled.tolist() == (matrix * 2).tolist()
assert plain == {"a": [1, 2], "b": "é", "c": float("inf"), "d": None} == plain_r | {"d": None}
assert edge == [[], None, {"a": 1}, 2.5] and none.shape == (0, 0) and span.z.tolist() == [1j, 2]
assert span.s[0] == pd.Timedelta("90min") and pd.isna(span.s[1])
assert shape == [2, 3] and abs(fit["x"] - 2) < 1e-9 and listed == [1, 2] and int(user) > 0
"""
WAIT = """
import os, signal, threading, time
from pathlib import Path
import docker
client = docker.DockerClient(base_url={socket!r})
def waiting():
    logs = Path(".reprokit").glob("runs/*/log.txt")
    return [log.parent.name for log in logs if "half way" in log.read_text()]
def containers():
    label = f"org.reprokit.run={{waiting()[0]}}"
    return len(client.containers.list(all=True, filters={{"label": label}}))
def interrupt():
    while not waiting():
        time.sleep(0.2)
    seen.append(containers())
    os.kill(os.getpid(), signal.SIGINT)  # what a front end's stop button does
seen = []
threading.Thread(target=interrupt, daemon=True).start()
"""


def printed(outputs: list[dict[str, Any]], stream: str) -> str:
    return "".join(output["text"] for output in outputs if output.get("name") == stream)


def html(outputs: list[dict[str, Any]]) -> str:
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kernels.find_reprokit(tmp_path, monkeypatch)
    folder = tmp_path / "a study"
    folder.mkdir()
    (folder / "requirements.txt").write_text("numpy\npandas\n")
    (folder / "repro.toml").write_text('base = "debian"\n[system]\npackages = ["r-base-core"]\n')
    (folder / "open.ipynb").write_text('{"cells": [], "nbformat": 4, "metadata": {}}')
    return folder


def test_cells_carry_values_and_are_recorded(
    project: Path, engine: SocketEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = engine.information().socket
    monkeypatch.setenv("REPROKIT_ENGINE", socket)
    _, _, python, r, shell, checked, failed, refused, hostile, *more = kernels.execute(
        project,
        "%load_ext reprokit",
        VALUES,
        f"%%repro -i frame,matrix plain -o back sums plain{PYTHON}",
        "%%repro R -i frame,matrix plain odd "
        f"-o back_r shape,doubled,fit plain_r edge none span{R}",
        f"%%repro sh -i frame -o user listed{SHELL}",
        CHECK,
        "%%repro\nimport nowhere",
        "%%repro R\nstop('because')",
        "%%repro sh -o plain\nln -s /etc/passwd /opt/reprokit/taken/0.json; plain=1",
        "%repro runs",
        "%repro show last",
        WAIT.format(socket=socket),
        "%%repro sh\necho half way; sleep 300",
        "*seen, containers(), plain['b']",
        allow_errors=True,
        timeout=900,
    )
    listed, shown, _, stopped, left = more
    assert [output["output_type"] for output in checked] == [], checked
    assert printed(python, "stdout") == "to stdout\n3\n"
    assert printed(python, "stderr").endswith("to stderr\n")
    assert '<th scope="col" class="number">p</th>' in html(python) and "sums (array" in html(python)
    assert 'src="data:image/png;base64,' in html(r) and "[1]  1 NA  2" in printed(r, "stdout")
    assert printed(shell, "stdout") == "n,x,word,flag,day,kind,count\nread-only\n"
    assert failed[-1]["ename"] == "CommandFailed"
    assert "what the project declares, not what this kernel has" in failed[-1]["traceback"][0]
    assert "line 2 of the cell: Error: because" in refused[-1]["traceback"][0]
    assert "is a link or a device" in hostile[-1]["traceback"][0]
    table = listed[0]["data"]["text/plain"]
    assert table.count("%%repro") == 6 and "failed (1)" in table
    assert "ln -s /etc/passwd" in shown[0]["data"]["text/plain"]
    assert stopped[-1]["ename"] == "Interrupted"
    assert left[0]["data"]["text/plain"] == "(1, 0, 'é')"
    assert not list((project / ".reprokit").glob("cell-*"))
    assert (project / "results" / "table.csv").exists()

    # Jupyter saves the notebook, and the image stays the same: nothing is built.
    (project / "open.ipynb").write_text('{"cells": [], "nbformat": 4, "metadata": {"a": 1}}')
    _, again = kernels.execute(project, "%load_ext reprokit", "%%repro\n1", timeout=120)
    assert [output["output_type"] for output in again] == ["stream", "execute_result"], again


def test_what_a_killed_kernel_left_running_is_ended_by_the_next_cell(
    tmp_path: Path, engine: SocketEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.find_reprokit(tmp_path, monkeypatch)
    socket = engine.information().socket
    monkeypatch.setenv("REPROKIT_ENGINE", socket)
    (tmp_path / "repro.toml").write_text('base = "debian"\n')
    runs = tmp_path / ".reprokit" / "runs"
    with kernels.kernel(tmp_path) as kernel:
        kernel.client.execute("%load_ext reprokit")
        kernel.client.execute("%%repro sh\necho half way; sleep 600")
        until = time.monotonic() + 600
        while not any("half way" in log.read_text() for log in runs.glob("*/log.txt")):
            assert time.monotonic() < until
            time.sleep(0.2)
        process = living.token(kernel.manager.provisioner.pid)
        os.kill(kernel.manager.provisioner.pid, signal.SIGKILL)
        (left,) = engine.leftovers(process=process)
    assert engine.leftovers(process=process) == (left,)
    again = reprokit.cell("y=1", "sh", outputs=["y"], path=tmp_path, engine=socket)
    assert again.values == {"y": "1"}
    assert engine.leftovers(process=process) == ()
    assert not list((tmp_path / ".reprokit").glob("cell-*"))
