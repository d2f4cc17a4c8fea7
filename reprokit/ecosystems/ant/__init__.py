"""Ant: projects with a build.xml, built offline, with Ivy's libraries from vendored files."""

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


class AntEcosystem:
    """Ant projects: the libraries that Ivy fetches, and the build of their program."""

    name = "ant"

    def detect(self, project: Project) -> Detection | None:
        """See `Ecosystem.detect`."""
        if not project.matching("build.xml"):
            return None
        from reprokit.ecosystems.ant.detecting import detect

        return detect(project)

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """See `Ecosystem.system_packages`."""
        from reprokit.ecosystems.ant.phases import system_packages

        return system_packages(detection, base, catalogue)

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """See `Ecosystem.resolve`."""
        from reprokit.ecosystems.ant.phases import resolve

        return resolve(detection, resolver)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """See `Ecosystem.render`."""
        from reprokit.ecosystems.ant.phases import render

        return render(locked, base)
