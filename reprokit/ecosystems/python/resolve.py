"""Locking: every wheel by version, URL and SHA-256, as of the lock's day.

What has no wheel is built in a container, and the lock names all that went into it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from packaging.utils import parse_wheel_filename

from reprokit.ecosystems.python import indexes, pylock
from reprokit.ecosystems.python.building import Builder
from reprokit.ecosystems.python.compiling import Compiler, Wish, of_wheels, uv_wheel
from reprokit.ecosystems.python.loosening import loosened
from reprokit.ecosystems.python.making import Making, Tools
from reprokit.ecosystems.python.names import is_local, normalised, written
from reprokit.ecosystems.python.pip_calls import SETTING as PIP_STAND_IN
from reprokit.ecosystems.python.pylock import Resolved, Target
from reprokit.ecosystems.python.system_packages import ask_for_needs
from reprokit.ecosystems.python.version import is_2, python_version
from reprokit.ecosystems.python.virtualenv import VIRTUALENV
from reprokit.errors import NothingFits
from reprokit.model import (
    JSON,
    Artifact,
    Detection,
    LockedEcosystem,
    LockedPackage,
    Reason,
    Requirement,
)
from reprokit.resolving import Resolver


def resolve(detection: Detection, resolver: Resolver) -> LockedEcosystem:
    """See `Ecosystem.resolve`. Where the limits of a loose project leave nothing that fits this
    Python, they are taken as lower bounds, one package after another; what the index does not have
    is left out."""
    changes: tuple[str, ...] = ()
    while True:
        try:
            return _resolved(detection, resolver, changes)
        except NothingFits as error:
            freed, more = loosened(detection, error.names, error.absent)
            if not resolver.project.loose or not more:
                raise
            resolver.reporter.message(f"{error.what.splitlines()[0]}: {'; '.join(more)}")
            detection, changes = freed, (*changes, *more)


def _resolved(
    detection: Detection, resolver: Resolver, changes: tuple[str, ...]
) -> LockedEcosystem:
    python = python_version(resolver.base, detection.runtimes)
    fits = pylock.target(python, resolver.platform, resolver.base.name)
    requested = frozenset(normalised(r.name) for r in detection.requirements)
    source = uv_wheel(resolver, fits)
    tool = indexes.artifact(resolver, source, f"tools/{source.file}")
    old = _virtualenv(fits, resolver) if is_2(python) else None
    with ExitStack() as stack:
        compiler = Compiler(resolver, fits, tool, stack)
        wish = _project_wish(detection, resolver)
        project = compiler.resolved(wish)
        # Asked for before anything is built: what is asked for begins it all anew.
        ask_for_needs((item.name for item in project), resolver)
        tools = building = tuple[Resolved, ...]()
        if old is None:
            tools = compiler.resolved(_tools_wish(detection, project), softly=True)
            building = compiler.resolved(_building_wish(detection))
        temporary = stack.enter_context(tempfile.TemporaryDirectory(prefix="reprokit-making-"))
        making = Making(resolver, Tools(uv=tool, virtualenv=old), Path(temporary))
        builder = Builder(resolver, compiler, making, fits, wish, _besides(detection))
        in_project = builder.locked(project, "wheels", requested)
        in_tools = builder.locked(tools, "wheels")
        in_building = builder.locked(building, "wheels-build")
    unique = {(p.name, p.version, p.artifacts): p for p in (*in_tools, *in_building, *in_project)}
    packages = sorted(unique.values(), key=lambda p: (p.name, p.version, p.artifacts[0].path))
    settings: dict[str, JSON] = {
        "uv": tool.path,
        "project": _names(in_project),
        "tools": _names(in_tools),
        "build": _names(in_building),
        "local": detection.settings.get("local", []),
    }
    for name in ("kernels", PIP_STAND_IN):
        if name in detection.settings:
            settings[name] = detection.settings[name]
    repaired = compiler.changes((r.name, r.version) for r in (*project, *tools, *building))
    for change in repaired:
        resolver.reporter.message(change)
    if repaired or changes:
        settings["repaired"] = [*changes, *repaired]
    making_packages = list(builder.read)
    (packages if old is None else making_packages).append(_tool(tool))
    if old is not None:
        settings["virtualenv"] = old.path
        packages.append(_tool(old))
    if builder.recipes:
        settings["made"] = dict(builder.recipes)
    later = [
        f"Python packages (as of {day}: the lock's day is before any wheel for Python "
        f"{fits.python})"
        for day in sorted(compiler.later)
    ]
    if tools and resolver.date.day < _RUNNER_SINCE:
        later.append(f"what runs notebooks (as of {_RUNNER_SINCE}: nothing did before)")
    unindexed = (p.name for p in in_project if p.name in compiler.not_dated)
    undated = tuple(r.name for r in detection.requirements if _is_undated(r))
    return LockedEcosystem(
        ecosystem="python",
        packages=tuple(packages),
        settings=settings,
        undated=(*undated, *unindexed, *builder.undated, *later),
        making=tuple(making_packages) if builder.recipes else (),
    )


def _tool(artifact: Artifact) -> LockedPackage:
    name, version, *_ = parse_wheel_filename(artifact.path.rpartition("/")[2])
    return LockedPackage(name=name, version=str(version), artifacts=(artifact,))


def _virtualenv(fits: Target, resolver: Resolver) -> Artifact:
    """What makes environments of Python 2.7, which uv does not know; it carries pip. A tool, so
    without a date."""
    (found,) = of_wheels(resolver, fits, Wish(lines=(VIRTUALENV,), undated=True))
    assert found.wheel is not None
    return indexes.artifact(resolver, found.wheel, f"tools/{found.wheel.file}")


def _is_undated(asked: Requirement) -> bool:
    """A repository's branch or a URL has no date; a full commit needs none."""
    if asked.url is None or is_local(asked):
        return False
    return re.search(r"@[0-9a-f]{40}(#|$)", asked.url) is None


def _names(packages: Iterable[LockedPackage]) -> list[JSON]:
    return [f"{package.name}=={package.version}" for package in packages]


def _project_wish(detection: Detection, resolver: Resolver) -> Wish:
    settings = detection.settings
    remote = tuple(r for r in detection.requirements if not is_local(r))
    allowed: dict[str, frozenset[str]] = {}
    pins = settings.get("pins")
    for name, releases in (pins if isinstance(pins, Mapping) else {}).items():
        for release, hashes in (releases if isinstance(releases, Mapping) else {}).items():
            if isinstance(hashes, (list, tuple)) and hashes:
                allowed[f"{name}=={release}"] = frozenset(map(str, hashes))
    for asked in remote:
        exact = re.fullmatch(r"==([^=*,]+)", asked.specifier)
        if exact is not None and asked.hashes:
            digests = frozenset(h for h in asked.hashes if h.startswith("sha256:"))
            allowed[f"{normalised(asked.name)}=={exact[1]}"] = digests
    listed = settings.get("constraints")
    constraints = tuple(
        str(item["text"])
        for item in (listed if isinstance(listed, (list, tuple)) else ())
        if isinstance(item, Mapping)
    )
    return Wish(
        lines=tuple(written(asked) for asked in remote),
        constraints=constraints,
        options=(*indexes.options(settings.get("indexes"), resolver), *_complete(settings)),
        indexes=settings.get("indexes"),
        allowed=allowed,
        asked=(*remote, *_constraint_reasons(listed)),
        besides=_besides(detection),
    )


def _constraint_reasons(listed: JSON) -> tuple[Requirement, ...]:
    found = []
    for item in listed if isinstance(listed, (list, tuple)) else ():
        if isinstance(item, Mapping) and (match := re.match(r"[A-Za-z0-9._-]+", str(item["text"]))):
            file, line = item.get("file"), item.get("line")
            reason = Reason(
                text=f"limits {item['text']}",
                file=file if isinstance(file, str) else None,
                line=line if isinstance(line, int) else None,
            )
            found.append(Requirement(name=match[0], reason=reason))
    return tuple(found)


def _complete(settings: Mapping[str, JSON]) -> tuple[str, ...]:
    return ("--no-deps",) if settings.get("complete") else ()


_RUNNER_SINCE = "2021-01-01"
"""The day before which nothing runs notebooks as reprokit does: of nbclient 0.5.1, in wheels for
Python 3.6 to 3.9. Source: https://pypi.org/project/nbclient/#history"""


def _tools_wish(detection: Detection, project: Sequence[Resolved]) -> Wish:
    """The notebook runner's packages. The kernel sees the project's packages first, so they must
    agree with these versions."""
    tools = detection.settings.get("tools")
    lines = tuple(map(str, tools)) if isinstance(tools, (list, tuple)) else ()
    return Wish(
        lines=lines,
        constraints=tuple(f"{p.name}=={p.version}" for p in project if p.version),
        since=_RUNNER_SINCE,
    )


def _besides(detection: Detection) -> tuple[str, ...]:
    listed = detection.settings.get("build_requirements")
    return tuple(map(str, listed)) if isinstance(listed, (list, tuple)) else ()


def _building_wish(detection: Detection) -> Wish:
    local = detection.settings.get("local")
    lines = [
        str(line)
        for item in (local if isinstance(local, (list, tuple)) else ())
        if isinstance(item, Mapping)
        for line in (item.get("build") or ())  # type: ignore[union-attr]
    ]
    besides = _besides(detection) if lines else ()
    return Wish(lines=tuple(dict.fromkeys((*lines, *besides))))
