"""What is remembered of a canonical layer: every file in it with its digest, and what was dropped.

A listing lies under the layer's digest, so that all projects share it; a second note leads there
from the raw layer and what lies below it, so that no layer is read twice.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reprokit import files
from reprokit.frozen import frozen
from reprokit.identity import POLICY
from reprokit.identity.installed import Installed, Told
from reprokit.identity.tree import Delta, Node

_SCHEMA = 2


@frozen
class Listing:
    """A canonical layer: its digest (a diff id), the size of its tar in bytes, what it changes,
    what its files tell of packages, and (path, reason) of what was left out."""

    digest: str
    size: int
    delta: Delta
    told: Mapping[str, Told] = field(default_factory=dict)
    dropped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Listings:
    """The folder of all listings. What cannot be read there counts as absent."""

    folder: Path

    def of(self, digest: str) -> Listing | None:
        """The listing of a canonical layer."""
        try:
            content = json.loads(gzip.decompress(self._place(digest).read_bytes()))
            return _loaded(content) if content["schema"] == _SCHEMA else None
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            return None

    def every(self, digests: Sequence[str]) -> tuple[Listing, ...] | None:
        """The listings of an image's canonical layers; `None` where one of them is not known."""
        found = tuple(listing for digest in digests if (listing := self.of(digest)) is not None)
        return found if len(found) == len(digests) else None

    def known(self, below: str, raw: str) -> Listing | None:
        """The listing that came of a raw layer with this diff id on top of what `below` names."""
        try:
            digest = self._note(below, raw).read_text("utf-8")
        except OSError:
            return None
        return self.of(digest)

    def keep(self, listing: Listing, below: str, raw: str) -> None:
        """Remember a listing. Raises StorageFailed."""
        text = json.dumps(_dumped(listing), separators=(",", ":"), sort_keys=True)
        with files.replacing(self._place(listing.digest), copy=True) as file:
            file.write(gzip.compress(text.encode("ascii"), 6, mtime=0))
        files.write_text(self._note(below, raw), listing.digest)

    def _place(self, digest: str) -> Path:
        return self.folder / "listings" / f"{digest.removeprefix('sha256:')}.json.gz"

    def _note(self, below: str, raw: str) -> Path:
        key = files.sha256_text(f"{POLICY} {below} {raw}").removeprefix("sha256:")
        return self.folder / "raw" / key


def _dumped(listing: Listing) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "digest": listing.digest,
        "size": listing.size,
        "removed": listing.delta.removed,
        "linked": listing.delta.linked,
        "added": [[path, *_row(node)] for path, node in listing.delta.added.items()],
        "told": {path: [*found] for path, found in listing.told.items()},
        "dropped": listing.dropped,
    }


def _row(node: Node) -> list[Any]:
    attributes = [[name, base64.b64encode(value).decode()] for name, value in node.attributes]
    return [*node[:7], [*node.device], attributes]


def _loaded(content: Mapping[str, Any]) -> Listing:
    added = {}
    for path, kind, mode, owner, group, size, sha256, target, device, attributes in content[
        "added"
    ]:
        found = tuple((name, base64.b64decode(value)) for name, value in attributes)
        added[path] = Node(
            kind, mode, owner, group, size, sha256, target, (device[0], device[1]), found
        )
    return Listing(
        digest=content["digest"],
        size=content["size"],
        delta=Delta(added=added, removed=tuple(content["removed"]), linked=content["linked"]),
        told={
            path: Told(tuple(Installed(*row) for row in packages), tuple(licences))
            for path, (packages, licences) in content["told"].items()
        },
        dropped=tuple((path, why) for path, why in content["dropped"]),
    )
