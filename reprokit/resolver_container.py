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
from urllib.parse import urlsplit

from reprokit.credentials import Credentials, Login
from reprokit.engines.protocol import Container, ContainerRequest, Engine
from reprokit.site import NETRC, Site, resolver_binds, resolver_environment

_APT = "etc/apt/auth.conf.d/reprokit.conf"


@contextmanager
def started(engine: Engine, image: str, site: Site) -> Iterator[Container]:
    """A running container of an image, set up to reach the world as this machine does."""
    request = ContainerRequest(
        image=image,
        command=("sleep", "infinity"),
        user="0:0",
        folder="/",
        execution_environment=resolver_environment(site),
        binds=resolver_binds(site),
        network="host" if site.resolver_network == "host" else "default",
        privileged_setup=True,
    )
    with engine.container(request) as container:
        container.start()
        content = _logins(site)
        if content:
            container.write("/", _archive(content))
        yield container


def _logins(site: Site) -> dict[str, str]:
    """The files that hold logins, by their path in the container."""
    credentials = Credentials(site.logins)
    lines: dict[str, None] = {}
    archives: dict[str, None] = {}
    for url in site.servers():
        login = credentials.asked(url)
        if login is None:
            continue
        parts = urlsplit(url)
        lines[_line(parts.hostname or "", login)] = None
        # apt sends a login over plain http only where the scheme is named.
        scheme = "http://" if parts.scheme == "http" else ""
        archives[_line(scheme + parts.netloc, login)] = None
    if not lines:
        return {}
    text = "".join(lines)
    return {NETRC.removeprefix("/"): text, "root/.netrc": text, _APT: "".join(archives)}


def _line(server: str, login: Login) -> str:
    return f"machine {server} login {login.user} password {login.password}\n"


def _archive(content: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in content.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(text.encode()), 0o600
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
