"""The store keeps bytes under their hash and never hands out others."""

import hashlib
from pathlib import Path

import pytest

from reprokit.errors import InputUnavailable
from reprokit.store import Store


def test_what_was_added_comes_out_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    source = tmp_path / "a"
    source.write_bytes(b"wheel")
    digest = store.add(source)
    assert digest == "sha256:" + hashlib.sha256(b"wheel").hexdigest()
    assert store.holds(digest)
    store.place(digest, tmp_path / "out" / "a", executable=True)
    assert (tmp_path / "out" / "a").read_bytes() == b"wheel"
    assert (tmp_path / "out" / "a").stat().st_mode & 0o111


def test_a_damaged_file_is_never_used(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    source = tmp_path / "a"
    source.write_bytes(b"wheel")
    digest = store.add(source)
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(b"whEel")
    with pytest.raises(InputUnavailable, match="damaged"):
        store.place(digest, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert not store.holds(digest)


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
