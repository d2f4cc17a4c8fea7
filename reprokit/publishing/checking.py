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
    the public key by which they are signed, `None` where none was given."""

    image: PublishedImage
    records: tuple[AttachedRecord, ...]
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
        lines.append(
            f"signed by    {self.key or '(not looked at: give the public key with --key)'}"
        )
        return "\n".join(wording.printable(line) for line in lines)


def check(reference: str, key: Path | None, reporter: Reporter) -> ImageCheck:
    """Look at an image and its records in its registry.

    key: a public key (PEM), of which only what it signed counts. Raises ResultsDiffer where it
    signed no record of this image, InputUnavailable where the image cannot be had, BadRequest.
    """
    image = published_image.resolve(reference)
    records = published_image.records(image, reporter.warning)
    if key is None:
        return ImageCheck(image=image, records=records, key=None)
    signatures = signing.verify_signature(image, key)
    records = signing.signed_only(records, signatures)
    if not records:
        raise ResultsDiffer(
            "the key signed another record than those that are attached", where=image.reference
        )
    return ImageCheck(image=image, records=records, key=signatures[0].key)


def _described(record: reading.Record) -> str:
    count = wording.counted(len(reading.rows(record, "results")), "result")
    return f"{reading.text(record, 'run')} {reading.text(record, 'status')}, {count}"
