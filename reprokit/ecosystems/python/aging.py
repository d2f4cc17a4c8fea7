"""Releases that are older than they need to be.

uv is asked for wheels alone first. Where a dependency has none, uv does not say so while there is
any release from before that dependency: IPython as of 2020 becomes 3.2.3 of 2015, as a small
package that later releases want was only ever published as source.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime

from reprokit.bases.versions import lower_bounds
from reprokit.ecosystems.python.names import normalised
from reprokit.model import Requirement

_TOO_OLD = 365
"""Days by which a release may be older than the newest that would do, before it is looked into: the
packages of a project hold each other back by less."""


def free(asked: Iterable[Requirement]) -> frozenset[str]:
    """The packages that a project asks for without any limit above."""
    return frozenset(
        normalised(each.name)
        for each in asked
        if each.url is None and lower_bounds(each.specifier) == each.specifier
    )


def aged(chosen: str, newest: str, names: Iterable[str]) -> frozenset[str]:
    """Those of these packages that are much older in one answer of uv (pylock.toml) than in the
    other. An index that tells no times says nothing."""
    here, there = _days(chosen), _days(newest)
    return frozenset(
        name
        for name in names
        if name in here and name in there and (there[name] - here[name]).days > _TOO_OLD
    )


def _days(text: str) -> dict[str, date]:
    """Package -> the day on which its first file was published."""
    found: dict[str, date] = {}
    for package in tomllib.loads(text).get("packages", []):
        uploaded = [
            file["upload-time"].astimezone(UTC).date()
            for file in (*package.get("wheels", []), *filter(None, [package.get("sdist")]))
            if isinstance(file.get("upload-time"), datetime)
        ]
        if uploaded:
            found[normalised(package["name"])] = min(uploaded)
    return found
