"""Which packages of the distribution an R project needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reprokit import needs
from reprokit.ecosystems.r.system_needs import (
    COMPILERS,
    R_LIBRARIES,
    at_run_time,
    known_needs,
)
from reprokit.ecosystems.r.versions import satisfies
from reprokit.model import (
    BaseCandidate,
    Detection,
    LockedBase,
    Reason,
    Requirement,
    SystemPackage,
)
from reprokit.resolving import Catalogue

PYTHON_CHUNKS = "has Python chunks"
"""The reason of the requirement that R Markdown with Python chunks has: reticulate."""


def debian_names(package: str) -> tuple[str, str]:
    """The names Debian may have for an R package."""
    return f"r-cran-{package.lower()}", f"r-bioc-{package.lower()}"


def system_packages(
    detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """R and the packages of it that the distribution has; for all others what compiling takes.

    A base that carries its own R takes none of the distribution's R packages: they belong to the
    distribution's R and would bring it along.
    """
    if "r" in base.provides:
        outside = list(detection.requirements)
        found: list[SystemPackage] = []
    else:
        names = {n for r in detection.requirements for n in debian_names(r.name)}
        versions = catalogue.versions(sorted({"r-base-core", *names}))
        found = [SystemPackage(name="r-base-core", reason=_runtime_reason(detection))]
        found += _debian_packages(detection.requirements, versions)
        outside = [r for r in detection.requirements if not _satisfied(r, versions)]
    found += _more(detection, outside, base, catalogue)
    chunks = next((r for r in detection.requirements if r.reason.text == PYTHON_CHUNKS), None)
    if chunks is not None and "python" not in base.provides:
        found.append(SystemPackage(name="python3", reason=chunks.reason))
    optional = detection.settings.get("optional")
    left_out = optional if isinstance(optional, list) else []
    needed = [r for r in outside if r.name not in left_out]
    if needed:
        found += compilers(needed[0].reason, catalogue)
        found += for_compiling(needed, catalogue)
    elif detection.settings.get("compiled"):
        found += compilers(_runtime_reason(detection), catalogue)
    found += _for_run_time(detection, catalogue)
    return tuple({(s.name, s.stage): s for s in reversed(found)}.values())[::-1]


def _runtime_reason(detection: Detection) -> Reason:
    return detection.runtimes[0].reason


def _debian_packages(
    requirements: Iterable[Requirement], versions: Mapping[str, str]
) -> list[SystemPackage]:
    return [
        SystemPackage(name=name, reason=requirement.reason)
        for requirement in requirements
        for name in debian_names(requirement.name)
        if name in versions
    ]


def _satisfied(requirement: Requirement, versions: Mapping[str, str]) -> bool:
    found = provider(requirement.name, requirement.specifier, versions)
    return found is not None and requirement.url is None


def provider(package: str, specifier: str, versions: Mapping[str, str]) -> str | None:
    """The distribution's package that has this R package in a version that will do.

    Debian's version is R's plus an epoch and a revision ("3.1.162-1" for "3.1-162"), and it is
    compared again, exactly, where R itself can be asked: in `resolving`.
    """
    for name in debian_names(package):
        if name in versions:
            upstream = versions[name].rpartition(":")[2].rpartition("-")[0]
            if satisfies(upstream.partition("+")[0], specifier):
                return name
    return None


def _more(
    detection: Detection,
    outside: list[Requirement],
    base: BaseCandidate | LockedBase,
    catalogue: Catalogue,
) -> list[SystemPackage]:
    """What packages need that the distribution has as well: its package brings what the
    distribution knows, the table and plugins may know more. Headers only for compiling."""
    table = dict(at_run_time(base))
    for name, more in needs.added("r").items():
        table[name] = (*table.get(name, ()), *more)
    run = [p for p in needs.needed(detection.requirements, table, catalogue) if p.stage == "run"]
    return [*run, *(p for p in needs.needed(outside, table, catalogue) if p.stage == "build")]


def for_compiling(
    requirements: Iterable[Requirement], catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """The libraries that compiling these packages from source takes, and running them after."""
    return needs.needed(requirements, known_needs(), catalogue)


def compilers(reason: Reason, catalogue: Catalogue) -> list[SystemPackage]:
    """What compiling any R package takes."""
    because = Reason(text="compiling R packages", file=reason.file, line=reason.line)
    names = needs.available((*COMPILERS, *R_LIBRARIES), catalogue)
    return [SystemPackage(name=name, reason=because, stage="build") for name in names]


def _for_run_time(detection: Detection, catalogue: Catalogue) -> list[SystemPackage]:
    """The compilers once more, in the final image, where the code compiles while it runs."""
    found = detection.settings.get("compiles")
    if not isinstance(found, dict):
        return []
    file, line = found.get("file"), found.get("line")
    reason = Reason(
        text=f"{found.get('text')} compiles at run time",
        file=file if isinstance(file, str) else None,
        line=line if isinstance(line, int) else None,
    )
    names = needs.available((*COMPILERS, *R_LIBRARIES), catalogue)
    return [SystemPackage(name=name, reason=reason) for name in names]
