"""Attaching files to an image in a registry: an artifact manifest whose subject is the image.

See https://github.com/opencontainers/image-spec/blob/main/manifest.md and, for registries that
keep no list of referrers, the referrers tag schema of the distribution specification.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from reprokit import files
from reprokit.engines.distribution import (
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    Repository,
    referrers_tag,
)
from reprokit.errors import NoAnswer
from reprokit.publishing.published_image import TITLE, PublishedImage

_EMPTY = "application/vnd.oci.empty.v1+json"
_CREATED = "org.opencontainers.image.created"
_ATTEMPTS = 5


def attach(
    image: PublishedImage,
    kind: str,
    parts: Mapping[str, tuple[str, bytes]],
    *,
    created: str,
    annotations: Mapping[str, str],
    layers: Sequence[Descriptor] = (),
) -> str:
    """Attach files to an image and return the digest of the manifest that does it. The same files
    give the same manifest, which is attached once.

    kind: the artifact type. parts: media type and content by file name. created: ISO 8601.
    layers: what else belongs to it and is in the repository already.
    """
    repository = image.repository
    uploaded = [
        {**repository.put_blob(content, media_type).json(), "annotations": {TITLE: name}}
        for name, (media_type, content) in parts.items()
    ]
    notes = {**annotations, _CREATED: created}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": kind,
        "config": repository.put_blob(b"{}", _EMPTY).json(),
        "layers": [*uploaded, *(layer.json() for layer in layers)],
        "subject": image.manifest.descriptor().json(),
        "annotations": notes,
    }
    made = Manifest(media_type=OCI_MANIFEST, content=files.canonical_json(document).encode())
    if not repository.put_manifest(made.digest, made):
        row = Descriptor(
            media_type=OCI_MANIFEST,
            digest=made.digest,
            size=len(made.content),
            artifact_type=kind,
            annotations=notes,
        )
        _list(repository, image.digest, row)
    return made.digest


def _list(repository: Repository, subject: str, row: Descriptor) -> None:
    """Add a row to the index with the agreed tag. Somebody may write it at the same time, and no
    registry locks it: look whether it is there, else do it again."""
    for attempt in range(_ATTEMPTS):
        rows = repository.tagged_referrers(subject)
        if any(known.digest == row.digest for known in rows):
            return
        index = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [known.json() for known in (*rows, row)],
        }
        content = files.canonical_json(index).encode()
        repository.put_manifest(
            referrers_tag(subject), Manifest(media_type=OCI_INDEX, content=content)
        )
        time.sleep(0.1 * attempt)
    if all(known.digest != row.digest for known in repository.tagged_referrers(subject)):
        raise NoAnswer(
            "the registry does not keep the list of what is attached",
            where=f"{repository.place.host}/{repository.place.repository}:{referrers_tag(subject)}",
            next="push again; somebody else may be writing to it",
        )
