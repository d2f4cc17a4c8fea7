"""What R packages need of the distribution when they are compiled from CRAN's sources."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from reprokit import needs

TABLE = Path(__file__).with_name("needs.toml")

# What r-base-dev would bring, without the parts only for building R itself.
COMPILERS = ("build-essential", "gfortran", "pkg-config|pkgconf")
# Headers of libraries that Debian's R is linked to; its packages expect them (R's Makeconf).
R_LIBRARIES = (
    "liblapack-dev", "libblas-dev", "libpcre2-dev", "liblzma-dev", "libbz2-dev", "zlib1g-dev",
    "libicu-dev", "libreadline-dev", "libtirpc-dev",
)  # fmt: skip

# What packages need to run that Debian's packages of them do not depend on.
AT_RUN_TIME: needs.Table = {
    # https://rstudio.github.io/reticulate/articles/versions.html (embeds Python: a shared library)
    "reticulate": ("libpython3.11|libpython3.13|libpython3.9",),
}


@cache
def known_needs() -> needs.Table:
    """The built-in table, by the name of an R package."""
    content = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: tuple(needed) for name, needed in content.items()}
