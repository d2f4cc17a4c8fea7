"""Where an image's raw layers are read: folders of the engine, or the image exported to a file."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reprokit import files
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.identity.raw import FolderLayer, RawLayer, TarLayer

_DAMAGED = (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError, IndexError,
            RecursionError)  # fmt: skip
_TEXT_LIMIT = 64 * 1024**2
"""Bytes of a manifest or config."""


@frozen
class RawImage:
    """An image as the engine has it. `layers` are in the order of `rootfs.diff_ids` in `config`;
    `config_text` are the bytes of the config, empty where the engine has only its fields."""

    config: Mapping[str, Any]
    layers: tuple[RawLayer, ...]
    config_text: bytes = b""


def from_folders(config: Mapping[str, Any], folders: tuple[Path, ...]) -> RawImage:
    """An image whose layers lie in folders of an overlay, lowest first."""
    return RawImage(config=config, layers=tuple(FolderLayer(folder) for folder in folders))


@contextmanager
def exported(stream: Iterable[bytes], folder: Path) -> Iterator[RawImage]:
    """An exported image (docker-archive, or OCI with a manifest.json), spooled below `folder` for
    the length of the block. Raises BadRequest for an archive that is none."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="exported-") as temporary:
        archive = Path(temporary) / "image.tar"
        try:
            with archive.open("wb") as file:
                for chunk in stream:
                    file.write(chunk)
        except OSError as error:
            raise files.storage_failed(error, archive) from error
        yield from_archive(archive, Path(temporary))


def from_archive(archive: Path, scratch: Path, *, plain: bool = False) -> RawImage:
    """An image in a docker-archive; compressed layers are unpacked below `scratch`, or with
    `plain` refused: from strangers they may become anything. Raises BadRequest."""
    try:
        with tarfile.open(archive, "r:") as tar:
            members = {member.name: member for member in tar if member.isfile()}
            manifest = json.loads(_content(tar, members, "manifest.json"))
            if len(manifest) != 1:
                raise BadRequest(f"holds {len(manifest)} images", where=str(archive))
            text = _content(tar, members, manifest[0]["Config"])
            config = json.loads(text)
            links = {member.name: member.linkname for member in tar if member.issym()}
            layers = [
                _layer(tar, members[_followed(name, links)], archive, None if plain else scratch)
                for name in manifest[0]["Layers"]
            ]
    except _DAMAGED as error:
        raise BadRequest(
            f"is not an exported image: {error}", where=str(archive), next="see `docker save`"
        ) from error
    return RawImage(config=config, layers=tuple(layers), config_text=text)


def _content(tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo], name: str) -> bytes:
    if members[name].size > _TEXT_LIMIT:
        raise ValueError(f"{name} is too large")
    content = tar.extractfile(members[name])
    assert content is not None
    return content.read()


def _followed(name: str, links: Mapping[str, str]) -> str:
    """Docker writes a layer that occurs twice as a symbolic link to its first place."""
    target = links.get(name)
    if target is None:
        return name
    parts = name.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _layer(
    tar: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, scratch: Path | None
) -> TarLayer:
    content = tar.extractfile(member)
    assert content is not None
    beginning = content.read(4)
    if beginning == b"\x28\xb5\x2f\xfd":
        raise BadRequest("holds a layer compressed with zstd", where=str(archive))
    if beginning[:2] != b"\x1f\x8b":
        return TarLayer(archive, member.offset_data, member.size)
    if scratch is None:
        raise BadRequest("holds a compressed layer", where=str(archive))
    content.seek(0)
    plain = scratch / f"layer-{member.offset_data}.tar"
    with gzip.open(content) as reading, plain.open("wb") as writing:
        shutil.copyfileobj(reading, writing, 1024 * 1024)
    return TarLayer(plain, 0, plain.stat().st_size)
