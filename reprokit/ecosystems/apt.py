"""apt.txt: packages of the base's distribution that the user asks for, one a line.

The lock phase installs every system package of a plan, so this ecosystem only reads the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from reprokit import binder
from reprokit.errors import BadRequest
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
from reprokit.quoting import DEBIAN_PACKAGE
from reprokit.resolving import Catalogue, Resolver

NAME = "apt.txt"


class AptEcosystem:
    """System packages that a project lists in apt.txt."""

    name = "apt"

    def detect(self, project: Project) -> Detection | None:
        """The listed packages, each with its line. Raises BadRequest for what is no name."""
        place = binder.place(project, NAME)
        if place is None:
            return None
        return Detection(
            ecosystem=self.name,
            files=(place,),
            system_packages=tuple(_listed(place, project.read(place))),
        )

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """Nothing beyond what `detect` found: the list is the user's own."""
        return ()

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """Nothing of its own to pin: the lock holds system packages in one place."""
        return LockedEcosystem(ecosystem=self.name)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """Nothing of its own to install."""
        return Rendering()


def _listed(file: str, text: str) -> Iterator[SystemPackage]:
    seen = set()
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.partition("#")[0].strip()
        if not name or name in seen:
            continue
        if DEBIAN_PACKAGE.fullmatch(name) is None:
            raise BadRequest(
                f"{name!r} is not the name of a system package",
                where=f"{file}:{number}",
                next="write one package name a line, without version, options or architecture; "
                "the lock pins the version",
            )
        seen.add(name)
        yield SystemPackage(
            name=name, reason=Reason(text=f"asks for {name}", file=file, line=number)
        )
