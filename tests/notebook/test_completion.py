"""What the Tab key offers after `%repro`."""

from __future__ import annotations

import json
import os
from datetime import date as Date
from pathlib import Path

import pytest

from reprokit.notebook.completion import complete, complete_cell
from tests.notebook import kernels, records

RUN = "20260102-030405-abcd"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kernels.at_home(tmp_path, monkeypatch)
    folder = (tmp_path / "project").resolve()
    (folder / "data").mkdir(parents=True)
    (folder / "analysis.ipynb").touch()
    (folder / ".hidden").touch()
    monkeypatch.chdir(folder)
    return folder


def test_verbs() -> None:
    assert complete("ru") == ["run", "runs"]
    assert {"run", "plan", "lock", "runs", "show", "diff", "doctor"} <= set(complete(""))


def test_options_are_those_of_the_verb() -> None:
    assert complete("logs --t") == ["--tail"]
    assert "--network" in complete("run --")
    assert "--network" not in complete("plan --")
    assert complete("fly --") == []
    assert complete("new study --language ") == ["java", "python", "r"]
    assert complete("notebook-t") == ["notebook-template"]


def test_runs(here: Path) -> None:
    assert complete("show ") == ["last"]
    records.finished_run(here, RUN, {})
    assert complete("show ") == [RUN, "last"]
    assert complete("diff last 2026") == [RUN]


def test_paths() -> None:
    assert complete("run ") == ["analysis.ipynb", "data/"]
    assert complete("run .h") == [".hidden"]
    assert complete("run . -- python an") == ["analysis.ipynb"]
    assert complete("run --memory ") == []
    assert complete("run nowhere/x") == []
    assert complete("study da") == ["data/"]
    assert complete("study x.toml --again f") == ["failed"]
    assert complete("study x.toml --keep-images") == ["--keep-images", "--keep-images-for"]


def test_values_of_options(here: Path) -> None:
    assert complete("run --base ") == ["auto", "debian", "official", "ubuntu"]
    assert complete("run --engine=po") == ["--engine=podman"]
    assert complete("cite --format=bi") == ["--format=bibtex"]
    assert complete("lock --date ") == [Date.today().isoformat()]
    assert complete("rerun x --report da") == ["data/"]
    assert complete("verify last --key d") == ["data/"]
    records.finished_run(here, RUN, {})
    assert complete("rerun ") == [RUN, "analysis.ipynb", "data/", "last"]


def test_parameters_of_the_notebook(here: Path) -> None:
    assert complete("run -p ") == []  # it is no notebook yet
    cell = {
        "cell_type": "code",
        "source": "alpha = 1\nrate = 2",
        "metadata": {"tags": ["parameters"]},
    }
    (here / "data" / "a.ipynb").write_text(json.dumps({"cells": [cell], "metadata": {}}))
    assert complete("run data -p a") == ["alpha="]
    assert complete("run data/a.ipynb -p alpha=2 -p ") == ["alpha=", "rate="]
    assert complete("run nowhere -p ") == []


@pytest.mark.skipif(os.name != "posix", reason="quotes are others there")
def test_names_with_spaces_are_written_as_one_word(here: Path) -> None:
    (here / "my own study").mkdir()
    (here / "my own study" / "it's.ipynb").touch()
    assert complete("run my") == ["my\\ own\\ study/"]
    assert complete("run my\\ o") == ["my\\ own\\ study/"]
    assert complete("run my\\ own\\ study/") == ["my\\ own\\ study/it\\'s.ipynb"]
    assert complete('run "my own study/i') == ['"my own study/it\'s.ipynb"']
    assert complete("run 'my ow") == ["'my own study/"]
    assert complete("run my\\ own\\ study --ba") == ["--base"]
    with kernels.kernel(here) as kernel:
        assert kernel.run("%load_ext reprokit") == "ok"
        reply = kernel.client.complete("%repro run my\\ o", reply=True, timeout=60)["content"]
        assert (reply["matches"], reply["cursor_start"]) == (["my\\ own\\ study/"], 11)


def test_a_damaged_index_does_not_disturb_typing(tmp_path: Path) -> None:
    place = tmp_path / "home" / "data" / "runs.sqlite"
    place.mkdir(parents=True)
    assert complete("show ") == ["last"]


def test_a_kernel_answers_the_tab_key(here: Path) -> None:
    records.finished_run(here, RUN, {})
    with kernels.kernel(here) as kernel:
        assert kernel.run("%load_ext reprokit") == "ok"
        assert kernel.complete("%repro ru") == ["run", "runs"]
        assert kernel.complete("%repro logs --t") == ["--tail"]
        assert kernel.complete("%repro show 2026") == [RUN]
        assert kernel.complete("%repro run an") == ["analysis.ipynb"]
        assert kernel.complete("%repro run ./an") == ["./analysis.ipynb"]
        assert kernel.complete("x = %repro doc") == ["doctor"]
        assert kernel.run("%reload_ext reprokit") == "ok"
        assert kernel.complete("%repro ru") == ["run", "runs"]
        assert kernel.complete("tup") == ["tuple"]


def test_the_first_line_of_a_cell(here: Path) -> None:
    assert complete_cell("", ["x"]) == ["R", "python", "sh"]
    assert complete_cell("p", ["x"]) == ["python"]
    assert complete_cell("R --me", []) == ["--memory"]
    assert complete_cell("R -i da", ["data", "x"]) == ["data"]
    assert complete_cell("R -i data ", ["data", "x"]) == ["data", "x"]
    assert complete_cell("-o data,", ["x"]) == ["data,x"]
    assert complete_cell("--project ", []) == ["analysis.ipynb", "data/"]
