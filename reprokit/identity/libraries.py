"""Java's libraries in an image, held against the lock.

A jar is what its SHA-256 says, where the lock has a file with those bytes; else what it says of
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from reprokit.identity.installed import Installed
from reprokit.model import JSON, Lock, LockedPackage

ECOSYSTEMS = ("maven", "ant")
"""Those whose lock has jars, and says as `outputs` what their stage puts below /app."""


class Jar(NamedTuple):
    """A jar in an image. `packages` are those that it says to be, or to hold."""

    path: str
    sha256: str
    packages: tuple[Installed, ...]


def locked(lock: Lock) -> dict[str, LockedPackage]:
    """Each jar of the lock by its SHA-256, in hexadecimal as listings have it."""
    return {
        artifact.sha256.removeprefix("sha256:"): package
        for package in _packages(lock)
        for artifact in package.artifacts
        if artifact.path.endswith(".jar")
    }


def disagreements(lock: Lock, jars: Iterable[Jar]) -> Iterator[str]:
    """Each way, in words, in which the jars that a build stage left are not those of the lock.

    What the project built itself and jars among its own files are its own affair, and so is what
    was packed together. Libraries that the image lacks may have been for building only.
    """
    known = locked(lock)
    if not known:
        return
    by_file: dict[str, LockedPackage] = {}
    versions: dict[str, set[str]] = {}
    for package in _packages(lock):
        versions.setdefault(package.name, set()).add(package.version)
        for artifact in package.artifacts:
            by_file[artifact.path.rpartition("/")[2]] = package
    places, programs = _places(lock)
    left, others = [], set()
    for jar in jars:
        if any(jar.path == place or jar.path.startswith(f"{place}/") for place in places):
            left.append(jar)
        else:
            others.add(jar.sha256)
    own_files = {path.rpartition("/")[2] for path in programs}
    own = {p.name for jar in left if jar.path in programs for p in jar.packages}
    for jar in left:
        file = jar.path.rpartition("/")[2]
        if jar.sha256 in known or jar.sha256 in others or file in own_files:
            continue
        if file in by_file:
            package = by_file[file]
            yield f"/{jar.path} has other bytes than {package.name} {package.version}"
        elif len(jar.packages) == 1:
            name, version = jar.packages[0][1:]
            among = versions.get(name)
            if among is not None and version not in among and name not in own:
                wanted = ", ".join(sorted(among))
                yield f"{name} is {version} and not {wanted} (/{jar.path})"


def _places(lock: Lock) -> tuple[list[str], set[str]]:
    """What the stages put into the image, and the jars among it that they packed themselves."""
    places: list[str] = []
    programs: set[str] = set()
    for ecosystem in lock.ecosystems:
        if ecosystem.ecosystem in ECOSYSTEMS:
            outputs = _texts(ecosystem.settings, "outputs")
            places += outputs
            programs.update(_texts(ecosystem.settings, "jars"))
            if ecosystem.ecosystem == "maven":
                programs.update(path for path in outputs if path.endswith(".jar"))
    return places, programs


def _packages(lock: Lock) -> Iterator[LockedPackage]:
    for ecosystem in lock.ecosystems:
        if ecosystem.ecosystem in ECOSYSTEMS:
            yield from ecosystem.packages


def _texts(settings: Mapping[str, JSON], key: str) -> list[str]:
    found = settings.get(key)
    return [f"app/{path}" for path in found] if isinstance(found, list) else []
