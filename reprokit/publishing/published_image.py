"""An image in a registry, found by its digest, and the records of runs that are attached to it.

All of it may come from a stranger: what is read has a size limit and the digest that was asked
for, a record must be whole and name this very image, and nothing is run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field

from reprokit import files, lock_file
from reprokit.engines import registry
from reprokit.engines.distribution import (
    DIGEST,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MANIFEST_LIMIT,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    Repository,
    descriptor,
    json_object,
)
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.frozen import frozen
from reprokit.history import reading
from reprokit.history.run_folder import checked_record
from reprokit.model import Image

RECORD_TYPE = "application/vnd.reprokit.run.v1+json"
"""The artifact type of a run's record in a registry."""
DATA_TYPE = "application/vnd.reprokit.data.v1+json"
"""The artifact type of the data that a run read and the results that it wrote."""
RUN = "org.reprokit.run"
"""The annotation that says of which run something is."""
RECORD = "record.json"
LOCK = lock_file.NAME
BILL = "sbom.cdx.json"
TITLE = "org.opencontainers.image.title"
"""The annotation that names a file, as other tools write and read it."""

FILE_LIMIT = 64 * 1024 * 1024
"""Bytes of one attached file that are taken from a registry."""
_MOST_RECORDS = 100
_IMAGE_TYPES = (OCI_MANIFEST, DOCKER_MANIFEST)
_PLATFORM = re.compile(r"[a-z0-9]{1,32}")
# Repository and tag as https://github.com/distribution/reference has them.
_NAME = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
    r"(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@frozen
class PublishedImage:
    """An image that a registry has. Nothing was pulled: `config_digest`, which is the environment
    digest of an image that reprokit published, comes from its manifest and was checked.

    name: the repository with its registry ("ghcr.io/me/wheat"). platform: "linux/amd64".
    """

    name: str
    repository: Repository = field(repr=False)
    manifest: Manifest = field(repr=False)
    config_digest: str
    platform: str

    @property
    def digest(self) -> str:
        """The registry digest."""
        return self.manifest.digest

    @property
    def reference(self) -> str:
        """What `docker pull` takes."""
        return f"{self.name}@{self.digest}"


@frozen
class AttachedRecord:
    """The record of a run of an image, as attached to it. `digest` is that of the record's file,
    `files` everything attached with it, by name; `lock` the text of the run's lock."""

    record: reading.Record
    lock: str
    digest: str
    files: Mapping[str, Descriptor]
    image: PublishedImage = field(repr=False)

    def content(self, name: str) -> bytes:
        """One of the files. Raises InputUnavailable where it is not there, or too large."""
        if name not in self.files:
            raise InputUnavailable(f"no {name} is attached", where=self.image.reference)
        return self.image.repository.blob(self.files[name], FILE_LIMIT)


def split(reference: str) -> tuple[str, str, str]:
    """(repository with its registry, ":" or "@", tag or digest) of a reference that is well
    formed; with a digest, a tag does not count. Raises BadRequest."""
    name, separator, version = registry.split_reference(reference)
    if separator == "@":
        name = registry.split_reference(name)[0]
    form = DIGEST if separator == "@" else _TAG
    if not _NAME.fullmatch(name) or len(name) > 255 or not form.fullmatch(version):
        raise BadRequest(
            "is not the name of an image",
            where=reference,
            next="write it as registry.example/name:tag or registry.example/name@sha256:…",
        )
    return registry.full_name(name), separator, version


def resolve(reference: str) -> PublishedImage:
    """The image behind `NAME@sha256:…`. Raises BadRequest for another form, InputUnavailable
    where it cannot be had, NoAnswer."""
    name, separator, digest = split(reference)
    repository = Repository(registry.own_place(name))
    if separator != "@":
        raise BadRequest(
            "a tag may mean another image tomorrow",
            where=reference,
            next=f"name the image by its digest: {_by_digest(name, repository, digest)}",
        )
    manifest = repository.manifest(digest)
    if manifest is None:
        raise InputUnavailable("the registry has no such image", where=reference)
    return described(name, repository, manifest)


def _by_digest(name: str, repository: Repository, tag: str) -> str:
    """What a tag means now, where the registry says it."""
    with suppress(InputUnavailable):
        digest = repository.digest(tag)
        if digest is not None:
            return f"it is {name}@{digest} now"
    return "NAME@sha256:…"


def is_tagged(text: str) -> bool:
    """Whether a text reads as an image with its registry and a tag ("ghcr.io/me/wheat:1"), which
    images of this machine alone ("localhost/…") are not."""
    name, separator, _ = registry.split_reference(text)
    tagged = separator == ":" and name != text and registry.full_name(name) == name
    return tagged and not name.startswith("localhost/") and _NAME.fullmatch(name) is not None


def described(name: str, repository: Repository, manifest: Manifest) -> PublishedImage:
    """The image of a manifest. Raises InputUnavailable for a manifest of something else."""
    where = f"{name}@{manifest.digest}"
    document = json_object(manifest.content, where)
    kind = document.get("mediaType", manifest.media_type)
    if manifest.media_type in (OCI_INDEX, DOCKER_LIST):
        raise InputUnavailable(
            "is an index of several images", where=where, next="give the digest of one of them"
        )
    if manifest.media_type not in _IMAGE_TYPES or kind != manifest.media_type:
        raise InputUnavailable(f"is no image but {kind!r}", where=where)
    config = descriptor(document.get("config"), where)
    content = json_object(repository.blob(config, MANIFEST_LIMIT), where)
    system, architecture = str(content.get("os")), str(content.get("architecture"))
    if not _PLATFORM.fullmatch(system) or not _PLATFORM.fullmatch(architecture):
        raise InputUnavailable("is no image: its config names no platform", where=where)
    return PublishedImage(
        name=name,
        repository=repository,
        manifest=manifest,
        config_digest=config.digest,
        platform=f"{system}/{architecture}",
    )


def pull(image: PublishedImage, engine: Engine, on_line: Callable[[str], None]) -> Image:
    """Bring exactly this image into the engine. Raises InputUnavailable where that fails or gives
    another one."""
    found = engine.image(image.config_digest)
    if found is not None and found.config_digest == image.config_digest:
        return found
    found = engine.pull(image.reference, image.platform, on_line)
    if found.config_digest != image.config_digest:
        raise InputUnavailable(
            f"{engine.name} pulled {found.config_digest} instead of {image.config_digest}",
            where=image.reference,
        )
    return found


def records(image: PublishedImage, warn: Callable[[str], None]) -> tuple[AttachedRecord, ...]:
    """Every record that is attached to an image, the latest run last.

    Whoever may write to the repository can attach one; `reprokit.publishing.signing` says which
    are signed. What is attached as a record but is none goes to `warn`; where no record is left,
    the first such error is raised instead.
    """
    listed = [d for d in image.repository.referrers(image.digest) if d.artifact_type == RECORD_TYPE]
    found: list[AttachedRecord] = []
    failed: list[BadRequest | InputUnavailable] = []
    for row in listed[:_MOST_RECORDS]:
        try:
            found.append(_record(image, row))
        except (BadRequest, InputUnavailable) as error:
            failed.append(error)
    if len(listed) > _MOST_RECORDS:
        warn(f"only {_MOST_RECORDS} of {len(listed)} attached records were looked at")
    if failed and not found:
        raise failed[0]
    for each in failed:
        warn(str(each))
    # The same record comes again with another description where its project's authors changed.
    once = {record.digest: record for record in found}.values()
    return tuple(sorted(once, key=lambda record: reading.text(record.record, "finished")))


def attached(image: PublishedImage, row: Descriptor, kind: str) -> dict[str, Descriptor]:
    """The files, by name, of something that refers to an image. Raises InputUnavailable where it
    is not what the list says."""
    where = f"{image.name}@{row.digest}"
    manifest = image.repository.manifest(row.digest)
    if manifest is None:
        raise InputUnavailable("is listed as attached but not there", where=where)
    document = json_object(manifest.content, where)
    subject = descriptor(document.get("subject"), where)
    if document.get("artifactType") != kind or subject.digest != image.digest:
        raise InputUnavailable("is attached to something else than it says", where=where)
    layers = document.get("layers")
    parts = [descriptor(layer, where) for layer in (layers if isinstance(layers, list) else ())]
    return {part.annotations.get(TITLE, ""): part for part in parts}


def data_files(
    image: PublishedImage, warn: Callable[[str], None]
) -> tuple[Mapping[str, Descriptor], ...]:
    """The data and results that are attached to an image, by name; those of each run. What is
    listed as such but is none goes to `warn`."""
    listed = [d for d in image.repository.referrers(image.digest) if d.artifact_type == DATA_TYPE]
    found = []
    for row in listed[:_MOST_RECORDS]:
        try:
            found.append(attached(image, row, DATA_TYPE))
        except InputUnavailable as error:
            warn(str(error))
    return tuple(found)


def _record(image: PublishedImage, row: Descriptor) -> AttachedRecord:
    where = f"{image.name}@{row.digest}"
    parts = attached(image, row, RECORD_TYPE)
    for name in (RECORD, LOCK):
        if name not in parts:
            raise InputUnavailable(f"holds no {name}", where=where)
    content = image.repository.blob(parts[RECORD], FILE_LIMIT)
    lost = "it cannot be believed; ask those who published it"
    record = checked_record(json_object(content, where), where=where, lost=lost)
    if environment(record) != image.config_digest:
        raise InputUnavailable("is the record of a run of another image", where=where)
    text = image.repository.blob(parts[LOCK], FILE_LIMIT).decode("utf-8", "replace")
    if files.sha256_text(text) != reading.text(reading.mapping(record, "lock"), "sha256"):
        raise InputUnavailable("holds another lock than that of the run", where=where)
    return AttachedRecord(
        record=record, lock=text, digest=parts[RECORD].digest, files=parts, image=image
    )


def environment(record: reading.Record) -> str:
    """The digest of the image that a run ran in."""
    return reading.text(reading.mapping(record, "image"), "config_digest")
