"""Who is there: built-in and third-party plugins, asked through pluggy.

The built-ins are plugins as well. Everything is sorted by name, so that the order of installation
cannot reach a Dockerfile; a name taken twice is an error that names both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from reprokit.errors import BadRequest
from reprokit.frozen import frozen

if TYPE_CHECKING:
    import pluggy

    from reprokit.bases.protocol import BaseFamily
    from reprokit.comparators.protocol import Comparator
    from reprokit.diagnosing.protocol import Diagnosis
    from reprokit.ecosystems.protocol import Ecosystem
    from reprokit.model import JSON
    from reprokit.progress import Reporter

ENTRY_POINT_GROUP = "reprokit"


BUILT_IN = "reprokit"
"""The name of the plugin that holds the built-ins."""


@frozen
class Plugin:
    """An installed plugin: the distribution it came from and what it offers, hook by hook."""

    name: str
    version: str
    offers: tuple[tuple[str, str], ...]

    def json(self) -> dict[str, JSON]:
        offers: list[JSON] = [{"kind": kind, "name": name} for kind, name in self.offers]
        return {"name": self.name, "version": self.version, "offers": offers}


@dataclass(frozen=True, slots=True)
class PluginList:
    """The installed plugins."""

    plugins: tuple[Plugin, ...]

    def json(self) -> JSON:
        return [plugin.json() for plugin in self.plugins]

    def text(self) -> str:
        lines = []
        for plugin in self.plugins:
            lines.append(f"{plugin.name} {plugin.version}".rstrip())
            lines += [f"  {kind}: {name}" for kind, name in plugin.offers]
        return "\n".join(lines)


@cache
def manager() -> pluggy.PluginManager:
    """The plugin manager, with built-ins and installed plugins registered. Raises BadRequest for
    a plugin that cannot be loaded, and for a name that two of them have."""
    return _loaded()[0]


@cache
def _loaded() -> tuple[pluggy.PluginManager, dict[str, tuple[str, str]]]:
    """The manager, and the distribution and version that each installed plugin came from."""
    from importlib.metadata import distributions

    import pluggy

    from reprokit import builtin, hookspecs
    from reprokit.version import __version__

    found = pluggy.PluginManager("reprokit")
    found.add_hookspecs(hookspecs)
    found.register(builtin, BUILT_IN)
    origins = {BUILT_IN: ("reprokit", __version__)}
    for distribution in distributions():
        # Hardly any offers something here; parsing what all of them offer to others takes 3 ms.
        if f"[{ENTRY_POINT_GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
            continue
        for point in distribution.entry_points:
            if point.group != ENTRY_POINT_GROUP:
                continue
            origin = (distribution.metadata["Name"], distribution.version)
            known = origins.get(point.name)
            if known is None:
                _load(found, point.name, point.load)
                origins[point.name] = origin
            elif known[0] != origin[0]:
                raise BadRequest(
                    f"two plugins are called {point.name!r}: that of {known[0]} and that of "
                    f"{origin[0]}",
                    next="uninstall one of them",
                )
    return found, origins


def _load(found: pluggy.PluginManager, name: str, load: Callable[[], object]) -> None:
    from pluggy import PluginValidationError

    from reprokit.plugin_guard import blamed, faulty

    with blamed(name, "to load"):
        plugin = load()
    try:
        found.register(plugin, name)
        found.check_pending()
    except PluginValidationError as error:
        said = " ".join(str(error).split())
        raise faulty(name, f"does not fit the hooks of this reprokit: {said}") from error


def ecosystems() -> tuple[Ecosystem, ...]:
    """All ecosystems, sorted by name."""
    from reprokit.ecosystems.protocol import Ecosystem
    from reprokit.model import Detection, LockedEcosystem, Rendering

    returns: dict[str, type | tuple[type, ...]] = {
        "detect": (Detection, type(None)),
        "system_packages": tuple,
        "resolve": LockedEcosystem,
        "render": Rendering,
    }
    found = _collected("ecosystem", "reprokit_ecosystems", Ecosystem, returns)
    return cast("tuple[Ecosystem, ...]", found)


def families() -> tuple[BaseFamily, ...]:
    """All base families, sorted by name."""
    from reprokit.bases.protocol import BaseFamily
    from reprokit.model import BaseCandidate, LockedBase

    returns: dict[str, type | tuple[type, ...]] = {
        "candidates": tuple,
        "offer": str,
        "named": (BaseCandidate, type(None)),
        "lock": LockedBase,
    }
    found = _collected("base family", "reprokit_base_families", BaseFamily, returns)
    return cast("tuple[BaseFamily, ...]", found)


def comparators() -> tuple[Comparator, ...]:
    """All comparators, sorted by name."""
    from reprokit.comparators.protocol import Comparator
    from reprokit.verdict import Finding

    returns: dict[str, type | tuple[type, ...]] = {"suits": int, "compare": Finding}
    found = _collected("comparator", "reprokit_comparators", Comparator, returns)
    return cast("tuple[Comparator, ...]", found)


def diagnoses() -> tuple[Diagnosis, ...]:
    """All diagnoses, sorted by name."""
    from reprokit.diagnosing.protocol import Cause, Diagnosis

    returns: dict[str, type | tuple[type, ...]] = {"diagnose": (Cause, type(None))}
    found = _collected("diagnosis", "reprokit_diagnoses", Diagnosis, returns)
    return cast("tuple[Diagnosis, ...]", found)


def system_needs() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Known needs of packages, merged over all plugins: language -> package -> Debian packages."""
    from reprokit.plugin_guard import checked_needs

    merged: dict[str, dict[str, tuple[str, ...]]] = {}
    for owner, table in _registered("reprokit_system_needs"):
        for language, packages in checked_needs(owner, table).items():
            for package, names in packages.items():
                known = merged.setdefault(language, {}).get(package, ())
                merged[language][package] = tuple(sorted({*known, *names}))
    return merged


def observe(hook: str, arguments: Mapping[str, object], reporter: Reporter) -> None:
    """Tell the observers of a hook. One that fails is warned of and changes nothing."""
    from reprokit.plugin_guard import blamed

    for implementation in getattr(manager().hook, hook).get_hookimpls():
        try:
            with blamed(implementation.plugin_name, f"in {hook}()"):
                _call(implementation, arguments)
        except BadRequest as error:
            reporter.warning(error.what)


def installed() -> tuple[str, ...]:
    """Name and version of each plugin's distribution, sorted. Unlike `plugins` this does not ask
    what they offer, which imports all of it."""
    found, origins = _loaded()
    named = (origins.get(name, (name, "")) for name, _ in found.list_name_plugin())
    return tuple(sorted({f"{name} {version}".strip() for name, version in named}))


def plugins() -> tuple[Plugin, ...]:
    """Every plugin with what it offers, the built-ins first."""
    found, origins = _loaded()
    offers: dict[str, list[tuple[str, str]]] = {name: [] for name, _ in found.list_name_plugin()}
    for kind, hook in (
        ("ecosystem", "reprokit_ecosystems"),
        ("base family", "reprokit_base_families"),
        ("comparator", "reprokit_comparators"),
        ("diagnosis", "reprokit_diagnoses"),
    ):
        for owner, part in _registered(hook):
            offers.setdefault(owner, []).append((kind, str(getattr(part, "name", part))))
    listed = []
    for owner, offered in offers.items():
        name, version = origins.get(owner, (owner, ""))
        listed.append(Plugin(name=name, version=version, offers=tuple(sorted(offered))))
    return tuple(sorted(listed, key=lambda plugin: (plugin.name != "reprokit", plugin.name)))


def _registered(hook: str) -> list[tuple[str, Any]]:
    """What each plugin hands over, with the plugin's name. Raises BadRequest that names it."""
    from reprokit.plugin_guard import blamed

    found: list[tuple[str, Any]] = []
    for implementation in getattr(manager().hook, hook).get_hookimpls():
        parts: list[Any] = []
        with blamed(implementation.plugin_name, f"in {hook}()"):
            _call(implementation, {"register": parts.append})
        found += [(implementation.plugin_name, part) for part in parts]
    return found


def _call(implementation: pluggy.HookImpl, arguments: Mapping[str, object]) -> None:
    """An implementation may leave out arguments that it does not use."""
    implementation.function(**{name: arguments[name] for name in implementation.argnames})


def _collected(
    kind: str, hook: str, protocol: type, returns: Mapping[str, type | tuple[type, ...]]
) -> tuple[Any, ...]:
    from reprokit.plugin_guard import Guarded, checked_part

    by_name: dict[str, tuple[str, Any]] = {}
    for owner, part in _registered(hook):
        checked_part(owner, kind, part, protocol)
        if part.name in by_name:
            other, first = by_name[part.name]
            raise BadRequest(
                f"two plugins offer the {kind} {part.name!r}: "
                f"{_origin(other, first)} and {_origin(owner, part)}",
                next="uninstall one of them",
            )
        by_name[part.name] = (owner, part)
    return tuple(
        part if owner == BUILT_IN else Guarded(owner, part, returns)
        for _, (owner, part) in sorted(by_name.items())
    )


def _origin(owner: str, part: object) -> str:
    return f"{owner} ({type(part).__module__}.{type(part).__qualname__})"
