"""`%repro init` on a real kernel: what only a live kernel knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.notebook import kernels

CELLS = ("%load_ext reprokit\nimport yaml", "kept = 1", "%repro init")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kernels.at_home(tmp_path, monkeypatch)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    folder = tmp_path / "a project"
    folder.mkdir()
    listed: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "source": c, "outputs": [], "execution_count": None}
        for c in CELLS
    ]
    content = {"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (folder / "work <b>.ipynb").write_text(json.dumps(content))
    return folder.resolve()


def test_a_kernel_tells_its_packages_and_its_hidden_state(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(project / "work <b>.ipynb"))
    _, _, _, (shown,), (written,), again = kernels.execute(
        project,
        CELLS[0],
        "ghost = 2  # its cell was deleted",
        CELLS[1],
        "%repro init",
        "result = %repro init --write\nresult",
        "%repro init --json",
    )
    text, html = shown["data"]["text/plain"], shown["data"]["text/html"]
    assert "no cell sets ghost (int)" in text and "ran as [2]" in text
    assert "kept" not in text
    assert "+PyYAML==" in text and "Nothing is written yet" in text
    assert "work &lt;b&gt;.ipynb" in html and "<b>" not in html
    assert "<ins" in html
    # A shell knows no kernel that tells the notebook.
    assert "reprokit init &#x27;work &lt;b&gt;.ipynb&#x27;</code>" in html
    assert "ipynb&#x27; --write</code>" in written["data"]["text/html"]
    assert "Written: requirements.txt and repro.toml." in written["data"]["text/plain"]
    assert (project / "requirements.txt").read_text().startswith("PyYAML==")
    assert '"repro-notebook"' in (project / "repro.toml").read_text()
    assert json.loads(again[0]["text"])["files"] == []


def test_an_unknown_notebook_is_said_and_can_be_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (unknown,), (named,), (other,) = kernels.execute(
        project,
        CELLS[0],
        "%repro init",
        "%repro init 'work <b>.ipynb'",
        "__vsc_ipynb_file__ = '/nowhere/gone.ipynb'\n%repro init",
    )
    assert "nobody told this kernel" in unknown["data"]["text/plain"]
    assert "repro-notebook" in named["data"]["text/plain"]
    assert "VS Code began this kernel for gone.ipynb" in other["data"]["text/plain"]
