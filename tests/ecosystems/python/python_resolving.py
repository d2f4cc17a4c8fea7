"""A Resolver that reaches PyPI through the real uv and has no container engine."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reprokit import process
from reprokit.engines.protocol import Container
from reprokit.errors import InputUnavailable
from reprokit.model import Artifact, DateChoice, LockedBase, SystemPackage
from reprokit.phases.resolver import resolver_environment_of_host
from reprokit.progress import Reporter, Silent
from reprokit.project import Project
from reprokit.site import Site

DIGEST = "sha256:" + "0" * 64


class NoWorkshop(Exception):
    """Something asked for a container."""


def base(name: str = "bookworm", python: str = "3.11") -> LockedBase:
    return LockedBase(
        family="debian",
        name=name,
        reference=f"localhost/reprokit/{name}:1",
        config_digest=DIGEST,
        layers=(DIGEST,),
        registry_digest=None,
        provides={},
        settings={"offers": {"python": [python]}},
    )


@dataclass
class Suite:
    """A catalogue that has these packages."""

    names: frozenset[str]

    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        return {name: "1" for name in names if name in self.names}


@dataclass
class OnlineResolver:
    project: Project
    base: LockedBase = field(default_factory=base)
    platform: str = "linux/amd64"
    date: DateChoice = field(default_factory=lambda: DateChoice(day="2024-06-01", source="given"))
    epoch: int = 1717200000
    site: Site = field(default_factory=Site)
    reporter: Reporter = field(default_factory=Silent)
    catalogue: Suite = field(default_factory=lambda: Suite(frozenset()))
    system: tuple[SystemPackage, ...] = ()

    def uv(self, argv: Sequence[str], *, folder: Path | None = None) -> str:
        import uv

        environment = {**resolver_environment_of_host(self.site), "UV_NO_CONFIG": "1"}
        try:
            found = process.run([uv.find_uv_bin(), *argv], folder=folder, environment=environment)
        except process.ProcessFailed as error:
            raise InputUnavailable(error.completed.stderr.strip()) from error
        return found.stdout

    @contextmanager
    def workshop(self, *, project: bool = False, network: bool = True) -> Iterator[Container]:
        raise NoWorkshop
        yield

    def keep(self, content: Path, path: str, *, url: str | None) -> Artifact:
        raise NoWorkshop

    def download(self, url: str, path: str, *, sha256: str | None = None) -> Artifact:
        return Artifact(path=path, sha256=sha256 or DIGEST, size=1, url=url)

    def place(self, artifact: Artifact, target: Path) -> None:
        assert artifact.url is not None
        urllib.request.urlretrieve(artifact.url, target)
