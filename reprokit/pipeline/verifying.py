"""`verify`: is a run's record true still, and can its environment be had again?"""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from reprokit import files, folders, lock_file, process
from reprokit.data_hashes import hash_files
from reprokit.engines.connect import connect
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, InputUnavailable, ReprokitError, ResultsDiffer
from reprokit.history import reading
from reprokit.history.index import Entry, Index
from reprokit.history.listing import record_of
from reprokit.identity import POLICY
from reprokit.identity.canonical import Canonical
from reprokit.identity.comparison import Comparison, compare
from reprokit.identity.contents import first_byte
from reprokit.identity.listing import Listing, Listings
from reprokit.model import JSON, Image, Lock
from reprokit.phases import build as building
from reprokit.phases import record as records
from reprokit.phases.canonicalise import examine
from reprokit.pipeline.job import (
    Job,
    Stopwatch,
    Wishes,
    built,
    powers_for,
    prepare,
    prepare_build,
)
from reprokit.progress import Reporter, Silent

_SHOWN = 15


@dataclass(frozen=True, slots=True, kw_only=True)
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
    lock = lock_file.loads(entry.folder.lock.read_text("utf-8"))
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    with _with_code_of(entry, record, lock, key) as (job, prepared):
        powers = powers_for(engine, reporter)
        apart = replace(prepared, tag=f"{prepared.tag}-verify")
        image = built(job, lock, apart, powers, Stopwatch(reporter), no_cache=True)
        try:
            made = _held(image, lock, engine)
            if made.digest == found.recorded:
                return replace(found, rebuilt=made.digest)
            comparison = _comparison(found, record, made, apart.tag, engine)
        finally:
            with suppress(ReprokitError):
                engine.remove_image(apart.tag)
    return replace(found, rebuilt=made.digest, comparison=comparison)


def _comparison(
    found: Verification, record: reading.Record, made: _Held, tag: str, engine: Engine
) -> Comparison | None:
    """What differs from the recorded image, in bytes too where the engine still has that."""
    image = reading.mapping(record, "image")
    before = _listings(reading.texts(image, "layers"))
    if before is None:
        return None
    if found.image != "as recorded":
        return compare(before, made.listings, same_digest=False)
    with first_byte(engine, reading.text(image, "reference"), tag) as place:
        return compare(before, made.listings, same_digest=False, first_byte=place)


def _listings(layers: list[str]) -> tuple[Listing, ...] | None:
    """What is remembered of the recorded layers; `None` where some of them never were here."""
    listings = Listings(folders.layers())
    found = [listings.of(layer) for layer in layers]
    known = tuple(listing for listing in found if listing is not None)
    return known if len(known) == len(layers) else None


@contextmanager
def _with_code_of(
    entry: Entry, record: reading.Record, lock: Lock, key: str
) -> Iterator[tuple[Job, building.Prepared]]:
    """The run's code, laid out as it was then: the project as it is, else as of its commit."""
    prepared = _prepared(entry.folder.project, record, lock, key)
    if prepared is not None:
        yield prepared
        return
    commit = reading.text_or_none(reading.mapping(record, "project"), "commit")
    if commit is not None:
        # The project's name, which is part of the image, may be that of its folder.
        with tempfile.TemporaryDirectory(prefix="reprokit-verify-") as temporary:
            root = Path(temporary) / entry.folder.project.name
            _check_out(entry.folder.project, commit, root)
            prepared = _prepared(root, record, lock, key)
            if prepared is not None:
                yield prepared
                return
    raise BadRequest(
        "the project's files are no longer those of this run",
        where=str(entry.folder.project),
        next="restore them"
        + (f" (`git checkout {commit[:12]}`)" if commit else "")
        + ", or run again and verify that run",
    )


def _prepared(
    root: Path, record: reading.Record, lock: Lock, key: str
) -> tuple[Job, building.Prepared] | None:
    """The build of this folder under the run's lock, if it is the very same build."""
    argv = [tuple(reading.texts(step, "argv")) for step in reading.rows(record, "command")]
    given = Wishes(command=argv[0] if len(argv) == 1 else None)
    for wishes in (Wishes(), given):
        with suppress(ReprokitError):
            job = prepare(root, wishes)
            wanted = (*job.plan.code, *job.plan.data.files)
            digests = {file.path: file.sha256 for file in hash_files(root, wanted, Silent())}
            prepared = prepare_build(job, lock, digests)
            if prepared.key == key:
                return replace(job, lock=lock), prepared
    return None


def _check_out(project: Path, commit: str, target: Path) -> None:
    """The files of a commit below `target`, without touching the project."""
    git = ["git", "-C", str(project), "-c", "core.fsmonitor=false"]
    with tempfile.NamedTemporaryFile(prefix="reprokit-", suffix=".tar") as archive:
        try:
            process.run([*git, "archive", "--format=tar", f"--output={archive.name}", commit, "."])
        except process.ProcessFailed as error:
            raise InputUnavailable(
                f"git has no commit {commit[:12]} any more", where=str(project)
            ) from error
        target.mkdir(parents=True)
        with tarfile.open(archive.name) as tar:
            tar.extractall(target, filter="data")
