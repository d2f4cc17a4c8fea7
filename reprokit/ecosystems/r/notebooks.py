"""Jupyter notebooks with R's kernel: the R in their cells, and the package that runs them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reprokit.ecosystems.python import notebooks
from reprokit.project import Project

KERNEL = "IRkernel"
_NAMED = re.compile(r'"(?:R|r|ir|IR)"')
_MAGIC = re.compile(r"^[ \t]*%.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Book:
    """A notebook's path and the code of its cells."""

    path: str
    code: str


def read(project: Project) -> tuple[Book, ...]:
    """The project's R notebooks. Raises BadRequest for a file that is no notebook."""
    found = []
    for path in notebooks.paths(project)[: notebooks.LIMIT]:
        if _NAMED.search(project.read(path)) is None:
            continue  # Python's, which Python itself reads: it may be large.
        book = notebooks.read(project, path)
        if book.language == "r":
            # R's kernel has no magics; reprokit's own are left out when the notebook runs.
            code = _MAGIC.sub("", "\n".join(source for _, source in book.cells))
            found.append(Book(path, code))
    return tuple(found)
