"""The environment of a rerun: the published image if it can be had, else one built again; and how
close that is to the published one."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Literal

from reprokit import files, folders
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.wording import counted, printable
from reprokit.identity import POLICY
from reprokit.identity.source import from_archive
from reprokit.model import JSON, Image, Lock
from reprokit.phases import build as building
from reprokit.pipeline.job import Job, Stopwatch, ensure_image
from reprokit.powers import Powers
from reprokit.publishing import image_file
from reprokit.rerunning.origin import Published

Rung = Literal["same environment digest", "same packages", "other packages", "nothing published"]
Package = tuple[str, str, str | None, str | None]
OURS = "localhost/reprokit/"
_NAME = f"{OURS}rerun"
_SHOWN = 15


@frozen
class Environment:
    """What the rerun ran in. `how` says where its image came from, `expected` and `digest` are
    environment digests, `packages` what differs: (source, name, published, now)."""

    rung: Rung
    how: str
    digest: str
    expected: str | None = None
    packages: tuple[Package, ...] = ()
    platforms: tuple[str, str] | None = None

    def json(self) -> dict[str, JSON]:
        return {
            "rung": self.rung,
            "how": self.how,
            "digest": self.digest,
            "expected": self.expected,
            "packages": [
                {"source": source, "name": name, "before": before, "after": after}
                for source, name, before, after in self.packages
            ],
        }

    def lines(self) -> list[str]:
        """For people: the rung, and what differs."""
        lines = [f"{self.rung}: {self.how}" if self.expected else self.how]
        if self.platforms is not None:
            lines.append(f"  for {self.platforms[1]}; published was {self.platforms[0]}")
        for source, name, before, after in self.packages[:_SHOWN]:
            lines.append(
                printable(f"  {source} {name}: {before or 'absent'} → {after or 'absent'}")
            )
        if len(self.packages) > _SHOWN:
            lines.append(f"  and {counted(len(self.packages) - _SHOWN, 'package')} more")
        return lines


def exact(published: Published, powers: Powers, watch: Stopwatch) -> tuple[Image, str] | None:
    """The very image that the published run ran in, and where it was; `None` where it is nowhere,
    or for another platform than the engine runs. Why a registry does not give it is told."""
    digest = published.environment
    if digest is None or published.lock.platform != powers.engine.platform():
        return None
    if (found := _there(digest, powers.engine)) is not None:
        return found
    if published.image is not None:
        with watch.phase("load"):
            name = f"{_NAME}:{digest.removeprefix('sha256:')[:12]}"
            return _loaded(published.image, name, digest, powers.engine), "the archive's image"
    for reference in published.references:
        try:
            return _pulled(reference, published, powers, watch)
        except InputUnavailable as error:
            powers.reporter.warning(str(error))
    return None


def from_registry(published: Published, powers: Powers, watch: Stopwatch) -> tuple[Image, str]:
    """The same for an image alone, which nothing replaces. Raises InputUnavailable with the reason
    where it cannot be had."""
    (reference,) = published.references
    platform, own = published.lock.platform, powers.engine.platform()
    if platform != own:
        raise InputUnavailable(
            f"is an image for {platform}, and {powers.engine.name} runs those for {own}",
            where=reference,
            next="rerun an archive of the run, from which another image can be built",
        )
    found = _there(published.environment, powers.engine)
    return _pulled(reference, published, powers, watch) if found is None else found


def _there(digest: str | None, engine: Engine) -> tuple[Image, str] | None:
    found = None if digest is None else engine.image(digest)
    if found is None or found.config_digest != digest:
        return None
    return found, f"{engine.name} has the very image"


def _pulled(
    reference: str, published: Published, powers: Powers, watch: Stopwatch
) -> tuple[Image, str]:
    engine = powers.engine
    with watch.phase("pull"):
        powers.reporter.message(reference)
        pulled = engine.pull(reference, published.lock.platform, powers.reporter.log)
    if pulled.config_digest != published.environment:
        raise InputUnavailable(
            f"{engine.name} pulled {pulled.config_digest} instead of {published.environment}",
            where=reference,
        )
    return pulled, f"pulled as {reference}"


def _loaded(archive: Path, name: str, digest: str, engine: Engine) -> Image:
    """An image from an archive. What the engine gets is written anew from checked layers, under a
    name of ours: the archive's own could take the place of any image here.

    Raises BadRequest where it is not the image of that digest.
    """
    folders.layers().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folders.layers(), prefix="loading-") as temporary:
        raw = from_archive(archive, Path(temporary), plain=True)
        found = f"sha256:{hashlib.sha256(raw.config_text).hexdigest()}"
        if found != digest:
            raise _another(archive, digest, found)
        place = Path(temporary) / "image.tar"
        try:
            member = image_file.of_image("image.tar", name, raw)
            with place.open("wb") as out:
                for chunk in member.chunks():
                    out.write(chunk)
        except InputUnavailable as error:
            raise _another(archive, digest, "one of other layers") from error
        except (KeyError, TypeError) as error:
            raise _another(archive, digest, "no image") from error
        except OSError as error:
            raise files.storage_failed(error, place) from error
        image = engine.load(place)
    if image.config_digest != digest:
        raise _another(archive, digest, image.config_digest)
    return image


def _another(archive: Path, wanted: str, found: str) -> BadRequest:
    return BadRequest(
        f"{archive.name} is not the image {wanted} of the record, but {found}",
        next="get the archive again from where it was published",
    )


def rebuilt(
    published: Published | None,
    job: Job,
    lock: Lock,
    prepared: building.Prepared,
    powers: Powers,
    watch: Stopwatch,
) -> Image:
    """The image built from the lock, with the packages and the base that the archive brings."""
    if published is not None:
        with watch.phase("fetch"):
            _take_packages(published, lock, powers)
            _take_base(published, lock, powers.engine)
    return ensure_image(job, lock, prepared, powers, watch, no_cache=False)


def _take_packages(published: Published, lock: Lock, powers: Powers) -> None:
    """Packages go into the store under their own hash, so none can be another than it says."""
    if published.vendor is None:
        return
    for artifact in lock.artifacts():
        place = published.vendor / artifact.path
        if powers.store.holds(artifact.sha256) or not place.is_file():
            continue
        if powers.store.add(place) != artifact.sha256:
            powers.reporter.warning(f"{artifact.path} is not the file that the lock names")


def _take_base(published: Published, lock: Lock, engine: Engine) -> None:
    base = lock.base
    if published.base is None or not base.reference.startswith(OURS):
        return
    found = engine.image(base.config_digest)
    if found is None or found.config_digest != base.config_digest:
        _loaded(published.base, base.reference, base.config_digest, engine)


def environment(published: Published | None, record: reading.Record, how: str) -> Environment:
    """How close the rerun's environment is to the published one. `record` is the rerun's."""
    digest = reading.text(record, "environment_digest")
    if published is None:
        return Environment(rung="nothing published", how=how, digest=digest)
    old = published.record
    expected = published.environment
    same_rules = reading.text_or_none(old, "environment_policy") == POLICY
    packages = _different(old, record)
    rung: Rung = "other packages" if packages else "same packages"
    if same_rules and digest == expected:
        rung = "same environment digest"
    platforms = reading.text(old, "platform"), reading.text(record, "platform")
    return Environment(
        rung=rung,
        how=how,
        digest=digest,
        expected=expected,
        packages=packages,
        platforms=platforms if platforms[0] != platforms[1] else None,
    )


def _different(before: reading.Record, after: reading.Record) -> tuple[Package, ...]:
    old, new = _packages(before), _packages(after)
    return tuple(
        (*key, old.get(key), new.get(key))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )


def _packages(record: reading.Record) -> dict[tuple[str, str], str]:
    """The versions of each package, by source and name."""
    found: dict[tuple[str, str], str] = {}
    for row in reading.rows(record, "packages"):
        key = reading.text(row, "source"), reading.text(row, "name")
        version = reading.text(row, "version")
        found[key] = f"{found[key]}, {version}" if key in found else version
    return found
