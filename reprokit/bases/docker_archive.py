"""Wrapping a root file system into an image that has the same digest on every engine.

`docker import` stamps the time and so gives a new id each time. An archive written by hand around
the same tar keeps one config digest on Docker 20.10 to 28 and on Podman.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from reprokit import files

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def image_config(layer: str, *, architecture: str, epoch: int, command: str) -> tuple[bytes, str]:
    """The config of a one-layer image, and its digest.

    layer: the layer's diff id. architecture: "amd64". epoch: seconds, the creation time it states.
    command: what made the layer, for `docker history`.
    """
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = {
        "architecture": architecture,
        "config": {"Cmd": ["/bin/sh"], "Env": [f"PATH={_PATH}"]},
        "created": created,
        "history": [{"created": created, "created_by": command}],
        "os": "linux",
        "rootfs": {"diff_ids": [layer], "type": "layers"},
    }
    content = files.canonical_json(config).encode()
    return content, f"sha256:{hashlib.sha256(content).hexdigest()}"


def write_archive(path: Path, *, layer: Path, digest: str, config: bytes, reference: str) -> None:
    """Write a docker-archive with one layer, all or nothing.

    layer: an uncompressed tar whose SHA-256 is `digest`. reference: the image's name and tag.
    """
    hexadecimal = digest.removeprefix("sha256:")
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [
        {
            "Config": config_name,
            "Layers": [f"{hexadecimal}/layer.tar"],
            "RepoTags": [reference],
        }
    ]
    with (
        files.replacing(path) as target,
        tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        _add(archive, config_name, config)
        with layer.open("rb") as content:
            entry = tarfile.TarInfo(f"{hexadecimal}/layer.tar")
            entry.size = layer.stat().st_size
            archive.addfile(entry, content)
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
