"""What R packages need of the distribution when they are compiled from CRAN's sources."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reprokit.resolving import Catalogue

TABLE = Path(__file__).with_name("needs.toml")

# What r-base-dev would bring, without the parts only for building R itself.
COMPILERS = ("build-essential", "gfortran", "pkg-config|pkgconf")
# Headers of libraries that Debian's R is linked to; its packages expect them (R's Makeconf).
R_LIBRARIES = (
    "liblapack-dev", "libblas-dev", "libpcre2-dev", "liblzma-dev", "libbz2-dev", "zlib1g-dev",
    "libicu-dev", "libreadline-dev", "libtirpc-dev",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Needs:
    """The table: for each R package, names as in needs.toml."""

    packages: Mapping[str, tuple[str, ...]]
    build_tools: frozenset[str]

    def of(self, package: str) -> tuple[str, ...]:
        """What this package needs; nothing where the table does not know it."""
        return self.packages.get(package, ())

    def is_for_building(self, name: str) -> bool:
        """Whether a distribution package serves compiling only."""
        return name.endswith(("-dev", "-jdk-headless")) or name in self.build_tools


@cache
def known_needs() -> Needs:
    """The built-in table."""
    content = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return Needs(
        packages={name: tuple(needed) for name, needed in content["r"].items()},
        build_tools=frozenset(content["build_tools"]),
    )


def added_needs() -> Needs:
    """What plugins add to it (the hook `reprokit_system_needs`, under "r")."""
    from reprokit.registry import system_needs

    return Needs(packages=system_needs().get("r", {}), build_tools=known_needs().build_tools)


def available(names: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Each name, of "a|b" the first that the distribution has; what it lacks is left out."""
    wanted = [name.split("|") for name in names]
    have = catalogue.versions(sorted({choice for choices in wanted for choice in choices}))
    return tuple(_first(choices, have) for choices in wanted if _first(choices, have))


def _first(choices: Sequence[str], have: Mapping[str, str]) -> str:
    return next((choice for choice in choices if choice in have), "")
