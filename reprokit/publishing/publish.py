"""`publish`: a run for others, in one file, in a registry, or both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.index import Index
from reprokit.history.listing import record_of
from reprokit.model import JSON
from reprokit.progress import Reporter

if TYPE_CHECKING:
    from reprokit.publishing.archive import Published
    from reprokit.publishing.push import InRegistry


@frozen
class Wishes:
    """What is wanted: see `reprokit.verbs.publish`."""

    archive: Path | None = None
    vendor: bool = False
    image: bool = False
    push: str | None = None
    data: bool = False
    sign: Path | None = None
    engine: str | None = None


@frozen
class Publication:
    """A published run: `archive` and `pushed` say where it is, `None` where it is not."""

    run: str
    archive: Published | None
    pushed: InRegistry | None

    def json(self) -> JSON:
        return {
            "schema": 1,
            "run": self.run,
            "archive": None if self.archive is None else self.archive.document(),
            "pushed": None if self.pushed is None else self.pushed.document(),
            "missing": [*(() if self.archive is None else self.archive.missing)],
        }

    def text(self) -> str:
        return "\n".join(part.summary() for part in (self.pushed, self.archive) if part is not None)


def publish(
    run: str, wishes: Wishes, reporter: Reporter, *, project: Path | None = None
) -> Publication:
    """Push first, so that the archive can say where the image is."""
    _check(wishes)
    entry = Index().find(run, project)
    reading.check_repeatable(record_of(entry))
    in_registry = written = None
    if wishes.archive is not None:
        from reprokit.publishing import archive as archiving

        archiving.check_target(wishes.archive, entry)
    if wishes.push is not None:
        from reprokit.publishing import push as pushing

        place = pushing.Wanted(
            reference=wishes.push, key=wishes.sign, data=wishes.data, engine=wishes.engine
        )
        in_registry = pushing.push(entry, place, reporter)
    if wishes.archive is not None:
        held = archiving.Wanted(vendor=wishes.vendor, image=wishes.image, engine=wishes.engine)
        written = archiving.archive(entry, wishes.archive, held, reporter)
    return Publication(run=entry.id, archive=written, pushed=in_registry)


def _check(wishes: Wishes) -> None:
    if wishes.archive is None and wishes.push is None:
        raise BadRequest(
            "nothing says where to", next="--archive FILE.zip writes a file, --push REF an image"
        )
    if wishes.push is None and (wishes.data or wishes.sign is not None):
        raise BadRequest("--data and --sign belong to --push", next="name the image with --push")
    if wishes.archive is None and (wishes.vendor or wishes.image):
        raise BadRequest("--vendor and --image belong to --archive", next="name the file with it")
