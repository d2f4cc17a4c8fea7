"""Whether a project that is installed from a list of packages must be installed itself as well.

`pip install -r requirements.txt` and `pip install -e .` belong together wherever code outside of a
package imports it: from src/, or from scripts and notebooks in other folders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reprokit.ecosystems.python import pyproject, setup_files, toml
from reprokit.ecosystems.python.found import Found, warning
from reprokit.ecosystems.python.names import is_local, local_project
from reprokit.errors import BadRequest
from reprokit.model import Entry, Reason, Step
from reprokit.project import Project

_NO_PACKAGES = frozenset({"tests", "test", "docs", "doc", "examples", "scripts", "notebooks"})
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_PACKAGE = re.compile(r"(src/)?([^/]+)/__init__\.py")


def needed(project: Project, declared: Found) -> Found:
    """The project as a requirement of its own, where code needs it installed."""
    if declared.complete or any(is_local(r) and r.name == "." for r in declared.requirements):
        return Found()
    if not _imported_from_elsewhere(project):
        return Found()
    try:
        file = _build_file(project)
    except BadRequest as error:
        sentence = f"the project is not installed as a package: {error}"
        return Found(notes=(warning(sentence),))
    if file is None:
        return Found()
    reason = Reason(text="the project is a package that other folders import", file=file)
    return Found(requirements=(local_project(".", reason),))


def programs(project: Project) -> tuple[Entry, ...]:
    """The commands that the project installs, by pyproject.toml's tables of scripts or by the
    entry points of setup.cfg and setup.py."""
    stated = dict(_pyproject_scripts(project)) or dict(setup_files.console_scripts(project))
    return tuple(
        Entry(steps=(Step(argv=(name,)),), reason=reason, rank=60)
        for name, reason in stated.items()
        if _PROGRAM.fullmatch(name) is not None
    )


def _pyproject_scripts(project: Project) -> Iterator[tuple[str, Reason]]:
    if not project.has(pyproject.PATH):
        return
    content, text = toml.read(project, pyproject.PATH)
    tool = toml.table(content.get("tool"), "tool", pyproject.PATH, text)
    for name in dict.fromkeys([*_scripts(content.get("project")), *_scripts(tool.get("poetry"))]):
        line = toml.line_of(text, "scripts]", name)
        yield name, Reason(text="the project installs it", file=pyproject.PATH, line=line)


def _scripts(table: object) -> list[str]:
    scripts = table.get("scripts") if isinstance(table, dict) else None
    return list(scripts) if isinstance(scripts, dict) else []


def _build_file(project: Project) -> str | None:
    if project.has(pyproject.PATH) and pyproject.is_package(project):
        return pyproject.PATH
    found = setup_files.read(project) if project.has(setup_files.PY) else None
    return setup_files.PY if found is not None and setup_files.PY in found.files else None


def _imported_from_elsewhere(project: Project) -> bool:
    """Whether packages lie in src/, or beside other folders with code."""
    packages = [
        match for match in map(_PACKAGE.fullmatch, project.matching("__init__.py")) if match
    ]
    if any(match[1] for match in packages):
        return True
    names = {match[2] for match in packages} - _NO_PACKAGES
    if not names:
        return False
    aside = names | {"tests", "test", "docs", "doc"}
    return any(
        "/" in path and path.partition("/")[0] not in aside
        for path in project.matching("*.py", "*.ipynb")
    )
