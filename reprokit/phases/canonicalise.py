"""Canonicalise: the image that runs is the canonical one, whichever engine built it.

A built image is read, brought into its canonical form (reprokit.identity) and handed back to the
engine under the same name. Its config digest is then the environment digest.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from reprokit import files, folders
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest
from reprokit.identity import LABEL, POLICY, archive
from reprokit.identity.canonical import Canonical, canonical
from reprokit.identity.listing import Listings
from reprokit.identity.raw import Redirected
from reprokit.identity.source import RawImage, exported, from_folders
from reprokit.model import Image
from reprokit.progress import Reporter


def is_canonical(image: Image) -> bool:
    """Whether the image is in the form of the present policy."""
    return image.labels.get(LABEL) == POLICY


def canonical_image(
    image: Image, base: tuple[str, ...], engine: Engine, reporter: Reporter, *, epoch: int
) -> Image:
    """The canonical form of `image`, loaded into the engine under the same name.

    base: the diff ids of the base's layers. epoch: the build's SOURCE_DATE_EPOCH in seconds.
    Raises BuildFailed for an image that does not stand on that base, StorageFailed.
    """
    reporter.message("bringing the image into its canonical form")
    made = _from_folders(image, base, engine, reporter, epoch)
    if made is None:
        with exported(engine.save(image.reference), folders.layers()) as raw:
            made = _canonical(raw, base, reporter, epoch)
            _hand_over(made, image, engine, complete=True)
    found = engine.image(image.reference)
    if found is None or found.config_digest != made.digest:
        raise BadRequest(
            f"{engine.name} made another image of the canonical one",
            where=image.reference,
            next="please report this, with the output of `reprokit doctor --json`",
        )
    if found.config_digest != image.config_digest and not engine.builds_on_images:
        engine.remove_image(image.config_digest)
    return found


def _from_folders(
    image: Image, base: tuple[str, ...], engine: Engine, reporter: Reporter, epoch: int
) -> Canonical | None:
    """The same out of the engine's own folders; `None` where that does not go."""
    unpacked = engine.unpacked(image.reference)
    if unpacked is None:
        return None
    try:
        raw = from_folders(unpacked.config, unpacked.layers)
        made = _canonical(raw, base, reporter, epoch)
        _hand_over(made, image, engine, complete=False)
    except (Redirected, PermissionError, FileNotFoundError, _Incomplete):
        return None
    return made


class _Incomplete(Exception):
    """The engine lacks a layer that was left out of the archive."""


def _canonical(raw: RawImage, base: tuple[str, ...], reporter: Reporter, epoch: int) -> Canonical:
    return canonical(raw, base, Listings(folders.layers()), epoch=epoch, progress=reporter.advance)


def _hand_over(made: Canonical, image: Image, engine: Engine, *, complete: bool) -> None:
    """Give the engine the canonical image, unless it has it. `complete` says that the base's
    layers can be written as well."""
    if engine.image(made.digest) is not None:
        engine.tag(made.digest, image.reference)
        return
    folder = folders.layers()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix="loading-") as temporary:
            _load(made, image.reference, engine, Path(temporary) / "image.tar", complete)
    except OSError as error:
        raise files.storage_failed(error, folder) from error


def _load(made: Canonical, reference: str, engine: Engine, place: Path, complete: bool) -> None:
    """Leave out as many layers as the engine has; where it lacks one after all, write more."""
    base = sum(layer.base for layer in made.layers)
    attempts = {_shared(made, engine), base} if engine.loads_missing_layers else set()
    if complete:
        attempts.add(0)
    for omitted in sorted(attempts, reverse=True):
        archive.write(place, made, reference, omitted=omitted)
        try:
            engine.load(place)
            return
        except BadRequest:
            if omitted == 0:
                raise
    raise _Incomplete


def _shared(made: Canonical, engine: Engine) -> int:
    """How many of the lowest layers the engine has in another canonical image."""
    wanted = [layer.listing.digest for layer in made.layers]
    most = 0
    for image in engine.images(label=f"{LABEL}={POLICY}"):
        same = 0
        for ours, theirs in zip(wanted, image.layers, strict=False):
            if ours != theirs:
                break
            same += 1
        most = max(most, same)
    return most
