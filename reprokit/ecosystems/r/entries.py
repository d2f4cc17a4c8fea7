"""Which of a project's R scripts and documents make its results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from reprokit.ecosystems.r.code import INSTALL_SCRIPTS, CodeFile
from reprokit.ecosystems.r.documents import Document, formats
from reprokit.ecosystems.r.usage import makes_nothing, sourced
from reprokit.model import Entry, Reason, Step
from reprokit.project import Project

_MAIN = ("main", "run", "run_all", "runall", "run_analysis", "analysis", "master", "all")
_NUMBERED = re.compile(r"[A-Za-z]*[0-9]+[A-Za-z]?(?=[-_. ])")
# Where single scripts live when the project's own folder has none.
_FOLDERS = ("scripts", "code", "analysis", "analyses", "src", "rcode", "rscripts", "r")
# What lies here is for the package, for its readers or for others, and no experiment.
_ASIDE = re.compile(
    r"/(?:tests?|testthat|inst|man|docs?|examples?|templates?|data-raw|vendor|codecheck)/", re.I
)
# Parts of a shiny application, which waits for visitors.
_SHINY = frozenset({"app.r", "global.r", "server.r", "ui.r"})
# Documents about the project, which `render` makes anew for its page on the web.
_ABOUT = re.compile(
    r"(?:readme|licen[cs]e|news|changelog|contributing|conduct|code_of_conduct)\.[rq]?md", re.I
)


def entries(files: Sequence[CodeFile], package: str | None = None) -> tuple[Entry, ...]:
    """Ways to run the project: its one main script, numbered scripts in order, or its documents.

    package: the project is an R package of that name, whose R/ holds no scripts. Several equally
    good ones are all given; the user chooses.
    """
    called = {name.rpartition("/")[2] for file in files for name in sourced(file.code)}
    mine = [f for f in files if not _ASIDE.search(f"/{f.path}") and not f.notebook]
    scripts = [
        file
        for file in mine
        if file.document is None
        and file.path.lower().endswith(".r")
        and _name(file) not in called
        and _name(file).lower() not in INSTALL_SCRIPTS | _SHINY
        and not (package is not None and file.path.startswith("R/"))
    ]
    documents = {
        file.path: file.document
        for file in mine
        if file.document is not None
        and not file.path.endswith(".qmd")
        and _name(file) not in called
        and not _name(file).startswith("_")
    }
    told = [path for path in documents if not _ABOUT.fullmatch(path.rpartition("/")[2])]
    working = [file for file in scripts if not makes_nothing(file.code)]
    if not working and not told:
        working = scripts
    found = [
        _entry(paths, tuple(_script_step(path) for path in paths), "the R script", 40)
        for paths in _candidates(_of_one_folder([file.path for file in working]))
    ]
    found += [
        _entry(
            paths,
            tuple(_document_step(path, documents[path]) for path in paths),
            "the R Markdown document",
            45,
        )
        for paths in _candidates(_nearest(told if told or working else documents))
    ]
    return tuple(found)


def whole_entry(project: Project) -> Entry | None:
    """How a pipeline of targets or drake, or a book or a site of several R Markdown documents, is
    made as a whole."""
    for file, call in (("_targets.R", "targets::tar_make()"), ("_drake.R", "drake::r_make()")):
        if project.has(file):
            reason = Reason(text="the pipeline that makes everything", file=file, line=1)
            return Entry(steps=(Step(argv=("Rscript", "-e", call)),), reason=reason, rank=10)
    for file, call in (
        ("_bookdown.yml", 'bookdown::render_book("index.Rmd")'),
        ("_site.yml", "rmarkdown::render_site()"),
    ):
        if project.has(file) and project.has("index.Rmd"):
            reason = Reason(text="the documents are one work", file=file)
            return Entry(steps=(Step(argv=("Rscript", "-e", call)),), reason=reason, rank=45)
    return None


def _name(file: CodeFile) -> str:
    return file.path.rpartition("/")[2]


def _of_one_folder(paths: Sequence[str]) -> list[str]:
    """The scripts of the project's folder, else of the first usual one, else of the only one."""
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(path.rpartition("/")[0], []).append(path)
    usual = {re.sub("[-_. ]", "", folder.lower()): folder for folder in by_folder}
    known = next((usual[name] for name in ("", *_FOLDERS) if name in usual), None)
    if known is None and len(by_folder) == 1:
        known = next(iter(by_folder))
    return [] if known is None else by_folder[known]


def _nearest(paths: Iterable[str]) -> list[str]:
    """Those that lie nearest to the project's own folder."""
    listed = list(paths)
    depth = min((path.count("/") for path in listed), default=0)
    return [path for path in listed if path.count("/") == depth]


def _candidates(paths: Sequence[str]) -> list[tuple[str, ...]]:
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


def _order(path: str) -> tuple[tuple[int, ...], str]:
    digits = re.search(r"[0-9]+(?:\.[0-9]+)*", _stem(path))
    return (tuple(map(int, digits.group().split("."))) if digits else (0,), path)


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
