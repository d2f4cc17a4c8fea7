"""Asking a registry for the digest behind a name, where the engine cannot do it (Podman).

Follows https://distribution.github.io/distribution/spec/api/ with anonymous or Basic
credentials from the docker command's configuration.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from reprokit.errors import NoAnswer

HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_MISSING = re.compile(
    r"manifest unknown|not found: manifest|no such manifest|name unknown|repository.*not found|"
    r"manifest for .* not found|denied: requested access|pull access denied|"
    r"unauthorized: authentication required|errors:\s*denied",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A repository at a registry. `plain` means HTTP."""

    host: str
    repository: str
    plain: bool


def is_missing(text: str) -> bool:
    """Whether an engine's message means "the registry has no such image" (the Hub says "denied"
    for it) rather than "the registry does not answer"."""
    return _MISSING.search(text) is not None


def split_reference(reference: str) -> tuple[str, str, str]:
    """An image's name as (repository, ":", tag) or (repository, "@", digest); the tag of a bare
    name is "latest", as engines have it."""
    name, at, digest = reference.partition("@")
    if at:
        return name, "@", digest
    head, slash, tail = reference.rpartition("/")
    base, _, tag = tail.partition(":")
    return head + slash + base, ":", tag or "latest"


def full_name(repository: str) -> str:
    """A repository with its registry: "python" is "docker.io/library/python"."""
    first, slash, _ = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return repository
    return f"{HUB}/{repository}" if slash else f"{HUB}/library/{repository}"


def digest(reference: str, timeout: float) -> str | None:
    """The digest of a name at its registry or the first mirror that answers; `None` where the
    registry has no such image. Raises InputUnavailable where none answers in `timeout` seconds."""
    repository, _, version = split_reference(reference)
    reasons = []
    for place in places(full_name(repository), _configuration()):
        try:
            found = _ask(place, version, timeout)
        except (OSError, ValueError) as error:
            reasons.append(f"{place.host}: {getattr(error, 'reason', error)}")
            continue
        if found is not None:
            return found
        reasons.append("")
    if "" in reasons:
        return None
    raise NoAnswer(f"no registry answers for {reference}: {'; '.join(reasons)}")


def places(name: str, configuration: dict[str, object]) -> Iterator[Place]:
    """Where to ask for a full name: the mirrors of a registries.conf, then the registry itself.
    See containers-registries.conf(5)."""
    entries = configuration.get("registry")
    for entry in entries if isinstance(entries, list) else ():
        prefix = entry.get("prefix") or entry.get("location") or ""
        if name != prefix and not name.startswith(f"{prefix}/"):
            continue
        rest = name[len(prefix) :]
        for mirror in entry.get("mirror") or ():
            yield _place(mirror["location"] + rest, plain=bool(mirror.get("insecure")))
        yield _place((entry.get("location") or prefix) + rest, plain=bool(entry.get("insecure")))
        return
    yield _place(name, plain=False)


def _place(name: str, *, plain: bool) -> Place:
    host, _, repository = name.partition("/")
    bare = host.partition(":")[0]
    return Place(
        host=_HUB_HOST if host == HUB else host,
        repository=repository,
        plain=plain or bare in ("localhost", "127.0.0.1"),
    )


def _configuration() -> dict[str, object]:
    named = os.environ.get("CONTAINERS_REGISTRIES_CONF")
    choices = [Path(named)] if named else []
    choices.append(Path.home() / ".config/containers/registries.conf")
    choices.append(Path("/etc/containers/registries.conf"))
    for path in choices:
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError):
            continue
    return {}


def _ask(place: Place, version: str, timeout: float) -> str | None:
    scheme = "http" if place.plain else "https"
    url = f"{scheme}://{place.host}/v2/{quote(place.repository)}/manifests/{quote(version)}"
    headers = {"Accept": _ACCEPT}
    credentials = _credentials(place.host)
    try:
        return _head(url, headers, timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            return None
        challenge = error.headers.get("WWW-Authenticate", "")
        if error.code != 401 or not challenge:
            raise
    if challenge.lower().startswith("bearer"):
        headers["Authorization"] = f"Bearer {_token(challenge, credentials, timeout)}"
    elif credentials is not None:
        headers["Authorization"] = f"Basic {credentials}"
    try:
        return _head(url, headers, timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (401, 403, 404):
            return None  # a registry does not tell strangers what exists
        raise


def _head(url: str, headers: dict[str, str], timeout: float) -> str:
    request = urllib.request.Request(url, headers=headers, method="HEAD")
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        found = str(answer.headers.get("Docker-Content-Digest") or "")
    if _DIGEST.fullmatch(found) is None:
        raise ValueError("answered without a digest")
    return found


def _token(challenge: str, credentials: str | None, timeout: float) -> str:
    parameters = dict(_PARAMETER.findall(challenge))
    realm = parameters.pop("realm", "")
    if urlsplit(realm).scheme not in ("http", "https"):
        raise ValueError("asks for credentials in an unknown way")
    request = urllib.request.Request(f"{realm}?{urlencode(parameters)}")
    if credentials is not None:
        request.add_header("Authorization", f"Basic {credentials}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            document = json.load(answer)
    except urllib.error.HTTPError as error:
        error.close()
        raise ValueError(f"gives no token ({error.code})") from error
    return str(document.get("token") or document.get("access_token") or "")


def _credentials(host: str) -> str | None:
    folder = os.environ.get("DOCKER_CONFIG")
    path = (Path(folder) if folder else Path.home() / ".docker") / "config.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))["auths"]
        key = "https://index.docker.io/v1/" if host == _HUB_HOST else host
        found = known[key]["auth"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
