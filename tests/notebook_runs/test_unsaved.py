"""Edits of a notebook that ran in its kernel and are not on disk when the notebook is to run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reprokit.ecosystems.python.notebooks import Notebook
from reprokit.notebook_runs import unsaved
from reprokit.notebook_runs.unsaved import Ran
from tests.notebook import kernels

SAVED = 1000.0
BEFORE, AFTER = SAVED - 1, SAVED + 1


def book(*cells: str, counts: Sequence[int | None] = ()) -> Notebook:
    return Notebook(
        path="a.ipynb",
        language="python",
        version=None,
        cells=tuple(enumerate(cells, start=1)),
        counts={n: count for n, count in enumerate(counts, start=1) if count is not None},
    )


def ran(*cells: tuple[str, float | None], since: float = BEFORE - 10) -> Ran:
    listed = tuple((n, source, began) for n, (source, began) in enumerate(cells, start=1))
    return Ran(notebook=Path("a.ipynb"), since=since, cells=listed)


@pytest.mark.parametrize(
    ("cells", "counts", "since", "found"),
    [
        # Saved as it ran; and edited again after it ran and was saved.
        ([("x = 1\n", AFTER)], [], 0, ()),
        ([("x = 0", BEFORE), ("x = 1", BEFORE)], [], 0, ()),
        # Edited, run and not saved; what calls reprokit is no part of the run.
        ([("x = 1", BEFORE), ("x = 2", AFTER), ("%repro run a.ipynb", AFTER)], [], 0, (2,)),
        # Before reprokit was loaded: the numbers in the file tell how late it was saved …
        ([("x = 0", None), ("x = 1", None), ("x = 2", None)], [2], 0, (3,)),
        ([("x = 0", None), ("x = 1", None)], [2], 0, ()),
        ([("x = 1", None), ("x = 0", None)], [1, 2], 0, ()),
        # … or that it was not saved since the kernel began, or nothing.
        ([("x = 0", None), ("x = 2", None)], [], AFTER, (1, 2)),
        ([("x = 0", None), ("x = 2", None)], [], 0, ()),
    ],
)
def test_only_cells_that_ran_since_it_was_saved_count(
    cells: list[tuple[str, float | None]],
    counts: list[int],
    since: float,
    found: tuple[int, ...],
) -> None:
    saved = book("x = 1", "y = 2", counts=counts)
    assert unsaved.unsaved(ran(*cells, since=since), saved, SAVED) == found


def write(path: Path, *cells: str) -> None:
    listed: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "source": c, "outputs": [], "execution_count": None}
        for c in cells
    ]
    content: dict[str, Any] = {"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(content))


def shown(outputs: list[dict[str, Any]]) -> str:
    return "\n".join(output.get("data", {}).get("text/plain", "") for output in outputs)


def test_a_kernel_that_runs_its_own_notebook_says_what_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.at_home(tmp_path, monkeypatch)
    monkeypatch.setenv("REPROKIT_ENGINE", f"unix://{tmp_path}/nobody.sock")
    folder = tmp_path / "a study"
    folder.mkdir()
    path = folder / "work.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    run = "%repro run work.ipynb"
    write(path, "%load_ext reprokit", "n = 1", run)
    write(folder / "other.ipynb", "n = 3")
    # The file is as old as a file that is edited in a browser: its kernel began later.
    os.utime(path, (time.time() - 60,) * 2)
    _, saved, _, edited, other, _, again = kernels.execute(
        folder,
        "%load_ext reprokit\nn = 1",
        run,
        "n = 2",
        run,
        "%repro run other.ipynb",
        f"import nbformat; b = nbformat.read({str(path)!r}, 4); b.cells[1].source = 'n = 2'; "
        f"b.cells[0].source += '\\nn = 1'; nbformat.write(b, {str(path)!r})",
        run,
        allow_errors=True,
    )
    # The first cell ran before reprokit was loaded, and is not in the file either.
    assert "work.ipynb was not saved since cell [1] ran" in shown(saved)
    assert "work.ipynb was not saved since cells [1], [3] ran" in shown(edited)
    assert "not saved" not in shown(other)
    assert "work.ipynb" in shown(again) and "not saved" not in shown(again)
    # All came as far as the engine.
    for outputs in (saved, edited, other, again):
        assert outputs[-1]["ename"].endswith("EngineSilent")
