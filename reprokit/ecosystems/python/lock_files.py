"""Lock files of other tools: poetry.lock, uv.lock, pylock.toml (PEP 751).

A lock that holds every platform's packages is followed as its tool would: the project's own
dependencies are resolved again under the lock's versions as constraints, so that only what this
platform needs is installed, and each file must be one of those the lock names by hash.
"""

from __future__ import annotations

from typing import Any

from reprokit.ecosystems.python import pyproject, toml
from reprokit.ecosystems.python.found import Found, merged
from reprokit.ecosystems.python.names import (
    inside_project,
    local_project,
    normalised,
    requirement,
)
from reprokit.ecosystems.python.version import poetry_specifier, runtime
from reprokit.errors import BadRequest
from reprokit.model import Reason, Requirement, Runtime
from reprokit.project import Project

POETRY = "poetry.lock"
PDM = "pdm.lock"
UV = "uv.lock"


def read_poetry(project: Project, path: str = POETRY) -> Found:
    """poetry.lock, or pdm.lock, which is alike, under the dependencies of pyproject.toml."""
    packages, content, text = _packages(project, path, "package")
    constraints, pins = _constraints(packages, path, text, _poetry_hashes(content))
    declared = pyproject.read(project) if project.has(pyproject.PATH) else None
    found = Found(files=(path,), constraints=constraints, pins=pins)
    if declared is not None:
        return merged(found, declared)
    stated = toml.table(content.get("metadata"), "metadata", path, text).get("python-versions")
    pythons = _runtime(poetry_specifier(str(stated or "*")), path, text, "python-versions")
    return merged(found, Found(requirements=constraints, runtimes=pythons))


def _poetry_hashes(content: dict[str, Any]) -> dict[str, list[Any]]:
    """Before format 2 the files stood in a table of their own."""
    metadata = content.get("metadata")
    files = metadata.get("files") if isinstance(metadata, dict) else None
    return files if isinstance(files, dict) else {}


def read_uv(project: Project) -> Found:
    """uv.lock: the root package's dependencies under the versions of all others."""
    packages, content, text = _packages(project, UV, "package")
    roots = [p for p in packages if _is_root(p)]
    others = [p for p in packages if p not in roots]
    constraints, pins = _constraints(others, UV, text, {})
    pythons = _runtime(str(content.get("requires-python", "")), UV, text, "requires-python")
    found = Found(files=(UV,), constraints=constraints, pins=pins, runtimes=pythons)
    declared = pyproject.read(project) if project.has(pyproject.PATH) else None
    if declared is not None:
        return merged(found, declared)
    names = [d for root in roots for d in root.get("dependencies", []) if isinstance(d, dict)]
    return merged(found, Found(requirements=tuple(_edge(d, text) for d in names)))


def _is_root(package: dict[str, Any]) -> bool:
    source = package.get("source")
    kinds = ("virtual", "editable", "directory")
    return isinstance(source, dict) and any(source.get(kind) == "." for kind in kinds)


def _edge(dependency: dict[str, Any], text: str) -> Requirement:
    name = str(dependency.get("name", ""))
    extras = ",".join(str(extra) for extra in dependency.get("extra", []))
    shown = f"{name}[{extras}]" if extras else name
    if "marker" in dependency:
        shown += f" ; {dependency['marker']}"
    reason = Reason(text=f"locks {name}", file=UV, line=toml.line_of(text, f'name = "{name}"'))
    return requirement(shown, reason)


def read_pylock(project: Project, path: str) -> Found:
    """pylock.toml: all packages with their markers, nothing to be added."""
    packages, content, text = _packages(project, path, "packages")
    parts = [Found(files=(path,), complete=True)]
    for package in packages:
        reason = _reason(package, path, text)
        if "directory" in package:
            relative = str(toml.table(package["directory"], "directory", path, text).get("path"))
            asked = local_project(inside_project(path, relative, reason), reason)
        else:
            asked = _locked(package, reason)
        pins = (
            {normalised(asked.name): {str(package["version"]): _hashes(package)}}
            if ("version" in package)
            else {}
        )
        parts.append(Found(requirements=(asked,), pins=pins, complete=True))
    pythons = _runtime(str(content.get("requires-python", "")), path, text, "requires-python")
    return merged(*parts, Found(runtimes=pythons, complete=True))


def _locked(package: dict[str, Any], reason: Reason) -> Requirement:
    shown = str(package["name"])
    vcs, archive = package.get("vcs"), package.get("archive")
    if isinstance(vcs, dict) and "url" in vcs:
        shown += f" @ {vcs.get('type', 'git')}+{vcs['url']}@{vcs.get('commit-id', 'HEAD')}"
    elif isinstance(archive, dict) and "url" in archive:
        shown += f" @ {archive['url']}"
    elif "version" in package:
        shown += f"=={package['version']}"
    if "marker" in package:
        shown += f" ; {package['marker']}"
    return requirement(shown, reason)


def _packages(
    project: Project, path: str, key: str
) -> tuple[list[dict[str, Any]], dict[str, Any], str]:
    content, text = toml.read(project, path)
    packages = content.get(key, [])
    if not isinstance(packages, list) or not all(
        isinstance(p, dict) and isinstance(p.get("name"), str) for p in packages
    ):
        raise BadRequest(
            f"[[{key}]] is not a list of named packages",
            where=toml.where(path, toml.line_of(text, key)),
            next="write the lock again with its own tool",
        )
    return packages, content, text


def _reason(package: dict[str, Any], path: str, text: str) -> Reason:
    name, version = package["name"], package.get("version", "")
    # A package may be locked in several versions, for several Pythons.
    line = toml.line_of(text, f'name = "{name}"\nversion = "{version}"')
    line = line or toml.line_of(text, f'name = "{name}"')
    return Reason(text=f"locks {name} {version}".rstrip(), file=path, line=line)


def _constraints(
    packages: list[dict[str, Any]], path: str, text: str, files: dict[str, list[Any]]
) -> tuple[tuple[Requirement, ...], dict[str, dict[str, tuple[str, ...]]]]:
    """Each locked version as a constraint, and the hashes that it may have."""
    versions: dict[str, int] = {}
    for package in packages:
        versions[package["name"]] = versions.get(package["name"], 0) + 1
    constraints, pins = [], dict[str, dict[str, tuple[str, ...]]]()
    for package in packages:
        name, source = package["name"], package.get("source")
        if not isinstance(source, dict):
            source = {}
        if "version" not in package or source.get("type") in ("git", "directory", "url"):
            continue
        if {"git", "directory", "editable", "virtual", "url", "path"} & set(source):
            continue
        pins.setdefault(normalised(name), {})[str(package["version"])] = _hashes(
            package, files.get(name, [])
        )
        markers = package.get("resolution-markers") or []
        # Two versions without a marker to tell them apart: the hashes alone decide.
        if versions[name] > 1 and not markers:
            continue
        shown = f"{name}=={package['version']}"
        if markers:
            shown += " ; " + " or ".join(f"({marker})" for marker in markers)
        constraints.append(requirement(shown, _reason(package, path, text)))
    return tuple(constraints), pins


def _hashes(package: dict[str, Any], more: list[Any] = []) -> tuple[str, ...]:  # noqa: B006
    found = set()
    entries = [package.get("sdist"), *package.get("wheels", []), *package.get("files", []), *more]
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        stated = entry.get("hash")
        if isinstance(stated, str) and stated.startswith("sha256:"):
            found.add(stated)
        hashes = entry.get("hashes")
        if isinstance(hashes, dict) and "sha256" in hashes:
            found.add(f"sha256:{hashes['sha256']}")
    return tuple(sorted(found))


def _runtime(specifier: str, path: str, text: str, key: str) -> tuple[Runtime, ...]:
    if not specifier:
        return ()
    line = toml.line_of(text, key)
    return (runtime(specifier, Reason(text=f"{key} {specifier}", file=path, line=line)),)
