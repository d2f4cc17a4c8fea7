"""docs/tutorial.ipynb, cell by cell: each does what the text before it promises; and the starter's
notebook, saved after every cell as Jupyter does it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from reprokit.engines.engine import SocketEngine
from tests.notebook import kernels

pytestmark = [pytest.mark.engine, pytest.mark.network]
TUTORIAL = kernels.ROOT / "docs" / "tutorial.ipynb"
PROMISES = {
    "load": (),
    "doctor": ("engine", "builder", "disk"),
    "new": ("a study in Python that runs as it is", "%repro run study"),
    "init": ("+matplotlib==", "+numpy==", "+pandas==", "Nothing is written yet"),
    "write": ("Written: requirements.txt.",),
    "run": ("succeeded", "analysis.ipynb", "growth.png", "rates.csv", "cite as", "sha256:"),
    "again": (
        "up to date",
        "not the same",
        "changed: command",
        "parameters.crowded: none → 0.1",
    ),
    "diff": ("parameters.crowded: none → 0.1", "rates.csv: different", "column rate: 3 cells"),
    "cite": (
        "by the notebook analysis.ipynb with crowded = 0.1 in a container without network",
        "environment digest is sha256:",
        "swh:1:dir:",
    ),
    "publish": ("study.zip:",),
    "rerun": ("same environment digest", "verdict      identical: of 3 files 3 identical"),
}


def client_of(notebook: Any, folder: Path) -> NotebookClient:
    return NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=900,
        resources={"metadata": {"path": str(folder)}},
    )


def said(cell: Any) -> str:
    """What a cell shows, as text."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


@pytest.fixture(scope="module")
def walked(engine: SocketEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the tutorial, executed, and what it left there."""
    folder = tmp_path_factory.mktemp("a newcomer")
    with pytest.MonkeyPatch.context() as patch:
        kernels.find_reprokit(folder, patch)
        patch.setenv("REPROKIT_ENGINE", engine.information().socket)
        work = folder / "work"
        work.mkdir()
        notebook: Any = nbformat.read(TUTORIAL, as_version=4)  # type: ignore[no-untyped-call]
        asyncio.run(client_of(notebook, work).async_execute())
        nbformat.write(notebook, work / "tutorial.ipynb")  # type: ignore[no-untyped-call]
        yield work


def test_every_cell_of_the_tutorial_keeps_its_promise(walked: Path) -> None:
    notebook: Any = nbformat.read(walked / "tutorial.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    assert cells.keys() == PROMISES.keys()
    for name, words in PROMISES.items():
        text = said(cells[name])
        assert [word for word in words if word not in text] == [], text
        assert "Traceback" not in text
    assert "to look at" not in said(cells["init"])
    assert sorted(path.name for path in walked.iterdir()) == [
        "study",
        "study.zip",
        "tutorial.ipynb",
    ]


def test_a_notebook_saved_after_every_cell_makes_one_image(walked: Path) -> None:
    path = walked / "study" / "analysis.ipynb"
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    # As after opening it in Jupyter: which Python wrote it becomes known.
    notebook.metadata.language_info.version = "3.11.99"

    async def walk() -> None:
        client = client_of(notebook, path.parent)
        async with client.async_setup_kernel():
            for number, cell in enumerate(notebook.cells):
                await client.async_execute_cell(cell, number)
                nbformat.write(notebook, path)  # type: ignore[no-untyped-call]

    asyncio.run(walk())
    cells = {cell.id: cell for cell in notebook.cells}
    assert "the outputs of all 9 code cells are those stored" in said(cells["run"])
    assert "build               up to date" in said(cells["run"])
    assert "3 results, all identical" in said(cells["again"])
    assert "code, data, environment and command are the same" in said(cells["again"])
    assert "Nothing differs but the times." in said(cells["diff"])
    assert "by the notebook analysis.ipynb in a container" in said(cells["cite"])
    records = (path.parent / ".reprokit" / "runs").glob("*/record.json")
    digests = [json.loads(record.read_text())["environment_digest"] for record in records]
    assert len(digests) == 4 and len(set(digests)) == 1
