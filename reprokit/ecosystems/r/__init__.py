"""R: packages of the base's distribution first, sources from a CRAN mirror for the rest."""

from __future__ import annotations

from reprokit.ecosystems.r.detecting import detect
from reprokit.ecosystems.r.distribution import system_packages
from reprokit.ecosystems.r.rendering import render
from reprokit.ecosystems.r.resolving import resolve
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


class REcosystem:
    """R packages: DESCRIPTION, renv.lock, install.R, else what the code itself uses."""

    name = "r"

    def detect(self, project: Project) -> Detection | None:
        """Declarations and code, read without R. Raises BadRequest with file and line."""
        return detect(project)

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """R itself and r-cran-* packages where the base lacks R; compilers and libraries for
        packages that only CRAN has."""
        return system_packages(detection, base, catalogue)

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """What the distribution installed, by version, and CRAN's sources for the rest. Raises
        InputUnavailable with the package's file and line."""
        return resolve(detection, resolver)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """Compiles CRAN's sources in a stage of their own; nothing where there are none."""
        return render(locked, base)
