"""Bags from strangers: good ones are laid out, all others refused with nothing left behind."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from reprokit.errors import BadRequest, ReprokitError, StorageFailed
from reprokit.files import sha256, sha256_text
from reprokit.progress import Silent
from reprokit.rerunning import bag
from reprokit.unpacking import Limits
from tests.rerunning.bags import DECLARATION, manifest, members, write_folder, write_zip

PAYLOAD = {"record.json": b"{}\n", "results/a.csv": b"x\n1\n", "build/app/tool": b"#!/bin/sh\n"}


def unpack(source: Path, limits: Limits = bag.LIMITS) -> bag.Bag:
    target = source.parent / "unpacked"
    target.mkdir()
    return bag.unpack(source, target, Silent(), limits)


def refused(source: Path, text: str, limits: Limits = bag.LIMITS) -> None:
    """It is refused with these words, says where, and leaves nothing."""
    around = set(source.parent.rglob("*"))
    with pytest.raises(ReprokitError, match=text) as caught:
        unpack(source, limits)
    assert caught.value.where is not None or caught.value.next is not None
    assert set(source.parent.rglob("*")) == around


def test_a_good_bag_is_laid_out_zipped_or_not(tmp_path: Path) -> None:
    zipped = write_zip(tmp_path / "a.zip", members(PAYLOAD))
    found = unpack(zipped)
    assert found.sha256 == sha256(zipped)
    assert (found.folder / "results" / "a.csv").read_bytes() == b"x\n1\n"
    assert set(found.digests) == set(PAYLOAD)
    assert found.digests["record.json"] == sha256(found.folder / "record.json")

    shutil.rmtree(found.folder)
    folder = write_folder(tmp_path / "bag", members(PAYLOAD))
    (folder / "data" / "build" / "app" / "tool").chmod(0o755)
    again = unpack(folder)
    assert again.digests == found.digests
    assert again.sha256 == sha256_text(
        manifest({f"data/{p}": c for p, c in PAYLOAD.items()}).decode()
    )
    assert os.access(again.folder / "build" / "app" / "tool", os.X_OK)
    assert not os.access(again.folder / "record.json", os.X_OK)


def test_what_the_commands_of_the_readme_wrote_is_no_part_of_it(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "bag", members(PAYLOAD))
    new = folder / "data" / "new-results"
    new.mkdir()
    (new / "a.csv").symlink_to("/etc/passwd")
    found = unpack(folder)
    assert set(found.digests) == set(PAYLOAD)
    assert not (found.folder / "new-results").exists()
    shutil.rmtree(found.folder)
    files = members(PAYLOAD) | {"data/new-results/a.csv": b"x"}
    refused(write_zip(tmp_path / "a.zip", files), "does not name")


def test_a_bag_without_a_folder_around_it_is_one_too(tmp_path: Path) -> None:
    assert unpack(write_zip(tmp_path / "a.zip", members(PAYLOAD), top="")).digests


def test_executables_stay_so_through_a_zip(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in members(PAYLOAD).items():
            info = zipfile.ZipInfo(f"top/{name}")
            info.external_attr = (0o100755 if name.endswith("tool") else 0o100644) << 16
            archive.writestr(info, content)
    found = unpack(tmp_path / "a.zip")
    assert os.access(found.folder / "build" / "app" / "tool", os.X_OK)
    assert not os.access(found.folder / "record.json", os.X_OK)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("../../evil", "leaves the archive's folder"),
        ("data/../../evil", "leaves the archive's folder"),
        ("/etc/evil", "not a relative path"),
        ("C:/evil", "not a relative path"),
        ("data\\..\\evil", "not a relative path"),
        ("data/a\nb", "control character"),
        ("data/\x1b[2Jx", "control character"),
        ("data/a\u202etxt.exe", "control character"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str, text: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for known, content in members(PAYLOAD).items():
            archive.writestr(known, content)
        archive.writestr(name, b"evil")
    refused(tmp_path / "a.zip", text)
    assert not (tmp_path.parent / "evil").exists() and not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK]
)
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for known, content in members({**PAYLOAD, "results/link": b"/etc/passwd"}).items():
            info = zipfile.ZipInfo(known)
            info.external_attr = ((kind if known.endswith("link") else stat.S_IFREG) | 0o644) << 16
            archive.writestr(info, content)
    refused(tmp_path / "a.zip", "is a link or device")


@pytest.mark.parametrize("target", ["/etc/passwd", "../data/record.json", "/nowhere"])
@pytest.mark.parametrize("place", ["data/results/link", "link", "data/results/sub"])
def test_links_in_a_folder_are_refused(tmp_path: Path, target: str, place: str) -> None:
    folder = write_folder(tmp_path / "bag", members(PAYLOAD))
    (folder / place).symlink_to(target)
    refused(folder, "is a link or device")


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "bag", members(PAYLOAD))
    (folder / "data" / "results").rename(tmp_path / "elsewhere")
    (folder / "data" / "results").symlink_to(tmp_path / "elsewhere")
    refused(folder, "is a link or device")


def test_a_pipe_in_a_folder_is_refused_and_not_read(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "bag", members(PAYLOAD))
    os.mkfifo(folder / "data" / "pipe")
    refused(folder, "is a link or device")


def test_duplicates_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", members(PAYLOAD))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("published/data/record.json", b"another")
    refused(path, "comes twice")
    path = write_zip(tmp_path / "b.zip", {**members(PAYLOAD), "data/results/a.csv/x": b"below"})
    refused(path, "comes twice")


def changed(path: str, content: bytes | None) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files.pop(path, None)
        if content is not None:
            files[path] = content

    return change


LIES = {
    "another content": (changed("data/results/a.csv", b"x\n2\n"), "another 'data/results/a.csv'"),
    "a file more": (changed("data/evil.py", b"x"), "does not name"),
    "a file less": (changed("data/results/a.csv", None), "lacks 'data/results/a.csv'"),
    "no manifest": (changed("manifest-sha256.txt", None), "without manifest-sha256.txt"),
    "another manifest": (changed("manifest-sha256.txt", b""), "another 'manifest-sha256.txt'"),
    "files to download": (changed("fetch.txt", b"http://x 1 data/x\n"), "to be downloaded"),
    "a manifest of pictures": (changed("manifest-sha256.txt", b"\xff\xd8"), "no UTF-8"),
    "no bag": (changed("bagit.txt", None), "no BagIt bag"),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("form", ["zip", "folder"])
def test_a_manifest_that_lies_is_found_out(tmp_path: Path, lie: str, form: str) -> None:
    files = members(PAYLOAD)
    change, text = LIES[lie]
    change(files)
    if form == "zip":
        refused(write_zip(tmp_path / "a.zip", files), text)
    else:
        refused(write_folder(tmp_path / "bag", files), text)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"abc  data/x\n", "no line of a manifest"),
        (b"0" * 64 + b"  data/record.json\n", "names a file twice"),
        (b"0" * 64 + b"  data/../../etc/passwd\n", "lacks"),
        (b"0" * 64 + b"  /etc/passwd\n", "lacks"),
    ],
)
def test_a_manifest_with_a_bad_line_is_refused(tmp_path: Path, line: bytes, text: str) -> None:
    files = members(PAYLOAD)
    files["manifest-sha256.txt"] += line
    del files["tagmanifest-sha256.txt"]
    refused(write_zip(tmp_path / "a.zip", files), text)


def test_a_tag_manifest_may_not_lead_elsewhere(tmp_path: Path) -> None:
    files = members(PAYLOAD)
    files["tagmanifest-sha256.txt"] = b"0" * 64 + b"  ../../etc/passwd\n"
    refused(write_zip(tmp_path / "a.zip", files), "without ../../etc/passwd")


def test_files_beside_the_bag_are_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", members(PAYLOAD))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/evil", b"")
    refused(path, "beside its bag")


def test_bombs_are_refused_by_what_they_claim_and_by_what_they_are(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", members({"zeros": bytes(20_000_000)}))
    refused(path, "times its size", Limits(free=1_000_000))
    refused(path, "more than 1000 bytes", Limits(most_bytes=1000))
    refused(path, "more than 2", Limits(most_files=2))


def claiming(path: Path, size: int) -> Path:
    """The first file of the archive claims another size, in both of its headers."""
    content = bytearray(path.read_bytes())
    local = content.index(b"PK\x03\x04")
    central = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, local + 22, size)
    struct.pack_into("<I", content, central + 24, size)
    path.write_bytes(content)
    return path


def test_sizes_that_lie_are_found_out(tmp_path: Path) -> None:
    refused(claiming(write_zip(tmp_path / "a.zip", members(PAYLOAD)), 1), "damaged|another")
    refused(
        claiming(write_zip(tmp_path / "b.zip", members(PAYLOAD)), 3_900_000_000), "times its size"
    )


def test_what_does_not_fit_on_the_disk_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_zip(tmp_path / "a.zip", members(PAYLOAD))
    usage = shutil.disk_usage(tmp_path)._replace(free=3)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(StorageFailed, match="are free"):
        bag.unpack(path, tmp_path / "unpacked", Silent())


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"no zip at all", b"PK\x05\x06" + bytes(18)]
)
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    refused(tmp_path / "a.zip", "damaged|no BagIt")


def test_damage_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write_zip(tmp_path / "whole", members(PAYLOAD)).read_bytes()
    for place in range(0, len(whole), 7):
        content = bytearray(whole)
        content[place] ^= 0xFF
        path = tmp_path / "a.zip"
        path.write_bytes(content)
        target = tmp_path / "unpacked"
        target.mkdir()
        try:
            found = bag.unpack(path, target, Silent())
        except ReprokitError:
            assert not target.exists()
        else:  # a time, an attribute or a folder's name: nothing that is used
            for name, wanted in PAYLOAD.items():
                assert (found.folder / name).read_bytes() == wanted
            shutil.rmtree(target)


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", members(PAYLOAD))
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    refused(path, "encrypted|damaged")


def test_a_declaration_alone_is_no_bag(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "a.zip", {"bagit.txt": DECLARATION}), "without manifest")
    with pytest.raises(BadRequest, match="No such file"):
        bag.unpack(tmp_path / "nothing.zip", tmp_path / "x", Silent())
