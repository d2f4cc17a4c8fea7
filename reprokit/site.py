"""Site settings: how this machine reaches the world. They never enter an image, lock or record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Proxy, private CA and mirrors of an institute, from site.toml in the user's configuration
    folder and the usual environment variables.

    certificates: a PEM bundle that resolver containers trust besides their own.
    debian_mirror, python_index, maven_mirror, cran_mirror: base URLs, `None` for the public ones.
    resolver_network: how resolver containers reach the network, "default" or "host".
    """

    certificates: Path | None = None
    proxies: tuple[tuple[str, str], ...] = ()
    debian_mirror: str | None = None
    debian_security_mirror: str | None = None
    debian_snapshot: str | None = None
    python_index: str | None = None
    maven_mirror: str | None = None
    cran_mirror: str | None = None
    resolver_network: str = "default"
    registry_mirrors: tuple[str, ...] = field(default_factory=tuple)
