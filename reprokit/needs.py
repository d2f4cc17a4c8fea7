"""Which of the distribution's packages other packages are known to need.

A table has a package's name and what it needs; "a|b" is the first of them that the distribution
has, since names change between its releases. A name that ends in "-dev" serves compiling only.
Plugins add to the table of each language through the hook `reprokit_system_needs`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from reprokit.model import Reason, Requirement, SystemPackage
from reprokit.resolving import Catalogue, NeedsSystemPackages, Resolver

Table = Mapping[str, tuple[str, ...]]

_TOOLS = frozenset({"cmake", "cargo", "rustc", "protobuf-compiler", "pkg-config", "pkgconf"})
"""Programs that serve compiling only."""


def added(language: str, normalised: Callable[[str], str] = str) -> dict[str, tuple[str, ...]]:
    """What plugins add to a language's table, by the normalised name of a package."""
    from reprokit.registry import system_needs

    return {normalised(name): needs for name, needs in system_needs().get(language, {}).items()}


def is_for_building(name: str) -> bool:
    """Whether a package of the distribution serves compiling only."""
    return name.endswith(("-dev", "-dev-compat", "-jdk-headless")) or name in _TOOLS


def available(names: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Each name, of "a|b" the first that the distribution has; what it lacks is left out."""
    wanted = [name.split("|") for name in names]
    asked = sorted({choice for choices in wanted for choice in choices})
    have = catalogue.versions(asked) if asked else {}
    found = (next((choice for choice in choices if choice in have), None) for choices in wanted)
    return tuple(name for name in found if name is not None)


def needed(
    requirements: Iterable[Requirement], table: Table, catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """What the table says of these requirements, as far as the distribution has it, each once.
    The requirements' names are written as the table writes them."""
    found: dict[str, SystemPackage] = {}
    for requirement in requirements:
        for name in available(table.get(requirement.name, ()), catalogue):
            stage: Literal["run", "build"] = "build" if is_for_building(name) else "run"
            reason = Reason(
                text=f"{requirement.name} needs it",
                file=requirement.reason.file,
                line=requirement.reason.line,
            )
            found.setdefault(name, SystemPackage(name=name, reason=reason, stage=stage))
    return tuple(found.values())


def ask_for(packages: Iterable[SystemPackage], resolver: Resolver) -> None:
    """Raise NeedsSystemPackages for those that the lock does not ask the distribution for yet."""
    asked = {(package.name, package.stage) for package in resolver.system}
    lacking = tuple(
        package
        for package in packages
        if not asked & {(package.name, package.stage), (package.name, "run")}
    )
    if lacking:
        raise NeedsSystemPackages(lacking)
