"""R: packages of the base's distribution first, sources from a CRAN mirror for the rest."""

from __future__ import annotations

from reprokit import shebangs
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
        if not project.matching("DESCRIPTION", "renv.lock", "*.[rR]", "*.[rR]md", "*.qmd"):
            from reprokit.ecosystems.r import notebooks

            if not notebooks.read(project) and not shebangs.scripts(project, shebangs.R):
                return None
        from reprokit.ecosystems.r.detecting import detect

        return detect(project)

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """R itself and r-cran-* packages where the base lacks R; compilers and libraries for
        packages that only CRAN has."""
        from reprokit.ecosystems.r.distribution import system_packages

        return system_packages(detection, base, catalogue)

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """What the distribution installed, by version, and CRAN's sources for the rest. Raises
        InputUnavailable with the package's file and line."""
        from reprokit.ecosystems.r.resolving import resolve

        return resolve(detection, resolver)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """Compiles CRAN's sources in a stage of their own; nothing where there are none."""
        from reprokit.ecosystems.r.rendering import render

        return render(locked, base)
