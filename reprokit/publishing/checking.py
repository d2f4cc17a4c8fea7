"""`verify NAME@sha256:…`: what a registry says of a published image, without pulling it."""

from __future__ import annotations

from pathlib import Path

from reprokit.errors import ResultsDiffer
from reprokit.frozen import frozen
from reprokit.history import reading, wording
from reprokit.model import JSON
from reprokit.progress import Reporter
from reprokit.publishing import published_image, signing
from reprokit.publishing.published_image import AttachedRecord, PublishedImage


@frozen
class ImageCheck:
    """An image in a registry with the records attached to it, the latest last. `key` is the id of
    the public key by which they are signed, `None` where none was given. `read` are the number
    and the bytes of the attached files, each of which is as its digest says."""

    image: PublishedImage
    records: tuple[AttachedRecord, ...]
    read: tuple[int, int]
    key: str | None

    def json(self) -> JSON:
        return {
            "schema": 1,
            "reference": self.image.reference,
            "environment_digest": self.image.config_digest,
            "platform": self.image.platform,
            "signed_by": self.key,
            "records": [dict(attached.record) for attached in self.records],
        }

    def text(self) -> str:
        lines = [
            f"image        {self.image.reference}",
            f"environment  {self.image.config_digest}, as its manifest says",
            f"platform     {self.image.platform}",
            *(f"run          {_described(attached.record)}" for attached in self.records),
        ]
        if not self.records:
            lines.append("run          no record is attached")
        number, size = self.read
        if number:
            count = wording.counted(number, "file")
            lines.append(f"attached     {count}, {wording.size(size)}, each as its digest says")
        lines.append(
            f"signed by    {self.key or '(not looked at: give the public key with --key)'}"
        )
        return "\n".join(wording.printable(line) for line in lines)


def check(reference: str, key: Path | None, reporter: Reporter) -> ImageCheck:
    """Look at an image and its records in its registry.

    Everything that is attached is read, data and results too, and nothing of it kept.

    key: a public key (PEM), of which only what it signed counts. Raises ResultsDiffer where it
    signed no record of this image, InputUnavailable where the image cannot be had or something
    attached is not as its digest says, BadRequest.
    """
    image = published_image.resolve(reference)
    records = published_image.records(image, reporter.warning)
    signed_by = None
    if key is not None:
        signatures = signing.verify_signature(image, key)
        records, signed_by = signing.signed_only(records, signatures), signatures[0].key
        if not records:
            raise ResultsDiffer(
                "the key signed another record than those that are attached", where=image.reference
            )
    return ImageCheck(
        image=image, records=records, key=signed_by, read=_read(image, records, reporter)
    )


def _read(
    image: PublishedImage, records: tuple[AttachedRecord, ...], reporter: Reporter
) -> tuple[int, int]:
    """Read what is attached with these records, and all data and results: (files, bytes)."""
    groups = [record.files for record in records]
    groups += published_image.data_files(image, reporter.warning)
    blobs = {blob.digest: blob for group in groups for blob in group.values()}
    total, done = sum(blob.size for blob in blobs.values()), 0
    for blob in blobs.values():
        image.repository.check(blob)
        done += blob.size
        reporter.advance(done, total)
    return len(blobs), total


def _described(record: reading.Record) -> str:
    count = wording.counted(len(reading.rows(record, "results")), "result")
    return f"{reading.text(record, 'run')} {reading.text(record, 'status')}, {count}"
