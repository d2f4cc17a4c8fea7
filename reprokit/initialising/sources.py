"""The Python code that `init` looks at: cells of notebooks, and scripts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from reprokit.ecosystems.python import imports, notebooks
from reprokit.ecosystems.python.imports import Imported
from reprokit.ecosystems.python.notebook_runner import without_own
from reprokit.frozen import frozen
from reprokit.model import Requirement
from reprokit.project import Project


@frozen
class Source:
    """One piece of code. `cell` is its number in the notebook, from 1, Markdown counted too.
    `tree` is `None` where it does not parse."""

    path: str
    text: str
    cell: int | None
    tree: ast.Module | None

    def place(self, line: int | None = None) -> str:
        """Where it is, as people look for it."""
        if self.cell is not None:
            return f"{self.path}, cell {self.cell}" + (f", line {line}" if line else "")
        return f"{self.path}:{line}" if line else self.path


@frozen
class Use:
    """An import of a package, and by what name the package is asked for."""

    module: str
    requirement: Requirement
    place: str


def of_notebook(book: notebooks.Notebook) -> tuple[Source, ...]:
    """The cells with Python in them, without reprokit's own magics and what holds nothing else."""
    found = []
    for number, source in book.cells if book.language == "python" else ():
        text = notebooks.in_container(source) or notebooks.python_of(without_own(source))
        if text is not None and text.strip():
            found.append(Source(path=book.path, text=text, cell=number, tree=_parsed(text)))
    return tuple(found)


def of_scripts(project: Project) -> tuple[Source, ...]:
    """The project's scripts, tests and documentation left out."""
    found = []
    for path in imports.scripts(project)[: imports.FILE_LIMIT]:
        text = project.read(path)
        found.append(Source(path=path, text=text, cell=None, tree=_parsed(text)))
    return tuple(found)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def uses(project: Project, sources: tuple[Source, ...]) -> Iterator[Use]:
    """The imports that need a package, in order; what an import may do without is left out."""
    local = imports.local_modules(project)
    for source in sources:
        found = (
            imports.mentioned(source.text) if source.tree is None else imports.imported(source.tree)
        )
        for item in found:
            yield from _used(item, source, local)


def _used(item: Imported, source: Source, local: frozenset[str]) -> Iterator[Use]:
    for requirement in imports.required([item], source.path, local).requirements:
        yield Use(module=item.module, requirement=requirement, place=source.place(item.line))
