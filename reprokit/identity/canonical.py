"""An image in its canonical form: layer after layer, each read once ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import IO

from reprokit import files
from reprokit.errors import BuildFailed
from reprokit.frozen import frozen
from reprokit.identity import config as configs
from reprokit.identity import installed, layer
from reprokit.identity.installed import Installed
from reprokit.identity.libraries import Jar
from reprokit.identity.listing import Listing, Listings
from reprokit.identity.raw import RawLayer
from reprokit.identity.source import RawImage
from reprokit.identity.tree import Tree, apply


@frozen
class CanonicalLayer:
    """A layer that the canonical image has, and the raw one it is made from. `below` counts the
    raw layers under it, `base` says that it is the base's and so the same in both."""

    listing: Listing
    raw: RawLayer
    below: int
    base: bool


@frozen
class Canonical:
    """A canonical image. `digest` is the environment digest: the SHA-256 of `config`."""

    config: bytes
    digest: str
    epoch: int
    layers: tuple[CanonicalLayer, ...]

    def tree(self) -> Tree:
        """Every file of the image."""
        return tree_of([found.listing for found in self.layers])

    def packages(self) -> tuple[Installed, ...]:
        """Every package of the image, sorted."""
        return packages_of([found.listing for found in self.layers])

    def jars(self) -> tuple[Jar, ...]:
        """Every jar that no package of the distribution brought, by path."""
        return jars_of([found.listing for found in self.layers])


def canonical(
    image: RawImage,
    base: Sequence[str],
    listings: Listings,
    *,
    epoch: int,
) -> Canonical:
    """Bring an image into its canonical form.

    base: the diff ids of the base's layers, which stay as they are. epoch: the one time of
    everything above, in seconds. Raises BuildFailed for an image that does not stand on that base.
    """
    raw_ids = tuple(str(text) for text in image.config["rootfs"]["diff_ids"])
    if raw_ids[: len(base)] != tuple(base) or len(raw_ids) != len(image.layers):
        raise BuildFailed(
            "the built image does not stand on the base that the lock names",
            next="build again with --no-cache; if that does not help, `reprokit lock --upgrade`",
        )
    tree: Tree = {}
    chain = ""
    found: list[CanonicalLayer] = []
    for number, (raw, identifier) in enumerate(zip(image.layers, raw_ids, strict=True)):
        verbatim = number < len(base)
        below = f"{chain} {'base' if verbatim else epoch}"
        listing = listings.known(below, identifier)
        if listing is None:
            listing = _listed(raw, identifier, tree, epoch, verbatim)
            listings.keep(listing, below, identifier)
        if verbatim or not listing.delta.empty:
            apply(tree, listing.delta)
            chain = files.sha256_text(f"{chain} {listing.digest}")
            found.append(CanonicalLayer(listing=listing, raw=raw, below=number, base=verbatim))
    digests = [layer.listing.digest for layer in found]
    config = configs.canonical(image.config, digests, base=len(base), epoch=epoch)
    return Canonical(config=config, digest=configs.digest(config), epoch=epoch, layers=tuple(found))


def _listed(raw: RawLayer, identifier: str, tree: Tree, epoch: int, verbatim: bool) -> Listing:
    reduced = layer.reduce(raw, tree, epoch=epoch, verbatim=verbatim)
    told: dict[str, installed.Told] = {}

    def observe(path: str, content: IO[bytes]) -> None:
        told[path] = installed.read(path, content)

    delta, digest, size = layer.write(
        raw, reduced, None, epoch=epoch, wanted=installed.tells, observe=observe
    )
    return Listing(
        digest=identifier if verbatim else digest,
        size=size,
        delta=delta,
        told={path: found for path, found in told.items() if found != installed.Told()},
        dropped=tuple(reduced.dropped),
    )


def write_layer(image: Canonical, number: int, output: IO[bytes]) -> None:
    """Write the tar of one of its layers above the base. Raises BuildFailed where that does not
    give the digest which it gave before."""
    found = image.layers[number]
    assert not found.base
    tree = tree_of([below.listing for below in image.layers[:number]])
    reduced = layer.reduce(found.raw, tree, epoch=image.epoch)
    _, digest, _ = layer.write(
        found.raw,
        reduced,
        output,
        epoch=image.epoch,
        wanted=lambda path: False,
        observe=lambda path, content: None,
    )
    if digest != found.listing.digest:
        raise BuildFailed(
            f"a layer read twice gave {found.listing.digest} and {digest}",
            next="the image was changed meanwhile, or the disk is damaged: build again",
        )


def tree_of(listings: Sequence[Listing]) -> Tree:
    """The file system that layers make, lowest first."""
    tree: Tree = {}
    for listing in listings:
        apply(tree, listing.delta)
    return tree


def packages_of(listings: Sequence[Listing]) -> tuple[Installed, ...]:
    """The packages that layers install, lowest first."""
    return tuple(sorted({p for _, found in told_by(listings) for p in found.packages}))


def told_by(listings: Sequence[Listing]) -> tuple[tuple[str, installed.Told], ...]:
    """What each file of an image tells of packages, by path."""
    tree: Tree = {}
    by_file: dict[str, installed.Told] = {}
    for listing in listings:
        apply(tree, listing.delta)
        for path in listing.delta.added:
            # A hard link tells what the file tells that it shares.
            found = listing.told.get(listing.delta.linked.get(path, path))
            if found is None:
                by_file.pop(path, None)
            else:
                by_file[path] = found
    return tuple((path, by_file[path]) for path in sorted(by_file) if path in tree)


def jars_of(listings: Sequence[Listing]) -> tuple[Jar, ...]:
    """The jars that layers bring, lowest first, but for the distribution's own."""
    tree = tree_of(listings)
    told = dict(told_by(listings))
    nothing = installed.Told()
    return tuple(
        Jar(path, tree[path].sha256, told.get(path, nothing).packages)
        for path in sorted(tree)
        if installed.is_jar(path) and tree[path].kind == "file"
    )


def tree_digest(tree: Tree) -> str:
    """The identity of the files alone, whatever layers they came in."""
    digest = hashlib.sha256()
    for path in sorted(tree):
        node = tree[path]
        row = [path, *node[:8], [[name, value.hex()] for name, value in node.attributes]]
        digest.update(json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n")
    return f"sha256:{digest.hexdigest()}"
