"""The store keeps bytes under their hash and never hands out others."""

import errno
import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from reprokit.errors import InputUnavailable, StorageFailed
from reprokit.store import Store, StoredFileDamaged


def holding(folder: Path, content: bytes = b"wheel") -> tuple[Store, str]:
    source = folder / "source"
    source.write_bytes(content)
    store = Store(folder / "store")
    return store, store.add(source)


def test_what_was_added_comes_out_again(tmp_path: Path) -> None:
    store, digest = holding(tmp_path)
    assert digest == "sha256:" + hashlib.sha256(b"wheel").hexdigest()
    assert store.holds(digest)
    assert store.holds(digest, 5)
    assert stat.S_IMODE(store.path(digest).stat().st_mode) == 0o444
    store.place(digest, tmp_path / "out" / "a", executable=True)
    assert (tmp_path / "out" / "a").read_bytes() == b"wheel"
    assert (tmp_path / "out" / "a").stat().st_mode & 0o111


@pytest.mark.parametrize("content", [b"whEel", b"whe", b"", b"wheel and more"])
def test_a_damaged_file_is_never_used(tmp_path: Path, content: bytes) -> None:
    store, digest = holding(tmp_path)
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(content)
    assert store.holds(digest, 5) == (len(content) == 5)
    with pytest.raises(StoredFileDamaged, match="damaged"):
        store.place(digest, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert not store.holds(digest)


def test_damage_that_cannot_be_removed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, digest = holding(tmp_path)
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(b"whEel")
    remove = Path.unlink

    def read_only(path: Path, missing_ok: bool = False) -> None:
        if store.folder in path.parents:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        remove(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", read_only)
    with pytest.raises(StorageFailed, match=r"damaged bytes.*Read-only") as caught:
        store.place(digest, tmp_path / "b")
    assert caught.value.where == str(store.path(digest))
    assert not (tmp_path / "b").exists()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    store, digest = holding(tmp_path)
    store.path(digest).unlink()
    store.path(digest).mkdir()  # even root cannot read that
    with pytest.raises(StorageFailed, match="cannot be read") as caught:
        store.place(digest, tmp_path / "b")
    assert caught.value.where == str(store.path(digest))


@pytest.mark.parametrize("name", ["sha256:../../etc", "", "sha256:" + "g" * 64, "sha256:abc"])
def test_a_name_that_is_no_digest_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputUnavailable, match="not a SHA-256"):
        Store(tmp_path).path(name)


def test_an_aborted_download_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(RuntimeError), store.receiving() as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert list(store.folder.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(StorageFailed, match="disk is full"), store.receiving():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(StorageFailed, match="disk is full"),
        store.resuming("sha256:" + "a" * 64, 9, lambda: None) as partial,
    ):
        assert partial is not None
        partial.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(store.folder.iterdir()) == []


def test_an_interrupted_file_is_found_again(tmp_path: Path) -> None:
    store, digest = Store(tmp_path), "sha256:" + hashlib.sha256(b"wheel").hexdigest()
    with pytest.raises(RuntimeError), store.resuming(digest, 5, lambda: None) as partial:
        assert partial is not None
        partial.write_bytes(b"whe")
        raise RuntimeError
    with store.resuming(digest, 5, lambda: None) as partial:
        assert partial is not None
        assert partial.read_bytes() == b"whe"
        partial.write_bytes(b"wheel")
        store.take(partial)
    with store.resuming(digest, 5, lambda: None) as partial:
        assert partial is None
    assert [path.name for path in tmp_path.iterdir()] == ["sha256"]


def test_who_waits_can_stop(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    store, digest = Store(tmp_path), "sha256:" + "a" * 64
    with store.resuming(digest, 5, stop), pytest.raises(Stopped), store.resuming(digest, 5, stop):
        pass


def test_without_locks_each_has_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    store, digest = Store(tmp_path), "sha256:" + "a" * 64
    with (
        store.resuming(digest, 5, lambda: None) as one,
        store.resuming(digest, 5, lambda: None) as two,
    ):
        assert one is not None
        assert one != two


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    """A store that several users share must not make one write into another's files."""
    store, digest = Store(tmp_path / "store"), "sha256:" + "a" * 64
    store.folder.mkdir()
    (tmp_path / "precious").write_text("mine")
    (store.folder / f"incoming-{'a' * 64}").symlink_to(tmp_path / "precious")
    with store.resuming(digest, 5, lambda: None) as partial:
        assert partial is not None
        partial.write_bytes(b"theirs")
    assert (tmp_path / "precious").read_text() == "mine"


def test_old_leftovers_are_swept_and_living_ones_are_not(tmp_path: Path) -> None:
    store, digest = holding(tmp_path)
    old, new = store.folder / "incoming-old", store.folder / "incoming-new"
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    os.utime(old, (time.time() - 3 * 24 * 3600,) * 2)
    store.sweep()
    assert not old.exists()
    assert new.exists()
    assert store.holds(digest)


def test_folders_have_the_mode_of_the_store(tmp_path: Path) -> None:
    """A group that shares a store must be able to add to every folder of it."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o2775)
    before = os.umask(0o077)
    try:
        store, digest = holding(tmp_path)
    finally:
        os.umask(before)
    for folder in (store.path(digest).parent, store.path(digest).parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2775
