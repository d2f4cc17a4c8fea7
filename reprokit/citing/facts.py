"""Everything that a citation of one run can say, gathered from its record, its lock, its code and
its project's files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reprokit.citing import metadata, swhid, values
from reprokit.citing.metadata import Metadata
from reprokit.errors import BadRequest, InputUnavailable, ResultsDiffer
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.index import Entry
from reprokit.history.listing import record_of
from reprokit.model import Lock
from reprokit.notebook_runs.code import plain_texts
from reprokit.pipeline.earlier_code import code_of, lock_of
from reprokit.pipeline.job import Job
from reprokit.publishing import pushed
from reprokit.publishing.pushed import Pushed

_LANGUAGES = (
    (re.compile(r"python3"), "Python"),
    (re.compile(r"r-base-core"), "R"),
    (re.compile(r"openjdk-\d+-j(?:re|dk)(?:-headless)?"), "Java"),
)
_NAMES = {"python": "Python", "r": "R", "java": "Java"}


@frozen
class Facts:
    """What can be cited. `versions` are those of languages, then of packages that were asked for.

    `source` is the identifier of the code that ran, `None` where that is nowhere any more;
    `revision` that of its commit, where the commit alone says what ran. `pushed` leaves out
    registries of this machine, from which no reader can pull.
    """

    record: reading.Record
    metadata: Metadata
    versions: tuple[tuple[str, str], ...]
    source: str | None
    revision: str | None
    pushed: tuple[Pushed, ...]
    values: tuple[tuple[str, str], ...]

    @property
    def run(self) -> str:
        return reading.text(self.record, "run")

    @property
    def name(self) -> str:
        """The project's name."""
        return reading.text(reading.mapping(self.record, "project"), "name")

    @property
    def title(self) -> str:
        return self.metadata.title or self.name

    @property
    def day(self) -> str:
        """The day of the run, "YYYY-MM-DD"."""
        return reading.text(self.record, "started")[:10]

    @property
    def environment(self) -> str:
        """The environment digest; that of the image where the record has none."""
        image = reading.mapping(self.record, "image")
        known = reading.text_or_none(self.record, "environment_digest")
        return known or reading.text(image, "config_digest")

    @property
    def commit(self) -> str | None:
        return reading.commit(self.record)

    @property
    def dirty(self) -> bool:
        return bool(reading.mapping(self.record, "project")["dirty"])

    def missing(self) -> tuple[str, ...]:
        """What could not be found, and what to do about it."""
        found = self.metadata.missing()
        if self.source is None:
            found += (
                "the code of this run is neither in the project nor in its commit any more, so it "
                "has no SWHID: run again and cite that run",
            )
        return found


def gather(entry: Entry, wanted: Mapping[str, str]) -> Facts:
    """The facts of a run. `wanted` are the places of values by name (see `values`)."""
    record = record_of(entry)
    if reading.text(record, "status") != "succeeded":
        raise ResultsDiffer(
            f"the run {reading.text(record, 'status')}: it has no results to cite",
            where=entry.id,
            next="run again and cite that run",
        )
    lock = lock_of(entry)
    return of_run(entry, record, lock, _source(entry, record, lock), wanted)


def of_run(
    entry: Entry,
    record: reading.Record,
    lock: Lock,
    source: str | None,
    wanted: Mapping[str, str],
) -> Facts:
    """As `gather`, of what is at hand already."""
    project = reading.mapping(record, "project")
    commit = reading.commit(record)
    return Facts(
        record=record,
        metadata=metadata.read(entry.folder.project),
        versions=tuple(_versions(lock)),
        source=source,
        revision=swhid.revision(commit) if commit and not project["dirty"] else None,
        pushed=tuple(push for push in pushed.read(entry.folder) if not push.local),
        values=values.chosen(wanted, record, entry.folder.results),
    )


def _source(entry: Entry, record: reading.Record, lock: Lock) -> str | None:
    key = reading.text(reading.mapping(record, "context"), "sha256")
    try:
        with code_of(entry, record, lock, key) as (job, _):
            return source_identifier(job)
    except (BadRequest, InputUnavailable):
        return None


def source_identifier(job: Job) -> str:
    """The SWHID of the code that a job puts into its image."""
    texts = plain_texts(job.project, job.plan.notebooks)
    return swhid.directory(
        swhid.SourceFile(
            path,
            texts[path].encode() if path in texts else place,
            bool(place.stat().st_mode & 0o100),
        )
        for path, place in ((path, job.project.root / path) for path in job.plan.code)
    )


def _versions(lock: Lock) -> Iterator[tuple[str, str]]:
    found = {_NAMES.get(name, name): version for name, version in lock.base.provides.items()}
    for package in lock.system:
        for pattern, language in _LANGUAGES:
            if package.requested and pattern.fullmatch(package.name):
                found.setdefault(language, package.version)
    yield from sorted(found.items())
    asked = {(p.name, p.version) for e in lock.ecosystems for p in e.packages if p.requested}
    yield from sorted(asked, key=lambda pair: (pair[0].lower(), pair))
