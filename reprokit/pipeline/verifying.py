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
    "another one". rebuilt: the environment digest of a new build, `None` where none was asked for;
    comparison: what differs where it is another one than `recorded`.
    """

    run: str
    recorded: str
    changed: tuple[str, ...]
    image: str
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
            "changed_results": [*self.changed],
            "comparison": None if self.comparison is None else self.comparison.json(),
        }

    def text(self) -> str:
        lines = [f"run          {self.run}", f"recorded     {self.recorded}"]
        lines.append(f"image        {self.image}")
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


def _compared(found: Comparison) -> list[str]:
    lines = [f"  reached: {found.rung}"]
    for source, name, before, after in found.packages[:_SHOWN]:
        lines.append(f"  {source} {name}: {before or 'absent'} → {after or 'absent'}")
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
        lines.append(f"  and {len(found.files) - _SHOWN} more: see --json")
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
        image = connected.image(reading.text(reading.mapping(record, "image"), "reference"))
        held = None if image is None else _held(image, lock, connected)
        if held is not None:
            state = "as recorded" if held.digest == recorded else "another one"
            found = replace(found, image=state)
        if rebuild:
            found = _rebuilt(found, entry, record, lock, connected, reporter)
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
    """What is known of an image after its layers were read."""

    digest: str
    listings: tuple[Listing, ...]


def _held(image: Image, lock: Lock, engine: Engine) -> _Held:
    def use(made: Canonical, complete: bool) -> _Held:
        listings = tuple(layer.listing for layer in made.layers)
        return _Held(digest=made.digest, listings=listings)

    return examine(image, lock, engine, use)


def _rebuilt(
    found: Verification,
    entry: Entry,
    record: reading.Record,
    lock: Lock,
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
            if made.digest == found.recorded:
                return replace(found, rebuilt=made.digest)
            comparison = _comparison(found, record, lock, made, apart.tag, engine)
        finally:
            with suppress(ReprokitError):
                engine.remove_image(apart.tag)
    return replace(found, rebuilt=made.digest, comparison=comparison)


def _comparison(
    found: Verification,
    record: reading.Record,
    lock: Lock,
    made: _Held,
    tag: str,
    engine: Engine,
) -> Comparison | None:
    """What differs from the recorded image, in bytes too where the engine still has that."""
    image = reading.mapping(record, "image")
    before = Listings(folders.layers()).every(reading.texts(image, "layers"))
    if before is None:
        return None
    locked = {digest: f"{p.name} {p.version}" for digest, p in libraries.locked(lock).items()}
    differing = partial(compare, before, made.listings, same_digest=False, locked=locked)
    if found.image != "as recorded":
        return differing()
    with first_byte(engine, reading.text(image, "reference"), tag) as place:
        return differing(first_byte=place)
