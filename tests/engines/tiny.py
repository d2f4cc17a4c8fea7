"""A small image for the contract tests, made of this machine's own programs: no network needed."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path

from reprokit import files
from reprokit.bases import docker_archive

REFERENCE = "localhost/reprokit-tests/tiny:1"
PROGRAMS = ("sh", "cat", "cp", "id", "sleep", "touch", "mkdir", "ls", "rm", "head")
_LIBRARY = re.compile(r"(?:\S+ => )?(?P<path>/\S+) \(0x[0-9a-f]+\)")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@cache
def architecture() -> str:
    """This machine's architecture as images name it."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def archive(folder: Path) -> Path:
    """Write the image's docker-archive into `folder`."""
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name in ("app", "bin", "etc", "proc", "tmp", "usr", "usr/bin", "usr/sbin"):
            tar.addfile(_entry(name, tarfile.DIRTYPE, 0o1777 if name in ("tmp", "app") else 0o755))
        for source in _needed():
            entry = _entry(str(source.path).lstrip("/"), tarfile.REGTYPE, 0o755)
            entry.size = source.file.stat().st_size
            with source.file.open("rb") as content:
                tar.addfile(entry, content)
    digest = files.sha256(layer)
    config, _ = docker_archive.image_config(
        digest, architecture=architecture(), epoch=1_700_000_000, command="programs of this machine"
    )
    path = folder / "tiny.tar"
    docker_archive.write_archive(
        path, layer=layer, digest=digest, config=config, reference=REFERENCE
    )
    return path


class _Source:
    def __init__(self, path: Path, file: Path) -> None:
        self.path = path
        self.file = file


def _needed() -> list[_Source]:
    found: dict[Path, _Source] = {}
    for name in PROGRAMS:
        program = shutil.which(name)
        assert program is not None, f"{name} is missing on this machine"
        real = Path(program).resolve()
        found[Path("/bin") / name] = _Source(Path("/bin") / name, real)
        said = subprocess.run(["ldd", str(real)], capture_output=True, text=True, check=True)
        for match in _LIBRARY.finditer(said.stdout):
            library = Path(match.group("path"))
            found[library] = _Source(library, library.resolve())
    return [found[path] for path in sorted(found)]


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, 1_700_000_000
    return entry
