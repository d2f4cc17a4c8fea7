"""Who the user is at a registry: what `docker login` and `podman login` wrote down.

Nothing of it is printed, logged or recorded. See docker's config.json with its credential helpers,
containers-auth.json(5) and https://distribution.github.io/distribution/spec/auth/.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reprokit.errors import BadRequest, InputUnavailable, NoAnswer
from reprokit.frozen import frozen
from reprokit.web import bounded, plain_reason

if TYPE_CHECKING:
    import requests
    from docker.auth import AuthConfig

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_TOKEN_LIMIT = 1024 * 1024
_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


@frozen
class Place:
    """A repository at a registry. `plain` means HTTP."""

    host: str
    repository: str
    plain: bool


class Refused(InputUnavailable):
    """A registry does not let this user do it, or does not tell them what exists."""


@frozen
class Credentials:
    """A user's name and password at a registry, or the `token` that a helper gives instead."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def for_engine(self) -> dict[str, str]:
        """As an engine's API takes them."""
        if self.token:
            return {"identitytoken": self.token}
        return {"username": self.user, "password": self.password}

    def basic(self) -> str:
        """As an HTTP header."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


def credentials(host: str, repository: str) -> Credentials | None:
    """What the user can show at a registry; `None` where they are not known there.

    Docker's own configuration (DOCKER_CONFIG, credential helpers) comes first, then Podman's.
    Raises BadRequest for a damaged file and a helper that fails.
    """
    from docker.errors import DockerException

    name = "docker.io" if host in _HUB else host
    for path in (None, *_podman_files()):
        try:
            known = _loaded(path)
            found = _exact(known, f"{name}/{repository}") if path else None
            found = found or known.resolve_authconfig(name)
        except (DockerException, ValueError, OSError) as error:
            # Neither the exception nor the file is shown: both may hold a password.
            raise BadRequest(
                f"the credentials for {host} cannot be read ({type(error).__name__})",
                where=str(path or "docker's config.json"),
                next=f"log in again: `docker login {host}`",
            ) from None
        if made := _credentials(found or {}):
            return made
    return None


def is_local(host: str) -> bool:
    """Whether a registry ("127.0.0.1:5000") is on this machine, where engines speak HTTP to it."""
    return host.partition(":")[0] in ("localhost", "127.0.0.1")


def authorization(
    challenge: str, place: Place, session: requests.Session, timeout: tuple[float, float]
) -> str:
    """The Authorization that a registry's challenge asks for; empty where the user has none.

    Raises Refused where no token is given, NoAnswer.
    """
    known = credentials(place.host, place.repository)
    kind = challenge.partition(" ")[0].lower()
    if kind == "bearer":
        return f"Bearer {_token(challenge, place, known, session, timeout)}"
    return known.basic() if kind == "basic" and known is not None else ""


def _token(
    challenge: str,
    place: Place,
    known: Credentials | None,
    session: requests.Session,
    timeout: tuple[float, float],
) -> str:
    import requests

    given = dict(_PARAMETER.findall(challenge))
    realm = given.get("realm", "")
    # A registry that speaks TLS may not make us send a password in the clear.
    if urlsplit(realm).scheme not in (("http", "https") if place.plain else ("https",)):
        raise Refused(f"{place.host} asks for credentials in an unknown way")
    wanted = {name: given[name] for name in ("service", "scope") if name in given}

    def authorize(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if known is not None and not known.token:
            request.headers["Authorization"] = known.basic()
        return request

    form = None
    if known is not None and known.token:
        grant = {"grant_type": "refresh_token", "refresh_token": known.token}
        form = {**wanted, **grant, "client_id": "reprokit"}
    try:
        with session.request(
            "GET" if form is None else "POST",
            realm,
            params=wanted if form is None else None,
            data=form,
            auth=authorize,
            timeout=timeout,
            stream=True,
        ) as answer:
            if answer.status_code != 200:
                raise Refused(
                    f"{place.host} gives no access ({answer.status_code})",
                    next=f"log in with `docker login {place.host}`",
                )
            document = json.loads(bounded(answer, _TOKEN_LIMIT, realm))
            return str(document.get("token") or document.get("access_token") or "")
    except requests.RequestException as error:
        host = urlsplit(realm).hostname
        raise NoAnswer(f"{host} does not answer: {plain_reason(error)}") from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise Refused(f"{place.host} gives a token that is none") from error


def _loaded(path: Path | None) -> AuthConfig:
    from docker import auth

    known: AuthConfig = auth.load_config(config_path=None if path is None else str(path))
    return known


def _podman_files() -> Iterator[Path]:
    places = [os.environ.get("REGISTRY_AUTH_FILE")]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places.append(f"{runtime}/containers/auth.json" if runtime else None)
    if hasattr(os, "getuid"):
        places.append(f"/run/containers/{os.getuid()}/auth.json")
    places.append(str(Path.home() / ".config/containers/auth.json"))
    yield from (Path(place) for place in places if place and Path(place).is_file())


def _exact(known: AuthConfig, name: str) -> Mapping[str, Any] | None:
    """Podman may know the user for a part of a registry only; the longest name wins."""
    auths: Mapping[str, Mapping[str, Any]] = known.auths
    while name:
        if name in auths:
            return auths[name]
        name = name.rpartition("/")[0]
    return None


def _credentials(found: Mapping[str, Any]) -> Credentials | None:
    """From what the docker package gives: its keys begin with capitals where a helper answered."""
    plain = {key.lower(): value for key, value in found.items() if isinstance(value, str)}
    if plain.get("identitytoken"):
        return Credentials(token=plain["identitytoken"])
    if plain.get("username"):
        return Credentials(user=plain["username"], password=plain.get("password", ""))
    return None
