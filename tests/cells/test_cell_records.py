"""Runs of cells in the history: what their records say, and what they are compared with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

import reprokit
from reprokit.cells import exchange
from reprokit.cells.cell import Cell
from reprokit.errors import BadRequest
from reprokit.history.index import Index
from reprokit.history.listing import show
from reprokit.history.since import since
from reprokit.model import JSON
from reprokit.notebook import card
from reprokit.schemas import schema
from tests.history.made import finished


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "wheat"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def account(folder: Path, text: str) -> dict[str, JSON]:
    """What a record says of a cell."""
    folder.mkdir(parents=True)
    made = Cell(language="R", line="%%repro R -i n", text=text, inputs={"n": 1})
    laid = exchange.lay_out(made, folder / "laid")
    (laid.taken / "figures").mkdir()
    (laid.taken / "figures" / "figure-1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return laid.account(folder)


def test_a_record_says_what_the_cell_was_and_carried(project: Path, tmp_path: Path) -> None:
    said = account(tmp_path / "a", "m <- mean(n)\nget('https://ann:secret@x.org')\n")
    folder, record = finished(project, Index(), cell=said)
    Draft202012Validator(schema("record-1")).validate(record)
    assert "secret" not in str(record)
    shown = show("last", project=project).text()
    assert "command      %%repro R -i n: m <- mean(n)" in shown
    assert "language     R" in shown and "n (value, 1 B)" in shown and "  m <- mean(n)" in shown
    assert "%%repro R -i n: m <- mean(n)" in reprokit.runs().text()
    figure = tmp_path / "a" / "figures" / "figure-1.png"
    (folder.path / "figures").mkdir()
    figure.rename(folder.path / "figures" / "figure-1.png")
    html = card.card(record, folder.path, None)
    assert 'src="data:image/png;base64,' in html and "m &lt;- mean(n)" in html


def test_a_cell_is_compared_with_itself_and_a_run_with_runs(project: Path, tmp_path: Path) -> None:
    index = Index()
    one, other = account(tmp_path / "a", "x <- 1"), account(tmp_path / "b", "x <- 2")
    run, _ = finished(project, index)
    first, _ = finished(project, index, after=timedelta(seconds=1), cell=one)
    finished(project, index, after=timedelta(seconds=2), cell=other)
    again, of_cell = finished(project, index, after=timedelta(seconds=3), cell=one)
    last, of_run = finished(project, index, after=timedelta(seconds=4))
    found = since(of_cell, project, again.results), since(of_run, project, last.results)
    assert [None if s is None else s.earlier.id for s in found] == [first.id, run.id]


def test_the_run_of_a_cell_is_not_published_or_run_again(project: Path, tmp_path: Path) -> None:
    finished(project, Index(), cell=account(tmp_path / "a", "x <- 1"))
    with pytest.raises(BadRequest, match="is of one cell of a notebook"):
        reprokit.publish("last", archive=tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()
    with pytest.raises(BadRequest, match="is of one cell of a notebook"):
        reprokit.rerun("last")
