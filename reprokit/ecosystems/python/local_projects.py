"""Packages that lie in the project itself: what building and installing them takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from reprokit.ecosystems.python import local_archives, pyproject, setup_files, toml
from reprokit.ecosystems.python.found import Found, merged
from reprokit.ecosystems.python.names import inside_project, is_local, place, requirement
from reprokit.errors import BadRequest
from reprokit.model import JSON, Reason, Requirement
from reprokit.project import Project

# What pip builds with where pyproject.toml names nothing (PEP 518); "wheel" for setuptools < 70.1.
DEFAULT = ("setuptools>=40.8.0", "wheel")
# What a build backend asks for only when it makes an editable wheel.
_EDITABLE = {"hatchling": "editables", "pdm-backend": "editables", "setuptools": "wheel"}


def paths(found: Found) -> tuple[str, ...]:
    """The folders and files of the project that are asked for as packages."""
    local = [r for r in found.requirements if is_local(r)]
    return tuple(dict.fromkeys(_path(asked) for asked in local))


def _path(asked: Requirement) -> str:
    return (asked.url or "").removeprefix("file:./") or "."


def settings(project: Project, found: Found) -> list[JSON]:
    """Each local package's path and what its build system needs."""
    listed: list[JSON] = []
    for path in paths(found):
        needs = [] if path.endswith(".whl") else list(_build_requires(project, path))
        listed.append({"path": path, "build": list[JSON](needs)})
    return listed


def _build_requires(project: Project, path: str) -> tuple[str, ...]:
    if path.endswith(local_archives.SUFFIXES):
        return DEFAULT
    file = str(PurePosixPath(path) / pyproject.PATH)
    if not project.has(file):
        return DEFAULT
    content, text = toml.read(project, file)
    section = toml.table(content.get("build-system"), "build-system", file, text)
    stated = toml.strings(section.get("requires"), "requires", file, text)
    if not stated:
        return DEFAULT
    line = toml.line_of(text, "[build-system]", "requires")
    reason = Reason(text="builds with it", file=file, line=line)
    names = [requirement(item, reason).name.lower() for item in stated]
    more = (_EDITABLE[name] for name in names if name in _EDITABLE)
    return tuple(dict.fromkeys((*stated, *more)))


def dependencies(project: Project, found: Found) -> Found:
    """What local packages depend on, where that was not read as the declaration itself."""
    parts = []
    for asked in [r for r in found.requirements if is_local(r)]:
        path = _path(asked)
        if path.endswith(local_archives.SUFFIXES):
            parts.append(local_archives.dependencies(project, path, asked))
            continue
        if path != "." and not project.has_folder(path):
            raise BadRequest(
                f"{path!r} is no folder of the project",
                where=place(asked.reason),
                next="add it to the project, or take the line out",
            )
        below = Project(project.path(path))
        inner = _inner(below, path, asked.reason)
        already = {file for file in inner.files if _joined(path, file) in found.files}
        extras = pyproject.extras(below, asked.extras) if asked.extras else Found()
        if already and not extras.requirements:
            continue
        parts.append(_moved(merged(Found() if already else inner, extras), path))
    return merged(*parts)


def _inner(below: Project, path: str, reason: Reason) -> Found:
    has_pyproject = (below.root / pyproject.PATH).is_file()
    declared = pyproject.read(below) if has_pyproject else None
    declared = declared or setup_files.read(below)
    if declared is None and not has_pyproject:
        raise BadRequest(
            f"{path!r} is not a Python package: it has neither pyproject.toml nor setup.py",
            where=place(reason),
        )
    return declared or Found()


def _joined(folder: str, file: str) -> str:
    return str(PurePosixPath(folder) / file)


def _moved(found: Found, folder: str) -> Found:
    """A finding of a folder below as one of the project: reasons and paths are relative to it."""

    def reason(old: Reason) -> Reason:
        return replace(old, file=_joined(folder, old.file)) if old.file else old

    def moved(asked: Requirement) -> Requirement | None:
        if not is_local(asked):
            return replace(asked, reason=reason(asked.reason))
        inner = inside_project(f"{folder}/x", _path(asked), asked.reason)
        if inner == folder:
            return None
        return replace(asked, url=f"file:./{inner}", reason=reason(asked.reason))

    return Found(
        files=tuple(_joined(folder, file) for file in found.files),
        requirements=tuple(m for m in map(moved, found.requirements) if m is not None),
        runtimes=tuple(replace(r, reason=reason(r.reason)) for r in found.runtimes),
        notes=found.notes,
    )
