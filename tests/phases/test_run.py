"""How a run ends: what is kept, and what is said of it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.engines.fake import Box, FakeEngine
from reprokit.engines.protocol import Container
from reprokit.model import RunOptions
from reprokit.phases import run as runs
from reprokit.pipeline.ending import _ended_with
from reprokit.progress import Silent
from tests.engines import tiny

LEAVE = ("leave",)


def _leave(box: Box) -> int:
    box.write("/app/results/a", b"result")
    return 0


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    engine = FakeEngine(programs={LEAVE: _leave})
    engine.load(tiny.archive(tmp_path))
    return engine


def request(folder: Path) -> runs.RunRequest:
    return runs.RunRequest(
        image=tiny.REFERENCE,
        command=LEAVE,
        results=folder / "results",
        log=folder / "log.txt",
        binds=(),
        options=RunOptions(),
    )


def test_an_interrupt_while_results_are_collected_is_told(
    engine: FakeEngine, tmp_path: Path
) -> None:
    def stopped(container: Container) -> None:
        raise KeyboardInterrupt

    outcome = runs.run(request(tmp_path), engine, Silent(), stopped)
    assert (outcome.status, outcome.exit_code) == ("interrupted", 0)
    assert (tmp_path / "results" / "a").read_bytes() == b"result"
    assert engine.leftovers() == ()


def test_results_without_permissions_can_be_read(engine: FakeEngine, tmp_path: Path) -> None:
    results = tmp_path / "results"

    def closed(container: Container) -> None:
        folder = results / "folder"
        folder.mkdir()
        (folder / "file").write_text("hidden")
        (results / "link").symlink_to(tmp_path / "outside")
        (folder / "file").chmod(0)
        folder.chmod(0)

    (tmp_path / "outside").write_text("")
    (tmp_path / "outside").chmod(0)
    runs.run(request(tmp_path), engine, Silent(), closed)
    assert (results / "folder").stat().st_mode & 0o777 == 0o700
    assert (results / "folder" / "file").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "outside").stat().st_mode & 0o777 == 0


def test_wanted_folders_of_the_results_are_there(engine: FakeEngine, tmp_path: Path) -> None:
    def leaves(box: Box) -> int:
        box.write("/app/results/tables/x/a", b"result")
        return 0

    engine.programs = {LEAVE: leaves}
    options = RunOptions(folders=("results/tables/x", "figures"))
    wanted = replace(request(tmp_path), options=options)
    assert runs.run(wanted, engine, Silent(), lambda container: None).status == "succeeded"
    assert (tmp_path / "results" / "tables" / "x" / "a").is_file()
    assert not (tmp_path / "figures").exists() and not (tmp_path / "results" / "figures").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_behind_sudo_everything_belongs_to_the_caller(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", "1234")
    monkeypatch.setenv("SUDO_GID", "1235")
    runs.run(request(tmp_path), engine, Silent(), lambda container: None)
    status = (tmp_path / "results" / "a").stat()
    assert (status.st_uid, status.st_gid) == (1234, 1235)


def test_an_exit_status_is_explained() -> None:
    assert _ended_with(3).endswith("status 3")
    assert "SIGSEGV" in _ended_with(139)
    assert "killed" in _ended_with(137) and "memory" in _ended_with(137)
    assert _ended_with(255).endswith("status 255")
    assert _ended_with(None).endswith("status None")


@pytest.mark.parametrize("works", [True, False])
def test_results_of_an_images_own_user_are_given_to_the_user(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    """An image that runs as root leaves files of root's, which only its root can give away."""
    owner = os.getuid() + 1
    asked: list[tuple[str, ...]] = []

    def chown(box: Box) -> int:
        asked.append((*box.argv, str(box.request.user)))
        monkeypatch.setattr(os, "getuid", lambda: owner - 1 if works else owner)
        return 0 if works else 127

    engine.programs = {**engine.programs, ("chown",): chown}
    said: list[str] = []
    reporter = Silent()
    monkeypatch.setattr(Silent, "warning", lambda self, text: said.append(text))
    monkeypatch.setattr(runs, "_make_writable", lambda results, mode: results.mkdir())
    monkeypatch.setattr(os, "getuid", lambda: owner)
    wanted = replace(request(tmp_path), as_image_says=True)
    runs.run(wanted, engine, reporter, lambda container: None)
    assert asked == [
        ("chown", "-R", "-h", f"{owner}:{os.getgid()}", "/app/results", "0:0"),
    ]
    assert len(said) == (0 if works else 1)
