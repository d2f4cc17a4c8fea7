"""An engine in memory that pushes to the registry in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reprokit.engines.distribution import (
    DOCKER_MANIFEST,
    OCI_INDEX,
)
from reprokit.engines.fake import FakeEngine
from tests.publishing.fake_registry import FakeRegistry, digest

CONFIG = b'{"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": []}}'
ENVIRONMENT = digest(CONFIG)
NAME = "localhost/reprokit/wheat:1"


@dataclass
class PushingEngine(FakeEngine):
    """An engine whose push writes a manifest into the registry."""

    there: FakeRegistry | None = None
    config: bytes = CONFIG
    wrapped: bool = False
    pushes: list[str] = field(default_factory=list)

    def push(
        self,
        reference: str,
        on_line: Callable[[str], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        assert self.there is not None and self.image(reference) is not None
        self.pushes.append(reference)
        manifest = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": self.there.blob(self.config),
            "layers": [],
        }
        tag = reference.rpartition(":")[2]
        if not self.wrapped:
            self.there.put(DOCKER_MANIFEST, manifest, tag)
            return
        name = self.there.put(DOCKER_MANIFEST, manifest)
        row = {"mediaType": DOCKER_MANIFEST, "digest": name, "size": 1}
        self.there.put(OCI_INDEX, {"schemaVersion": 2, "manifests": [row]}, tag)
