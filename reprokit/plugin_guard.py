"""Faults of third-party plugins, told apart from reprokit's own: each names the plugin.

Built-ins are not guarded: a traceback of theirs is our own defect and has to be seen.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reprokit.errors import BadRequest, ReprokitError, Telling
from reprokit.quoting import DEBIAN_PACKAGE
from reprokit.resolving import NeedsSystemPackages

_NEXT = "tell the plugin's author, or uninstall it (`reprokit plugins` lists what is installed)"


def faulty(plugin: str, what: str, *, where: str | None = None) -> BadRequest:
    """The error for a plugin that does not keep to its protocol."""
    return BadRequest(f"the plugin {plugin!r} {what}", where=where, next=_NEXT)


@contextmanager
def blamed(plugin: str, doing: str) -> Iterator[None]:
    """Turn what a plugin raises into an error that names it and the line it comes from."""
    try:
        yield
    except (ReprokitError, NeedsSystemPackages, Telling):
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {error}".strip()
        where = f"{last.filename}:{last.lineno}"
        raise faulty(plugin, f"failed {doing}: {said}", where=where) from error


def checked_part(plugin: str, kind: str, part: object, protocol: type) -> None:
    """Raise BadRequest where a registered part has no name or lacks a method of its protocol."""
    name = getattr(part, "name", None)
    if not isinstance(name, str) or not name:
        raise faulty(plugin, f"offers a part without a name as {kind}: {part!r}")
    methods = [m for m, v in vars(protocol).items() if callable(v) and not m.startswith("_")]
    lacking = [method for method in methods if not callable(getattr(part, method, None))]
    if lacking:
        raise faulty(plugin, f"offers the {kind} {name!r} without {', '.join(lacking)}()")


def checked_needs(plugin: str, table: object) -> Mapping[str, Mapping[str, list[str]]]:
    """The table, or BadRequest where it is not language -> package -> names of packages."""
    shape = 'language -> package -> list of names, as in {"python": {"soundfile": ["libsndfile1"]}}'
    if not isinstance(table, Mapping):
        raise faulty(plugin, f"registers needs that are not {shape}: {table!r}")
    for packages in table.values():
        if not isinstance(packages, Mapping):
            raise faulty(plugin, f"registers needs that are not {shape}: {table!r}")
        for package, names in packages.items():
            if not isinstance(package, str) or not isinstance(names, list | tuple):
                raise faulty(plugin, f"registers needs that are not {shape}: {packages!r}")
            for name in names:
                choices = name.split("|") if isinstance(name, str) else [""]
                if not all(DEBIAN_PACKAGE.fullmatch(choice) for choice in choices):
                    raise faulty(plugin, f"says that {package} needs {name!r}, which is no package")
    return table


class Guarded:
    """A part of a third-party plugin whose methods blame it for what they raise, and for a value
    of another type than `returns` says of the method."""

    def __init__(
        self, plugin: str, part: Any, returns: Mapping[str, type | tuple[type, ...]]
    ) -> None:
        self._plugin, self._part, self._returns = plugin, part, returns
        self.name: str = part.name

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._part, method)
        if not callable(found):
            return found
        return self._guarded(method, found)

    def _guarded(self, method: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            with blamed(self._plugin, f"in {self.name}.{method}()"):
                value = function(*positional, **named)
            expected = self._returns.get(method)
            if expected is not None and not isinstance(value, expected):
                kind = type(value).__name__
                raise faulty(self._plugin, f"returns a {kind} from {self.name}.{method}()")
            return value

        return call
