"""The R code of a project: which files hold it, and what they use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reprokit import shebangs
from reprokit.ecosystems.r import notebooks
from reprokit.ecosystems.r.documents import Document, document
from reprokit.ecosystems.r.usage import Use, uses
from reprokit.ecosystems.r.versions import BASE_PACKAGES
from reprokit.project import Project

SCRIPTS = ("*.R", "*.r")
DOCUMENTS = ("*.Rmd", "*.rmd", "*.qmd")
INSTALL_SCRIPTS = frozenset({"install.r", "install_packages.r", "requirements.r"})

# Code that package managers put there, not the project.
_OTHERS = frozenset({"renv", "packrat", "revdep"})


@dataclass(frozen=True, slots=True)
class CodeFile:
    """One file with R code. `code` has the code on its own lines; `document` is set for R
    Markdown and Quarto. Of a Jupyter `notebook` it is the code of all cells: its lines are no lines
    of the file."""

    path: str
    code: str
    document: Document | None = None
    notebook: bool = False

    def line(self, line: int) -> int | None:
        """A line of the code as the file counts it."""
        return None if self.notebook else line


def code_files(project: Project) -> tuple[CodeFile, ...]:
    """Every file with R code, sorted by path; Quarto documents without R are left out."""
    found = []
    for path in project.matching(*SCRIPTS, *DOCUMENTS):
        folders = path.split("/")[:-1]
        if not _OTHERS.isdisjoint(folders):
            continue
        text = project.read(path)
        if path.lower().endswith(".r"):
            found.append(CodeFile(path, text))
            continue
        read = document(text)
        if "r" in read.engines or not path.endswith(".qmd"):
            found.append(CodeFile(path, read.code, read))
    found += [CodeFile(path, project.read(path)) for path in shebangs.scripts(project, shebangs.R)]
    found += [CodeFile(book.path, book.code, notebook=True) for book in notebooks.read(project)]
    return tuple(sorted(found, key=lambda file: file.path))


def used_packages(files: tuple[CodeFile, ...]) -> Iterator[tuple[CodeFile, Use]]:
    """Each package that code uses and that is not part of R itself, with the file and line.

    A package's own tests only try theirs: an experiment runs without them.
    """
    for file in files:
        for use in uses(file.code):
            if use.package in BASE_PACKAGES:
                continue
            if file.path.startswith("tests/") and use.way == "needs":
                use = Use(use.package, use.line, use.how, "tries")
            yield file, use
