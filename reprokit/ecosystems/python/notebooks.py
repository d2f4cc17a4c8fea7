"""Jupyter notebooks: what their cells import and install, and the Python that wrote them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reprokit.ecosystems.python.found import Found, information, merged, warning
from reprokit.ecosystems.python.imports import (
    Imported,
    imported,
    local_modules,
    mentioned,
    required,
    unique,
)
from reprokit.ecosystems.python.names import requirement
from reprokit.ecosystems.python.version import recorded
from reprokit.errors import BadRequest
from reprokit.model import Reason
from reprokit.project import Project

_PIP = re.compile(
    r"^\s*[!%]?\s*(?:\{sys\.executable\}\s+-m\s+|python3?\s+-m\s+|sudo\s+)?pip3?\s+install\s+(.+)$",
    re.MULTILINE,
)
_CELL_MAGIC = re.compile(r"\s*%%(\w+)(.*)")
_PYTHON_CELLS = ("time", "timeit", "capture", "prun", "python", "python3")
_SHELL_CELLS = ("bash", "sh", "script", "system", "!")


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook's path, language, recorded language version and code cells (number, source)."""

    path: str
    language: str
    version: str | None
    cells: tuple[tuple[int, str], ...]


def paths(project: Project) -> tuple[str, ...]:
    """The project's notebooks in the order people number them (2 before 10)."""
    return tuple(sorted((p for p in project.files if p.endswith(".ipynb")), key=_natural))


def _natural(path: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p]


def read(project: Project, path: str) -> Notebook:
    """A notebook of format 3 or 4. Raises BadRequest for anything else."""
    try:
        content = json.loads(project.read(path))
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"is not valid JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            next="open the notebook in Jupyter and save it again",
        ) from error
    except RecursionError as error:
        raise BadRequest("is nested too deeply for a notebook", where=path) from error
    if not isinstance(content, dict):
        raise BadRequest("is not a notebook", where=path)
    cells = content.get("cells")
    if cells is None and isinstance(content.get("worksheets"), list):
        cells = [
            c for w in content["worksheets"] if isinstance(w, dict) for c in w.get("cells", [])
        ]
    if not isinstance(cells, list):
        raise BadRequest("is not a notebook: it has no list of cells", where=path)
    metadata = content.get("metadata")
    language, version = _language(metadata if isinstance(metadata, dict) else {})
    code = [
        (number, _source(cell.get("source", cell.get("input", ""))))
        for number, cell in enumerate(cells, start=1)
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    ]
    return Notebook(path, language, version, tuple(code))


def _source(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _language(metadata: dict[str, Any]) -> tuple[str, str | None]:
    kernel, language = metadata.get("kernelspec"), metadata.get("language_info")
    kernel = kernel if isinstance(kernel, dict) else {}
    language = language if isinstance(language, dict) else {}
    name = language.get("name") or kernel.get("language") or kernel.get("name") or "python"
    version = language.get("version")
    name = "r" if str(name).lower() in ("r", "ir") else str(name).lower()
    return ("python" if name.startswith("python") else name), (
        version if isinstance(version, str) and re.match(r"\d+\.\d+", version) else None
    )


def pythons(notebooks: tuple[Notebook, ...]) -> Found:
    """The Python that wrote the first notebook that says so."""
    for notebook in notebooks:
        if notebook.language == "python" and notebook.version is not None:
            release = re.match(r"\d+\.\d+(\.\d+)?", notebook.version)
            assert release is not None
            return recorded(release[0], "was written with", notebook.path)
    return Found()


def requirements(project: Project, notebooks: tuple[Notebook, ...]) -> Found:
    """What the cells import, and what they install by pip."""
    local = local_modules(project)
    parts = []
    for notebook in notebooks:
        for number, source in notebook.cells:
            parts.append(_cell(notebook.path, number, source, local))
    return unique(merged(*parts))


def _cell(path: str, number: int, source: str, local: frozenset[str]) -> Found:
    parts = [_installed(path, number, source)]
    magic = _CELL_MAGIC.match(source)
    if magic is not None:
        if magic[1] in _SHELL_CELLS or magic[1] not in _PYTHON_CELLS:
            if magic[1] in ("R", "julia", "cython"):
                text = f"cell {number} is in another language (%%{magic[1]})"
                parts.append(Found(notes=(warning(text, path),)))
            return merged(*parts)
        source = source[magic.end() :]
    # A cell has no line in the file that a person would look for: it is named by its number.
    found = [Imported(i.module, None, i.optional) for i in _imports(source)]
    return merged(*parts, required(found, path, local))


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


def _installed(path: str, number: int, source: str) -> Found:
    """What a `pip install` in a cell asks for. The cell itself will find no network."""
    found, notes = [], []
    for match in _PIP.finditer(source):
        command = re.split(r"[;&|>#]", match[1])[0] if "'" not in match[1] else match[1]
        for word in re.findall(r"\"[^\"]+\"|'[^']+'|\S+", command):
            text = word.strip("\"'")
            if text.startswith("-") or not re.match(r"[A-Za-z0-9]", text):
                continue
            if re.search(r"[/\\]|\.(?:whl|gz|txt)$", text):
                notes.append(warning(f"cell {number} installs {text}, which is not followed", path))
                continue
            reason = Reason(text=f"cell {number} installs {text}", file=path)
            found.append(requirement(text, reason))
    if found:
        text = f"cell {number} installs packages; they are in the image already"
        notes.append(information(text, path))
    return Found(requirements=tuple(found), notes=tuple(notes))


def foreign(notebooks: tuple[Notebook, ...]) -> Found:
    """A note for each notebook whose kernel is not Python's."""
    notes = tuple(
        warning(
            f"{n.path} needs a kernel for {n.language}; reprokit runs only Python notebooks yet",
            n.path,
        )
        for n in notebooks
        if n.language != "python"
    )
    return Found(notes=notes)
