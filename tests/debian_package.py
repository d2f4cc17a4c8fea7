"""Files of Debian's packages for tests, without installing them: a machine stays as it was."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from reprokit.engines.start import state_folder


def program(name: str) -> str:
    """A program of the package of that name: the one of this machine, else an unpacked one. Raises
    as `unpacked`."""
    return shutil.which(name) or str(unpacked(name) / "usr" / "bin" / name)


def unpacked(package: str) -> Path:
    """The folder below the user's state folder that holds a package's files, and nothing of what
    it depends on. Raises OSError or CalledProcessError where apt cannot give it (another system,
    no package lists)."""
    folder = state_folder() / package
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            subprocess.run(
                ["apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", package],
                cwd=temporary,
                check=True,
                capture_output=True,
            )
            (archive,) = Path(temporary).glob("*.deb")
            files = Path(temporary) / "files"
            subprocess.run(["dpkg-deb", "-x", str(archive), str(files)], check=True)
            files.rename(folder)
    return folder


def built(name: str, files: Mapping[str, bytes], folder: Path) -> bytes:
    """A package made here, with these files by their path. `folder` must not exist."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "DEBIAN").mkdir()
    (folder / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n"
    )
    deb = folder.with_suffix(".deb")
    subprocess.run(["dpkg-deb", "--build", folder, deb], check=True, capture_output=True)
    return deb.read_bytes()
