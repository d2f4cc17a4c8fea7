"""Ask every ecosystem what it finds in a project."""

from __future__ import annotations

from collections.abc import Iterable

from reprokit.ecosystems.protocol import Ecosystem
from reprokit.model import Detection
from reprokit.project import Project


def detect(project: Project, ecosystems: Iterable[Ecosystem]) -> tuple[Detection, ...]:
    """What each ecosystem found, sorted by the ecosystems' names: the order in which they were
    installed must not reach a Dockerfile.

    Raises BadRequest with file and line for a malformed declaration.
    """
    found = (ecosystem.detect(project) for ecosystem in ecosystems)
    return tuple(sorted((d for d in found if d is not None), key=lambda d: d.ecosystem))
