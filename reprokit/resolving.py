"""What a lock may use: the network, containers of the pinned base, and the store.

Ecosystems get a `Resolver` from the lock phase and nothing else, so what they can do is what
stands here. Project code runs only inside `Resolver.workshop`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from reprokit.engines.protocol import Container
from reprokit.model import Artifact, DateChoice, LockedBase, SystemPackage
from reprokit.progress import Reporter
from reprokit.project import Project
from reprokit.site import Site


class NeedsSystemPackages(Exception):
    """Raised by `Ecosystem.resolve` where only resolving showed what else the distribution has to
    give. The lock adds these packages to what it pins, and asks the ecosystem again."""

    def __init__(self, packages: tuple[SystemPackage, ...]) -> None:
        super().__init__(", ".join(package.name for package in packages))
        self.packages = packages


class Catalogue(Protocol):
    """What the distribution of a base offers."""

    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        """The candidate version of each package that exists; names it lacks are left out."""


class Resolver(Protocol):
    """The powers of the lock phase."""

    @property
    def project(self) -> Project: ...

    @property
    def base(self) -> LockedBase: ...

    @property
    def platform(self) -> str: ...

    @property
    def date(self) -> DateChoice: ...

    @property
    def epoch(self) -> int: ...

    @property
    def site(self) -> Site: ...

    @property
    def reporter(self) -> Reporter: ...

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def system(self) -> tuple[SystemPackage, ...]:
        """What the lock asks the distribution for so far; see NeedsSystemPackages."""

    def uv(self, argv: Sequence[str], *, folder: Path | None = None) -> str:
        """Run uv on the host (never project code) with the site's settings; its stdout.
        Raises InputUnavailable with uv's explanation."""

    def workshop(
        self, *, project: bool = False, network: bool = True
    ) -> AbstractContextManager[Container]:
        """A running container of the base with all locked system packages (those for building
        too), network on (unless that is off) with the site's CA, proxy and mirrors set up, and a
        writable copy of the project at /build if asked. Everything in it is thrown away."""

    def keep(self, content: Path, path: str, *, url: str | None) -> Artifact:
        """Put a file into the store and name it as artifact `path` below vendor/."""

    def download(self, url: str, path: str, *, sha256: str | None = None) -> Artifact:
        """Fetch a URL into the store and name it as artifact `path` below vendor/."""

    def place(self, artifact: Artifact, target: Path) -> None:
        """Put a checked copy of an artifact of the store at a path of this machine."""
