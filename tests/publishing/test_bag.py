"""The streaming writer of bags, and images in one file."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reprokit.errors import BadRequest, InputUnavailable
from reprokit.identity.raw import TarLayer
from reprokit.identity.source import RawImage, from_archive
from reprokit.progress import Silent
from reprokit.publishing import bag, image_file
from reprokit.publishing.member import Member, of_bytes, of_file
from tests.debian_package import program

MOMENT = datetime(2026, 11, 24, 10, 20, 30, tzinfo=UTC)


def write(target: Path, *members: Member) -> bag.Written:
    return bag.write(
        target, "it", members, information={}, tags=(), moment=MOMENT, reporter=Silent()
    )


def test_files_beyond_four_gigabytes_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)  # as if they were
    content = bytes(range(256)) * 40
    write(tmp_path / "a.zip", of_bytes("large.bin", content), of_bytes("large.gz", content))
    monkeypatch.undo()
    subprocess.run([program("unzip"), "-tq", str(tmp_path / "a.zip")], check=True)
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert opened.testzip() is None
        kinds = {info.filename: info.compress_type for info in opened.infolist()}
    assert kinds["it/data/large.bin"] == zipfile.ZIP_DEFLATED
    assert kinds["it/data/large.gz"] == zipfile.ZIP_STORED


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="two files"):
        write(tmp_path / "a.zip", of_bytes("a", b"1"), of_bytes("a", b"2"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["/a", "../a", "a//b", "a\\b", "a\nb", "a%0Ab", "a\x1b[31m", "."])
def test_dangerous_names_are_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        of_bytes(name, b"")


def test_a_file_that_changes_meanwhile_is_told(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"one")
    member = of_file("file", place, sha256="sha256:" + hashlib.sha256(b"one").hexdigest())
    assert b"".join(member.chunks()) == b"one"
    place.write_bytes(b"two")
    with pytest.raises(InputUnavailable, match="no longer"):
        list(member.chunks())
    member = of_file("file", place)
    place.write_bytes(b"longer than before")
    with pytest.raises(InputUnavailable, match="no longer"):
        list(member.chunks())


def image(folder: Path, *, wrong: bool = False) -> RawImage:
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    digest = "sha256:" + ("0" * 64 if wrong else hashlib.sha256(layer.read_bytes()).hexdigest())
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [digest] * 2}}
    source = TarLayer(layer, 0, layer.stat().st_size)
    text = json.dumps(config).encode()
    return RawImage(config=config, layers=(source, source), config_text=text)


def test_an_image_is_an_oci_layout_and_a_docker_archive(tmp_path: Path) -> None:
    member = image_file.of_image("image.tar", "localhost/reprokit/x:1", image(tmp_path))
    content = b"".join(member.chunks())
    assert len(content) == member.size
    place = tmp_path / "image.tar"
    place.write_bytes(content)
    with tarfile.open(place) as tar:
        read = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    for name, blob in read.items():
        if name.startswith("blobs/"):
            assert name == f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}"
    assert json.loads(read["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (described,) = json.loads(read["index.json"])["manifests"]
    manifest = json.loads(read["blobs/sha256/" + described["digest"].removeprefix("sha256:")])
    assert [layer["size"] for layer in manifest["layers"]] == [image(tmp_path).layers[0].size] * 2  # type: ignore[attr-defined]
    again = from_archive(place, tmp_path)
    assert again.config == image(tmp_path).config and len(again.layers) == 2
    assert json.loads(read["manifest.json"])[0]["RepoTags"] == ["localhost/reprokit/x:1"]


def test_a_layer_with_other_bytes_is_refused(tmp_path: Path) -> None:
    member = image_file.of_image("image.tar", "localhost/x:1", image(tmp_path, wrong=True))
    with pytest.raises(InputUnavailable, match="other bytes"):
        list(member.chunks())
