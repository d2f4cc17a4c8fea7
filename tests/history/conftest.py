"""A project folder and an index of their own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.history.index import Index


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def index(home: Path) -> Index:
    def warn(text: str) -> None:
        raise AssertionError(f"unexpected: {text}")

    return Index(warn=warn)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "Weizen projekt é"
    root.mkdir()
    return root
