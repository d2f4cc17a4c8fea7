"""Whose run is meant by "last"."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit import verbs
from reprokit.errors import BadRequest
from reprokit.history import around
from reprokit.history.index import Entry, Index


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return tmp_path


def folder(place: Path, *files: str) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    for name in files:
        (place / name).write_text("")
    return place


def ran(project: Path, minute: int) -> Entry:
    """Enter a run of a project, begun at this minute."""
    (project / ".reprokit" / "runs").mkdir(parents=True)
    entry = Entry(
        id=f"20261124-10{minute:02}00-abcd",
        project=str(project),
        name=project.name,
        status="succeeded",
        started=f"2026-11-24T10:{minute:02}:00+00:00",
    )
    Index().add(entry)
    return entry


def test_the_project_around_a_folder(home: Path) -> None:
    outer = folder(home / "outer", "pom.xml")
    inner = folder(outer / "inner" / "deep")
    assert around.project(home) is None
    assert around.project(inner) == outer and around.with_runs(inner) is None
    ran(outer / "inner", 1)
    assert around.project(inner) == around.with_runs(inner) == outer / "inner"


def test_last_is_never_a_run_of_another_project(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran(folder(home / "other"), 30)
    mine = folder(home / "mine", "requirements.txt")
    monkeypatch.chdir(folder(mine / "code"))
    for verb in (verbs.show, verbs.logs, verbs.verify, verbs.cite):
        with pytest.raises(BadRequest, match="no run yet in this project") as caught:
            verb("last")
        assert caught.value.where == str(mine)
        assert "reprokit runs --all" in str(caught.value)


def test_last_may_be_of_a_project_below_and_outside_of_any_it_is_of_all(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index()
    mine = folder(home / "mine", "pyproject.toml")
    early, late = (ran(folder(mine / name), n) for n, name in enumerate(("first", "second")))
    other = ran(folder(home / "other"), 30)
    assert index.find("last", mine) == late
    assert index.find("last", mine / "first") == early
    assert index.find("last", None) == other
    own = ran(folder(mine), 10)
    assert index.find("last", mine) == own
