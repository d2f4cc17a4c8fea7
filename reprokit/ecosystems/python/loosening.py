"""Limits on a version that leave nothing which fits this Python, or another package: who is meant,
and what a loose project (`Project.loose`) gets instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reprokit.bases.versions import lower_bounds
from reprokit.ecosystems.python.names import is_local, normalised
from reprokit.model import JSON, Detection, Requirement

_NAMED = re.compile(
    r"[Ff]ailed to (?:download and )?build `?([A-Za-z0-9][\w.-]*)(?:==|`)"
    r"|\b([A-Za-z0-9][\w.-]*)==\S+ has\s+no\s+(?:usable\s+wheels|wheels\s+with)"
)
_ABSENT = re.compile(
    r"there (?:is|are) no versions? of ([A-Za-z0-9][\w.-]*?)(?:[=<>!~]|\s|$)"
    r"|\b([A-Za-z0-9][\w.-]*) was not found in the package registry"
)
_DEPENDED_ON = re.compile(r"\bdepends on ([A-Za-z0-9][\w.-]*)")
_REQUIRED = re.compile(
    r"\byou require ([A-Za-z0-9][\w.-]*)[^\s,]*(?: and ([A-Za-z0-9][\w.-]*)[=<>!~])?"
)


def named(message: str) -> frozenset[str]:
    """The packages of which uv says that no allowed release fits: this Python, or what another
    package asks of them. Installers of their day put the version that was asked for beside that
    package all the same."""
    unfit = {normalised(one or other) for one, other in _NAMED.findall(message)}
    text = re.sub(r"[\s│]+", " ", message)
    asked = {normalised(name) for pair in _REQUIRED.findall(text) for name in pair if name}
    return frozenset(unfit | asked & set(map(normalised, _DEPENDED_ON.findall(text))))


def absent(message: str) -> frozenset[str]:
    """The packages that uv does not find, or not in the version that is asked for."""
    text = re.sub(r"[\s│]+", " ", message)
    return frozenset(normalised(one or other) for one, other in _ABSENT.findall(text))


def loosened(
    detection: Detection, names: Iterable[str], absent: Iterable[str] = ()
) -> tuple[Detection, tuple[str, ...]]:
    """The detection where the limits on these packages, as far as it has any, are lower bounds
    only; and each change in words. Of what is absent any version will do, and what is absent in any
    version is left out: the program may do without."""
    missing = frozenset(absent)
    wanted, changes = frozenset(names) | missing, list[str]()

    def freed(asked: Requirement) -> Requirement | None:
        name = normalised(asked.name)
        if name not in wanted or is_local(asked) or asked.url is not None:
            return asked
        if name in missing and not asked.specifier:
            changes.append(f"{asked.name} is left out: as of that day there is no such package")
            return None
        lower = "" if name in missing else lower_bounds(asked.specifier)
        if lower == asked.specifier:
            return asked
        changes.append(f"{asked.name}{asked.specifier} is read as {asked.name}{lower}")
        return replace(asked, specifier=lower, hashes=())

    requirements = tuple(r for r in map(freed, detection.requirements) if r is not None)
    settings = dict(detection.settings)
    constraints = settings.get("constraints")
    if isinstance(constraints, (list, tuple)):
        rest = [item for item in constraints if not _limits(item, wanted)]
        settings["constraints"] = rest
        if len(rest) < len(constraints):
            changes.append(f"constraints on {', '.join(sorted(wanted))} are left out")
    pins = settings.get("pins")
    if isinstance(pins, Mapping):
        settings["pins"] = {name: rest for name, rest in pins.items() if name not in wanted}
    changed = replace(detection, requirements=requirements, settings=settings)
    return changed, tuple(dict.fromkeys(changes))


def _limits(constraint: JSON, names: frozenset[str]) -> bool:
    text = str(constraint["text"]) if isinstance(constraint, Mapping) else ""
    match = re.match(r"[A-Za-z0-9][\w.-]*", text)
    return match is not None and normalised(match[0]) in names
