"""What of a project's notebooks is code: the cells are, what earlier runs left in the file is not.

A notebook changes whenever it is run and saved. Where its outputs come from runs themselves, they
stay out of the image, so that saving it makes no other environment: that is so for the notebooks
that the project runs, for those that call reprokit, and for those into which reprokit wrote
outputs. Any other notebook is a file like all others, as programs may read its outputs. A notebook
that does nothing but call reprokit is no part of the experiment at all; a cell `%%repro` in Python
is more than that, since it runs in the container wherever the notebook runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from reprokit import git, process
from reprokit.ecosystems.python.notebook_runner import SKIPPED, in_place, without_own
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import Entry, Plan
from reprokit.notebook_runs.stored import step_path
from reprokit.project import Project

LIMIT = 100
"""Above this a project's notebooks are data."""
_SERIES = re.compile(r"\d+\.\d+")
FAILS = "raises-exception"
DRIVES = "only calls reprokit"
"""Why a notebook is left out."""
WRITTEN = "reprokit"
"""What a notebook's metadata calls the run whose outputs it holds."""
# Of a cell, what programs note that show or time it; of a notebook also what holds outputs or names
# the machine. The names are those that nbstripout drops, https://github.com/kynan/nbstripout, and
# papermill's and Visual Studio Code's.
_OF_CELLS = (
    "collapsed", "ExecuteTime", "execution", "heading_collapsed", "hidden", "scrolled", "jupyter",
    "papermill", "trusted",
)  # fmt: skip
_OF_NOTEBOOKS = ("signature", "widgets", "papermill", "vscode", "interpreter", WRITTEN)


@frozen
class Calling:
    """The notebooks that call reprokit: those that do nothing else, and the others."""

    drivers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def calling(project: Project) -> Calling:
    """Look through the project's notebooks. One that cannot be read is none of them."""
    drivers, others = [], []
    for path in project.matching("*.ipynb")[:LIMIT]:
        try:
            content = project.path(path).read_bytes()
        except OSError:
            continue
        # Reading JSON takes long for a notebook with many figures, and few call reprokit.
        document = _document(content) if b"repro" in content else None
        if document is None:
            continue
        cells = list(_code(document))
        own = any(without_own(source) != source for source, _ in cells)
        if own and not any(_does_more(source, tags) for source, tags in cells):
            drivers.append(path)
        elif own or WRITTEN in document["metadata"]:
            others.append(path)
    return Calling(drivers=tuple(drivers), others=tuple(others))


def without_outputs(entry: Entry | None, found: Calling, code: tuple[str, ...]) -> tuple[str, ...]:
    """The notebooks among the files of the code layer whose outputs stay out of it, sorted.

    entry: what the project itself runs, whatever was given for this run.
    """
    run = map(step_path, entry.steps) if entry is not None else ()
    return tuple(sorted({path for path in (*run, *found.others) if path is not None} & {*code}))


def refuse_driver(entry: Entry | None, found: Calling) -> None:
    """Raises BadRequest for an entry that runs a notebook in which nothing is left to run."""
    for path in map(step_path, entry.steps) if entry is not None else ():
        if path in found.drivers:
            raise BadRequest(
                "the notebook only calls reprokit, so there is nothing in it to run in a container",
                where=path,
                next="run the project: `reprokit run`",
            )


def plain(content: bytes, *, failing: bool = False) -> str | None:
    """A notebook's text without outputs and what else is no code, the same however it was saved;
    `None` for what is no notebook of format 4. failing: cells whose stored output is an error, and
    those that were left out when the others ran, may end in one."""
    document = _document(content)
    if document is None:
        return None
    metadata = {k: v for k, v in document["metadata"].items() if k not in _OF_NOTEBOOKS}
    language = metadata.get("language_info")
    if isinstance(language, dict):
        metadata["language_info"] = _plain_language(language)
    kernel = metadata.get("kernelspec")
    if isinstance(kernel, dict) and "name" in kernel:
        # How it is called differs between machines; formats want some word there.
        metadata["kernelspec"] = {**kernel, "display_name": kernel["name"]}
    ran = any(cell.get("execution_count") is not None for cell in document["cells"])
    cells = [
        _that_may_fail(_plain_cell(cell))
        if failing and (_failed(cell) or (ran and _was_left_out(cell)))
        else _plain_cell(cell)
        for cell in document["cells"]
    ]
    made = {**document, "metadata": metadata, "cells": cells}
    text = json.dumps(made, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a character, as only an escape can name it
        text = json.dumps(made, indent=1, sort_keys=True) + "\n"
    return text


def plain_texts(project: Project, paths: tuple[str, ...]) -> dict[str, str]:
    """The text of each of these notebooks that goes into the image, by path; one that is of another
    format goes there as it is, and is left out here.

    Where nobody can be asked, an error among the stored outputs is taken for part of what the
    notebook shows, as a course shows a typical mistake; and a cell that its author did not run with
    the others for none of what made them, as an exercise. A run of one's own stops there.
    """
    failing = project.lenient
    found = ((path, plain(project.path(path).read_bytes(), failing=failing)) for path in paths)
    return {path: text for path, text in found if text is not None}


def is_dirty(project: Project, plan: Plan, changed: tuple[str, ...]) -> bool:
    """Whether what git calls changed leaves code that is not the commit's. changed: paths in the
    project, of which notebooks may differ from the commit in their outputs alone."""
    drivers = {item.path for item in plan.excluded if item.why == DRIVES}
    return any(
        path not in drivers and not (path in plan.notebooks and _as_committed(project, path))
        for path in changed
    )


def _as_committed(project: Project, path: str) -> bool:
    try:
        committed = git.ask(project.root, "cat-file", "blob", f"HEAD:./{path}")
        now = plain(project.path(path).read_bytes())
    except (process.ProcessFailed, OSError):
        return False
    return now is not None and now == plain(committed.encode("utf-8", "surrogateescape"))


def _plain_language(language: dict[str, Any]) -> dict[str, Any]:
    """Name, and of the version the series: no more of it decides what is planned."""
    found = {key: value for key, value in language.items() if key in ("name", "version")}
    series = _SERIES.match(str(found.get("version")))
    return found if series is None else {**found, "version": series[0]}


def _plain_cell(cell: dict[str, Any]) -> dict[str, Any]:
    source = cell.get("source", "")
    made = {**cell, "source": _joined(source).splitlines(keepends=True)}
    metadata = cell.get("metadata")
    if isinstance(metadata, dict):
        made["metadata"] = {k: v for k, v in metadata.items() if k not in _OF_CELLS}
    if cell.get("cell_type") == "code":
        made |= {"outputs": [], "execution_count": None}
    return made


def _failed(cell: dict[str, Any]) -> bool:
    """Whether a cell ended in an error, and not because somebody stopped it."""
    outputs = cell.get("outputs")
    return any(
        isinstance(output, dict)
        and output.get("output_type") == "error"
        and output.get("ename") != "KeyboardInterrupt"
        for output in (outputs if isinstance(outputs, list) else ())
    )


def _was_left_out(cell: dict[str, Any]) -> bool:
    is_code = cell.get("cell_type") == "code"
    return is_code and cell.get("execution_count") is None and not cell.get("outputs")


def _that_may_fail(cell: dict[str, Any]) -> dict[str, Any]:
    """With the tag by which nbclient goes on after an error."""
    metadata = cell.get("metadata")
    kept = metadata if isinstance(metadata, dict) else {}
    tags = kept.get("tags")
    listed = [tag for tag in (tags if isinstance(tags, list) else ()) if tag != FAILS]
    return {**cell, "metadata": {**kept, "tags": [*listed, FAILS]}}


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("nbformat") != 4:
        return None
    cells, metadata = document.get("cells"), document.get("metadata")
    if not isinstance(cells, list) or not isinstance(metadata, dict):
        return None
    return document if all(isinstance(cell, dict) for cell in cells) else None


def _code(document: dict[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Source and tags of each code cell."""
    for cell in document["cells"]:
        if cell.get("cell_type") == "code":
            metadata = cell.get("metadata")
            tags = metadata.get("tags") if isinstance(metadata, dict) else None
            yield _joined(cell.get("source", "")), tuple(tags if isinstance(tags, list) else ())


def _does_more(source: str, tags: tuple[str, ...]) -> bool:
    """Whether a cell does anything besides calling reprokit, in the kernel or in the container."""
    if in_place(source) is not None:
        return SKIPPED not in tags
    lines = (line.strip() for line in without_own(source).splitlines())
    return SKIPPED not in tags and any(line and not line.startswith("#") for line in lines)


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
