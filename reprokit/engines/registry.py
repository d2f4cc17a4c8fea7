"""The names of images, where their registries are, and the digest behind a name where the engine
cannot ask for it (Podman)."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reprokit.engines.credentials import Place, Refused, credentials, is_local
from reprokit.engines.distribution import Repository
from reprokit.errors import InputUnavailable, NoAnswer

HUB = "docker.io"
_HUB_HOST = "registry-1.docker.io"
_MISSING = re.compile(
    r"manifest unknown|not found: manifest|no such manifest|name unknown|repository.*not found|"
    r"manifest for .* not found|denied: requested access|pull access denied|"
    r"unauthorized: authentication required|errors:\s*denied",
    re.IGNORECASE,
)


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
            found = Repository(place, timeout=timeout).digest(version)
        except Refused:
            found = None  # a registry does not tell strangers what exists
        except InputUnavailable as error:
            reasons.append(error.what)
            continue
        if found is not None:
            return found
        reasons.append("")
    if "" in reasons:
        return None
    raise NoAnswer(f"no registry answers for {reference}: {'; '.join(reasons)}")


def repositories(name: str) -> Iterator[Repository]:
    """Where a repository can be read: at the mirrors of its registry, then there itself."""
    for place in places(full_name(name), _configuration()):
        yield Repository(place)


def own_place(name: str) -> Place:
    """Where a repository itself is, past every mirror: to write, and to read what was written."""
    *_, place = places(full_name(name), _configuration())
    return replace(place, plain=place.plain or place.host in _docker_insecure())


def login(name: str) -> dict[str, str]:
    """What an engine shows at the registry of a repository ("ghcr.io/me/wheat"), as its API takes
    it; empty where the user is not known there. Raises BadRequest as `credentials` does."""
    place = own_place(name)
    known = credentials(place.host, place.repository)
    return {} if known is None else known.for_engine()


def _docker_insecure() -> list[str]:
    """Registries that Docker's own configuration lets speak HTTP."""
    found: list[str] = []
    for path in (Path("/etc/docker/daemon.json"), Path.home() / ".docker/daemon.json"):
        try:
            listed = json.loads(path.read_text(encoding="utf-8")).get("insecure-registries")
        except (OSError, ValueError, AttributeError):
            continue
        found += [str(host) for host in listed] if isinstance(listed, list) else []
    return found


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
    return Place(
        host=_HUB_HOST if host == HUB else host,
        repository=repository,
        plain=plain or is_local(host),
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
