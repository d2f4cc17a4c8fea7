"""A repository at a registry, spoken to directly: manifests, blobs and what refers to them.

Follows https://github.com/opencontainers/distribution-spec/blob/main/spec.md. A registry is not
trusted: what it gives has a size limit and the digest that was asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from reprokit import files
from reprokit.engines.credentials import Place, Refused, authorization, is_local
from reprokit.errors import InputUnavailable, NoAnswer
from reprokit.frozen import frozen
from reprokit.printable import redacted
from reprokit.site import load as load_site
from reprokit.web import bounded, chunks, plain_reason

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
_TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two bytes
_PAGES = 20


class Missing(InputUnavailable):
    """A repository answers that it lacks something."""


@frozen
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


@frozen
class Manifest:
    """A manifest as its registry has it, byte for byte."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        return sha256(self.content)

    def descriptor(self) -> Descriptor:
        """As another manifest names it."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=len(self.content))


@frozen
class _Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes
    next: str | None


def sha256(content: bytes) -> str:
    """The digest of bytes, as "sha256:<hex>"."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def json_object(content: bytes, where: str) -> dict[str, Any]:
    """What a registry sent as JSON. Raises InputUnavailable for anything but an object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputUnavailable("the registry sent something that is not JSON", where=where)
    return found


def descriptor(value: object, where: str) -> Descriptor:
    """A descriptor from its JSON. Raises InputUnavailable where it is none."""
    row = value if isinstance(value, dict) else {}
    kind, digest, size = row.get("mediaType"), row.get("digest"), row.get("size")
    known = isinstance(digest, str) and DIGEST.fullmatch(digest)
    if not known or not isinstance(kind, str) or type(size) is not int or size < 0:
        raise InputUnavailable("names something without its type, digest or size", where=where)
    artifact, notes = row.get("artifactType"), row.get("annotations")
    notes = notes if isinstance(notes, dict) else {}
    return Descriptor(
        media_type=kind,
        digest=str(digest),
        size=size,
        artifact_type=artifact if isinstance(artifact, str) else None,
        annotations={str(name): str(text) for name, text in notes.items()},
    )


class Repository:
    """One repository. Methods raise NoAnswer where the registry does not answer, Refused where
    it wants other credentials, InputUnavailable for an answer that cannot be used."""

    def __init__(self, place: Place, *, timeout: float | None = None) -> None:
        self.place = place
        self._timeout = _TIMEOUT if timeout is None else (timeout, timeout)
        self._authorization = ""

    @cached_property
    def _session(self) -> requests.Session:
        from reprokit.http_session import SiteSession

        site = load_site()
        # As engines do, nobody asks a proxy for what is on this machine.
        return SiteSession(replace(site, proxies=()) if is_local(self.place.host) else site)

    @property
    def _base(self) -> str:
        scheme = "http" if self.place.plain else "https"
        return f"{scheme}://{self.place.host}/v2/{quote(self.place.repository)}"

    def digest(self, version: str) -> str | None:
        """The digest behind a tag, `None` where there is none."""
        url = f"{self._base}/manifests/{quote(version, safe=':')}"
        answer = self._ask("HEAD", url, headers={"Accept": _ACCEPT}, missing=True)
        if answer is None:
            return None
        found = answer.headers.get("Docker-Content-Digest", "")
        if DIGEST.fullmatch(found) is None:
            raise InputUnavailable("the registry answers without a digest", where=url)
        return found

    def manifest(self, version: str) -> Manifest | None:
        """The manifest of a tag or digest, `None` where there is none."""
        url = f"{self._base}/manifests/{quote(version, safe=':')}"
        answer = self._ask("GET", url, headers={"Accept": _ACCEPT}, missing=True)
        if answer is None:
            return None
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        found = Manifest(media_type=kind, content=answer.content)
        if DIGEST.fullmatch(version) and found.digest != version:
            raise _other(version, found.digest, url)
        return found

    def blob(self, wanted: Descriptor, limit: int) -> bytes:
        """A blob. Raises InputUnavailable where it is larger than `limit` bytes, or another."""
        url = f"{self._base}/blobs/{wanted.digest}"
        if wanted.size > limit:
            raise InputUnavailable(f"has {wanted.size} bytes; at most {limit} are taken", where=url)
        answer = self._ask("GET", url, limit=wanted.size)
        assert answer is not None
        if sha256(answer.content) != wanted.digest:
            raise _other(wanted.digest, sha256(answer.content), url)
        return answer.content

    def download(self, wanted: Descriptor, target: Path) -> None:
        """A blob of any size as a file, all or nothing. Raises Missing where the repository lacks
        it, InputUnavailable where it gives another."""
        with files.replacing(target) as file:
            self._read(wanted, file.write)

    def check(self, wanted: Descriptor) -> None:
        """Read a blob of any size and keep nothing. Raises as `download` does."""
        self._read(wanted, lambda chunk: None)

    def _read(self, wanted: Descriptor, keep: Callable[[bytes], object]) -> None:
        url, digest = f"{self._base}/blobs/{wanted.digest}", hashlib.sha256()

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            keep(chunk)

        if self._ask("GET", url, limit=wanted.size, keep=take, missing=True) is None:
            raise Missing("the registry does not have it", where=url)
        if f"sha256:{digest.hexdigest()}" != wanted.digest:
            raise _other(wanted.digest, f"sha256:{digest.hexdigest()}", url)

    def put_blob(self, content: bytes, media_type: str) -> Descriptor:
        """Upload a blob unless the repository has it."""
        made = Descriptor(media_type=media_type, digest=sha256(content), size=len(content))
        self.put(made, content)
        return made

    def put(self, made: Descriptor, content: bytes | Path) -> None:
        """Upload bytes or a file as that blob, unless the repository has it. The registry refuses
        what has another digest."""
        url = f"{self._base}/blobs/{made.digest}"
        if self._ask("HEAD", url, missing=True) is None:
            started = self._ask("POST", f"{self._base}/blobs/uploads/", data=b"")
            assert started is not None
            place = urljoin(f"{self._base}/", started.headers.get("Location", ""))
            joint = "&" if urlsplit(place).query else "?"
            kind = {"Content-Type": "application/octet-stream"}
            place = f"{place}{joint}digest={quote(made.digest, safe='')}"
            self._ask("PUT", place, headers=kind, data=content)

    def put_manifest(self, version: str, manifest: Manifest) -> bool:
        """Upload a manifest. Whether the registry lists it itself as what refers to its subject."""
        url = f"{self._base}/manifests/{quote(version, safe=':')}"
        kind = {"Content-Type": manifest.media_type}
        answer = self._ask("PUT", url, headers=kind, data=manifest.content)
        assert answer is not None
        return "OCI-Subject" in answer.headers

    def referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """What refers to a manifest, by the registry's own list and by the index with the agreed
        tag: what was attached before a registry kept a list is only there, and some registries
        have lists without the artifact types."""
        url: str | None = f"{self._base}/referrers/{digest}"
        found: list[Descriptor] = []
        for page in range(_PAGES):
            if url is None:
                break
            answer = self._ask("GET", url, headers={"Accept": OCI_INDEX}, missing=True)
            kind = "" if answer is None else answer.headers.get("Content-Type", "")
            if answer is None or (page == 0 and not kind.startswith(OCI_INDEX)):
                break
            found += _listed(answer.content, url)
            url = self._own(answer.next)
        return tuple({d.digest: d for d in (*found, *self.tagged_referrers(digest))}.values())

    def tagged_referrers(self, digest: str) -> tuple[Descriptor, ...]:
        """What the index with the agreed tag names."""
        index = self.manifest(referrers_tag(digest))
        if index is None or index.media_type != OCI_INDEX:
            return ()
        return tuple(_listed(index.content, referrers_tag(digest)))

    def _own(self, url: str | None) -> str | None:
        """The next page, which must be in this repository as well."""
        place = None if url is None else urljoin(f"{self._base}/", url)
        return place if place is not None and place.startswith(f"{self._base}/") else None

    def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | Path | None = None,
        limit: int = MANIFEST_LIMIT,
        missing: bool = False,
        keep: Callable[[bytes], object] | None = None,
    ) -> _Answer | None:
        """One request, again with credentials where the registry wants them. `None` for a 404, if
        that is an answer (`missing`). `keep` takes the content of a success piece by piece."""
        place = self.place
        answer = self._send(method, url, headers, data, limit, keep)
        if answer.status == 401:
            challenge = answer.headers.get("WWW-Authenticate", "")
            self._authorization = authorization(challenge, place, self._session, self._timeout)
            answer = self._send(method, url, headers, data, limit, keep)
        if answer.status == 404 and missing:
            return None
        if answer.status in (401, 403):
            known = "the login in use is not enough; " if self._authorization else ""
            raise Refused(
                f"{place.host} does not allow {method} in {place.repository}: {_reason(answer)}",
                next=f"{known}log in with `docker login {place.host}`",
            )
        if answer.status in (429, 500, 502, 503, 504):
            raise NoAnswer(f"{place.host} answers {answer.status}: {_reason(answer)}")
        if answer.status >= 300:
            raise InputUnavailable(f"{answer.status}: {_reason(answer)}", where=url)
        return answer

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        data: bytes | Path | None,
        limit: int,
        keep: Callable[[bytes], object] | None,
    ) -> _Answer:
        import requests

        own = urlsplit(url)[:2] == urlsplit(self._base)[:2]

        def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
            if own and self._authorization:
                request.headers["Authorization"] = self._authorization
            return request

        with ExitStack() as stack:
            body = stack.enter_context(data.open("rb")) if isinstance(data, Path) else data
            try:
                answer = self._session.request(
                    method,
                    url,
                    # Compressed answers could be larger than they say.
                    headers={"Accept-Encoding": "identity", **(headers or {})},
                    data=body,
                    auth=authorize,
                    timeout=self._timeout,
                    stream=True,
                    allow_redirects=True,
                )
                stack.enter_context(answer)
                content = b""
                if keep is not None and answer.status_code == 200:
                    for chunk in chunks(answer, limit, url):
                        keep(chunk)
                elif method != "HEAD":
                    content = bounded(answer, limit if answer.ok else MANIFEST_LIMIT, url)
            except requests.RequestException as error:
                raise NoAnswer(
                    f"{self.place.host} does not answer: {plain_reason(error)}"
                ) from error
            return _Answer(
                status=answer.status_code,
                headers=answer.headers,
                content=content,
                next=answer.links.get("next", {}).get("url"),
            )


def referrers_tag(digest: str) -> str:
    """The tag under which an index says what refers to a manifest, where a registry keeps no such
    list itself."""
    return digest.replace(":", "-")


def _listed(content: bytes, where: str) -> list[Descriptor]:
    rows = json_object(content, where).get("manifests")
    return [descriptor(row, where) for row in rows] if isinstance(rows, list) else []


def _other(wanted: str, found: str, where: str) -> InputUnavailable:
    return InputUnavailable(f"the registry gives {found} instead of {wanted}", where=where)


def _reason(answer: _Answer) -> str:
    """What a registry says about its refusal, in a line."""
    try:
        said = json_object(answer.content, "")["errors"][0]
        text = f"{said.get('code', '')} {said.get('message', '')}".strip()
    except (InputUnavailable, KeyError, IndexError, TypeError, AttributeError):
        text = ""
    return redacted(" ".join(text.split()))[:300] or "no reason given"
