"""Hashes of data: right, remembered, and never stale."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from reprokit import data_hashes
from reprokit.data_hashes import hash_files
from reprokit.errors import BadRequest
from reprokit.model import DataFile
from reprokit.progress import Silent

LONG_AGO = time.time() - 3600


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "data"


def write(path: Path, content: bytes, modified: float = LONG_AGO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (modified, modified))


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Counting(Silent):
    """Adds up how many bytes were hashed."""

    done = 0

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        self.done = done


def hashed(root: Path, *paths: str) -> tuple[tuple[DataFile, ...], int]:
    reporter = Counting()
    return hash_files(root, paths, reporter), reporter.done


def test_right_and_sorted(tmp_path: Path) -> None:
    large = bytes(range(256)) * 20_000
    write(tmp_path / "p" / "b", b"")
    write(tmp_path / "p" / "a ä\n", large)
    found, _ = hashed(tmp_path / "p", "b", "a ä\n", "b")
    assert found == (
        DataFile(path="a ä\n", size=len(large), sha256=digest(large)),
        DataFile(path="b", size=0, sha256=digest(b"")),
    )


def test_an_unchanged_file_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "p" / "a", b"12345")
    assert hashed(tmp_path / "p", "a")[1] == 5
    (tmp_path / "p" / "a").chmod(0o000)
    found, done = hashed(tmp_path / "p", "a")
    assert (found[0].sha256, done) == (digest(b"12345"), 0)


@pytest.mark.parametrize("change", ["size", "time", "inode"])
def test_a_changed_file_is_read_again(tmp_path: Path, change: str) -> None:
    path = tmp_path / "p" / "a"
    write(path, b"12345")
    hashed(tmp_path / "p", "a")
    if change == "size":
        write(path, b"123456")
    elif change == "time":
        write(path, b"54321", LONG_AGO + 1)
    else:
        write(tmp_path / "p" / "new", b"54321")
        (tmp_path / "p" / "new").replace(path)
    found, _ = hashed(tmp_path / "p", "a")
    assert found[0].sha256 == digest(path.read_bytes())


def test_a_file_written_just_now_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "p" / "a"
    now = time.time()
    write(path, b"12345", now)
    hashed(tmp_path / "p", "a")
    with path.open("r+b") as file:
        file.write(b"54321")
    os.utime(path, (now, now))
    assert hashed(tmp_path / "p", "a")[0][0].sha256 == digest(b"54321")


@pytest.mark.parametrize("kind", ["broken", "folder", "read-only"])
def test_no_cache_is_no_error(tmp_path: Path, home: Path, kind: str) -> None:
    write(tmp_path / "p" / "a", b"1")
    cache = home / "data-hashes.sqlite"
    if kind == "broken":
        write(cache, b"this is no database" * 1000)
    elif kind == "folder":
        cache.mkdir(parents=True)
    else:
        write(home.parent, b"not a folder")
    assert hashed(tmp_path / "p", "a")[0][0].sha256 == digest(b"1")
    # A broken cache is made anew; the others cannot be.
    assert hashed(tmp_path / "p", "a")[1] == (0 if kind == "broken" else 1)


def test_bad_files(tmp_path: Path) -> None:
    root = tmp_path / "p"
    write(root / "a", b"1")
    write(tmp_path / "secret", b"1")
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to(root / "a")
    (root / "folder").mkdir()
    os.mkfifo(root / "pipe")
    assert hashed(root, "in")[0][0].sha256 == digest(b"1")
    for path, what in (
        ("missing", "cannot be read"),
        ("out", "points out of the project"),
        ("../secret", "points out of the project"),
        ("folder", "is not a file"),
        ("pipe", "is not a file"),
    ):
        with pytest.raises(BadRequest, match=what) as caught:
            hashed(root, path)
        assert caught.value.where == path


def test_a_file_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p" / "a"
    write(path, b"12345")
    look = data_hashes._look

    def look_then_grow(root: Path, name: str) -> data_hashes._Seen:
        seen = look(root, name)
        write(path, b"123456")
        return seen

    monkeypatch.setattr(data_hashes, "_look", look_then_grow)
    with pytest.raises(BadRequest, match="changed while it was read"):
        hashed(tmp_path / "p", "a")


def test_many_files(tmp_path: Path) -> None:
    names = [f"d/{number}" for number in range(1200)]
    for name in names:
        write(tmp_path / "p" / name, name.encode())
    first, _ = hashed(tmp_path / "p", *names)
    second, done = hashed(tmp_path / "p", *names)
    assert first == second
    assert done == 0
    assert {file.path: file.sha256 for file in first} == {n: digest(n.encode()) for n in names}
