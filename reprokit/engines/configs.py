"""Which config an image has, where the engine's own id does not say it.

On Docker's containerd store an image's id is the digest of its manifest or index, not of its
config. The way from one to the other stands only in the exported image; once found it is
remembered, since content never changes under its digest.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from reprokit import files
from reprokit.streams import as_file

_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_DOCUMENT = 8 * 1024 * 1024


def remembered(memory: Path, identifier: str) -> str | None:
    """The config digest noted for an image's id in folder `memory`."""
    try:
        text = (memory / identifier.removeprefix("sha256:")).read_text()
    except OSError:
        return None
    return text if _DIGEST.fullmatch(text) else None


def remember(memory: Path, identifier: str, config: str) -> None:
    """Note the config digest of an image's id in folder `memory`."""
    files.write_text(memory / identifier.removeprefix("sha256:"), config)


def config_digest(archive: Iterable[bytes], identifier: str, platform: str) -> str | None:
    """Read an exported image until it says which config the manifest or index `identifier` has
    for `platform` ("linux/amd64"); `None` where it never does."""
    documents: dict[str, Mapping[str, Any]] = {}
    with tarfile.open(fileobj=as_file(archive), mode="r|") as tar:
        for member in tar:
            match = _BLOB.fullmatch(member.name)
            if match is None or not member.isfile() or member.size > _LARGEST_DOCUMENT:
                continue
            content = tar.extractfile(member)
            document = _json(content.read()) if content is not None else None
            if document is not None:
                documents[f"sha256:{match.group(1)}"] = document
                if (found := _follow(documents, identifier, platform)) is not None:
                    return found
    return None


def _json(content: bytes) -> Mapping[str, Any] | None:
    if not content.startswith(b"{"):
        return None
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _follow(
    documents: Mapping[str, Mapping[str, Any]], identifier: str, platform: str
) -> str | None:
    document = documents.get(identifier)
    if document is None:
        return None
    config = document.get("config")
    if isinstance(config, dict) and isinstance(config.get("digest"), str):
        digest: str = config["digest"]
        return digest if _DIGEST.fullmatch(digest) else None
    for entry in document.get("manifests", ()):
        wanted = entry.get("platform", {})
        if f"{wanted.get('os')}/{wanted.get('architecture')}" == platform:
            return _follow(documents, entry["digest"], platform)
    return None
