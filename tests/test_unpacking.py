"""Unpacking: right for good files, safe with bad ones."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reprokit.errors import BadRequest
from reprokit.files import sha256
from reprokit.unpacking import Format, Limits, limits_for, unpacked

TEXT = b"<a> <b> <c> .\n" * 1000


def unpack(source: Path, format: Format, name: str = "", limits: Limits = Limits()) -> Path:  # noqa: B008
    store = source.parent / "store"
    return unpacked(source, sha256(source), format, store, name=name, limits=limits)


def nothing_left(folder: Path) -> bool:
    return list((folder / "store").iterdir()) == []


@pytest.mark.parametrize(
    ("format", "compress"),
    [("gzip", gzip.compress), ("xz", lzma.compress), ("bzip2", bz2.compress)],
)
def test_single_files(tmp_path: Path, format: Format, compress: Callable[[bytes], bytes]) -> None:
    source = tmp_path / "a"
    source.write_bytes(compress(TEXT) + compress(b"second member"))
    found = unpack(source, format)
    assert found.read_bytes() == TEXT + b"second member"
    assert stat.S_IMODE(found.stat().st_mode) == 0o444
    assert stat.S_IMODE(found.parent.stat().st_mode) == 0o755


def test_it_is_done_once(tmp_path: Path) -> None:
    source = tmp_path / "a.gz"
    source.write_bytes(gzip.compress(TEXT))
    first = unpack(source, "gzip")
    before = first.stat()
    assert unpack(source, "gzip").stat() == before
    source.write_bytes(gzip.compress(b"changed"))
    second = unpack(source, "gzip")
    assert (first.read_bytes(), second.read_bytes()) == (TEXT, b"changed")


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: list[tarfile.TarInfo], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            member.size = 3 if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"abc") if member.isreg() else None)
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


def test_zip(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"x/y.csv": b"1", "z.csv": b"2", "empty/": b""})
    assert (unpack(source, "zip", "x") / "y.csv").read_bytes() == b"1"
    assert unpack(source, "zip", "z.csv").read_bytes() == b"2"
    whole = unpack(source, "zip", "other")
    assert sorted(p.name for p in whole.iterdir()) == ["empty", "x", "z.csv"]
    assert stat.S_IMODE((whole / "x").stat().st_mode) == 0o755


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_tar(tmp_path: Path, mode: str) -> None:
    members = [member("./c", tarfile.DIRTYPE), member("./c/a.txt"), member("b.txt")]
    source = tarred(tmp_path / "a", members, mode)
    assert (unpack(source, "tar", "c") / "a.txt").read_bytes() == b"abc"


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/x", "C:/x", "..\\x", "a/..", "a\\b", "./../x"],
)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    for source, format in (
        (zipped(tmp_path / "a.zip", {"good": b"", name: b"1"}), "zip"),
        (tarred(tmp_path / "a.tar", [member("good"), member(name)]), "tar"),
    ):
        with pytest.raises(BadRequest, match="member") as caught:
            unpack(source, format)  # type: ignore[arg-type]
        assert caught.value.where == str(source)
        assert nothing_left(tmp_path)
    assert not (tmp_path.parent / "x").exists()


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "good"),
        (tarfile.LNKTYPE, "good"),
        (tarfile.CHRTYPE, ""),
        (tarfile.BLKTYPE, ""),
        (tarfile.FIFOTYPE, ""),
    ],
)
def test_links_and_devices_in_a_tar(tmp_path: Path, kind: bytes, link: str) -> None:
    source = tarred(tmp_path / "a.tar", [member("good"), member("bad", kind, link)])
    with pytest.raises(BadRequest, match="'bad' is a link or device"):
        unpack(source, "tar")
    assert nothing_left(tmp_path)


def test_links_in_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        info = zipfile.ZipInfo("bad")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BadRequest, match="'bad' is a link or device"):
        unpack(tmp_path / "a.zip", "zip")


@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b"), ("a/b", "a")])
def test_names_that_come_twice(tmp_path: Path, names: tuple[str, str]) -> None:
    source = tarred(tmp_path / "a.tar", [member(name) for name in names])
    with pytest.raises(BadRequest, match="comes twice"):
        unpack(source, "tar")
    assert nothing_left(tmp_path)


def test_a_bomb(tmp_path: Path) -> None:
    source = tmp_path / "a.gz"
    source.write_bytes(gzip.compress(bytes(20_000_000)))
    with pytest.raises(BadRequest, match="more than 200 times its size"):
        unpack(source, "gzip", limits=Limits(free=1_000_000))
    with pytest.raises(BadRequest, match="more than 5000000 bytes"):
        unpack(source, "gzip", limits=limits_for(5_000_000))
    assert nothing_left(tmp_path)
    assert unpack(source, "gzip", limits=limits_for(20_000_000)).stat().st_size == 20_000_000


def test_a_bomb_of_many_files(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {str(number): b"" for number in range(11)})
    with pytest.raises(BadRequest, match="more than 10 files"):
        unpack(source, "zip", limits=Limits(most_files=10))


@pytest.mark.parametrize("format", ["gzip", "xz", "bzip2", "zip", "tar"])
@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_something_else(tmp_path: Path, format: Format, content: bytes) -> None:
    source = tmp_path / "a"
    source.write_bytes(content)
    with pytest.raises(BadRequest, match="damaged") as caught:
        unpack(source, format)
    assert caught.value.next == "get the file again"
    assert nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("format", "compress"),
    [("gzip", gzip.compress), ("xz", lzma.compress), ("bzip2", bz2.compress)],
)
def test_a_download_that_was_cut(
    tmp_path: Path, format: Format, compress: Callable[[bytes], bytes]
) -> None:
    source = tmp_path / "a"
    source.write_bytes(compress(TEXT)[:-9])
    with pytest.raises(BadRequest, match="damaged"):
        unpack(source, format)
    assert nothing_left(tmp_path)
