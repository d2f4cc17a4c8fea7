"""Who is there: built-in and third-party plugins, asked through pluggy.

The built-ins are plugins as well. Everything is sorted by name, so that the order of installation
cannot reach a Dockerfile; a name taken twice is an error that names both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from reprokit.errors import BadRequest

if TYPE_CHECKING:
    import pluggy

    from reprokit.bases.protocol import BaseFamily
    from reprokit.ecosystems.protocol import Ecosystem
    from reprokit.model import JSON

ENTRY_POINT_GROUP = "reprokit"


class _Named(Protocol):
    name: str


Part = TypeVar("Part", bound=_Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """An installed plugin: the distribution it came from and what it offers, hook by hook."""

    name: str
    version: str
    offers: tuple[tuple[str, str], ...]

    def json(self) -> dict[str, JSON]:
        offers: list[JSON] = [{"kind": kind, "name": name} for kind, name in self.offers]
        return {"name": self.name, "version": self.version, "offers": offers}


@cache
def manager() -> pluggy.PluginManager:
    """The plugin manager, with built-ins and installed plugins registered."""
    import pluggy

    from reprokit import builtin, hookspecs

    found = pluggy.PluginManager("reprokit")
    found.add_hookspecs(hookspecs)
    found.register(builtin, "reprokit")
    found.load_setuptools_entrypoints(ENTRY_POINT_GROUP)
    return found


def ecosystems() -> tuple[Ecosystem, ...]:
    """All ecosystems, sorted by name."""
    return _collected("ecosystem", manager().hook.reprokit_ecosystems)


def families() -> tuple[BaseFamily, ...]:
    """All base families, sorted by name."""
    return _collected("base family", manager().hook.reprokit_base_families)


def system_needs() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Known needs of packages, merged over all plugins: language -> package -> Debian packages."""
    merged: dict[str, dict[str, tuple[str, ...]]] = {}

    def register(table: Mapping[str, Mapping[str, list[str]]]) -> None:
        for language, packages in table.items():
            for package, needs in packages.items():
                known = merged.setdefault(language, {}).get(package, ())
                merged[language][package] = tuple(sorted({*known, *needs}))

    manager().hook.reprokit_system_needs(register=register)
    return merged


def plugins() -> tuple[Plugin, ...]:
    """Every plugin with what it offers, the built-ins first."""
    owners: dict[str, list[tuple[str, str]]] = {}
    for kind, hook in (
        ("ecosystem", "reprokit_ecosystems"),
        ("base family", "reprokit_base_families"),
    ):
        for owner, part in _owned(hook):
            owners.setdefault(owner, []).append((kind, part.name))
    found = manager()
    for plugin, _ in found.list_name_plugin():
        owners.setdefault(plugin, [])
    versions = {
        found.get_name(plugin): (distribution.project_name, distribution.version)
        for plugin, distribution in found.list_plugin_distinfo()
    }
    from reprokit.version import __version__

    versions["reprokit"] = ("reprokit", __version__)
    listed = [
        Plugin(
            name=versions.get(owner, (owner, ""))[0],
            version=versions.get(owner, (owner, ""))[1],
            offers=tuple(sorted(offers)),
        )
        for owner, offers in owners.items()
    ]
    return tuple(sorted(listed, key=lambda plugin: (plugin.name != "reprokit", plugin.name)))


def _owned(hook: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for implementation in getattr(manager().hook, hook).get_hookimpls():
        parts: list[Any] = []
        implementation.function(register=parts.append)
        found += [(implementation.plugin_name, part) for part in parts]
    return found


def _collected(kind: str, hook: Callable[..., object]) -> tuple[Any, ...]:
    parts: list[_Named] = []
    hook(register=parts.append)
    by_name: dict[str, _Named] = {}
    for part in parts:
        if part.name in by_name:
            raise BadRequest(
                f"two plugins offer the {kind} {part.name!r}: "
                f"{_origin(by_name[part.name])} and {_origin(part)}",
                next="uninstall one of them",
            )
        by_name[part.name] = part
    return tuple(by_name[name] for name in sorted(by_name))


def _origin(part: object) -> str:
    return f"{type(part).__module__}.{type(part).__qualname__}"
