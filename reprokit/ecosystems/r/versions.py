"""R's package names and versions: "3.1-162" is the numbers 3, 1 and 162."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reprokit.errors import BadRequest

# Writing R Extensions, section 1.1.1: ASCII letters, digits and dots; a letter first, no dot last.
PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]")
VERSION = re.compile(r"[0-9]+(?:[.-][0-9]+)*")
_ITEM = re.compile(
    r"(?P<name>[^\s(),]+)\s*(?:\(\s*(?P<operator>>=|<=|==|!=|>|<)\s*(?P<version>[^\s()]+)\s*\))?"
)
_CONSTRAINT = re.compile(r"(>=|<=|==|!=|>|<)\s*([0-9.-]+)")

# Part of every R; they have no version of their own.
BASE_PACKAGES = frozenset(
    {
        "base", "compiler", "datasets", "graphics", "grDevices", "grid", "methods", "parallel",
        "splines", "stats", "stats4", "tcltk", "tools", "translations", "utils",
    }
)  # fmt: skip


def version_key(version: str) -> tuple[int, ...]:
    """What R compares when it orders versions."""
    return tuple(int(part) for part in re.split(r"[.-]", version) if part.isdigit())


def satisfies(version: str, specifier: str) -> bool:
    """Whether a version meets every constraint of a specifier (">= 1.1", "==3.1-162")."""
    have = version_key(version)
    for operator, wanted in _CONSTRAINT.findall(specifier):
        want = version_key(wanted)
        met = {
            ">=": have >= want, "<=": have <= want, ">": have > want,
            "<": have < want, "==": have == want, "!=": have != want,
        }[operator]  # fmt: skip
        if not met:
            return False
    return True


def listed(value: str, where: str) -> Iterator[tuple[str, str]]:
    """(name, specifier) of each item in a comma-separated field such as Imports.

    Raises BadRequest at `where` for an item that is not a package with an optional version.
    """
    for item in (part.strip() for part in value.split(",")):
        if not item:
            continue
        match = _ITEM.fullmatch(item)
        name = match["name"] if match else ""
        version = match["version"] if match else None
        if (
            match is None
            or not (name == "R" or PACKAGE.fullmatch(name))
            or (version is not None and not VERSION.fullmatch(version))
        ):
            raise BadRequest(
                f"{item!r} is not a package with an optional version",
                where=where,
                next="write it as `name` or `name (>= 1.2)`, separated by commas",
            )
        yield name, f"{match['operator']}{version}" if version is not None else ""
