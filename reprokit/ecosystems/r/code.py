"""The R code of a project: which files hold it, what they use, and which of them starts it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reprokit import shebangs
from reprokit.ecosystems.r import notebooks
from reprokit.ecosystems.r.documents import Document, document, formats
from reprokit.ecosystems.r.usage import Use, sourced, uses
from reprokit.ecosystems.r.versions import BASE_PACKAGES
from reprokit.model import Entry, Reason, Step
from reprokit.project import Project

SCRIPTS = ("*.R", "*.r")
DOCUMENTS = ("*.Rmd", "*.rmd", "*.qmd")
INSTALL_SCRIPTS = frozenset({"install.r", "install_packages.r", "requirements.r"})

# Code that package managers put there, not the project.
_OTHERS = frozenset({"renv", "packrat", "revdep"})
_MAIN = ("main", "run", "run_all", "runall", "run_analysis", "analysis", "master", "all")
_NUMBERED = re.compile(r"[A-Za-z]*[0-9]+[A-Za-z]?(?=[-_. ])")
# Where single scripts live when the project's own folder has none.
_FOLDERS = ("scripts", "code", "analysis", "src", "R")


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


def entries(files: tuple[CodeFile, ...]) -> tuple[Entry, ...]:
    """Ways to run the project: its one main script, numbered scripts in order, or its documents.

    Several equally good ones are all given; the user chooses.
    """
    called = {name.rpartition("/")[2] for file in files for name in sourced(file.code)}
    scripts = [
        file.path
        for file in files
        if file.document is None
        and not file.notebook
        and file.path.lower().endswith(".r")
        and file.path.rpartition("/")[2] not in called
        and file.path.rpartition("/")[2].lower() not in INSTALL_SCRIPTS
    ]
    documents = {
        file.path: file.document
        for file in files
        if file.document is not None and not file.path.endswith(".qmd") and "/" not in file.path
    }
    found = [
        _entry(paths, tuple(_script_step(path) for path in paths), "the R script", 40)
        for paths in _candidates(_of_one_folder(scripts))
    ]
    found += [
        _entry(
            paths,
            tuple(_document_step(path, documents[path]) for path in paths),
            "the R Markdown document",
            45,
        )
        for paths in _candidates(list(documents))
    ]
    return tuple(found)


def site_entry(project: Project) -> Entry | None:
    """How a book or a site of several R Markdown documents is made as a whole."""
    for file, call in (
        ("_bookdown.yml", 'bookdown::render_book("index.Rmd")'),
        ("_site.yml", "rmarkdown::render_site()"),
    ):
        if project.has(file) and project.has("index.Rmd"):
            reason = Reason(text="the documents are one work", file=file)
            return Entry(steps=(Step(argv=("Rscript", "-e", call)),), reason=reason, rank=45)
    return None


def _of_one_folder(paths: list[str]) -> list[str]:
    for folder in ("", *_FOLDERS):
        here = [path for path in paths if path.rpartition("/")[0] == folder]
        if here:
            return here
    return []


def _candidates(paths: list[str]) -> list[tuple[str, ...]]:
    """One file; the one with a main program's name; numbered files as one; else each alone."""
    named = {_stem(path).lower(): path for path in paths}
    main = [named[name] for name in _MAIN if name in named]
    if len(paths) > 1 and len(main) == 1:
        return [(main[0],)]
    numbered = [path for path in paths if _NUMBERED.match(_stem(path) + ".")]
    if len(numbered) > 1 and len(numbered) == len(paths):
        return [tuple(sorted(paths, key=_order))]
    return [(path,) for path in paths]


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _order(path: str) -> tuple[int, str]:
    digits = re.search(r"[0-9]+", _stem(path))
    return (int(digits.group()) if digits else 0, path)


def _entry(paths: tuple[str, ...], steps: tuple[Step, ...], text: str, rank: int) -> Entry:
    reason = Reason(
        text=text if len(paths) == 1 else f"{text}s {', '.join(paths)} in order", file=paths[0]
    )
    return Entry(steps=steps, reason=reason, rank=rank)


def _script_step(path: str) -> Step:
    return Step(argv=("Rscript", path))


def _document_step(path: str, read: Document) -> Step:
    # A JSON string is an R string too: the same quotes and escapes.
    quoted = json.dumps(path, ensure_ascii=False)
    # By itself render() makes only the first of the formats that the header names.
    every = ', output_format = "all"' if len(formats(read.header)) > 1 else ""
    return Step(argv=("Rscript", "-e", f"rmarkdown::render({quoted}{every})"))
