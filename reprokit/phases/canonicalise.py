"""Canonicalise: the image that runs is the canonical one, whichever engine built it.

A built image is read, brought into its canonical form (reprokit.identity) and handed back to the
engine under the same name. Its config digest is then the environment digest.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from reprokit import files, folders
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, BuildFailed
from reprokit.identity import LABEL, POLICY, archive
from reprokit.identity.agreement import disagreements
from reprokit.identity.canonical import Canonical, canonical
from reprokit.identity.listing import Listings
from reprokit.identity.raw import Redirected
from reprokit.identity.source import exported, from_folders
from reprokit.model import Image, Lock
from reprokit.phases.own_images import FAMILY
from reprokit.progress import Reporter

T = TypeVar("T")

_SHOWN = 10


class _Incomplete(Exception):
    """The engine lacks a layer that was left out of the archive."""


def canonical_image(image: Image, lock: Lock, engine: Engine, reporter: Reporter) -> Image:
    """The canonical form of a built image, loaded into the engine under the same name.

    Raises BuildFailed for an image that does not stand on the lock's base or holds other packages
    than the lock names, StorageFailed.
    """
    reporter.message("bringing the image into its canonical form")

    def hand_over(made: Canonical, complete: bool) -> str:
        _check(made, lock)
        _hand_over(made, image, engine, complete=complete)
        return made.digest

    digest = examine(image, lock, engine, hand_over)
    found = engine.image(image.reference)
    if found is None or found.config_digest != digest:
        raise BadRequest(
            f"{engine.name} made another image of the canonical one",
            where=image.reference,
            next="please report this, with the output of `reprokit doctor --json`",
        )
    if found.config_digest != image.config_digest and not engine.builds_on_images:
        engine.remove_image(image.config_digest)
    return found


def examine(image: Image, lock: Lock, engine: Engine, use: Callable[[Canonical, bool], T]) -> T:
    """Bring an image into its canonical form and let `use` have it while its layers can be read.

    The second argument says whether the base's layers can be written as well.
    """
    listings = Listings(folders.layers())
    # A Dockerfile of the project's own may end in another stage than the first.
    base = lock.base.layers
    base = base if image.layers[: len(base)] == base or lock.base.family != FAMILY else ()
    unpacked = engine.unpacked(image.reference)
    if unpacked is not None:
        try:
            raw = from_folders(unpacked.config, unpacked.layers)
            return use(canonical(raw, base, listings, epoch=lock.epoch), False)
        except (Redirected, PermissionError, FileNotFoundError, _Incomplete):
            pass  # what the folders cannot tell, the exported image can
    with exported(engine.save(image.reference), folders.layers()) as raw:
        return use(canonical(raw, base, listings, epoch=lock.epoch), True)


def _check(made: Canonical, lock: Lock) -> None:
    found = disagreements(lock, made.packages(), made.jars())
    if found:
        more = f"\n    and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise BuildFailed(
            "the image does not hold what the lock names:\n"
            + "\n".join(f"    {text}" for text in found[:_SHOWN])
            + more,
            next="build again with --no-cache; if that does not help, `reprokit lock --upgrade`",
        )


def _hand_over(made: Canonical, image: Image, engine: Engine, *, complete: bool) -> None:
    """Give the engine the canonical image, unless it has it."""
    if engine.image(made.digest) is not None:
        engine.tag(made.digest, image.reference)
        return
    folder = folders.layers()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder, prefix="loading-") as temporary:
            _load(made, image.reference, engine, Path(temporary) / "image.tar", complete)
    except FileNotFoundError:
        raise  # another command has just replaced the image, and `examine` reads that one
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
