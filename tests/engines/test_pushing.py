"""Images go to a real registry and come back, with what is attached to them."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import reprokit
from reprokit import files
from reprokit.bases import docker_archive
from reprokit.engines.absent import absent
from reprokit.engines.distribution import Repository
from reprokit.engines.engine import SocketEngine
from reprokit.engines.registry import own_place
from reprokit.errors import InputUnavailable, NoEngine
from reprokit.history import run_folder
from reprokit.history.run_folder import RunFolder
from reprokit.model import Image
from reprokit.phases import record as records
from reprokit.pipeline.bill import Bill
from reprokit.publishing import published_image, push
from tests.engines import tiny
from tests.publishing import made
from tests.registry_program import PASSWORD, USER

pytestmark = pytest.mark.engine


@pytest.fixture
def image(engine: SocketEngine, tmp_path: Path) -> Iterator[Image]:
    """An image that no other test uses."""
    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w", format=tarfile.USTAR_FORMAT) as tar:
        content = str(tmp_path).encode() * 20_000
        entry = tarfile.TarInfo("content")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    digest = files.sha256(layer)
    config, _ = docker_archive.image_config(
        digest, architecture=tiny.architecture(), epoch=1_700_000_000, command="a test"
    )
    reference = "localhost/reprokit-tests/pushed:1"
    path = tmp_path / "image.tar"
    docker_archive.write_archive(
        path, layer=layer, digest=digest, config=config, reference=reference
    )
    yield engine.load(path)
    engine.remove_image(reference)


@pytest.fixture
def run(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run in that image."""

    def bill(run: str, *, project: Path, pushed: str) -> Bill:
        return Bill(run=run, document=b"{}")

    monkeypatch.setattr(push, "bill", bill)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    root = tmp_path / "wheat"
    root.mkdir()
    (root / "main.py").write_text("print(1)\n")
    folder, record = made.run(root)
    given: Any = record["image"]
    changed = {**given, "config_digest": image.config_digest, "reference": image.reference}
    run_folder.write_record(folder, records.sealed({**record, "image": changed}))
    return folder


def test_a_registry_tells_of_an_image_what_an_engine_tells_of_it(
    engine: SocketEngine, image: Image, registry: str
) -> None:
    name = f"{registry}/me/base:1"
    engine.tag(image.reference, name)
    try:
        engine.push(name, lambda line: None, lambda done, total: None)
    finally:
        engine.remove_image(name)
    stand_in = absent(NoEngine("no engine answers"))
    digest = stand_in.registry_digest(name)
    assert digest == engine.registry_digest(name)
    found = stand_in.pull(f"{registry}/me/base@{digest}", engine.platform(), print)
    assert (found.config_digest, found.layers) == (image.config_digest, image.layers)
    assert found.platform == image.platform


def test_an_image_is_pushed_with_its_record_and_pulled_by_digest(
    engine: SocketEngine, image: Image, run: RunFolder, registry: str
) -> None:
    name = f"{registry}/me/wheat"
    done = reprokit.publish(run.id, push=f"{name}:1", data=True, engine=engine.endpoint.url)
    assert done.pushed is not None
    found = published_image.resolve(done.pushed.reference)
    assert found.config_digest == image.config_digest and found.platform == image.platform
    (attached,) = published_image.records(found, print)
    assert attached.record["run"] == run.id
    assert engine.image(f"{name}:1") is None

    engine.remove_image(image.reference)
    assert engine.image(image.config_digest) is None
    pulled = published_image.pull(found, engine, print)
    try:
        assert (pulled.config_digest, pulled.layers) == (image.config_digest, image.layers)
    finally:
        engine.remove_image(found.reference)


def test_a_registry_wants_a_password(
    engine: SocketEngine,
    image: Image,
    run: RunFolder,
    guarded_registry: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"{guarded_registry}/me/wheat:1"
    with pytest.raises(InputUnavailable) as caught:
        reprokit.publish(run.id, push=name, engine=engine.endpoint.url)
    assert f"docker login {guarded_registry}" in str(caught.value)
    (tmp_path / "docker").mkdir()
    log_in(tmp_path / "docker/config.json", guarded_registry, f"{PASSWORD}x")
    with pytest.raises(InputUnavailable) as caught:
        Repository(own_place(f"{guarded_registry}/me/wheat")).manifest("1")
    assert caught.value.next == (
        f"the login in use is not enough; log in with `docker login {guarded_registry}`"
    )
    log_in(tmp_path / "docker/config.json", guarded_registry, PASSWORD)
    done = reprokit.publish(run.id, push=name, engine=engine.endpoint.url)
    assert done.pushed is not None and PASSWORD not in done.text()
    found = published_image.resolve(done.pushed.reference)
    assert len(published_image.records(found, print)) == 1

    # Podman's login serves as well, for the engine's own pull too.
    (tmp_path / "docker/config.json").unlink()
    engine.remove_image(image.reference)
    assert engine.image(image.config_digest) is None
    with pytest.raises(InputUnavailable):
        engine.pull(found.reference, found.platform, print)
    log_in(tmp_path / "auth.json", guarded_registry, PASSWORD)
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "auth.json"))
    try:
        assert published_image.pull(found, engine, print).config_digest == image.config_digest
    finally:
        engine.remove_image(found.reference)


def log_in(file: Path, registry: str, password: str) -> None:
    """Write what a login at a registry writes down."""
    encoded = base64.b64encode(f"{USER}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {registry: {"auth": encoded}}}))


def test_an_interrupted_push_leaves_nothing(
    engine: SocketEngine, image: Image, run: RunFolder, registry: str
) -> None:
    name = f"{registry}/me/stopped:1"
    engine.tag(image.reference, name)

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            engine.push(name, stop, lambda done, total: None)
        assert Repository(own_place(f"{registry}/me/stopped")).manifest("1") is None
    finally:
        engine.remove_image(name)


def test_a_registry_that_is_not_there(engine: SocketEngine, run: RunFolder) -> None:
    with pytest.raises(InputUnavailable, match="cannot be pushed"):
        reprokit.publish(run.id, push="127.0.0.1:9/me/wheat:1", engine=engine.endpoint.url)
