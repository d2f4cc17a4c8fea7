"""Maven: projects with a pom.xml, built offline from a vendored repository."""

from __future__ import annotations

from reprokit.model import (
    BaseCandidate,
    Detection,
    LockedBase,
    LockedEcosystem,
    Rendering,
    SystemPackage,
)
from reprokit.project import Project
from reprokit.resolving import Catalogue, Resolver


class MavenEcosystem:
    """Dependencies and plugins of Maven projects, and the build of their program."""

    name = "maven"

    def detect(self, project: Project) -> Detection | None:
        """See `Ecosystem.detect`."""
        if not project.matching("pom.xml"):
            return None
        from reprokit.ecosystems.maven.detecting import detect

        return detect(project)

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """See `Ecosystem.system_packages`."""
        from reprokit.ecosystems.maven.phases import system_packages

        return system_packages(detection, base, catalogue)

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """See `Ecosystem.resolve`."""
        from reprokit.ecosystems.maven.phases import resolve

        return resolve(detection, resolver)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """See `Ecosystem.render`."""
        from reprokit.ecosystems.maven.phases import render

        return render(locked, base)
