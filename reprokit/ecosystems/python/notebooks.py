"""Jupyter notebooks: what their cells import and install, and the Python that wrote them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reprokit.ecosystems.python import notebook_installs
from reprokit.ecosystems.python.found import Found, merged, warning
from reprokit.ecosystems.python.imports import (
    Imported,
    imported,
    local_modules,
    mentioned,
    required,
    unique,
)
from reprokit.ecosystems.python.notebook_runner import PYTHON, asked, language_of
from reprokit.ecosystems.python.version import OLDEST, recorded
from reprokit.errors import BadRequest
from reprokit.model import Requirement
from reprokit.project import Project

LIMIT = 100
"""Above this a project's notebooks are data, or the scan would be slow."""
NEXT = "open it in Jupyter and save it again, or give it another ending than .ipynb"
_CELL_MAGIC = re.compile(r"\s*%%(\w+)(.*)")
_PYTHON_CELLS = ("time", "timeit", "capture", "prun", "python", "python3")
_SHELL_CELLS = ("bash", "sh", "script", "system", "!")


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook's path, language, recorded language version and code cells (number, source).

    `tags` maps the number of a code cell to its tags, where it has some; `counts` to the number
    that it last ran with.
    """

    path: str
    language: str
    version: str | None
    cells: tuple[tuple[int, str], ...]
    tags: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)


def paths(project: Project) -> tuple[str, ...]:
    """The project's notebooks in the order people number them (2 before 10)."""
    return tuple(sorted((p for p in project.files if p.endswith(".ipynb")), key=_natural))


def _natural(path: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def read(project: Project, path: str) -> Notebook:
    """A notebook of format 3 or 4. Raises BadRequest for anything else."""
    text = project.read(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"is not valid JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            next="fetch the file itself with `git lfs pull`"
            if text.startswith("version https://git-lfs")
            else NEXT,
        ) from error
    except RecursionError as error:
        raise BadRequest("is nested too deeply for a notebook", where=path, next=NEXT) from error
    if not isinstance(content, dict):
        raise BadRequest("is not a notebook", where=path, next=NEXT)
    cells = content.get("cells")
    if cells is None and isinstance(content.get("worksheets"), list):
        sheets = [w.get("cells") for w in content["worksheets"] if isinstance(w, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise BadRequest("is not a notebook: it has no list of cells", where=path, next=NEXT)
    metadata = content.get("metadata")
    language, version = _language(metadata if isinstance(metadata, dict) else {})
    code = {
        number: cell
        for number, cell in enumerate(cells, start=1)
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    }
    sources = ((n, _source(cell.get("source", cell.get("input", "")))) for n, cell in code.items())
    counts = {n: cell.get("execution_count", cell.get("prompt_number")) for n, cell in code.items()}
    return Notebook(
        path,
        language,
        version,
        tuple(sources),
        {n: tags for n, cell in code.items() if (tags := _tags(cell))},
        {n: count for n, count in counts.items() if isinstance(count, int)},
    )


def _tags(cell: dict[str, Any]) -> tuple[str, ...]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return tuple(map(str, tags)) if isinstance(tags, list) else ()


def _source(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _language(metadata: dict[str, Any]) -> tuple[str, str | None]:
    information = metadata.get("language_info")
    version = information.get("version") if isinstance(information, dict) else None
    return language_of(metadata), (
        version if isinstance(version, str) and re.match(r"\d+\.\d+", version) else None
    )


def pythons(notebooks: tuple[Notebook, ...]) -> Found:
    """The newest Python that wrote one of the notebooks. It is a record, not a demand: one that
    is older than any base's gives way to the date, with a warning."""
    stated = [
        (tuple(map(int, release[0].split("."))), release[0], notebook.path)
        for notebook in notebooks
        if notebook.language == "python"
        and notebook.version is not None
        and (release := re.match(r"\d+\.\d+(\.\d+)?", notebook.version))
    ]
    if not stated:
        return Found()
    numbers, newest, path = max(stated, key=lambda item: item[0])
    if numbers[:2] < OLDEST:
        sentence = (
            f"was written with Python {newest}, for which there is neither a base nor an "
            "installer; the Python of the date is taken"
        )
        return Found(notes=(warning(f"{path} {sentence}", path),))
    return recorded(newest, "was written with", path)


def requirements(project: Project, notebooks: tuple[Notebook, ...]) -> Found:
    """What the cells import, and what they install."""
    local = local_modules(project)
    cells = [
        _cell(notebook.path, number, source, local)
        for notebook in notebooks
        for number, source in notebook.cells
    ]
    return unique(merged(*cells, installs(project, notebooks)))


def installs(project: Project, notebooks: tuple[Notebook, ...]) -> Found:
    """What the cells install by pip, conda or apt."""
    parts = []
    for notebook in notebooks:
        by_cell = {
            number: notebook_installs.installed(project, notebook.path, number, source)
            for number, source in notebook.cells
        }
        installing = (n for n, f in by_cell.items() if f.requirements or f.system_packages)
        summary = notebook_installs.summary(tuple(installing), notebook.path)
        parts += [*by_cell.values(), summary]
    return merged(*parts)


def python_of(source: str) -> str | None:
    """A cell's Python without IPython's own notation, as far as it can be read; `None` for a cell
    in another language."""
    magic = _CELL_MAGIC.match(source)
    if magic is not None:
        if magic[1] not in _PYTHON_CELLS:
            return None
        source = source[magic.end() :]
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        # Only now: importing IPython takes a third of a second.
        from IPython.core.inputtransformer2 import TransformerManager

        manager: Any = TransformerManager
        try:
            return str(manager().transform_cell(source))
        except (SyntaxError, ValueError, RecursionError):
            return source
    return source


def in_container(source: str) -> str | None:
    """The Python of a cell that runs in the container alone (`%%repro`); `None` for any other."""
    magic = _CELL_MAGIC.match(source)
    if magic is None or magic[1] != "repro" or asked(magic[2])[0] not in PYTHON:
        return None
    return source[magic.end() :]


def _cell(path: str, number: int, source: str, local: frozenset[str]) -> Found:
    parts = list[Found]()
    magic = _CELL_MAGIC.match(source)
    own = in_container(source)
    if own is not None:
        source = own
    elif magic is not None:
        if magic[1] in _SHELL_CELLS or magic[1] not in _PYTHON_CELLS:
            if magic[1] in ("R", "julia", "cython"):
                text = f"cell {number} is in another language (%%{magic[1]})"
                parts.append(Found(notes=(warning(text, path),)))
            return merged(*parts)
        source = source[magic.end() :]
    # A cell has no line in the file that a person would look for: it is named by its number.
    found = [Imported(i.module, None, i.optional) for i in _imports(source)]
    asked = required(found, path, local)
    return merged(*parts, replace(asked, requirements=_numbered(asked.requirements, number)))


def _numbered(requirements: Iterable[Requirement], number: int) -> tuple[Requirement, ...]:
    return tuple(
        replace(r, reason=replace(r.reason, text=f"cell {number} {r.reason.text}"))
        for r in requirements
    )


def _imports(source: str) -> Iterator[Imported]:
    try:
        yield from imported(ast.parse(source))
        return
    except (SyntaxError, ValueError, RecursionError):
        pass
    # Only now: importing IPython takes a third of a second.
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        manager: Any = TransformerManager
        yield from imported(ast.parse(manager().transform_cell(source)))
    except (SyntaxError, ValueError, RecursionError):
        yield from mentioned(source)


def foreign(notebooks: tuple[Notebook, ...]) -> Found:
    """A note for each notebook whose kernel is neither Python's nor R's."""
    notes = tuple(
        warning(
            f"{n.path} needs a kernel for {n.language}; reprokit runs those of Python and R",
            n.path,
        )
        for n in notebooks
        if n.language not in ("python", "r")
    )
    return Found(notes=notes)
