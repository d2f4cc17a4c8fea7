"""What R packages need of the distribution when they are compiled from CRAN's sources."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from reprokit import needs
from reprokit.model import BaseCandidate, LockedBase

TABLE = Path(__file__).with_name("needs.toml")

# What r-base-dev would bring, without the parts only for building R itself.
COMPILERS = ("build-essential", "gfortran", "pkg-config|pkgconf")
# Headers of libraries that Debian's R is linked to; its packages expect them (R's Makeconf).
R_LIBRARIES = (
    "liblapack-dev", "libblas-dev", "libpcre2-dev", "liblzma-dev", "libbz2-dev", "zlib1g-dev",
    "libicu-dev", "libreadline-dev", "libtirpc-dev",
)  # fmt: skip


def at_run_time(base: BaseCandidate | LockedBase) -> needs.Table:
    """What packages need to run that Debian's packages of them do not depend on.

    reticulate embeds Python, so it needs the shared library of the Python that it finds:
    https://rstudio.github.io/reticulate/articles/versions.html. Python's official images have it;
    of a distribution's Pythons only the one that `python3` is will do.
    """
    if "python" in base.provides:
        return {}
    offers = base.offers if isinstance(base, BaseCandidate) else base.settings.get("offers")
    versions = offers.get("python") if isinstance(offers, Mapping) else None
    named = [str(version) for version in versions] if isinstance(versions, (list, tuple)) else []
    # Ubuntu's noble renamed it when times became 64 bits wide.
    choices = [f"libpython{v}|libpython{v}t64" for v in named or ("3.11", "3.13", "3.9")]
    return {"reticulate": ("|".join(choices),)}


@cache
def known_needs() -> needs.Table:
    """The built-in table, by the name of an R package."""
    content = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: tuple(needed) for name, needed in content.items()}
