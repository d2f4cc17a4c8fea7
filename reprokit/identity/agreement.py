"""Whether an image holds what its lock names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from reprokit.identity import libraries
from reprokit.identity.installed import Installed
from reprokit.identity.libraries import Jar
from reprokit.model import Lock, LockedPackage

SOURCES = {"python": "python", "r": "r"}
"""Ecosystems whose packages leave notes of name and version in the image."""


def disagreements(
    lock: Lock, installed: Iterable[Installed], jars: Iterable[Jar]
) -> tuple[str, ...]:
    """Each way, in words, in which the packages of an image are not those of its lock.

    A package that is there in another version than the lock's is one, and so are a system package
    that is absent and a jar with other bytes. Packages that only build stages use may be absent.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for package in installed:
        found.setdefault((package.source, package.name), set()).add(package.version)
    return (*_disagreements(lock, found), *libraries.disagreements(lock, jars))


def _disagreements(lock: Lock, found: dict[tuple[str, str], set[str]]) -> Iterator[str]:
    system = {package.name for package in lock.system}
    for package in lock.system:
        versions = found.get(("deb", package.name))
        if versions is None:
            yield f"{package.name} {package.version} is not installed"
        elif package.version not in versions:
            yield _other(package, versions)
    for package in lock.base.packages:
        versions = found.get(("deb", package.name))
        if package.name not in system and versions is not None and package.version not in versions:
            yield _other(package, versions)
    for ecosystem in lock.ecosystems:
        source = SOURCES.get(ecosystem.ecosystem, "")
        for package in ecosystem.packages if source else ():
            name = canonicalize_name(package.name) if source == "python" else package.name
            versions = found.get((source, name))
            if versions is not None and not any(
                same_version(source, package.version, version) for version in versions
            ):
                yield _other(package, versions)


def same_version(source: str, version: str, other: str) -> bool:
    """Whether two spellings are one version to their package manager: Python's "1.0-1" and
    "1.0.post1", R's "1.2-3" and "1.2.3"."""
    if source == "r":
        return version.replace("-", ".") == other.replace("-", ".")
    return version == other or (source == "python" and _python(version) == _python(other))


def _python(version: str) -> Version | str:
    try:
        return Version(version)
    except InvalidVersion:
        return version


def _other(package: LockedPackage, versions: set[str]) -> str:
    return f"{package.name} is {', '.join(sorted(versions))} and not {package.version}"
