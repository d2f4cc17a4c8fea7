"""`show --sbom`: the bill of materials of a run's image, from its lock and what the image holds."""

from __future__ import annotations

import json
from dataclasses import field
from pathlib import Path

from reprokit import folders
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.index import Index
from reprokit.history.listing import record_of
from reprokit.identity import sbom
from reprokit.identity.canonical import Canonical
from reprokit.identity.listing import Listing, Listings
from reprokit.model import JSON, Lock
from reprokit.pipeline.earlier_code import lock_of


@frozen
class Bill:
    """A CycloneDX document, as `document` in bytes to write to a file."""

    run: str
    document: bytes = field(repr=False)

    def json(self) -> JSON:
        found: JSON = json.loads(self.document)
        return found

    def text(self) -> str:
        return self.document.decode("ascii").rstrip("\n")


def bill(
    run: str = "last",
    *,
    project: Path | None = None,
    index: Index | None = None,
    pushed: str | None = None,
) -> Bill:
    """The bill of a run's image, from the lock that the run keeps.

    pushed: where a registry has the image ("registry.example/name@sha256:…").

    The engine is only asked where this user's cache does not know the image's layers. Raises
    BadRequest for a run without record or lock, or whose image is gone or another one; NoEngine.
    """
    entry = (index or Index()).find(run, project)
    record = record_of(entry)
    digest = reading.text_or_none(record, "environment_digest")
    if digest is None:
        raise BadRequest("the run has no environment digest", where=entry.id, next="run it again")
    lock = lock_of(entry)
    image = reading.mapping(record, "image")
    layers = Listings(folders.layers()).every(reading.texts(image, "layers"))
    if layers is None:
        layers = _read(reading.text(image, "reference"), digest, lock)
    name = reading.text(reading.mapping(record, "project"), "name")
    subject = sbom.Subject(name=name, digest=digest, pushed=pushed)
    return Bill(run=entry.id, document=sbom.document(subject, lock, layers))


def _read(reference: str, digest: str, lock: Lock) -> tuple[Listing, ...]:
    """What the image itself says, as long as it is the one of the run."""
    from reprokit.engines.connect import connect
    from reprokit.phases.canonicalise import examine

    def use(made: Canonical, complete: bool) -> tuple[str, tuple[Listing, ...]]:
        return made.digest, tuple(layer.listing for layer in made.layers)

    with connect() as engine:
        image = engine.image(reference)
        found, layers = ("", ()) if image is None else examine(image, lock, engine, use)
    if found != digest:
        raise BadRequest(
            f"the run's image is {'another one now' if found else 'gone'}, and nothing here "
            "remembers what it held",
            where=reference,
            next="`reprokit verify --rebuild` makes it again",
        )
    return layers
