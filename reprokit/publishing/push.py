"""`publish --push`: the image of a run in a registry, with the run's record attached to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reprokit import files, lock_file
from reprokit.citing.facts import Facts, gather
from reprokit.engines import registry
from reprokit.engines.connect import connect
from reprokit.engines.credentials import is_local
from reprokit.engines.distribution import Repository, descriptor, json_object, sha256
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, InputUnavailable, NoEngine
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.index import Entry
from reprokit.history.listing import record_of
from reprokit.model import JSON
from reprokit.pipeline.bill import bill
from reprokit.pipeline.earlier_code import code_of, lock_of
from reprokit.progress import Reporter
from reprokit.publishing import crate, published_image, pushed, signing
from reprokit.publishing.attaching import attach
from reprokit.publishing.contents import CHECKSUMS, Source, checksums
from reprokit.publishing.data_in_registry import attach_data
from reprokit.publishing.member import of_bytes
from reprokit.publishing.published_image import (
    BILL,
    LOCK,
    RECORD,
    RECORD_TYPE,
    RUN,
    PublishedImage,
)
from reprokit.publishing.signing import ENVELOPE, PROVENANCE_TYPE
from reprokit.publishing.that_ran import image_that_ran

_CRATE_TYPE = "application/ld+json"
_MOST_IN_INDEX = 20


@frozen
class Wanted:
    """Where to push a run: `reference` is the image's name there. `key` is a private key to sign
    with; `data` says whether the data and the results go along."""

    reference: str
    key: Path | None
    data: bool
    engine: str | None


@frozen
class InRegistry:
    """A pushed run. `record` is the digest of the manifest that attaches its record, `data` that
    of its data and results, `key` the id of the key that signed."""

    run: str
    name: str
    reference: str
    environment: str
    record: str
    data: str | None
    key: str | None

    def document(self) -> JSON:
        """For programs."""
        return {
            "name": self.name,
            "reference": self.reference,
            "registry_digest": self.reference.rpartition("@")[2],
            "environment_digest": self.environment,
            "record": self.record,
            "data": self.data,
            "signed_by": self.key,
        }

    def summary(self) -> str:
        """For people."""
        what = "record, lock, bill of materials, crate metadata"
        what += "" if self.data is None else ", data, results"
        who = "anybody who may read it pulls exactly this image with"
        if is_local(self.name.partition("/")[0]):
            who = "only this machine reaches that registry, where exactly this image is pulled with"
        lines = [
            f"{self.name} is pushed; {who}",
            f"  docker pull {self.reference}",
            f"environment  {self.environment}, as the registry's manifest says",
            f"attached     {what}",
        ]
        return "\n".join([*lines, *([f"signed by    {self.key}"] if self.key else [])])


def push(entry: Entry, wanted: Wanted, reporter: Reporter) -> InRegistry:
    """Push the image of a run and attach its record. See `reprokit.verbs.publish`."""
    name, separator, tag = published_image.split(wanted.reference)
    if separator == "@":
        raise BadRequest(
            "an image is pushed to a tag, not to a digest",
            where=wanted.reference,
            next="write --push REGISTRY/NAME:TAG",
        )
    key = None if wanted.key is None else signing.signer(wanted.key)
    record = record_of(entry)
    status = reading.text(record, "status")
    if status != "succeeded":
        raise BadRequest(f"the run {status}; only what succeeded is published", where=entry.id)
    lock = _lock_text(entry, record)
    facts = gather(entry, {})
    used = reading.mapping(record, "data")
    if not wanted.data and reading.text(used, "mode") == "mount" and reading.rows(used, "files"):
        reporter.warning(
            "the image does not hold the data that the program reads: --data attaches it, or say "
            "where readers get it"
        )
    reporter.phase("publish")
    with connect(wanted.engine) as engine:
        local = image_that_ran(entry, record, engine, reporter)
        image = _pushed(local, name, tag, published_image.environment(record), engine, reporter)
    place = pushed.Pushed(repository=name, digest=image.digest)
    pushed.add(entry.folder, place)
    reporter.message("attaching the record")
    content = entry.folder.record.read_bytes()
    parts = {
        RECORD: ("application/json", content),
        LOCK: ("application/json", lock.encode()),
        CHECKSUMS: ("text/plain", checksums(record).encode()),
        **_bill(image, entry, reporter),
    }
    parts[crate.NAME] = _CRATE_TYPE, _crate(facts, place, parts)
    attached = _attach(image, RECORD_TYPE, parts, record)
    data = _attach_data(image, entry, record, reporter) if wanted.data else None
    if key is not None:
        statement = signing.statement(image, record, sha256(content))
        envelope = {ENVELOPE: (PROVENANCE_TYPE, signing.sign(statement, key))}
        _attach(image, PROVENANCE_TYPE, envelope, record)
    return InRegistry(
        run=entry.id,
        name=f"{name}:{tag}",
        reference=image.reference,
        environment=image.config_digest,
        record=attached,
        data=data,
        key=None if key is None else key.public_key.keyid,
    )


def _pushed(
    local: str, name: str, tag: str, environment: str, engine: Engine, reporter: Reporter
) -> PublishedImage:
    """Push under a name that the engine has only meanwhile, and look at what the registry has."""
    reference = f"{name}:{tag}"
    reporter.message(f"pushing {reference}")
    known = engine.image(reference) is not None
    engine.tag(local, reference)
    try:
        engine.push(reference, reporter.log, reporter.advance)
    finally:
        if not known:
            engine.remove_image(reference)
    return _confirmed(name, tag, environment)


def _confirmed(name: str, tag: str, environment: str) -> PublishedImage:
    """The registry's image, whose config must be the one that ran: layers may be compressed on the
    way and manifests converted, but not that."""
    repository = Repository(registry.own_place(name))
    manifest = repository.manifest(tag)
    where = f"{name}:{tag}"
    if manifest is None:
        raise InputUnavailable("the registry does not have what was pushed", where=where)
    document = json_object(manifest.content, where)
    if "config" not in document and isinstance(document.get("manifests"), list):
        # Some engines push an index around the one image.
        for row in document["manifests"][:_MOST_IN_INDEX]:
            inner = repository.manifest(descriptor(row, where).digest)
            found = None if inner is None else json_object(inner.content, where).get("config")
            if inner is not None and descriptor(found, where).digest == environment:
                manifest = inner
    image = published_image.described(name, repository, manifest)
    if image.config_digest != environment:
        raise InputUnavailable(
            f"the registry has the image {image.config_digest}, not {environment}: it was changed "
            "on the way, or somebody pushed another one",
            where=where,
            next="push again, to a tag of its own",
        )
    return image


def _lock_text(entry: Entry, record: reading.Record) -> str:
    text = lock_file.dumps(lock_of(entry))
    if files.sha256_text(text) != reading.text(reading.mapping(record, "lock"), "sha256"):
        raise BadRequest(
            "is no longer the lock of the run", where=str(entry.folder.lock), next="run it again"
        )
    return text


def _bill(image: PublishedImage, entry: Entry, reporter: Reporter) -> dict[str, tuple[str, bytes]]:
    """The bill of materials; none where nothing remembers what the image holds."""
    try:
        found = bill(entry.id, project=entry.folder.project, pushed=image.reference)
    except (BadRequest, NoEngine) as error:
        reporter.warning(f"no bill of materials is attached: {error}")
        return {}
    return {BILL: ("application/vnd.cyclonedx+json", found.document)}


def _crate(facts: Facts, place: pushed.Pushed, parts: Mapping[str, tuple[str, bytes]]) -> bytes:
    """The attached files as an RO-Crate. It names this one place, or what is attached to an image
    would depend on where else the run was pushed."""
    members = [of_bytes(name, content) for name, (_, content) in parts.items()]
    return crate.document(replace(facts, pushed=(place,)), members).encode()


def _attach(
    image: PublishedImage,
    kind: str,
    parts: Mapping[str, tuple[str, bytes]],
    record: reading.Record,
) -> str:
    created, run = reading.text(record, "finished"), reading.text(record, "run")
    return attach(image, kind, parts, created=created, annotations={RUN: run})


def _attach_data(
    image: PublishedImage, entry: Entry, record: reading.Record, reporter: Reporter
) -> str | None:
    lock = lock_of(entry)
    key = reading.text(reading.mapping(record, "context"), "sha256")
    reporter.message("attaching data and results")
    with code_of(entry, record, lock, key) as (job, prepared):
        source = Source(entry=entry, record=record, lock=lock, job=job, prepared=prepared)
        return attach_data(image, source, reporter)
