"""Containers that resolve: with the network, and with what this site needs to use it.

Proxies come as variables of each command, since an engine shows those of a container to whoever
asks it; logins as files inside, which are gone with the container. A package's or project's own
code may run there, so only logins for the servers of the site settings go in: of those that a
project names, a hostile one could name any.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from reprokit.credentials import Credentials, netrc_line
from reprokit.engines.protocol import Container, ContainerRequest, Engine
from reprokit.site import NETRC, Site, resolver_binds, resolver_environment

_APT = "etc/apt/auth.conf.d/reprokit.conf"


@contextmanager
def started(engine: Engine, image: str, site: Site) -> Iterator[Container]:
    """A running container of an image, set up to reach the world as this machine does."""
    request = replace(
        _waiting(image),
        execution_environment=resolver_environment(site),
        binds=resolver_binds(site),
        network="host" if site.resolver_network == "host" else "default",
    )
    with engine.container(request) as container:
        container.start()
        content = _logins(site)
        if content:
            container.write("/", _archive(content))
        yield container


@contextmanager
def started_alone(engine: Engine, image: str, site: Site) -> Iterator[Container]:
    """A running container of an image without a network, and with nothing of the site."""
    with engine.container(_waiting(image)) as container:
        container.start()
        yield container


def _waiting(image: str) -> ContainerRequest:
    return ContainerRequest(
        image=image,
        command=("sleep", "infinity"),
        user="0:0",
        folder="/",
        privileged_setup=True,
    )


def _logins(site: Site) -> dict[str, str]:
    """The files that hold logins, by their path in the container."""
    credentials = Credentials(site.logins)
    found = [(url, login) for url in site.servers() if (login := credentials.asked(url))]
    if not found:
        return {}
    text = "".join(dict.fromkeys(netrc_line(url, login) for url, login in found))
    archives = dict.fromkeys(netrc_line(url, login, apt=True) for url, login in found)
    return {NETRC.removeprefix("/"): text, "root/.netrc": text, _APT: "".join(archives)}


def _archive(content: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in content.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(text.encode()), 0o600
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
