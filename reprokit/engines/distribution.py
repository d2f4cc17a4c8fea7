"""A repository at a registry, spoken to directly: manifests, blobs and what refers to them.

Follows https://github.com/opencontainers/distribution-spec/blob/main/spec.md. A registry is not
trusted: what it gives has a size limit and the digest that was asked for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from reprokit.engines.credentials import Credentials, credentials
from reprokit.errors import BadRequest, InputUnavailable, NoAnswer, ReprokitError
from reprokit.process import redacted
from reprokit.site import load as load_site

if TYPE_CHECKING:
    import requests

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_LIMIT = 4 * 1024 * 1024
"""Bytes; no registry has to take a larger manifest."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_ACCEPT = ", ".join((OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST))
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two bytes
_PAGES = 20
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A repository at a registry. `plain` means HTTP."""

    host: str
    repository: str
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a manifest says of something else in its repository."""

    media_type: str
    digest: str
    size: int
    artifact_type: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest}
        found["size"] = self.size
        if self.artifact_type is not None:
            found["artifactType"] = self.artifact_type
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest as its registry has it, byte for byte."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return sha256(self.content)

    @cached_property
    def _document(self) -> dict[str, Any]:
        return json_object(self.content, self.digest)

    def document(self) -> dict[str, Any]:
        """Its content. Raises InputUnavailable where it is none."""
        return json_object(self.content, self.digest)

    def descriptor(self) -> Descriptor:
        """As the subject of another."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=len(self.content))


def sha256(content: bytes) -> str:
    """The digest of bytes, as "sha256:<hex>"."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
