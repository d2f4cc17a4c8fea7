"""Where an engine listens, and whether anybody answers there.

Standard library only: this is asked on every command, long before the `docker` package, which
takes 0.2 s to import, is needed. `dev/engine` uses it with a bare Python as well.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from reprokit.errors import NoPermission
from reprokit.frozen import frozen

State = Literal["answers", "missing", "stopped", "forbidden"]

DEFAULT_DOCKER = "/var/run/docker.sock"
_UNASKED = ("ssh://", "npipe://")


@frozen
class Endpoint:
    """An engine's address: `url` in DOCKER_HOST notation (unix://, npipe://, tcp://, ssh://),
    `certificates` the folder with ca.pem, cert.pem and key.pem where TLS is asked for, `source`
    who named it."""

    url: str
    source: str
    certificates: Path | None = None

    @property
    def socket(self) -> Path | None:
        """The path of a unix socket, `None` for other kinds of address."""
        scheme, _, rest = self.url.partition("://")
        return Path(rest) if scheme == "unix" else None


@frozen
class Ping:
    """What an address answered. `api` is the newest API version of the engine there, `podman`
    whether it is one."""

    state: State
    api: str | None = None
    podman: bool = False
    detail: str = ""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ping(endpoint: Endpoint, timeout: float = 5.0) -> Ping:
    """Ask an engine whether it is there, in about a millisecond.

    Addresses this cannot ask cheaply (ssh://, npipe://) are taken to answer: the first request
    will tell.
    """
    try:
        connection = _connection(endpoint, timeout)
        if connection is None:
            if endpoint.url.startswith(_UNASKED):
                return Ping(state="answers")
            return Ping(state="stopped", detail="this is no address of an engine")
        try:
            connection.request("GET", "/_ping")
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
    except (FileNotFoundError, NotADirectoryError) as error:
        return Ping(state="missing", detail=str(error))
    except PermissionError as error:
        return Ping(state="forbidden", detail=str(error))
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) == errno.EACCES:
            return Ping(state="forbidden", detail=str(error))
        return Ping(state="stopped", detail=str(error))
    if answer.status != 200:
        return Ping(state="stopped", detail=f"answered {answer.status} {answer.reason}")
    podman = answer.getheader("Libpod-API-Version") is not None
    return Ping(state="answers", api=answer.getheader("API-Version"), podman=podman)


def no_permission(endpoint: Endpoint) -> NoPermission:
    """The error for an engine that runs but not for this user."""
    return NoPermission(
        f"you have no permission to use the engine at {endpoint.url}",
        next="let yourself in with `sudo usermod -aG docker $USER`, log in again, then try "
        "again, or install podman, which needs no permission; `reprokit doctor` says more",
    )


def _connection(endpoint: Endpoint, timeout: float) -> http.client.HTTPConnection | None:
    if endpoint.socket is not None:
        return _UnixConnection(endpoint.socket, timeout)
    parts = urlsplit(endpoint.url)
    if parts.scheme not in ("tcp", "http", "https") or parts.hostname is None:
        return None
    if endpoint.certificates is not None or parts.scheme == "https":
        return http.client.HTTPSConnection(
            parts.hostname, parts.port or 2376, timeout=timeout, context=_tls(endpoint)
        )
    return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=timeout)


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    folder = endpoint.certificates
    context = ssl.create_default_context(cafile=str(folder / "ca.pem") if folder else None)
    if folder is not None and (folder / "cert.pem").exists():
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def candidates(environment: Mapping[str, str], home: Path) -> Iterator[Endpoint]:
    """Where engines may listen on this machine, in the order of asking: DOCKER_HOST, the docker
    command's current context, then the usual sockets."""
    if host := environment.get("DOCKER_HOST"):
        # As the docker command does: a host and port alone are TCP.
        url = host if "://" in host else f"tcp://{host}"
        yield Endpoint(url=url, source="DOCKER_HOST", certificates=_certificates(environment))
        return
    if (context := current_context(environment, home)) is not None:
        yield context
    yield from usual_docker(environment, home)
    yield from usual_podman(environment)


def _certificates(environment: Mapping[str, str]) -> Path | None:
    if not environment.get("DOCKER_TLS_VERIFY"):
        return None
    folder = environment.get("DOCKER_CERT_PATH")
    return Path(folder) if folder else Path.home() / ".docker"


def usual_docker(environment: Mapping[str, str], home: Path) -> Iterator[Endpoint]:
    """The sockets of Docker Engine, Docker Desktop and rootless Docker."""
    if os.name == "nt":
        yield Endpoint(url="npipe:////./pipe/docker_engine", source="the usual pipe")
        return
    places = [Path(DEFAULT_DOCKER), home / ".docker/run/docker.sock"]
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        places.append(Path(runtime) / "docker.sock")
    for place in places:
        yield Endpoint(url=f"unix://{place}", source="the usual socket")


def usual_podman(environment: Mapping[str, str]) -> Iterator[Endpoint]:
    """The sockets of Podman: the user's own before the machine's."""
    if os.name == "nt":
        yield Endpoint(url="npipe:////./pipe/podman-machine-default", source="the usual pipe")
        return
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Endpoint(url=f"unix://{runtime}/podman/podman.sock", source="the usual socket")
    yield Endpoint(url="unix:///run/podman/podman.sock", source="the usual socket")


def current_context(environment: Mapping[str, str], home: Path) -> Endpoint | None:
    """The address of the docker command's current context; `None` for its default one.

    See https://docs.docker.com/engine/manage-resources/contexts/ for the files.
    """
    folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    name = environment.get("DOCKER_CONTEXT")
    try:
        if not name:
            settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            name = settings.get("currentContext")
        if not isinstance(name, str) or name in ("", "default"):
            return None
        key = hashlib.sha256(name.encode()).hexdigest()
        meta = json.loads((folder / "contexts/meta" / key / "meta.json").read_text("utf-8"))
        host = meta["Endpoints"]["docker"]["Host"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(host, str):
        return None
    tls = folder / "contexts/tls" / key / "docker"
    return Endpoint(
        url=host, source=f"docker context {name}", certificates=tls if tls.is_dir() else None
    )
