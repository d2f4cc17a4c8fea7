"""Detection: which declaration a Python project is installed from, and what it says.

A lock beats a declaration, a declaration beats imports; see `declarations` for the order.
"""

from __future__ import annotations

from dataclasses import replace

from reprokit import shebangs
from reprokit.bases.versions import accepts, means_python_2
from reprokit.ecosystems.python import (
    declarations,
    imports,
    itself,
    local_projects,
    notebooks,
    pip_calls,
    python2,
    r_notebooks,
    readme_versions,
    version,
)
from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.ecosystems.python.names import normalised
from reprokit.lock_file import NAME as LOCK
from reprokit.model import JSON, Detection, Entry, Reason, Requirement, Runtime
from reprokit.project import Project

TOOLS: tuple[str, ...] = ("ipykernel", "nbclient")
_OTHER_CODE = (".java", ".r", ".rmd", ".qmd")
MISNAMED = {"sklearn": "scikit-learn"}
"""Names that people ask for, and that PyPI keeps only to say what is meant."""


def detect(project: Project) -> Detection | None:
    """What the project needs of Python; `None` where there is no Python in it."""
    declared, passed = declarations.strongest(project)
    books = _notebooks(project)
    python_books = tuple(n for n in books if n.language == "python")
    r_books = tuple(n for n in books if n.language == "r")
    if declared is None and not _has_scripts(project) and not python_books:
        return r_notebooks.runner_only(books)
    if declared is None or not declarations.asks(declared):
        declared = merged(declared or Found(), _imported(project, python_books, declared))
    elif not declared.complete:
        declared = merged(declared, _installed(project, python_books, declared))
    declared = replace(
        merged(declared, itself.needed(project, declared)), complete=declared.complete
    )
    declared = _with_local(project, declared)
    # A lock of the author's says what the image holds, which is pip itself.
    stands_in = project.lenient and not project.has(LOCK)
    if stands_in or not declared.complete:
        pip = pip_calls.needed(project, declared, stands_in=stands_in)
        stands_in = bool(pip.notes)
        declared = replace(merged(declared, pip), complete=declared.complete)
    others = merged(notebooks.foreign(books), _pythons(project, declared, books))
    notes = Found(notes=declarations.passed_over(declared, passed))
    found = replace(merged(declared, others, notes), complete=declared.complete)
    local = local_projects.settings(project, found)
    programs = itself.programs(project) if any(r.name == "." for r in found.requirements) else ()
    detection = _detection(_renamed(found), python_books, local, programs)
    if stands_in:
        settings = {**detection.settings, pip_calls.SETTING: True}
        detection = replace(detection, settings=settings)
    return r_notebooks.with_kernel(detection, r_books)


def _has_scripts(project: Project) -> bool:
    """Whether anything is Python's: a script with its ending, or its first line where no other
    language's code is there (a tool beside it does not make the program need Python), or a
    runtime.txt that asks for it."""
    return (
        any(path.endswith(".py") for path in project.files)
        or (
            bool(shebangs.scripts(project, shebangs.PYTHON))
            and not any(path.lower().endswith(_OTHER_CODE) for path in project.files)
        )
        or version.runtime_file(project) is not None
    )


def _imported(
    project: Project, books: tuple[notebooks.Notebook, ...], declared: Found | None
) -> Found:
    """What the code imports, for a project that declares no package."""
    found = imports.unique(
        merged(
            imports.from_scripts(project, imports.scripts(project)),
            notebooks.requirements(project, books),
        )
    )
    if declared is not None and not found.requirements:
        return found
    sources = ", ".join(dict.fromkeys(str(r.reason.file) for r in found.requirements))
    if project.lenient:
        found = readme_versions.with_versions(project, found)
    why = "nothing is declared"
    if declared is not None and declared.files:
        why = f"no package is asked for in {', '.join(declared.files)}"
    text = f"{why}: requirements are what {sources or 'the code'} imports"
    return merged(found, Found(notes=(information(text),)))


def _installed(project: Project, books: tuple[notebooks.Notebook, ...], declared: Found) -> Found:
    """What notebook cells install beyond what a file declares."""
    found = notebooks.installs(project, books)
    known = {normalised(asked.name) for asked in declared.requirements}
    more = tuple(r for r in found.requirements if normalised(r.name) not in known)
    return replace(imports.unique(replace(found, requirements=more)), indexes=())


def _renamed(found: Found) -> Found:
    """Requirements by the names that PyPI has them under."""
    notes = tuple(
        information(
            f"{asked.name} is only a placeholder on PyPI; {MISNAMED[normalised(asked.name)]} is "
            "installed",
            asked.reason.file,
            asked.reason.line,
        )
        for asked in found.requirements
        if normalised(asked.name) in MISNAMED
    )
    if not notes:
        return found
    requirements = tuple(
        replace(asked, name=MISNAMED[normalised(asked.name)], specifier="", hashes=())
        if normalised(asked.name) in MISNAMED
        else asked
        for asked in found.requirements
    )
    return replace(found, requirements=requirements, notes=(*found.notes, *notes))


def _with_local(project: Project, declared: Found) -> Found:
    below = local_projects.dependencies(project, declared)
    if not below.requirements and not below.runtimes:
        return declared
    return replace(merged(declared, below), complete=declared.complete)


def _notebooks(project: Project) -> tuple[notebooks.Notebook, ...]:
    listed = notebooks.paths(project)[: notebooks.LIMIT]
    return tuple(notebooks.read(project, path) for path in listed)


def _detection(
    found: Found,
    books: tuple[notebooks.Notebook, ...],
    local: list[JSON],
    programs: tuple[Entry, ...],
) -> Detection:
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
    notes = found.notes
    if books and any(map(means_python_2, found.runtimes)):
        text = "notebooks are not run with Python 2.7: their runner has no version for it"
        notes = (*notes, warning(text, books[0].path))
    elif books:
        settings["notebook"] = True
        settings["tools"] = list(TOOLS)
    return Detection(
        ecosystem="python",
        files=found.files,
        requirements=tuple(dict.fromkeys(found.requirements)),
        runtimes=_runtimes(found.runtimes),
        system_packages=found.system_packages,
        entries=programs,
        notes=tuple(dict.fromkeys(notes)),
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
    """The Python version: from files made to say it, else from declarations that are not followed
    otherwise; where these leave it open from code that only Python 2 reads, else from the
    notebooks' metadata."""
    stated = version.version_files(project)
    parts = [stated] if stated is not None else []
    named = any(r.language == "python" for part in (declared, *parts) for r in part.runtimes)
    if not named:
        parts.append(declarations.pythons(project, declared))
    said = [r for part in (declared, *parts) for r in part.runtimes if r.language == "python"]
    if all(accepts(runtime, "2.7.18") for runtime in said):
        by_syntax = python2.found(project)
        if by_syntax is not None:
            return merged(*parts, Found(runtimes=(by_syntax,)))
    if not said:
        parts.append(_told(project, books) or notebooks.pythons(books))
    return merged(*parts)


def _told(project: Project, books: tuple[notebooks.Notebook, ...]) -> Found | None:
    """The Python that a README names: it is prose, which only a rerun goes by."""
    told = readme_versions.python(project) if project.lenient else None
    if told is not None and books and any(map(means_python_2, told.runtimes)):
        return None
    return told


def requested(detection: Detection) -> frozenset[str]:
    """The normalised names the project itself asks for."""
    return frozenset(normalised(asked.name) for asked in detection.requirements)
