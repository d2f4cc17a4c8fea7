"""Which files an archive holds: the build's context, data, results, and what says how they came
about.

    build/      the Dockerfile and all it reads: app/ (the code), vendor/ (the packages)
    inputs/     data that the program sees mounted, compressed files also as the program sees them
    results/    what the run wrote
    image.tar, base.tar, repro.lock, record.json, log.txt, …
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from reprokit import folders, lock_file, site, site_files
from reprokit.errors import InputUnavailable, ResultsDiffer
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.contents import inside
from reprokit.history.index import Entry
from reprokit.model import Artifact, Lock
from reprokit.phases import build as building
from reprokit.phases.fetch import fetch
from reprokit.phases.mounting import place_of
from reprokit.phases.own_images import FAMILY
from reprokit.pipeline.job import Job, unpacked_data
from reprokit.progress import Reporter
from reprokit.publishing.member import Member, of_file, of_text
from reprokit.store import Store
from reprokit.unpacking import limits_for

BUILD = "build"
INPUTS = "inputs"
RESULTS = "results"
CHECKSUMS = "results.sha256"
NEW_RESULTS = "new-results"
"""Where the README's commands put theirs: beside the others, and no part of the archive."""


@frozen
class Source:
    """A run with the code it ran on, laid out as a build of it."""

    entry: Entry
    record: reading.Record
    lock: Lock
    job: Job
    prepared: building.Prepared

    @property
    def mounts_data(self) -> bool:
        return self.job.plan.data.mode == "mount"

    @property
    def own_dockerfile(self) -> bool:
        return self.lock.base.family == FAMILY


def members(source: Source, reporter: Reporter, *, vendor: bool) -> Iterator[Member]:
    """Every file but images and documents.

    vendor: with every package, which are fetched where this machine no longer has them. Raises
    InputUnavailable for what cannot be had as it was, ResultsDiffer for a changed result.
    """
    yield from _context(source, reporter)
    yield from _vendored(source, reporter, vendor=vendor)
    if source.mounts_data:
        yield from _inputs(source, reporter)
    yield from _results(source)
    yield of_text("repro.lock", lock_file.dumps(source.lock))
    folder = source.entry.folder
    yield of_file("record.json", folder.record)
    if folder.log.is_file():
        yield of_file("log.txt", folder.log)


def _context(source: Source, reporter: Reporter) -> Iterator[Member]:
    """What the build reads besides packages."""
    context, root = source.prepared.context, source.job.project.root
    yield of_text(f"{BUILD}/Dockerfile", context.dockerfile)
    if context.dockerignore:
        yield of_text(f"{BUILD}/.dockerignore", context.dockerignore)
    for file in context.files:
        text = of_text(f"{BUILD}/vendor/{file.path}", file.content)
        yield Member(path=text.path, size=text.size, chunks=text.chunks, executable=file.executable)
    for path, code in context.code:
        place = root / code
        executable = bool(place.stat().st_mode & 0o100)
        sha256 = source.prepared.digests[code]
        yield of_file(f"{BUILD}/{path}", place, sha256=sha256, executable=executable)
    for file in context.rewritten:
        text = of_text(f"{BUILD}/{file.path}", file.content)
        yield Member(path=text.path, size=text.size, chunks=text.chunks, executable=file.executable)
    for path, place in unpacked_data(source.job, source.prepared, reporter).items():
        yield from _whole(f"{BUILD}/{path}", place)


def _vendored(source: Source, reporter: Reporter, *, vendor: bool) -> Iterator[Member]:
    """The packages; without `vendor` only those that were made here, which nobody else has."""
    store = Store(folders.store())
    wanted = [a for a in source.prepared.context.artifacts if vendor or a.url is None]
    missing = tuple(artifact for artifact in wanted if not store.holds(artifact.sha256))
    if missing:
        reporter.message("fetching packages")
        whole = site_files.completed(site.load(), reporter.warning)
        fetch(missing, store, whole, reporter)
    yield from (_artifact(artifact, store) for artifact in wanted)


def _artifact(artifact: Artifact, store: Store) -> Member:
    path = f"{BUILD}/vendor/{artifact.path}"
    place = store.path(artifact.sha256)
    return of_file(path, place, sha256=artifact.sha256, executable=artifact.executable)


def _inputs(source: Source, reporter: Reporter) -> Iterator[Member]:
    known = reading.hashes(reading.rows(reading.mapping(source.record, "data"), "files"))
    root = source.job.project.root
    for path, sha256 in known.items():
        if not (root / path).is_file():
            raise InputUnavailable(
                "the data that the run read is no longer there",
                where=path,
                next="put the file back, or run again and publish that run",
            )
        yield of_file(f"{INPUTS}/{path}", root / path, sha256=sha256)
    limits = limits_for(source.job.configuration.data_unpack_limit)
    for mount in source.job.plan.data.unpacked():
        store = folders.store() / "unpacked"
        yield from _whole(
            f"{INPUTS}/{mount.target}", place_of(mount, root, known, store, reporter, limits)
        )


def checksums(record: reading.Record) -> str:
    """The results as `sha256sum --check` reads them."""
    known = reading.hashes(reading.rows(record, "results"))
    return "".join(f"{known[p].removeprefix('sha256:')}  {p}\n" for p in sorted(known))


def _results(source: Source) -> Iterator[Member]:
    known = reading.hashes(reading.rows(source.record, "results"))
    folder = source.entry.folder.results
    for path, sha256 in known.items():
        place = inside(folder, path)
        if place is None:
            raise ResultsDiffer(
                "is no longer the result that the record names",
                where=str(folder / path),
                next="run again and publish that run",
            )
        yield of_file(f"{RESULTS}/{path}", place, sha256=sha256)


def _whole(path: str, place: Path) -> Iterator[Member]:
    """A file, or every file of a folder."""
    if not place.is_dir():
        yield of_file(path, place)
        return
    for folder, _, names in os.walk(place):
        for name in names:
            found = Path(folder) / name
            yield of_file(f"{path}/{found.relative_to(place).as_posix()}", found)
