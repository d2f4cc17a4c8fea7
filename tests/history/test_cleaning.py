from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import folders
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, ReprokitError
from reprokit.history import cleaning, run_folder
from reprokit.history import index as indexes
from reprokit.history.cleaning import Cleaned
from reprokit.history.index import Index
from reprokit.model import Image
from reprokit.schemas import schema
from tests.history.made import NOW, digest, entry, finished


class FakeEngine:
    """What `clean` asks of an engine: containers left over and images by label."""

    def __init__(
        self,
        images: str = "",
        containers: tuple[str, ...] = (),
        stuck: str = "",
        toolboxes: str = "",
    ) -> None:
        self.toolboxes = {digest(letter) for letter in toolboxes}
        self.held = {f"localhost/reprokit/{letter}": digest(letter) for letter in images}
        self.containers = list(containers)
        self.stuck = stuck

    def leftovers(self, *, abandoned: bool = False) -> tuple[str, ...]:
        assert abandoned
        return tuple(self.containers)

    def remove_container(self, identifier: str) -> None:
        self.containers.remove(identifier)

    def images(self, label: str | None = None) -> tuple[Image, ...]:
        assert label in ("org.reprokit.owner=reprokit", "org.reprokit.purpose=toolbox")
        return tuple(
            Image(
                reference=name,
                config_digest=config,
                layers=(),
                registry_digests=(),
                platform="linux/amd64",
                size=1000,
            )
            for name, config in self.held.items()
            if label == "org.reprokit.owner=reprokit" or config in self.toolboxes
        )

    def remove_image(self, reference: str) -> None:
        if self.stuck and reference.endswith(self.stuck):
            raise ReprokitError("is being used by a container")
        del self.held[reference]


def clean(index: Index, engine: FakeEngine | None = None, **wishes: Any) -> Cleaned:
    given = {"now": NOW + timedelta(days=100), **wishes}
    done = cleaning.clean(index=index, engine=cast(Engine, engine or FakeEngine()), **given)
    Draft202012Validator(schema("clean-1")).validate(done.json())
    return done


@pytest.fixture
def three(index: Index, project: Path) -> list[run_folder.RunFolder]:
    """Runs of day 0, 10 and 90, with the images a, b and b."""
    return [
        finished(project, index, results={"a": b"12345"}, after=timedelta(days=day), image=image)[0]
        for day, image in ((0, "a"), (10, "b"), (90, "b"))
    ]


def test_old_runs_go(index: Index, project: Path, three: list[run_folder.RunFolder]) -> None:
    (project / "results").mkdir()
    (project / "results" / "a").write_text("12345")
    done = clean(index, older_than_days=30)
    assert [run_folder.existing(project), index.list()[0].id] == [(three[2],), three[2].id]
    assert len(index.list()) == 1
    assert [item.name for item in done.of("run")] == [three[0].id, three[1].id]
    assert done.bytes > 2000, "records and results"
    assert "Removed 2 runs" in done.text() and "freed" in done.text()
    assert (project / "results" / "a").read_text() == "12345"


@pytest.mark.parametrize(
    ("wishes", "left"),
    [
        ({}, 3),
        ({"keep_last": 2}, 2),
        ({"keep_last": 0}, 0),
        ({"older_than_days": 30, "keep_last": 2}, 2),
        ({"older_than_days": 95, "keep_last": 1}, 2),
        ({"older_than_days": 30, "keep_last": 9}, 3),
        ({"older_than_days": 1e9}, 3),
    ],
)
def test_which_runs_stay(
    index: Index, project: Path, three: list[run_folder.RunFolder], wishes: Any, left: int
) -> None:
    clean(index, **wishes)
    assert run_folder.existing(project) == tuple(three[len(three) - left :])
    assert len(index.list()) == left


def test_negative_numbers(index: Index) -> None:
    with pytest.raises(BadRequest, match="negative"):
        clean(index, keep_last=-1)


def test_only_one_project(
    index: Index, project: Path, three: list[run_folder.RunFolder], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    finished(other, index)
    clean(index, keep_last=0, project=other)
    assert run_folder.existing(other) == () and len(run_folder.existing(project)) == 3


def test_a_dry_run_changes_nothing(
    index: Index, project: Path, three: list[run_folder.RunFolder]
) -> None:
    context = _context("a" * 16, NOW)
    engine = FakeEngine("ab", ("c1",))
    dry = clean(index, engine, keep_last=1, dry_run=True)
    assert len(run_folder.existing(project)) == 3 and len(index.list()) == 3
    assert context.exists() and engine.containers == ["c1"] and len(engine.held) == 2
    assert "Would remove 2 runs" in dry.text() and "would be freed" in dry.text()
    wet = clean(index, engine, keep_last=1)
    assert wet.removed == dry.removed


def test_a_running_run_stays_and_its_container_too(index: Index, project: Path) -> None:
    folder = run_folder.create(project, NOW)
    index.add(indexes.running(folder.id, project, "wheat", NOW, "make"))
    engine = FakeEngine("a", ("c1",))
    done = clean(index, engine, keep_last=0)
    assert folder.path.exists() and engine.containers == ["c1"] and engine.held
    assert done.skipped == (f"containers and images: run {folder.id} is still going on",)
    assert "Left alone" in done.text()


def test_a_lost_run_goes_like_others(index: Index, project: Path) -> None:
    folder = run_folder.create(project, NOW)
    started = indexes.running(folder.id, project, "wheat", NOW, "make")
    index.add(started._replace(process=None))
    clean(index, keep_last=0)
    assert not folder.path.exists() and index.list() == ()


def test_images_that_no_run_names(index: Index, three: list[run_folder.RunFolder]) -> None:
    engine = FakeEngine("abz", ("c1", "c2"))
    done = clean(index, engine, older_than_days=95)
    assert sorted(engine.held.values()) == [digest("b"), digest("z")], "z is not of this user"
    assert engine.containers == []
    assert [item.extra for item in done.of("image")] == [digest("a")]
    assert "images may share layers" in done.text()


def test_images_to_lock_in_go(index: Index, three: list[run_folder.RunFolder]) -> None:
    """No run names them, and they are made anew from the build cache."""
    engine = FakeEngine("bc", toolboxes="c")
    clean(index, engine, older_than_days=95)
    assert list(engine.held.values()) == [digest("b")]


def test_what_canonical_images_were_made_from_goes(
    index: Index, three: list[run_folder.RunFolder]
) -> None:
    """Podman keeps it, without a name, as its build cache."""
    engine = FakeEngine("b")
    engine.held[digest("d")] = digest("d")
    done = clean(index, engine, older_than_days=95)
    assert list(engine.held.values()) == [digest("b")]
    assert [item.name for item in done.of("image")] == [digest("d")]


def test_images_can_be_kept(index: Index, three: list[run_folder.RunFolder]) -> None:
    engine = FakeEngine("abc", toolboxes="c")
    clean(index, engine, keep_last=0, images=False)
    assert len(engine.held) == 3


def test_the_base_of_a_run_stays(index: Index) -> None:
    index.add(entry(0, image=digest("c"), base=digest("a")))
    index.add(entry(1, image=digest("a"), base=None))
    index.remove([entry(1)])
    engine = FakeEngine("a")
    clean(index, engine)
    assert engine.held


def test_what_cannot_be_removed_is_named(index: Index, three: list[run_folder.RunFolder]) -> None:
    engine = FakeEngine("ab", stuck="a")
    done = clean(index, engine, keep_last=0)
    assert list(engine.held) == ["localhost/reprokit/a"]
    assert done.failed == (("localhost/reprokit/a", "is being used by a container"),)
    assert "Not removed: localhost/reprokit/a: is being used" in done.text()


def test_without_an_engine_the_rest_is_done(
    index: Index, three: list[run_folder.RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[Engine]:
        from reprokit.errors import NoEngine

        raise NoEngine("no container engine is installed")
        yield

    monkeypatch.setattr("reprokit.engines.connect.connect", connect)
    done = cleaning.clean(keep_last=0, index=index, now=NOW + timedelta(days=100))
    assert len(done.of("run")) == 3
    assert done.skipped == ("containers and images: no container engine is installed",)


def test_links_are_removed_but_never_followed(index: Index, project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("p")
    folder, _ = finished(project, index)
    (folder.results / "folder").symlink_to(outside)
    (folder.results / "file").symlink_to(outside / "precious")
    (folder.path.parent / "20200101-000000-aaaa").symlink_to(outside)
    mode = outside.stat().st_mode
    clean(index, keep_last=0)
    assert not folder.path.exists()
    assert (outside / "precious").read_text() == "p" and outside.stat().st_mode == mode
    assert (folder.path.parent / "20200101-000000-aaaa").is_symlink()


def test_a_runs_folder_that_became_a_link_is_left_alone(
    index: Index, project: Path, tmp_path: Path
) -> None:
    folder, _ = finished(project, index)
    moved = tmp_path / "moved"
    folder.path.parent.rename(moved)
    folder.path.parent.symlink_to(moved)
    done = clean(index, keep_last=0)
    assert (moved / folder.id / "record.json").exists() and done.of("run") == ()


def test_folders_closed_by_the_program_go_too(index: Index, project: Path) -> None:
    folder, _ = finished(project, index, results={"closed/deep/a": b"1"})
    (folder.results / "closed" / "deep").chmod(0o500)
    (folder.results / "closed").chmod(0)
    done = clean(index, keep_last=0)
    assert done.failed == () and not folder.path.exists()


def test_a_folder_with_an_impossible_date_is_not_ours(index: Index, project: Path) -> None:
    folder, _ = finished(project, index)
    other = folder.path.parent / "20269999-999999-aaaa"
    other.mkdir()
    clean(index, keep_last=0)
    assert other.exists() and not folder.path.exists()


def test_runs_whose_folder_is_gone_are_forgotten(index: Index, project: Path) -> None:
    folder, _ = finished(project, index)
    folder.path.rename(project / "elsewhere")
    index.add(entry(5, "/media/not-mounted"))
    assert "Would take 1 run off the list" in clean(index, dry_run=True).text()
    done = clean(index)
    assert done.forgotten == (folder.id,)
    assert [one.project for one in index.list()] == ["/media/not-mounted"]
    assert "Took 1 run off the list" in done.text()


def _context(name: str, used: datetime) -> Path:
    folder = folders.contexts() / name
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "a.py").write_text("1\n")
    for suffix in ("lock", "placed"):
        path = folder.with_name(f"{name}.{suffix}")
        path.write_text("")
        os.utime(path, (used.timestamp(), used.timestamp()))
    return folder


def test_build_contexts_go_when_unused(index: Index) -> None:
    old = _context("a" * 16, NOW)
    new = _context("b" * 16, NOW + timedelta(days=99))
    foreign = _context("notes", NOW)
    done = clean(index, older_than_days=30)
    assert [item.name for item in done.of("context")] == [str(old)]
    assert not old.exists() and not old.with_name(f"{old.name}.placed").exists()
    assert new.exists() and foreign.exists()


@pytest.mark.skipif(os.name != "posix", reason="builds lock with flock")
def test_a_context_in_use_stays(index: Index) -> None:
    import fcntl

    folder = _context("a" * 16, NOW)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = clean(index)
        assert folder.exists() and "a build is using it" in done.skipped[0]
    assert len(clean(index, now=datetime.now(UTC) + timedelta(days=1)).of("context")) == 1


def test_nothing_to_do(index: Index) -> None:
    assert clean(index).text() == "Nothing to remove."
