"""Notebooks in the container: a kernel of R, parameters, and outputs against those stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import reprokit
from reprokit.engines.engine import SocketEngine

pytestmark = [pytest.mark.engine, pytest.mark.network]

CELLS: tuple[tuple[str, list[str]], ...] = (
    ("%load_ext reprokit\n%repro run r.ipynb", []),
    ("n <- 3", ["parameters"]),
    ("set.seed(1)\nx <- rnorm(n)\nlength(x)", []),
    ("cat(mean(x))\nwrite.csv(data.frame(x = x), 'results/x.csv')", []),
)


def test_a_notebook_of_r_runs_with_parameters_and_against_its_outputs(
    tmp_path: Path, engine: SocketEngine
) -> None:
    book = tmp_path / "a study" / "r.ipynb"
    book.parent.mkdir()
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": tags},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, (source, tags) in enumerate(CELLS)
    ]
    metadata = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    book.write_text(json.dumps(content))

    socket = engine.information().socket
    first = reprokit.run(book, base="debian", engine=socket, write_back=True)
    assert first.failure is None
    assert first.record["notebooks"] == [
        {
            "path": "r.ipynb",
            "grade": None,
            "summary": "the notebook's file holds no outputs to compare with",
            "cells": [],
        }
    ]
    marked = json.loads(book.read_text())
    assert marked["metadata"]["reprokit"]["run"] == first.record["run"]
    assert marked["metadata"]["reprokit"]["record"] == first.record["digest"]
    assert marked["cells"][2]["outputs"][0]["data"]["text/plain"] == ["[1] 3"]

    again = reprokit.run(book, base="debian", engine=socket)
    assert "r.ipynb: the outputs of all 4 code cells are those stored" in again.text()

    other = reprokit.run(book, base="debian", engine=socket, parameters=["n=5"])
    assert other.record["parameters"] == {"n": 5}
    assert "code cell 3: different" in other.text()
    assert (other.results / "x.csv").read_text().count("\n") == 6
    assert json.loads(book.read_text()) == marked
