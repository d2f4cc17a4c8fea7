"""What tests of archives share."""

from __future__ import annotations

import gzip
import subprocess
import zipfile
from pathlib import Path

import pytest

from reprokit.pipeline.bill import Bill
from reprokit.publishing import archive


@pytest.fixture
def billed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bill of materials without an engine: that of the real one is tested with one."""

    def bill(run: str, *, project: Path) -> Bill:
        return Bill(run=run, document=b'{"bomFormat": "CycloneDX"}')

    monkeypatch.setattr(archive, "bill", bill)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with code, a secret, and data that the program sees unpacked."""
    root = tmp_path / "a wheat" / "wheat"
    (root / "data").mkdir(parents=True)
    (root / "main.py").write_text("print(open('data/yield.csv').read())\n")
    (root / "tools").mkdir()
    script = root / "tools" / "50% of it.sh"
    script.write_text("#!/bin/sh\ntrue\n")
    script.chmod(0o755)
    (root / ".env").write_text("PASSWORD=secret\n")
    (root / ".gitignore").write_text(".env\n")
    (root / "data" / "yield.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n", mtime=0))
    (root / "data" / "sites.csv").write_text("x\n")
    return root


def unpacked(archive: Path, target: Path) -> Path:
    """The one folder in an archive, unpacked by the standard program."""
    subprocess.run(["unzip", "-q", str(archive), "-d", str(target)], check=True)
    (folder,) = target.iterdir()
    return folder


def names(archive: Path) -> set[str]:
    """The paths of the payload."""
    with zipfile.ZipFile(archive) as opened:
        paths = [name.partition("/")[2] for name in opened.namelist()]
    return {path.removeprefix("data/") for path in paths if path.startswith("data/")}
