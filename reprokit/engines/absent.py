"""What stands in for an engine where none answers: what a registry tells of its images suffices to
lock a project whose packages are all wheels. Whatever takes a container raises NoEngine.
"""

from __future__ import annotations

import platform as machine
from collections.abc import Callable
from typing import Any, cast

from reprokit.engines import registry
from reprokit.engines.distribution import (
    DOCKER_LIST,
    MANIFEST_LIMIT,
    OCI_INDEX,
    Descriptor,
    Repository,
    descriptor,
    json_object,
)
from reprokit.engines.protocol import Engine
from reprokit.errors import InputUnavailable, NoEngine
from reprokit.model import Image

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""How registries call what this machine's system calls its processor."""


def absent(why: NoEngine) -> Engine:
    """In place of an engine that cannot be had, for the reason given."""
    # All that it has not is in `__getattr__`, which no Protocol counts.
    return cast(Engine, _Absent(why))


class _Absent:
    name = "none"

    def __init__(self, why: NoEngine) -> None:
        self._why = why

    def __getattr__(self, name: str) -> Any:
        raise NoEngine(
            f"{self._why.what}; without an engine only a project of Python wheels on an official "
            "image can be locked, as all else is resolved or built in a container",
            where=self._why.where,
            next=self._why.next,
        )

    def platform(self) -> str:
        """What an engine of this machine would run: containers of Linux, whatever the host."""
        found = _ARCHITECTURES.get(machine.machine().lower())
        return f"linux/{found}" if found is not None else str(self.__getattr__("platform"))

    def prefetch(self) -> None:
        """Nothing is asked."""

    def image(self, reference: str) -> None:
        """No image is on this machine."""

    def registry_digest(self, reference: str, timeout: float = 5.0) -> str | None:
        """As `Engine.registry_digest`."""
        return registry.digest(reference, timeout)

    def pull(self, reference: str, platform: str, on_line: Callable[[str], None]) -> Image:
        """What the registry says of the image, which stays there."""
        name, _, version = registry.split_reference(reference)
        reasons = []
        for repository in registry.repositories(name):
            try:
                return _described(repository, reference, version, platform)
            except InputUnavailable as error:
                reasons.append(error.what)
        raise InputUnavailable("; ".join(dict.fromkeys(reasons)), where=reference)


def _described(repository: Repository, reference: str, version: str, platform: str) -> Image:
    manifest = repository.manifest(version)
    if manifest is not None and manifest.media_type in (OCI_INDEX, DOCKER_LIST):
        found = _of_platform(json_object(manifest.content, reference), platform, reference)
        manifest = repository.manifest(found.digest)
    if manifest is None:
        raise InputUnavailable("the registry has no such image", where=reference)
    config = descriptor(json_object(manifest.content, reference).get("config"), reference)
    said = json_object(repository.blob(config, MANIFEST_LIMIT), reference)
    files = said.get("rootfs")
    layers = files.get("diff_ids") if isinstance(files, dict) else None
    if not isinstance(layers, list):
        raise InputUnavailable("is no image: its config names no layers", where=reference)
    return Image(
        reference=reference,
        config_digest=config.digest,
        layers=tuple(map(str, layers)),
        registry_digests=(reference,),
        platform=f"{said.get('os')}/{said.get('architecture')}",
        size=0,
    )


def _of_platform(index: dict[str, Any], platform: str, reference: str) -> Descriptor:
    listed = index.get("manifests")
    for entry in listed if isinstance(listed, list) else ():
        for_what = entry.get("platform") if isinstance(entry, dict) else None
        named = for_what if isinstance(for_what, dict) else {}
        if f"{named.get('os')}/{named.get('architecture')}" == platform:
            return descriptor(entry, reference)
    raise InputUnavailable(f"has no image for {platform}", where=reference)
