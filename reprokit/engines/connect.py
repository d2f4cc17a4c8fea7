"""Finding an engine that answers, or starting Podman for the length of a command."""

from __future__ import annotations

import importlib
import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reprokit.engines import podman
from reprokit.engines.endpoint import (
    Endpoint,
    Ping,
    candidates,
    no_permission,
    ping,
    usual_docker,
    usual_podman,
)
from reprokit.engines.engine import SocketEngine
from reprokit.errors import BadRequest, NamedEngineSilent, NoEngine

VARIABLE = "REPROKIT_ENGINE"
_HOST, _GIVEN = "DOCKER_HOST", "you"


@contextmanager
def connect(preferred: str | None = None) -> Iterator[SocketEngine]:
    """The engine to use, for the length of the block.

    preferred: "docker", "podman" or an address like unix:///run/my.sock; `None` takes
    REPROKIT_ENGINE, and without it the first that answers of DOCKER_HOST, the docker command's
    current context, the usual sockets of Docker and Podman, and last an own Podman service.
    Raises NoEngine, with what was tried and what to do, where none can be had: an address that
    the user named has no substitute. BadRequest for a preference that is none of these.
    """
    wanted = preferred or os.environ.get(VARIABLE) or None
    tried: list[tuple[Endpoint, Ping]] = []
    for endpoint in wanted_candidates(wanted, os.environ, Path.home()):
        answer = ping(endpoint)
        if answer.state == "answers" and wanted != ("docker" if answer.podman else "podman"):
            with _opened(endpoint, answer) as engine:
                yield engine
            return
        tried.append((endpoint, answer))
        if _is_named(endpoint, answer, wanted):
            raise no_engine(tried, wanted)
    if wanted in (None, "podman") and shutil.which("podman") is not None:
        with podman.service() as (endpoint, environment):
            with _opened(endpoint, ping(endpoint), environment) as engine:
                yield engine
            return
    raise no_engine(tried, wanted)


@contextmanager
def _opened(
    endpoint: Endpoint, answer: Ping, environment: Mapping[str, str] | None = None
) -> Iterator[SocketEngine]:
    # The import takes 0.1 s, much of it waiting for the disk: begin while the caller does its own.
    threading.Thread(target=importlib.import_module, args=("docker",), daemon=True).start()
    engine = SocketEngine(
        endpoint,
        "podman" if answer.podman else "docker",
        api=answer.api,
        environment=environment,
    )
    try:
        yield engine
    finally:
        engine.close()


def wanted_candidates(
    wanted: str | None, environment: Mapping[str, str], home: Path
) -> Iterator[Endpoint]:
    """The addresses to ask, in order."""
    if wanted is None:
        yield from candidates(environment, home)
    elif wanted == "docker":
        yield from candidates(environment, home)
        if environment.get("DOCKER_HOST"):
            yield from usual_docker(environment, home)
    elif wanted == "podman":
        if host := environment.get("DOCKER_HOST"):
            yield Endpoint(url=host, source=_HOST)
        yield from usual_podman(environment)
    elif "://" in wanted:
        yield replace(next(candidates({**environment, "DOCKER_HOST": wanted}, home)), source=_GIVEN)
    else:
        raise BadRequest(
            f"{wanted!r} is not an engine",
            next='say "docker", "podman" or an address such as unix:///var/run/docker.sock',
        )


def no_engine(tried: list[tuple[Endpoint, Ping]], wanted: str | None) -> NoEngine:
    """The error for an engine that cannot be had: forbidden, stopped or not there at all."""
    forbidden = [endpoint for endpoint, answer in tried if answer.state == "forbidden"]
    if forbidden:
        return no_permission(forbidden[0])
    named = [(place, answer) for place, answer in tried if _is_named(place, answer, wanted)]
    if named:
        return _named_silent(*named[0])
    silent = [(endpoint, answer) for endpoint, answer in tried if answer.state == "stopped"]
    installed = [name for name in ("docker", "dockerd", "podman") if shutil.which(name)]
    if not silent and installed and wanted in (None, "docker") and tried:
        silent = tried[:1]
    if silent:
        place, answer = silent[0]
        return NoEngine(
            f"no engine answers at {place.url} ({place.source}): {_detail(answer)}",
            next="start it (Docker Desktop, or `sudo systemctl start docker`); `reprokit doctor "
            "--fix` does it where it can",
        )
    kind = "container engine" if wanted is None else wanted.capitalize()
    return NoEngine(
        f"no {kind} is installed",
        next="`reprokit doctor --fix` installs one; or install Docker "
        "(https://docs.docker.com/get-docker) or Podman (https://podman.io)",
    )


def _is_named(place: Endpoint, answer: Ping, wanted: str | None) -> bool:
    """Whether the user named just this address, and it does not answer. Who asks for Podman means
    a kind: DOCKER_HOST is then only the first place to look."""
    return answer.state != "answers" and place.source in (_HOST, _GIVEN) and wanted != "podman"


def _named_silent(place: Endpoint, answer: Ping) -> NamedEngineSilent:
    given = VARIABLE if os.environ.get(VARIABLE) == place.url else None
    variable = _HOST if place.source == _HOST else given
    naming = "which you named" if variable is None else f"which {variable} names"
    return NamedEngineSilent(
        f"no engine answers at {place.url}, {naming}: {_detail(answer)}",
        next=f"start it, or correct or unset {variable}"
        if variable
        else "start it, or name another",
    )


def _detail(answer: Ping) -> str:
    return "nothing listens there" if answer.state == "missing" else answer.detail
