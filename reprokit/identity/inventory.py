"""Everything that an image is made of: what its lock names, what is found in it, and both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from reprokit.frozen import frozen
from reprokit.identity.agreement import same_version
from reprokit.identity.canonical import packages_of, told_by, tree_of
from reprokit.identity.installed import COPYRIGHT, DPKG, Installed, distributed
from reprokit.identity.libraries import ECOSYSTEMS as JAVA
from reprokit.identity.libraries import locked as locked_jars
from reprokit.identity.listing import Listing
from reprokit.model import Artifact, Lock, LockedPackage

_Key = tuple[str, str, str]


@frozen
class Item:
    """One package. `kind` is that of `Installed`, or "other" for those of ecosystems that leave
    no notes in an image.

    locked: who has it in the lock: "base" (by the base's digest, if no more), "system", "build" or
    an ecosystem; empty where the lock does not know it. found: whether the image holds it; `None`
    where no file could say so. paths: the files that say so. in_base: whether the base brought it.
    jar: the digest of the one jar that holds a package which the lock does not know. licences: as
    declared.
    """

    kind: str
    name: str
    version: str
    locked: tuple[str, ...] = ()
    requested: bool = False
    artifacts: tuple[Artifact, ...] = ()
    found: bool | None = None
    in_base: bool = False
    paths: tuple[str, ...] = ()
    jar: str | None = None
    licences: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    paths: list[str] = field(default_factory=list)
    jars: set[str] = field(default_factory=set)
    licences: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Locked:
    """A package may stand in the lock several times, with other files each."""

    sources: set[str] = field(default_factory=set)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    requested: bool = False


def inventory(lock: Lock, layers: Sequence[Listing]) -> tuple[Item, ...]:
    """Every package of lock and image, sorted. layers: the image's, lowest first."""
    found, licences = _found(lock, layers)
    by_name: dict[tuple[str, str], list[str]] = {}
    for kind, name, version in found:
        by_name.setdefault((kind, name), []).append(version)
    below = _base(lock, layers)
    items = []
    for (kind, name, version), entry in _locked(lock).items():
        here = [
            found.pop((kind, name, other))
            for other in by_name.get((kind, name), ())
            if (kind, name, other) in found and same_version(kind, version, other)
        ]
        declared = {text for one in here for text in one.licences}
        items.append(
            Item(
                kind=kind, name=name, version=version, locked=tuple(sorted(entry.sources)),
                requested=entry.requested,
                artifacts=tuple(entry.artifacts[path] for path in sorted(entry.artifacts)),
                found=True if here else _missing(kind, entry),
                in_base=(kind, name, version) in below,
                paths=tuple(sorted(path for one in here for path in one.paths)),
                licences=tuple(sorted(declared)) or licences.get((kind, name), ()),
            )
        )  # fmt: skip
    debian = any(kind == "deb" for kind, _ in by_name)
    for (kind, name, version), one in found.items():
        # What the distribution's packages put below /usr is told by those packages.
        if name and not (debian and kind in ("python", "r") and all(map(distributed, one.paths))):
            declared_or = tuple(sorted(one.licences)) or licences.get((kind, name), ())
            items.append(
                Item(
                    kind=kind, name=name, version=version, found=True,
                    locked=("base",) if (kind, name, version) in below else (),
                    in_base=(kind, name, version) in below,
                    paths=tuple(sorted(one.paths)), licences=declared_or,
                    jar=f"sha256:{min(one.jars)}" if len(one.jars) == 1 else None,
                )
            )  # fmt: skip
    return tuple(sorted(items, key=lambda item: (item.kind, item.name, item.version)))


def _missing(kind: str, entry: _Locked) -> bool | None:
    """A library may lie inside another jar; a description of one (a parent's, say) is no code."""
    if kind == "java" and all(path.endswith(".pom") for path in entry.artifacts):
        return False
    return None if kind in ("java", "other") else False


def _found(
    lock: Lock, layers: Sequence[Listing]
) -> tuple[dict[_Key, _Found], dict[tuple[str, str], tuple[str, ...]]]:
    """What the image's files tell, and the licences of Debian packages."""
    tree, known = tree_of(layers), locked_jars(lock)
    found: dict[_Key, _Found] = {}
    licences: dict[tuple[str, str], tuple[str, ...]] = {}
    for path, told in told_by(layers):
        copyright = COPYRIGHT.fullmatch(path)
        if copyright is not None:
            licences["deb", copyright["package"]] = told.licences
            continue
        library = known.get(tree[path].sha256) if path.endswith(".jar") else None
        packages = told.packages
        if library is not None:
            packages = (Installed("java", library.name, library.version),)
        for package in packages:
            one = found.setdefault((package.source, package.name, package.version), _Found())
            one.licences.update(told.licences)
            if path != DPKG:
                one.paths.append(path)
            if path.endswith(".jar"):
                one.jars.add(tree[path].sha256)
    return found, licences


def _base(lock: Lock, layers: Sequence[Listing]) -> set[Installed]:
    """The packages of the base, where the image stands on the lock's."""
    count = len(lock.base.layers)
    stands = tuple(layer.digest for layer in layers[:count]) == lock.base.layers
    return set(packages_of(layers[:count])) if stands else set()


def _locked(lock: Lock) -> dict[_Key, _Locked]:
    entries: dict[_Key, _Locked] = {}
    for source, kind, package in _named(lock):
        name = canonicalize_name(package.name) if kind == "python" else package.name
        entry = entries.setdefault((kind, name, package.version), _Locked())
        entry.sources.add(source)
        entry.requested |= package.requested
        entry.artifacts.update({artifact.path: artifact for artifact in package.artifacts})
    return entries


def _named(lock: Lock) -> Iterator[tuple[str, str, LockedPackage]]:
    """(who has it, kind, package)"""
    for source, packages in (
        ("base", lock.base.packages),
        ("system", lock.system),
        ("build", lock.build_system),
    ):
        for package in packages:
            yield source, "deb", package
    for ecosystem in lock.ecosystems:
        name = ecosystem.ecosystem
        kind = "java" if name in JAVA else name if name in ("python", "r") else "other"
        for package in ecosystem.packages:
            yield name, kind, package
