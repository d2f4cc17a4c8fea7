"""Python projects: PyPI's packages in a virtual environment made by uv."""

from __future__ import annotations

from reprokit import shebangs
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

_SIGNS = (
    *("*.py", "*.ipynb", "requirements*.txt", "requirements*.in", "pyproject.toml", "setup.cfg"),
    *("Pipfile", "Pipfile.lock", "poetry.lock", "uv.lock", "pdm.lock", "pylock*.toml"),
    *("environment*.y*ml", "env.y*ml", "conda*.y*ml"),
    *("runtime.txt", ".python-version"),
)
"""Files without one of which no Python is in a project; the detection itself costs an import."""


class PythonEcosystem:
    """Python with pip's, uv's, Poetry's, Pipenv's and conda's declarations."""

    name = "python"

    def detect(self, project: Project) -> Detection | None:
        """See `Ecosystem.detect`."""
        if not project.matching(*_SIGNS) and not shebangs.scripts(project, shebangs.PYTHON):
            return None
        from reprokit.ecosystems.python.detect import detect

        return detect(project)

    def system_packages(
        self, detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
    ) -> tuple[SystemPackage, ...]:
        """See `Ecosystem.system_packages`."""
        from reprokit.ecosystems.python.system_packages import system_packages

        return system_packages(detection, base, catalogue)

    def resolve(self, detection: Detection, resolver: Resolver) -> LockedEcosystem:
        """See `Ecosystem.resolve`."""
        from reprokit.ecosystems.python.resolve import resolve

        return resolve(detection, resolver)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        """See `Ecosystem.render`."""
        from reprokit.ecosystems.python.render import render

        return render(locked, base)

    def make(
        self, locked: LockedEcosystem, artifacts: tuple[Artifact, ...], resolver: Resolver
    ) -> None:
        """See `Maker.make`."""
        from reprokit.ecosystems.python.making import make

        make(locked, artifacts, resolver)
