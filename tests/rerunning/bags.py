"""Bags as strangers make them: good ones, and ones that are wrong in one way."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

TOP = "published"
DECLARATION = b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"


def hexadecimal(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def manifest(files: Mapping[str, bytes]) -> bytes:
    lines = (f"{hexadecimal(content)}  {path}\n" for path, content in sorted(files.items()))
    return "".join(lines).encode()


def members(payload: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a good bag, by their path in it."""
    files = {f"data/{path}": content for path, content in payload.items()}
    tags = {"bagit.txt": DECLARATION, "manifest-sha256.txt": manifest(files)}
    return {**files, **tags, "tagmanifest-sha256.txt": manifest(tags)}


def write_zip(path: Path, files: Mapping[str, bytes], top: str = f"{TOP}/") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{top}{name}", content)
    return path


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return path


def rezipped(source: Path, target: Path, changes: Mapping[str, bytes | None]) -> Path:
    """A published archive with other payload and manifests that fit: what its author could have
    published. `None` takes a file out."""
    with zipfile.ZipFile(source) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        top = infos[0].filename.partition("/")[0]
        payload = {
            info.filename.removeprefix(f"{top}/data/"): archive.read(info)
            for info in infos
            if info.filename.startswith(f"{top}/data/")
        }
        modes = {info.filename: info.external_attr for info in infos}
    for path, content in changes.items():
        payload.pop(path, None)
        if content is not None:
            payload[path] = content
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members(payload).items():
            entry = zipfile.ZipInfo(f"{top}/{name}")
            entry.external_attr = modes.get(entry.filename, 0o100644 << 16)
            archive.writestr(entry, content)
    return target
