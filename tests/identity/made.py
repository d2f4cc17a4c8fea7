"""Layers and images made in memory, as differently as engines make them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

Member = tuple[str, dict[str, object], bytes]

EPOCH = 1_700_000_000


def folder(path: str, **fields: object) -> Member:
    return path, {"type": tarfile.DIRTYPE, "mode": 0o755, **fields}, b""


def file(path: str, content: bytes = b"", **fields: object) -> Member:
    return path, {"mode": 0o644, **fields}, content


def link(path: str, target: str, **fields: object) -> Member:
    return path, {"type": tarfile.SYMTYPE, "linkname": target, **fields}, b""


def hard_link(path: str, target: str) -> Member:
    return path, {"type": tarfile.LNKTYPE, "linkname": target}, b""


def tar(members: Sequence[Member], *, mtime: int = 1, user: str = "somebody") -> bytes:
    """The tar of a raw layer, with the times and names that an engine may write."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, fields, content in members:
            member = tarfile.TarInfo(path)
            member.size, member.mtime, member.uname = len(content), mtime, user
            for name, value in fields.items():
                setattr(member, name, value)
            archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def image(path: Path, layers: Sequence[bytes], config: Mapping[str, object] | None = None) -> Path:
    """A docker-archive of raw layers."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "container_config": {"Hostname": "builder"},
        "config": config or {},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
    }
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "Layers": names, "RepoTags": ["made:1"]}]
    files = [*zip(names, layers, strict=True)]
    files.append(("config.json", json.dumps(document).encode()))
    files.append(("manifest.json", json.dumps(manifest).encode()))
    path.write_bytes(tar([file(name, content) for name, content in files]))
    return path
