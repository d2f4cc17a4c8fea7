"""Writing a run's outputs, and which run made them, into the project's own notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reprokit import files
from reprokit.errors import BadRequest
from reprokit.history.contents import inside
from reprokit.model import JSON
from reprokit.notebook_runs.outputs import is_own, source_of
from reprokit.notebook_runs.stored import Stored
from reprokit.project import Project

KEY = "reprokit"
"""What the metadata of a notebook calls this."""


def mark(book: Stored, project: Project, results: Path, record: Mapping[str, JSON]) -> Path:
    """Write the outputs of the run, and the run's name and digests, into the notebook itself.

    Cells that call reprokit keep their outputs. Raises BadRequest where the notebook was saved
    since the run began, or is not of format 4; nothing is written then.
    """
    path, executed = project.path(book.path), inside(results, book.name)
    if executed is None:
        raise BadRequest("the run left no executed notebook", where=book.path)
    if path.is_symlink() or path.read_bytes() != book.content:
        raise BadRequest(
            "the notebook was saved while it ran: its outputs are not written over that",
            where=book.path,
            next=f"the executed notebook is {executed}",
        )
    document: Any = json.loads(book.content.decode("utf-8-sig"))
    ran: Any = json.loads(executed.read_text("utf-8"))
    if document.get("nbformat") != 4:
        raise BadRequest(
            f"is of the notebook format {document.get('nbformat')}",
            where=book.path,
            next="open it in Jupyter and save it, which makes it format 4",
        )
    old, new = _code(document), _code(ran)
    if [source_of(cell) for cell in old] != [source_of(cell) for cell in new]:
        raise BadRequest("the executed notebook has other cells", where=book.path)
    for cell, done in zip(old, new, strict=True):
        if not is_own(cell):
            cell["outputs"], cell["execution_count"] = done["outputs"], done["execution_count"]
    document.setdefault("metadata", {})[KEY] = {
        "run": record["run"],
        "record": record["digest"],
        "environment": record["environment_digest"],
    }
    # As Jupyter itself writes it, so that nothing else in the file changes.
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    files.write_text(path, text, mode=path.stat().st_mode & 0o777)
    files.give_to_caller(path)
    return path


def _code(document: Any) -> list[Any]:
    return [cell for cell in document["cells"] if cell.get("cell_type") == "code"]
