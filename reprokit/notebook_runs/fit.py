"""Can a notebook be run at all? Asked before anything is built for it.

What Jupyter's own reader stumbles over is looked for here without it: importing it takes as long as
all planning.
"""

from __future__ import annotations

import json
from typing import Any

from reprokit.ecosystems.python.notebook_runner import LANGUAGES, language_of
from reprokit.errors import BadRequest
from reprokit.notebook_runs.stored import Stored

_NEWEST = 4
_SAVE = "open it in Jupyter and save it again"


def refuse_unfit(book: Stored) -> None:
    """Raises BadRequest for what is no notebook, and for one whose language has no kernel here."""
    try:
        document = json.loads(book.content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadRequest("is not in UTF-8", where=book.path, next=_SAVE) from None
    except (ValueError, RecursionError):
        raise BadRequest("is no JSON that can be read", where=book.path, next=_SAVE) from None
    wrong = _wrong(document)
    if wrong is not None:
        raise BadRequest(f"is no valid notebook: {wrong}", where=book.path, next=_SAVE)
    metadata = document.get("metadata")
    language = language_of(metadata if isinstance(metadata, dict) else {})
    if language not in LANGUAGES:
        raise BadRequest(
            f"needs a kernel for {language}, and there are those of Python and R",
            where=book.path,
            next="run its code by a command instead: `reprokit run -- COMMAND`",
        )


def _wrong(document: Any) -> str | None:
    if not isinstance(document, dict):
        return "it is no JSON object"
    version = document.get("nbformat")
    if type(version) is not int or not 1 <= version <= _NEWEST:
        return f"its format is not {_NEWEST} or an older one"
    if version < _NEWEST:
        return None
    if not isinstance(document.get("metadata"), dict):
        return "it has no metadata"
    cells = document.get("cells")
    if not isinstance(cells, list):
        return "it has no list of cells"
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            return f"its cell {number} is none"
        if not isinstance(cell.get("metadata"), dict):
            return f"its cell {number} has no metadata"
        if _has_half_characters({k: v for k, v in cell.items() if k != "outputs"}):
            return f"its cell {number} holds half a character"
    return "it holds half a character" if _has_half_characters(document["metadata"]) else None


def _has_half_characters(part: Any) -> bool:
    """JSON can name them, and no file in UTF-8 can hold them."""
    try:
        json.dumps(part, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
