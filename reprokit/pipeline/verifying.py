"""`verify`: is a run's record true still, and can its environment be had again?"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from reprokit import files, folders
from reprokit.engines.connect import connect
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, ReprokitError, ResultsDiffer
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.index import Entry, Index
from reprokit.history.listing import record_of
from reprokit.identity import POLICY, libraries
from reprokit.identity.canonical import Canonical
from reprokit.identity.comparison import Comparison, compare
from reprokit.identity.contents import first_byte
from reprokit.identity.listing import Listing, Listings
from reprokit.model import JSON, Image, Lock
from reprokit.phases import record as records
from reprokit.phases.canonicalise import examine
from reprokit.pipeline.earlier_code import code_of, lock_of
from reprokit.pipeline.job import (
    Stopwatch,
    built,
    powers_for,
)
from reprokit.progress import Reporter

_SHOWN = 15


@frozen
class Verification:
    """What was checked of a run.

    changed: results whose bytes are no longer those of the record. image: "as recorded", "gone" or
    "another one"; then `image_digest` is the config digest of what has the image's name now, and
    `altered` what differs in it, `None` where nothing here knows any more what the recorded one
    held. rebuilt: the environment digest of a new build, `None` where none was asked for;
    comparison: what differs where it is another one than `recorded`.
    """

    run: str
    recorded: str
    changed: tuple[str, ...]
    image: str
    image_digest: str | None = None
    altered: Comparison | None = None
    rebuilt: str | None = None
    comparison: Comparison | None = None

    @property
    def same(self) -> bool:
        unlike = self.rebuilt is not None and self.rebuilt != self.recorded
        return not self.changed and self.image != "another one" and not unlike

    @property
    def failure(self) -> ReprokitError | None:
        if self.same:
            return None
        what = "the rebuilt environment is another one"
        if self.rebuilt is None or self.rebuilt == self.recorded:
            what = "the run is not as its record says"
        return ResultsDiffer(what, where=self.run)

    def json(self) -> JSON:
        return {
            "run": self.run,
            "same": self.same,
            "environment_digest": {"recorded": self.recorded, "rebuilt": self.rebuilt},
            "policy": POLICY,
            "image": self.image,
            "image_digest": self.image_digest,
            "image_comparison": None if self.altered is None else self.altered.json(),
            "changed_results": [*self.changed],
            "comparison": None if self.comparison is None else self.comparison.json(),
        }

    def text(self) -> str:
        lines = [f"run          {self.run}", f"recorded     {self.recorded}"]
        lines += self.image_lines()
        changed = f"{len(self.changed)} changed since" if self.changed else "as recorded"
        lines.append(f"results      {changed}")
        lines += [f"  {path}" for path in self.changed[:_SHOWN]]
        if self.rebuilt is not None:
            lines.append(f"rebuilt      {self.rebuilt}")
            same = self.rebuilt == self.recorded
            lines.append("verdict      " + ("the same environment digest" if same else "differs"))
        if self.comparison is not None:
            lines += _compared(self.comparison)
        return "\n".join(lines)

    def image_lines(self) -> list[str]:
        """What became of the run's image, in words."""
        if self.image != "another one":
            return [f"image        {self.image}"]
        lines = [f"image        another one has its name now: {self.image_digest}"]
        if self.altered is not None:
            return lines + _compared(self.altered)
        unknown = "  nothing here knows what the recorded one held"
        if self.rebuilt is None:
            return [*lines, f"{unknown}: `reprokit verify {self.run} --rebuild` says what differs"]
        return [*lines, unknown]


def _compared(found: Comparison) -> list[str]:
    lines = [f"  reached: {found.rung}"]
    for source, name, before, after in found.packages[:_SHOWN]:
        lines.append(f"  {source} {name}: {before or 'absent'} → {after or 'absent'}")
    if len(found.packages) > _SHOWN:
        lines.append(f"  and {len(found.packages) - _SHOWN} packages more: see --json")
    if not found.files:
        lines.append("  no file differs: only the layering or the image's settings do")
    else:
        lines.append(
            f"  {len(found.files)} files differ, in layers {', '.join(map(str, found.layers))}"
        )
    for file in found.files[:_SHOWN]:
        said = ", ".join(text for text in (file.detail, file.cause) if text)
        place = "" if file.first_byte is None else f" from byte {file.first_byte}"
        lines.append(
            f"  /{file.path}: {file.change}{place} ({said})" if said else f"  /{file.path}"
        )
    if len(found.files) > _SHOWN:
        lines.append(f"  and {len(found.files) - _SHOWN} files more: see --json")
    return lines


def verify(
    run: str,
    reporter: Reporter,
    *,
    rebuild: bool = False,
    engine: str | None = None,
    project: Path | None = None,
) -> Verification:
    """Check a run against its record; with `rebuild` make its environment again from nothing.

    Raises BadRequest for a run without record or of an older policy, and where the code of the run
    is no longer there; NoEngine, InputUnavailable, BuildFailed.
    """
    entry = Index().find(run, project)
    record = record_of(entry)
    if records.digest(record) != record.get("digest"):
        raise BadRequest(
            "the record was altered: its digest is not that of its content",
            where=str(entry.folder.record),
        )
    recorded = reading.text_or_none(record, "environment_digest")
    if recorded is None or reading.text_or_none(record, "environment_policy") != POLICY:
        raise BadRequest(
            f"the run has no environment digest by the rules {POLICY!r}",
            where=entry.id,
            next="run it again: `reprokit run`",
        )
    found = Verification(
        run=entry.id, recorded=recorded, changed=_changed(entry, record), image="gone"
    )
    lock = lock_of(entry)
    with connect(engine) as connected:
        now = _image_now(record, lock, connected)
        if now is not None:
            found = _image_judged(found, record, lock, now, connected)
        if rebuild:
            found = _rebuilt(found, entry, record, lock, now, connected, reporter)
    return found


def _changed(entry: Entry, record: reading.Record) -> tuple[str, ...]:
    """Result files of the run that are gone or have other bytes."""
    changed = []
    for path, sha256 in reading.hashes(reading.rows(record, "results")).items():
        try:
            now = files.sha256(entry.folder.results / path)
        except OSError:
            now = ""
        if now != sha256:
            changed.append(path)
    return tuple(sorted(changed))


@frozen
class _Held:
    """What is known of an image after its layers were read: `digest` is that of its canonical
    form, `config_digest` the one that it has."""

    name: str
    config_digest: str
    digest: str
    listings: tuple[Listing, ...]


def _held(image: Image, lock: Lock, engine: Engine) -> _Held:
    base = lock.base.layers
    if image.layers[: len(base)] != base:
        # Not one of this lock at all: its layers are looked at as they are.
        lock = replace(lock, base=replace(lock.base, layers=image.layers))

    def use(made: Canonical, complete: bool) -> _Held:
        return _Held(
            name=image.reference,
            config_digest=image.config_digest,
            digest=made.digest,
            listings=tuple(layer.listing for layer in made.layers),
        )

    return examine(image, lock, engine, use)


def _image_now(record: reading.Record, lock: Lock, engine: Engine) -> _Held | None:
    """What the engine has under the name of the run's image."""
    image = engine.image(reading.text(reading.mapping(record, "image"), "reference"))
    return None if image is None else _held(image, lock, engine)


def _image_judged(
    found: Verification, record: reading.Record, lock: Lock, now: _Held, engine: Engine
) -> Verification:
    """Whether the image is the run's, and else what differs, as far as the recorded one's layers
    are known here."""
    if found.recorded == now.config_digest == now.digest:
        return replace(found, image="as recorded")
    found = replace(found, image="another one", image_digest=now.config_digest)
    # The recorded image may have lost only its name.
    there = engine.image(found.recorded)
    name = found.recorded if there and there.config_digest == found.recorded else None
    before = _recorded_listings(record)
    if before is None and there is not None and name is not None:
        before = _held(there, lock, engine).listings
    if before is None:
        return found
    return replace(found, altered=_comparison(before, now, lock, engine, name))


def _recorded_listings(record: reading.Record) -> tuple[Listing, ...] | None:
    image = reading.mapping(record, "image")
    return Listings(folders.layers()).every(reading.texts(image, "layers"))


def _rebuilt(
    found: Verification,
    entry: Entry,
    record: reading.Record,
    lock: Lock,
    now: _Held | None,
    engine: Engine,
    reporter: Reporter,
) -> Verification:
    if lock.platform != engine.platform():
        raise BadRequest(
            f"the run's environment is for {lock.platform}, the engine builds {engine.platform()}",
            where=entry.id,
        )
    key = reading.text(reading.mapping(record, "context"), "sha256")
    with code_of(entry, record, lock, key) as (job, prepared):
        powers = powers_for(engine, reporter)
        apart = replace(prepared, tag=f"{prepared.tag}-verify")
        image = built(job, lock, apart, powers, Stopwatch(reporter), no_cache=True)
        try:
            made = _held(image, lock, engine)
            found = replace(found, rebuilt=made.digest)
            if made.digest != found.recorded:
                before = _recorded_listings(record)
                if before is None:
                    return found
                name = now.name if now is not None and found.image == "as recorded" else None
                return replace(found, comparison=_comparison(before, made, lock, engine, name))
            if now is not None and found.image == "another one" and found.altered is None:
                # What was built is the recorded one again.
                altered = _comparison(made.listings, now, lock, engine, made.name)
                return replace(found, altered=altered)
            return found
        finally:
            with suppress(ReprokitError):
                engine.remove_image(apart.tag)


def _comparison(
    before: tuple[Listing, ...], after: _Held, lock: Lock, engine: Engine, name: str | None
) -> Comparison:
    """What differs between two images, in bytes too where the engine has the first one, as
    `name`."""
    locked = {digest: f"{p.name} {p.version}" for digest, p in libraries.locked(lock).items()}
    differing = partial(compare, before, after.listings, same_digest=False, locked=locked)
    if name is None:
        return differing()
    with first_byte(engine, name, after.name) as place:
        return differing(first_byte=place)
