"""What an ecosystem is: four functions from frozen types to frozen types.

A third-party ecosystem implements this Protocol and registers an instance from the
`reprokit_ecosystems` hook; examples/plugin-ecosystem shows one.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from reprokit.model import (
    Artifact,
    BaseCandidate,
    Detection,
    LockedBase,
    LockedEcosystem,
    Rendering,
    SystemPackage,
)
from reprokit.project import Project
from reprokit.resolving import Catalogue, Resolver


class Ecosystem(Protocol):
    """One package manager. Instances are stateless."""

    name: str

    def detect(self, project: Project) -> Detection | None:
        """What the project declares, or `None` where it has nothing of this kind. Reads files
        only. Raises BadRequest with file and line for a malformed declaration."""

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """Distribution packages this needs on that base: the runtime where the image lacks it
        (a language missing from `base.provides`), and libraries its packages are known to
        need. Pure apart from asking the catalogue."""

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """Pin everything: exact versions with source and SHA-256. Raises InputUnavailable that
        names the requirement and its file and line, and NeedsSystemPackages where it finds that
        more of the distribution is needed."""

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """This ecosystem's share of the Dockerfile. Pure: the same lock gives the same bytes."""


@runtime_checkable
class Maker(Protocol):
    """What an ecosystem has besides, if its locks name files that no address offers."""

    def make(
        self, locked: LockedEcosystem, artifacts: tuple[Artifact, ...], resolver: Resolver
    ) -> None:
        """Make these of its locked files from `locked.making` alone and put them into the store,
        in containers without a network. Raises InputUnavailable where the bytes are others."""
