"""Debian's docker-registry for tests, without installing it: a machine stays as it was."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from reprokit.engines.start import state_folder

PACKAGE = "docker-registry"


def find() -> str | None:
    """The program: the installed one, or one unpacked below the user's state folder. `None` where
    apt cannot give it (another system, no package lists)."""
    installed = shutil.which(PACKAGE)
    if installed is not None:
        return installed
    program = state_folder() / PACKAGE / "usr" / "bin" / PACKAGE
    if not program.exists():
        try:
            _unpack(program.parents[2])
        except (OSError, subprocess.CalledProcessError):
            return None
    return str(program)


def _unpack(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        subprocess.run(
            ["apt-get", "-qq", "-o", "APT::Sandbox::User=", "download", PACKAGE],
            cwd=temporary,
            check=True,
            capture_output=True,
        )
        for package in Path(temporary).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)
