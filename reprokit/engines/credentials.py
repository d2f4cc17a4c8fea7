"""Who the user is at a registry: what `docker login` and `podman login` wrote down.

Nothing of it is printed, logged or recorded. See docker's config.json with its credential helpers,
and containers-auth.json(5).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprokit.errors import BadRequest

if TYPE_CHECKING:
    from docker.auth import AuthConfig

_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


@dataclass(frozen=True, slots=True, kw_only=True)
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
