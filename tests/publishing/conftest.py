"""What tests of archives share."""

from __future__ import annotations

import gzip
import json
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reprokit.history import run_folder
from reprokit.history.run_folder import RunFolder
from reprokit.model import Image
from reprokit.phases import record as records
from reprokit.pipeline.bill import Bill
from reprokit.publishing import archive, push
from tests.debian_package import program
from tests.publishing import made
from tests.publishing.fake_registry import FakeRegistry, fake_registry
from tests.publishing.pushing_engine import ENVIRONMENT, NAME, PushingEngine


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
    subprocess.run([program("unzip"), "-q", str(archive), "-d", str(target)], check=True)
    (folder,) = target.iterdir()
    return folder


def names(archive: Path) -> set[str]:
    """The paths of the payload."""
    with zipfile.ZipFile(archive) as opened:
        paths = [name.partition("/")[2] for name in opened.namelist()]
    return {path.removeprefix("data/") for path in paths if path.startswith("data/")}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeRegistry]:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    with fake_registry() as registry:
        yield registry


@pytest.fixture
def pushing_engine(there: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> PushingEngine:
    opened = PushingEngine(there=there)
    opened._images[NAME] = Image(
        reference=NAME,
        config_digest=ENVIRONMENT,
        layers=(),
        registry_digests=(),
        platform="linux/amd64",
        size=1,
    )

    class Connected:
        def __init__(self, wanted: str | None) -> None: ...
        def __enter__(self) -> PushingEngine:
            return opened

        def __exit__(self, *error: object) -> None: ...

    def bill(run: str, *, project: Path, pushed: str) -> Bill:
        return Bill(run=run, document=json.dumps({"bill": pushed}).encode())

    monkeypatch.setattr(push, "connect", Connected)
    monkeypatch.setattr(push, "bill", bill)
    return opened


@pytest.fixture
def run(project: Path) -> RunFolder:
    """A run in the image that the engine has."""
    folder, record = made.run(project)
    image: Any = record["image"]
    changed = {"image": {**image, "config_digest": ENVIRONMENT, "reference": NAME}}
    run_folder.write_record(folder, records.sealed({**record, **changed}))
    return folder


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder = tmp_path_factory.mktemp("keys")
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "key.pem").write_bytes(private)
    (folder / "public.pem").write_bytes(public)
    return folder / "key.pem", folder / "public.pem"
