"""Images of a study within bounds: which go, and which never do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from reprokit import folders
from reprokit.engines.protocol import Engine
from reprokit.errors import ReprokitError
from reprokit.history import index as indexes
from reprokit.history.index import Index
from reprokit.model import Image
from reprokit.studying.pruning import Bounds, prune
from tests.history.made import digest
from tests.studying.rows import made

NOW = datetime(2026, 1, 2, tzinfo=UTC).timestamp()


@dataclass
class Images:
    """What pruning asks of an engine; each image has 10 bytes."""

    letters: list[str]
    stuck: str = ""
    asked: list[str] = field(default_factory=list)

    def images(self, label: str | None = None) -> tuple[Image, ...]:
        assert label == "org.reprokit.owner=reprokit"
        return tuple(
            Image(reference=letter, config_digest=digest(letter), layers=(), registry_digests=(),
                  platform="linux/amd64", size=10)
            for letter in self.letters
        )  # fmt: skip

    def remove_image(self, reference: str) -> None:
        if reference in self.stuck:
            raise ReprokitError("is being used")
        self.letters.remove(reference)


def rows(*letters: str) -> list[dict[str, Any]]:
    """A row for each image; the first ended so many hours ago as there are, the last one."""
    found = []
    for place, letter in enumerate(letters):
        ended = datetime.fromtimestamp(NOW - 3600 * (len(letters) - place), UTC).isoformat()
        image: Any = {"config_digest": digest(letter), "size": 10}
        found.append(made(letter, image=image, ended=ended))
    return found


def left(engine: Images, found: list[dict[str, Any]], index: Index, **bounds: Any) -> list[str]:
    before = len(engine.letters)
    went = prune(cast(Engine, engine), found, Bounds(**bounds), index, NOW)
    assert went == before - len(engine.letters)
    return engine.letters


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return Index()


def entry(index: Index, project: Path, letter: str, status: str) -> None:
    project.mkdir(parents=True)
    made_up = indexes.running(
        "20260101-000000-aaaa", project, "x", datetime.now(UTC), "x", image=digest(letter)
    )
    index.add(made_up)
    if status != "running":
        index.mark(made_up, status)


def test_without_bounds_nothing_goes(index: Index) -> None:
    assert left(Images(["a", "b"]), rows("a", "b"), index) == ["a", "b"]


def test_the_oldest_go_beyond_a_size(index: Index) -> None:
    engine = Images(["c", "a", "b"])
    assert left(engine, rows("a", "b", "c"), index, size=20) == ["c", "b"]
    assert left(engine, rows("a", "b", "c"), index, size=5) == []


def test_old_ones_go(index: Index) -> None:
    assert left(Images(["a", "b", "c"]), rows("a", "b", "c"), index, age=9000.0) == ["b", "c"]


def test_an_image_of_two_sources_is_as_old_as_its_last_use(index: Index) -> None:
    found = rows("a", "b", "a")
    assert left(Images(["a", "b"]), found, index, size=10) == ["a"]


def test_images_of_others_stay(index: Index, tmp_path: Path) -> None:
    engine = Images(["a", "b", "c", "other"])
    entry(index, tmp_path / "my project", "a", "succeeded")
    entry(index, folders.reruns() / "x", "b", "running")
    entry(index, folders.reruns() / "y", "c", "succeeded")
    assert left(engine, rows("a", "b", "c"), index, size=0) == ["a", "b", "other"]


def test_one_that_cannot_be_removed_keeps_no_other(index: Index) -> None:
    assert left(Images(["a", "b"], stuck="a"), rows("a", "b"), index, size=0) == ["a"]


def test_an_engine_that_is_gone_ends_no_study(index: Index) -> None:
    class Gone(Images):
        def images(self, label: str | None = None) -> tuple[Image, ...]:
            raise ReprokitError("is gone")

    assert left(Gone(["a"]), rows("a"), index, size=0) == ["a"]
