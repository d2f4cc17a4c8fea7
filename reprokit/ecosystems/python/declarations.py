"""Which of a project's declarations is followed: the strongest one that asks for packages.

Locks come first, then the lists that people install from, then what describes the project as a
package. What was passed over is named in a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reprokit import binder
from reprokit.ecosystems.conda import files as conda_files
from reprokit.ecosystems.python import (
    imports,
    lock_files,
    notebooks,
    pipfile,
    pyproject,
    requirements_txt,
    setup_files,
)
from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.ecosystems.python.names import is_local
from reprokit.errors import BadRequest
from reprokit.model import Note
from reprokit.project import Project

_ASIDE = re.compile(
    r"requirements[-_.]?(?:.*[-_.])?(?:dev|develop|development|tests?|testing|docs?|lint|ci|build|"
    r"optional|extras?|examples?|notebooks?)(?:[-_.].*)?\.(?:txt|in)"
)
_INCLUDED = re.compile(r"(?:-r|--requirement)[=\s]*(\S+)")
_BELOW = (
    "requirements*.txt", "requirements*.in", *conda_files.USUAL, pipfile.PATH, pipfile.LOCK,
)  # fmt: skip
_NOT_THE_CODE = re.compile(
    r"(?:^|/)(?:\..*|_.*|docs?|documentation|tests?|testing|ci|website|site|examples?|tutorials?|vendor|"
    r"third[_-]?party|external|extern|libs?|submodules?|node_modules|site-packages|build|dist)/",
    re.IGNORECASE,
)
"""Folders whose declarations serve another end than the results."""
Candidate = tuple[str, Callable[[], Found | None]]


def strongest(project: Project) -> tuple[Found | None, tuple[str, ...]]:
    """The declaration to follow, and the names of those behind it. A lock is followed whatever it
    says; what asks for no package gives way to the next that does, and all of them to one that
    lies in the folder of the code."""
    inside = binder.python_folder(project)
    locks = _locks(project) if inside is None else []
    present = [*locks, *_lists(project)] if inside is None else _of_folder(project, inside)
    empty: list[Found] = []
    for position, (name, read) in enumerate(present):
        found = read()
        if found is None:
            continue
        if asks(found) or name in dict(locks):
            behind = tuple(other for other, _ in present[position + 1 :])
            return _with_packages(found, empty), behind
        empty.append(found)
    below = _below(project)
    if below is not None:
        return _with_packages(below[0], empty), below[1]
    return (merged(*empty) if empty else None), ()


def _below(project: Project) -> tuple[Found, tuple[str, ...]] | None:
    """The declaration in the folder with most of the code, of projects that have none beside it. A
    folder without code counts where no other has a declaration. One that cannot be read does not
    matter here: nobody may have been meant to install from it."""
    folders = {path.rpartition("/")[0] for path in project.matching(*_BELOW)} - {""}
    if not folders:
        return None
    code = [*imports.scripts(project), *notebooks.paths(project)]
    amounts = {
        folder: sum(path.startswith(f"{folder}/") for path in code)
        for folder in folders
        if not _NOT_THE_CODE.search(f"{folder}/")
    }
    ranked = sorted(amounts, key=lambda f: (-amounts[f], f.count("/"), f))
    unread: list[Note] = []
    for position, folder in enumerate(ranked):
        if position and not amounts[folder]:
            break
        present = _of_folder(project, folder)
        # As at the top, a list for pip comes before conda's.
        for name, read in (*present[-1:], *present[:-1]):
            try:
                found = read()
            except BadRequest as error:
                unread.append(warning(f"{name} is not followed: {error}", name))
                continue
            if found is not None and asks(found):
                text = f"nothing is declared at the top: {name} is followed"
                others = tuple(path for path in project.matching(*_BELOW) if path != name)
                notes = Found(notes=(*unread, information(text, name)))
                return replace(merged(found, notes), complete=found.complete), others
    return None


def _with_packages(found: Found, empty: list[Found]) -> Found:
    """A declaration, and the project's own packages that those before it were made for."""
    there = {asked.url for asked in found.requirements}
    others = (
        replace(other, requirements=tuple(r for r in other.requirements if r.url not in there))
        for other in empty
    )
    return replace(merged(found, *others), complete=found.complete)


def asks(found: Found) -> bool:
    """Whether a declaration asks for any package but the project itself."""
    return found.complete or bool(found.constraints) or not all(map(is_local, found.requirements))


def passed_over(followed: Found, behind: tuple[str, ...]) -> tuple[Note, ...]:
    """The note on the declarations that are not read."""
    others = [name for name in dict.fromkeys(behind) if name not in followed.files]
    if not others or not followed.files:
        return ()
    name = followed.files[0]
    return (information(f"{name} is followed; {', '.join(others)} not", name),)


def pythons(project: Project, followed: Found) -> Found:
    """The Python version that a declaration states which is not followed otherwise. One that is
    malformed does not matter here."""

    def of_conda(path: str) -> Found:
        from reprokit.ecosystems.python import conda

        return conda.pythons(project, path)

    readers: list[tuple[str | None, Callable[[str], Found]]] = [
        (pyproject.PATH, lambda _: Found(runtimes=pyproject.pythons(project))),
        (binder.place(project, pipfile.PATH), lambda path: pipfile.read(project, path)),
        (setup_files.CFG, lambda _: setup_files.read(project) or Found()),
        (setup_files.PY, lambda _: setup_files.read(project) or Found()),
        (conda_files.place(project), of_conda),
    ]
    for path, read in readers:
        if path is None or path in followed.files or not project.has(path):
            continue
        try:
            found = read(path)
        except BadRequest:
            continue
        if found.runtimes:
            return Found(runtimes=found.runtimes)
    return Found()


def _locks(project: Project) -> list[Candidate]:
    listed = sorted(project.at_root("pylock.toml", "pylock.*.toml"), key=lambda p: (len(p), p))
    found: list[Candidate] = [
        (path, partial(lock_files.read_pylock, project, path)) for path in listed[:1]
    ]
    if project.has(lock_files.UV):
        found.append((lock_files.UV, lambda: lock_files.read_uv(project)))
    for path in (lock_files.POETRY, lock_files.PDM):
        if project.has(path):
            found.append((path, partial(lock_files.read_poetry, project, path)))
    if project.has(pipfile.LOCK):
        found.append((pipfile.LOCK, partial(pipfile.read_lock, project)))
    return found


def _lists(project: Project) -> list[Candidate]:
    requirements = _requirements(project, "")
    found = [] if requirements is None else [requirements]
    conda_file = conda_files.place(project)
    environments: list[Candidate] = []
    if conda_file is not None:
        from reprokit.ecosystems.python import conda

        environments = [(conda_file, partial(conda.read, project, conda_file))]
        part_of_it = _included(project, conda_file)
        if found and (
            found[0][0] in part_of_it or not re.search(r"requirements\.(?:txt|in)$", found[0][0])
        ):
            # requirements-extra.txt beside an environment.yml adds to it, or serves another end.
            found, environments = [*environments, *found], []
    if project.has(pipfile.PATH):
        # As for Binder: conda's file has more than a Pipfile can say, and a Pipfile more than a
        # list of names. pipenv itself writes lists with all versions.
        exact = found if found and _is_exact(*found[0]) else []
        rest = [candidate for candidate in found if candidate not in exact]
        found = [*exact, *environments, (pipfile.PATH, partial(pipfile.read, project)), *rest]
        environments = []
    if project.has(pyproject.PATH):
        found.append((pyproject.PATH, lambda: pyproject.read(project)))
    for path in (setup_files.CFG, setup_files.PY):
        if project.has(path):
            found.append((path, lambda: setup_files.read(project)))
            break
    return [*found, *environments]


def _of_folder(project: Project, folder: str) -> list[Candidate]:
    """What binder/ has, in Binder's order, or another folder. What lies outside is not followed.

    Source: https://repo2docker.readthedocs.io/en/latest/howto/languages/
    """
    found: list[Candidate] = []
    usual = (f"{folder}/{name}" for name in conda_files.USUAL)
    conda_file = next((path for path in usual if project.has(path)), None)
    if conda_file is not None:
        from reprokit.ecosystems.python import conda

        found.append((conda_file, partial(conda.read, project, conda_file)))
    for name, read in ((pipfile.LOCK, pipfile.read_lock), (pipfile.PATH, pipfile.read)):
        path = f"{folder}/{name}"
        if project.has(path):
            found.append((path, partial(read, project, path)))
    requirements = _requirements(project, f"{folder}/")
    return found if requirements is None else [*found, requirements]


def _is_exact(name: str, read: Callable[[], Found | None]) -> bool:
    """Whether a list of packages has the version of each."""
    found = read()
    asked = () if found is None else found.requirements
    return bool(asked) and all(
        r.url is not None or re.fullmatch(r"===?[^*,]+", r.specifier) for r in asked
    )


def _included(project: Project, conda_file: str) -> set[str]:
    from reprokit.ecosystems.conda import environment

    folder = conda_file.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    texts = (text for text, _ in environment.read(project, conda_file).pip)
    return {prefix + match[1].removeprefix("./") for match in map(_INCLUDED.match, texts) if match}


def _requirements(project: Project, folder: str) -> Candidate | None:
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
        text = project.read(chosen)
        if conda_files.is_list(text):
            from reprokit.ecosystems.python import conda

            return conda.read_list(chosen, text)
        found = requirements_txt.read(project, chosen)
        unused = [path for path in rest if path not in found.files]
        if not unused:
            return found
        text = f"{chosen} is followed; {', '.join(unused)} not"
        guessed = chosen != plain and len(locked) > 1
        note = warning(text, chosen) if guessed else information(text, chosen)
        return replace(merged(found, Found(notes=(note,))), complete=found.complete)

    return chosen, read
