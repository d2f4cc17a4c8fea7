"""Two images of what should be the same: which layers and files differ, and why they may."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from reprokit.frozen import frozen
from reprokit.identity.canonical import packages_of, tree_digest, tree_of
from reprokit.identity.installed import Installed
from reprokit.identity.listing import Listing
from reprokit.identity.tree import Node
from reprokit.model import JSON

Rung = Literal["same environment", "same files", "same packages", "other packages"]

Change = Literal["added", "removed", "content", "attributes", "kind"]

_CAUSES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r".+\.pyc"), "byte-code with a time in it, or compiled by another Python"),
    (re.compile(r".+\.(?:jar|war|ear|zip|whl|egg)"), "an archive whose entries state times"),
    (re.compile(r".+\.(?:gz|tgz|bz2|xz)"), "a compressed file that states a time"),
    (re.compile(r".+/aot-cache/.+|.+\.(?:dll|exe)\.so"), "compiled by mono for this machine"),
    (re.compile(r"var/lib/texmf/web2c/.+\.fmt"), "a format of TeX: times or an order in it"),
    (re.compile(r"var/lib/(?:mysql|postgresql)/.+"), "a server's database: identifiers and times"),
    (re.compile(r".+\.(?:so(?:\.[\d.]+)?|o|a)"), "compiled code: paths, times or another compiler"),
    (re.compile(r".+\.class"), "compiled by another JDK"),
    (re.compile(r".+/(?:help|Meta|R)/.+\.(?:rd[bsx]|rds)"), "R's database of a package"),
    (re.compile(r".+\.(?:jks|p12)|.+/cacerts"), "a key store that states times"),
    (re.compile(r"(?:.+/)?(?:\.cache|var/cache)/.+"), "a cache"),
    (re.compile(r"var/lib/dpkg/.+"), "dpkg's notes: other packages, or installed in another order"),
    (re.compile(r"etc/(?:passwd|shadow|group|gshadow)-?"), "accounts: a date, or another order"),
    (re.compile(r"app/.+"), "the project's own file"),
)
LOOKED_INTO = 50
_UNKNOWN = "not known: look at both files"
_NOTHING: Mapping[str, str] = {}


@frozen
class FileDifference:
    """A path that differs. `layer` counts from 0 at the base, in the image that has the path last.

    first_byte: where the contents begin to differ, `None` where that is not known.
    """

    path: str
    change: Change
    detail: str
    cause: str
    layer: int
    first_byte: int | None = None

    def json(self) -> JSON:
        return {
            "path": self.path,
            "change": self.change,
            "detail": self.detail,
            "cause": self.cause,
            "layer": self.layer,
            "first_byte": self.first_byte,
        }


@frozen
class Comparison:
    """What two images have in common. `layers` are the positions at which digests differ."""

    rung: Rung
    layers: tuple[int, ...]
    files: tuple[FileDifference, ...]
    packages: tuple[tuple[str, str, str | None, str | None], ...]

    def json(self) -> JSON:
        return {
            "rung": self.rung,
            "layers": [*self.layers],
            "files": [found.json() for found in self.files],
            "packages": [
                {"source": source, "name": name, "before": before, "after": after}
                for source, name, before, after in self.packages
            ],
        }


FirstByte = Callable[[str], int | None]
"""Says where the contents of a path begin to differ."""


def compare(
    before: Sequence[Listing],
    after: Sequence[Listing],
    *,
    same_digest: bool,
    first_byte: FirstByte = lambda path: None,
    locked: Mapping[str, str] = _NOTHING,
) -> Comparison:
    """Compare two images by the listings of their layers, lowest first.

    same_digest: whether the environment digests are equal, which the listings do not say. locked:
    the package whose file has that SHA-256 in the lock, in words.
    """
    old, new = tree_of(before), tree_of(after)
    packages = _packages(packages_of(before), packages_of(after))
    places = {**_places(before), **_places(after)}
    changed = {name for _, name, _, _ in packages}
    differing = [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]
    # Looking into files takes time: the first ones tell enough.
    inside = [path for path in differing if path in old and path in new][:LOOKED_INTO]
    files = [
        _difference(
            path,
            old.get(path),
            new.get(path),
            places[path],
            _cause(path, changed, old.get(path), new.get(path), locked),
            first_byte if path in inside else lambda path: None,
        )
        for path in differing
    ]
    digests = [[found.digest for found in side] for side in (before, after)]
    longest = max(map(len, digests))
    padded = [side + [""] * (longest - len(side)) for side in digests]
    rung: Rung = "same environment"
    if not same_digest:
        same_files = tree_digest(old) == tree_digest(new)
        rung = "same files" if same_files else "other packages" if packages else "same packages"
    return Comparison(
        rung=rung,
        layers=tuple(n for n, (a, b) in enumerate(zip(*padded, strict=True)) if a != b),
        files=tuple(files),
        packages=packages,
    )


def _places(listings: Sequence[Listing]) -> dict[str, int]:
    """The layer that last touched each path."""
    return {path: n for n, listing in enumerate(listings) for path in listing.delta.added}


def _packages(
    before: Sequence[Installed], after: Sequence[Installed]
) -> tuple[tuple[str, str, str | None, str | None], ...]:
    old, new = set(before), set(after)
    keys = sorted({(p.source, p.name) for p in old ^ new})

    def version(side: set[Installed], key: tuple[str, str]) -> str | None:
        return ", ".join(sorted(p.version for p in side if (p.source, p.name) == key)) or None

    return tuple((*key, version(old - new, key), version(new - old, key)) for key in keys)


def _difference(
    path: str,
    old: Node | None,
    new: Node | None,
    layer: int,
    cause: str,
    first_byte: FirstByte,
) -> FileDifference:
    change, detail = _change(old, new)
    place = first_byte(path) if change == "content" else None
    cause = cause if change in ("content", "added", "removed") else ""
    return FileDifference(
        path=path, change=change, detail=detail, cause=cause, layer=layer, first_byte=place
    )


def _change(old: Node | None, new: Node | None) -> tuple[Change, str]:
    if old is None:
        return "added", ""
    if new is None:
        return "removed", ""
    if old.kind != new.kind:
        return "kind", f"{old.kind} → {new.kind}"
    said = []
    if old.mode != new.mode:
        said.append(f"mode {old.mode:04o} → {new.mode:04o}")
    if (old.owner, old.group) != (new.owner, new.group):
        said.append(f"owner {old.owner}:{old.group} → {new.owner}:{new.group}")
    if old.target != new.target:
        said.append(f"points to {old.target} → {new.target}")
    if old.attributes != new.attributes:
        said.append("extended attributes")
    if old.device != new.device:
        said.append(f"device {old.device} → {new.device}")
    if (old.size, old.sha256) != (new.size, new.sha256):
        return "content", ", ".join([f"{old.size} → {new.size} bytes", *said])
    return "attributes", ", ".join(said)


def _cause(
    path: str,
    changed: set[str],
    old: Node | None,
    new: Node | None,
    locked: Mapping[str, str],
) -> str:
    if old is not None and new is not None and old.sha256 in locked and new.sha256 not in locked:
        return f"not the bytes that the lock names for {locked[old.sha256]}"
    for name in changed:
        name = name.rpartition(":")[2]  # of Java's names, the part that files have
        if f"/{name}" in path or f"/{name.replace('-', '_')}" in path:
            return f"another version of {name}"
    return next((cause for pattern, cause in _CAUSES if pattern.fullmatch(path)), _UNKNOWN)
