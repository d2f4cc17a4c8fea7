"""Detection: which declaration a Python project is installed from, and what it says.

A lock beats a declaration, a declaration beats imports. The order within each is ORDER's; what is
read and what is passed over is said in a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reprokit.ecosystems.python import (
    conda,
    imports,
    local_projects,
    lock_files,
    notebooks,
    pipfile,
    pyproject,
    requirements_txt,
    setup_files,
    version,
)
from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.ecosystems.python.names import normalised
from reprokit.model import JSON, Detection, Note, Reason, Requirement, Runtime
from reprokit.project import Project

# Above this a project's notebooks are data, or the scan would be slow.
NOTEBOOK_LIMIT = 100
TOOLS: tuple[str, ...] = ("ipykernel", "nbclient")
_FOLDERS = ("", "binder/", ".binder/")
_ASIDE = re.compile(
    r"requirements[-_.]?(?:.*[-_.])?(?:dev|develop|development|tests?|testing|docs?|lint|ci|build|"
    r"optional|extras?|examples?|notebooks?)(?:[-_.].*)?\.(?:txt|in)"
)


def detect(project: Project) -> Detection | None:
    """What the project needs of Python; `None` where there is no Python in it."""
    declared = _declared(project)
    books = _notebooks(project)
    python_books = tuple(n for n in books if n.language == "python")
    scripts = imports.scripts(project) if declared is None else ()
    has_scripts = bool(scripts) or any(path.endswith(".py") for path in project.files)
    if declared is None and not has_scripts and not python_books:
        return None
    if declared is None:
        found = imports.unique(
            merged(
                imports.from_scripts(project, scripts),
                notebooks.requirements(project, python_books),
            )
        )
        sources = ", ".join(dict.fromkeys(str(r.reason.file) for r in found.requirements))
        text = f"nothing is declared: requirements are what {sources or 'the code'} imports"
        declared = merged(found, Found(notes=(information(text),)))
    declared = _with_local(project, declared)
    others = merged(notebooks.foreign(books), _pythons(project, declared, books))
    found = replace(merged(declared, others), complete=declared.complete)
    return _detection(found, python_books, local_projects.settings(project, found))


def _with_local(project: Project, declared: Found) -> Found:
    below = local_projects.dependencies(project, declared)
    if not below.requirements and not below.runtimes:
        return declared
    return merged(declared, below)


def _notebooks(project: Project) -> tuple[notebooks.Notebook, ...]:
    listed = notebooks.paths(project)[:NOTEBOOK_LIMIT]
    return tuple(notebooks.read(project, path) for path in listed)


def _detection(found: Found, books: tuple[notebooks.Notebook, ...], local: list[JSON]) -> Detection:
    settings: dict[str, JSON] = {"local": local} if local else {}
    if found.constraints:
        settings["constraints"] = [_constraint(asked) for asked in found.constraints]
    if found.indexes:
        settings["indexes"] = [[option, value] for option, value in found.indexes]
    if found.pins:
        settings["pins"] = {
            name: {release: list(hashes) for release, hashes in sorted(releases.items())}
            for name, releases in sorted(found.pins.items())
        }
    if found.complete:
        settings["complete"] = True
    if books:
        settings["notebook"] = True
        settings["tools"] = list(TOOLS)
    return Detection(
        ecosystem="python",
        files=found.files,
        requirements=tuple(dict.fromkeys(found.requirements)),
        runtimes=_runtimes(found.runtimes),
        system_packages=found.system_packages,
        notes=tuple(dict.fromkeys(found.notes)),
        settings=settings,
    )


def _constraint(asked: Requirement) -> JSON:
    return {
        "text": f"{asked.name}{asked.specifier}" + (f" ; {asked.marker}" if asked.marker else ""),
        "file": asked.reason.file,
        "line": asked.reason.line,
    }


def _runtimes(found: tuple[Runtime, ...]) -> tuple[Runtime, ...]:
    """Each distinct demand once; "any Python" where nothing says more."""
    unique = {(r.language, r.specifier): r for r in reversed(found)}
    if not any(language == "python" for language, _ in unique):
        reason = Reason(text="no file says which Python")
        unique["python", ""] = Runtime(language="python", specifier="", reason=reason)
    return tuple(unique[key] for key in sorted(unique))


def _pythons(project: Project, declared: Found, books: tuple[notebooks.Notebook, ...]) -> Found:
    """The Python version: from files made to say it, else from the notebooks' metadata."""
    stated = version.version_files(project)
    parts = [stated] if stated is not None else []
    named = any(r.language == "python" for r in declared.runtimes)
    if not named and pyproject.PATH not in declared.files and project.has(pyproject.PATH):
        parts.append(Found(runtimes=pyproject.pythons(project)))
    if not named and not any(part.runtimes for part in parts):
        parts.append(notebooks.pythons(books))
    return merged(*parts)


def _declared(project: Project) -> Found | None:
    """The strongest declaration; a note names those that were passed over."""
    present = [(name, read) for name, read in _candidates(project)]
    for position, (name, read) in enumerate(present):
        found = read()
        if found is None:
            continue
        others = [other for other, _ in present[position + 1 :] if other not in found.files]
        notes: tuple[Note, ...] = ()
        if others:
            text = f"{name} is followed; {', '.join(dict.fromkeys(others))} not"
            notes = (information(text, name),)
        return merged(found, Found(notes=notes, complete=True))
    return None


def _candidates(project: Project) -> list[tuple[str, Callable[[], Found | None]]]:
    """Every declaration the project has, strongest first."""
    found: list[tuple[str, Callable[[], Found | None]]] = []
    for path in _pylocks(project):
        found.append((path, partial(lock_files.read_pylock, project, path)))
    if project.has(lock_files.UV):
        found.append((lock_files.UV, lambda: lock_files.read_uv(project)))
    if project.has(lock_files.POETRY):
        found.append((lock_files.POETRY, lambda: lock_files.read_poetry(project)))
    if project.has(pipfile.LOCK):
        found.append((pipfile.LOCK, lambda: pipfile.read_lock(project)))
    for folder in _FOLDERS:
        chosen = _requirements(project, folder)
        if chosen is not None:
            path, read = chosen
            found.append((path, read))
    if project.has(pipfile.PATH):
        found.append((pipfile.PATH, lambda: pipfile.read(project)))
    if project.has(pyproject.PATH):
        found.append((pyproject.PATH, lambda: pyproject.read(project)))
    for path in (setup_files.CFG, setup_files.PY):
        if project.has(path):
            found.append((path, lambda: setup_files.read(project)))
    for folder in _FOLDERS:
        for name in ("environment.yml", "environment.yaml"):
            path = folder + name
            if project.has(path):
                found.append((path, partial(conda.read, project, path)))
    return found


def _pylocks(project: Project) -> list[str]:
    return sorted(project.at_root("pylock.toml", "pylock.*.toml"), key=lambda p: (len(p), p))[:1]


def _requirements(project: Project, folder: str) -> tuple[str, Callable[[], Found]] | None:
    """The requirements file of a folder: the plain name first, those for developers last."""
    plain = f"{folder}requirements.txt"
    listed = sorted(
        path
        for path in project.matching("requirements*.txt", "requirements*.in")
        if path.rpartition("/")[0] == folder.rstrip("/")
    )
    if not listed:
        below = (f"{folder}requirements/{n}.txt" for n in ("requirements", "base", "main", "prod"))
        listed = [path for path in below if project.has(path)]
    if not listed:
        return None
    running = [p for p in listed if not _ASIDE.fullmatch(p.rpartition("/")[2])]
    locked = [p for p in running if p.endswith(".txt")] or running
    chosen = plain if plain in listed else (locked or listed)[0]
    rest = [path for path in listed if path != chosen]

    def read() -> Found:
        found = requirements_txt.read(project, chosen)
        unused = [path for path in rest if path not in found.files]
        if not unused:
            return found
        text = f"{chosen} is followed; {', '.join(unused)} not"
        guessed = chosen != plain and len(locked) > 1
        note = warning(text, chosen) if guessed else information(text, chosen)
        return replace(merged(found, Found(notes=(note,))), complete=found.complete)

    return chosen, read


def requested(detection: Detection) -> frozenset[str]:
    """The normalised names the project itself asks for."""
    return frozenset(normalised(asked.name) for asked in detection.requirements)
