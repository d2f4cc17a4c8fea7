"""Distribution packages for Python: the interpreter, and libraries that wheels do not carry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from reprokit import needs
from reprokit.ecosystems.python.names import normalised
from reprokit.ecosystems.python.system_needs import NEEDS
from reprokit.ecosystems.python.version import is_2, python_version
from reprokit.model import (
    BaseCandidate,
    Detection,
    LockedBase,
    Reason,
    Requirement,
    SystemPackage,
)
from reprokit.resolving import Catalogue, Resolver

_COMPILERS = ("gcc", "g++", "make", "pkg-config")
_GIT = ("git", "ca-certificates")


def system_packages(
    detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """What the declared requirements are known to need, and python3 where the base has none.

    A library that the distribution does not have under any known name is left out: the import
    that misses it says its name.
    """
    found = _known(detection.requirements, catalogue)
    if "python" in base.provides:
        return found
    reason = next(
        (r.reason for r in detection.runtimes if r.language == "python"),
        Reason(text="the project is in Python"),
    )
    # Asked for even if the catalogue lacks it, so that the error names it.
    if not is_2(python_version(base, detection.runtimes)):
        return (*_python_3(reason, "run", catalogue), *found)
    tools = Reason(text="what resolves packages and builds wheels needs it")
    python = SystemPackage(name="python2.7", reason=reason)
    return (python, *_python_3(tools, "build", catalogue), *found)


def _python_3(
    reason: Reason, stage: Literal["run", "build"], catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """Python 3 as uv needs it: Debian has distutils apart, until Python 3.12 has none."""
    names = ("python3", *needs.available(("python3-distutils",), catalogue))
    return tuple(SystemPackage(name=name, reason=reason, stage=stage) for name in names)


def ask_for_needs(names: Iterable[str], resolver: Resolver) -> None:
    """The same for packages that only resolving found. Raises NeedsSystemPackages."""
    because = Reason(text="another package needs it")
    found = [Requirement(name=name, reason=because) for name in names]
    needs.ask_for(_known(found, resolver.catalogue), resolver)


def ask_for_compilers(
    resolver: Resolver, *, python: str = "python3", fortran: bool = False
) -> None:
    """What building wheels of more than Python takes, pinned like all else, in build stages only.
    Raises NeedsSystemPackages."""
    headers = () if "python" in resolver.base.provides else (f"{python}-dev",)
    more = ("gfortran",) if fortran else ()
    reason = Reason(text="a package without a wheel is compiled")
    _ask_for_building((*_COMPILERS, *headers, *more), reason, resolver)


def ask_for_git(resolver: Resolver) -> None:
    """What cloning a repository, and building from it, takes. Raises NeedsSystemPackages."""
    _ask_for_building(_GIT, Reason(text="a package comes from a repository"), resolver)


def _ask_for_building(names: Iterable[str], reason: Reason, resolver: Resolver) -> None:
    wanted = (SystemPackage(name=name, reason=reason, stage="build") for name in names)
    needs.ask_for(wanted, resolver)


def _known(requirements: Iterable[Requirement], catalogue: Catalogue) -> tuple[SystemPackage, ...]:
    table = dict(NEEDS)
    for name, more in needs.added("python", normalised).items():
        table[name] = (*table.get(name, ()), *more)
    asked = [replace(r, name=normalised(r.name)) for r in requirements]
    return needs.needed(asked, table, catalogue)
