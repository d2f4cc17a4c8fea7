"""What is neither Python's nor R's in a conda environment: programs, and Java.

Programs come from the base's distribution; nothing is installed from conda's channels.
"""

from __future__ import annotations

from reprokit.ecosystems.conda.files import place
from reprokit.model import (
    BaseCandidate,
    Detection,
    LockedBase,
    LockedEcosystem,
    Reason,
    Rendering,
    SystemPackage,
)
from reprokit.project import Project
from reprokit.resolving import Catalogue, Resolver


class CondaEcosystem:
    """Programs that an environment.yml names."""

    name = "conda"

    def detect(self, project: Project) -> Detection | None:
        """See `Ecosystem.detect`."""
        path = place(project)
        if path is None:
            return None
        from reprokit.ecosystems.conda.detecting import detect

        return detect(project, path)

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """Of what is neither known nor Python's, the packages that the distribution has under the
        same name: programs. Libraries are called otherwise there, and wheels carry their own."""
        listed = detection.settings.get("libraries")
        names = [str(name) for name in listed] if isinstance(listed, (list, tuple)) else []
        available = catalogue.versions(names) if names else {}
        file = detection.files[0]
        return tuple(
            SystemPackage(name=name, reason=Reason(text=f"asks for {name}", file=file))
            for name in names
            if name in available
        )

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """Nothing of its own to pin: the lock holds system packages in one place."""
        return LockedEcosystem(ecosystem=self.name)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """Nothing of its own to install."""
        return Rendering()
