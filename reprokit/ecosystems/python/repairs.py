"""Metadata of old packages that is not PEP 440, repaired by a rule so that uv can resolve them.

Nothing kept a package of 2018 from asking for `pytz (>=2011k)`, which uv refuses. Here the metadata
is read, each clause that is no PEP 440 becomes the nearest that is, and uv is told so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from email.parser import HeaderParser

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from reprokit.frozen import frozen

_REFUSED = re.compile(r"Metadata for `([^`]+)` \(v([^)\s]+)\) could not be parsed")
_PARTS = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?P<extras>\[[\w\s,.-]*\])?"
    r"\s*(?:\((?P<within>[^)]*)\)|(?P<bare>[^;()]*))\s*(?:;\s*(?P<marker>.*))?"
)
_CLAUSE = re.compile(r"\s*(~=|===?|!=|<=|>=|=|<|>)?\s*(.*?)\s*")


@frozen
class Repair:
    """The metadata that uv is to take for one release, and in words what was changed."""

    name: str
    version: str
    requires: tuple[str, ...]
    python: str | None
    extras: tuple[str, ...]
    changes: tuple[str, ...]


def refused(message: str) -> tuple[tuple[str, str], ...]:
    """Name and version of each release whose metadata uv's error says it cannot read."""
    return tuple(dict.fromkeys(_REFUSED.findall(message)))


def repaired(name: str, version: str, metadata: str) -> Repair | None:
    """The repair of a METADATA file; `None` where none is needed or no rule helps."""
    repair = taken(name, version, metadata)
    return repair if repair is not None and repair.changes else None


def taken(name: str, version: str, metadata: str) -> Repair | None:
    """What a METADATA file says, repaired where need be; `None` where no rule helps."""
    fields = HeaderParser().parsestr(metadata)
    changes: list[str] = []
    requires = []
    for text in map(str, fields.get_all("Requires-Dist", [])):
        mended = _requirement(text)
        if mended is None:
            return None
        requires.append(mended)
        if not _is_valid(text):
            changes.append(f"{name} {version} asks for {text}, read as {mended}")
    python = fields.get("Requires-Python")
    if python is not None:
        mended_python = _specifier(str(python))
        if not _is_specifier(str(python)):
            said = f"Python {mended_python}" if mended_python else "any Python"
            changes.append(f"{name} {version} asks for Python {python}, read as {said}")
        python = mended_python or None
    return Repair(
        name=name,
        version=version,
        requires=tuple(requires),
        python=python,
        extras=tuple(map(str, fields.get_all("Provides-Extra", []))),
        changes=tuple(changes),
    )


def settings(repairs: Iterable[Repair]) -> str:
    """uv's configuration that tells it of the repairs."""
    tables = []
    for repair in repairs:
        # TOML's strings and lists of strings are written as JSON's.
        lines = [
            "[[dependency-metadata]]",
            f"name = {json.dumps(repair.name)}",
            f"version = {json.dumps(repair.version)}",
            f"requires-dist = {json.dumps(repair.requires)}",
            f"provides-extra = {json.dumps(repair.extras)}",
        ]
        if repair.python is not None:
            lines.append(f"requires-python = {json.dumps(repair.python)}")
        tables.append("\n".join(lines))
    return "\n\n".join(tables) + "\n"


def asking_nothing(names: Iterable[str]) -> str:
    """uv's configuration by which these projects ask for nothing in the releases that no repair is
    for: uv takes the entry of a version before that of none."""
    return "".join(
        f"\n[[dependency-metadata]]\nname = {json.dumps(name)}\nrequires-dist = []\n"
        for name in sorted(names)
    )


def _is_valid(text: str) -> bool:
    try:
        ParsedRequirement(text)
    except InvalidRequirement:
        return False
    return True


def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def _requirement(text: str) -> str | None:
    """A requirement that PEP 508 knows; `None` where it cannot be told what was meant."""
    if _is_valid(text):
        return text
    match = _PARTS.fullmatch(text)
    if match is None:
        return None
    marker = match["marker"]
    try:
        condition = f" ; {Marker(marker)}" if marker else ""
    except InvalidMarker:
        return None
    specifier = _specifier(match["within"] or match["bare"] or "")
    mended = f"{match['name']}{match['extras'] or ''}{specifier}{condition}"
    return mended if _is_valid(mended) else None


def _specifier(text: str) -> str:
    return ",".join(clause for clause in map(_clause, text.split(",")) if clause)


def _clause(text: str) -> str:
    """A clause as it is if PEP 440 knows it. A lower bound is cut to the numbers that it begins
    with, so it stays a bound that all meant versions satisfy. Any other is left out: cutting it
    would shut out versions that were meant."""
    match = _CLAUSE.fullmatch(text)
    operator, version = (match[1] or "==", match[2]) if match is not None else ("==", "")
    operator = "==" if operator == "=" else operator
    if not version:
        return ""
    if _is_specifier(operator + version):
        return operator + version
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return f">={numbers[0]}" if operator in (">", ">=") and numbers is not None else ""
