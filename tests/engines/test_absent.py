"""Locking where no engine answers: a registry's word suffices for wheels, and for nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reprokit import lock_file, verbs
from reprokit.engines import absent
from reprokit.engines.distribution import DOCKER_LIST, DOCKER_MANIFEST
from reprokit.errors import InputUnavailable, NoEngine
from reprokit.pipeline import locked
from tests.publishing.fake_registry import FakeRegistry, fake_registry
from tests.publishing.fake_registry import digest as of

LAYERS = [f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"]
WHY = NoEngine("no container engine is installed", next="`reprokit doctor --fix` installs one")


def image(hub: FakeRegistry, system: str, architecture: str) -> dict[str, Any]:
    """Put an image into the registry; what an index says of it."""
    config = {"os": system, "architecture": architecture, "rootfs": {"diff_ids": LAYERS}}
    digest = hub.put(DOCKER_MANIFEST, {"config": hub.blob(json.dumps(config).encode())})
    kind = {"os": system, "architecture": architecture}
    return {"mediaType": DOCKER_MANIFEST, "digest": digest, "size": 1, "platform": kind}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    """A mirror of Docker Hub with one image for several platforms, and no engine."""
    with fake_registry() as made:
        images = [image(made, "linux", name) for name in ("arm64", "amd64")]
        made.put(DOCKER_LIST, {"manifests": ["odd", {}, *images]}, "3.12-slim-bookworm")
        configuration = tmp_path / "registries.conf"
        configuration.write_text(
            '[[registry]]\nprefix = "docker.io"\nlocation = "127.0.0.1:1"\n'
            f'[[registry.mirror]]\nlocation = "{made.address}"\ninsecure = true\n'
        )
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(configuration))
        monkeypatch.setattr(locked, "connect", nobody)
        monkeypatch.setattr("platform.machine", lambda: "x86_64")
        yield made


def nobody(wanted: str | None) -> Any:
    raise WHY


def project(folder: Path, declared: str = "six==1.16.0\n") -> Path:
    folder.mkdir()
    (folder / "requirements.txt").write_text(declared)
    (folder / "run.py").write_text("import six\n")
    (folder / "repro.toml").write_text('base = "python:3.12-slim-bookworm"\ndate = "2024-06-01"\n')
    return folder


@pytest.mark.network
def test_wheels_on_an_official_image_are_locked(hub: FakeRegistry, tmp_path: Path) -> None:
    found = verbs.lock(project(tmp_path / "a"))
    made = lock_file.read(tmp_path / "a")
    assert made == found.lock and found.written
    digest = of(hub.manifests["3.12-slim-bookworm"][1])
    assert made.base.reference == f"python:3.12-slim-bookworm@{digest}"
    assert made.base.registry_digest == digest
    (config,) = (d for d, content in hub.blobs.items() if b"amd64" in content)
    assert (made.base.config_digest, list(made.base.layers)) == (config, LAYERS)
    assert made.platform == "linux/amd64" and made.system == ()
    assert "six==1.16.0" in made.ecosystems[0].settings["project"]  # type: ignore[operator]


@pytest.mark.network
def test_what_takes_a_container_says_so(hub: FakeRegistry, tmp_path: Path) -> None:
    folder = project(tmp_path / "a")
    (folder / "apt.txt").write_text("graphviz\n")
    with pytest.raises(NoEngine, match=r"^no container engine is installed; without .* wheels on"):
        verbs.lock(folder)
    assert not (folder / "repro.lock").exists()
    with pytest.raises(NoEngine, match="installs one"):
        verbs.lock(folder, base="bookworm")


def _lie(hub: FakeRegistry, change: Callable[[dict[str, Any]], object]) -> None:
    kind, content = hub.manifests["3.12-slim-bookworm"]
    document = json.loads(content)
    change(document)
    hub.put(kind, document, "3.12-slim-bookworm")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda index: index.update(manifests="x"), "no image for linux/amd64"),
        (lambda index: index["manifests"].pop(), "no image for linux/amd64"),
        (lambda index: index["manifests"][3].update(digest="x"), "without its type, digest"),
        (lambda index: index["manifests"][3].update(digest=LAYERS[0]), "has no such image"),
    ],
)
def test_a_registry_that_lies_is_not_believed(
    hub: FakeRegistry, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    _lie(hub, change)
    with pytest.raises(InputUnavailable, match=said):
        absent.absent(WHY).pull("python:3.12-slim-bookworm", "linux/amd64", print)


def test_a_config_without_layers_is_no_image(hub: FakeRegistry) -> None:
    hub.put(DOCKER_MANIFEST, {"config": hub.blob(b'{"rootfs": 1}')}, "odd")
    with pytest.raises(InputUnavailable, match="names no layers"):
        absent.absent(WHY).pull("python:odd", "linux/amd64", print)
