"""Parameters of a notebook: `-p name=value`, typed and handed in as papermill does.

The value is part of the step's command, so that whoever runs the record again gives it as well.
https://papermill.readthedocs.io/en/latest/usage-parameterize.html
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reprokit.ecosystems.python import notebooks
from reprokit.errors import BadRequest
from reprokit.files import canonical_json
from reprokit.frozen import frozen
from reprokit.model import JSON, Entry, Note, Reason
from reprokit.notebook_runs.stored import OPTION, step_path
from reprokit.project import Project

TAG = "parameters"
_R_NAME = re.compile(r"(?:[A-Za-z]|\.(?![0-9]))[A-Za-z0-9._]*")
_R_ASSIGNED = re.compile(r"^[ \t]*([A-Za-z.][\w.]*)[ \t]*(?:<-|=(?!=))", re.MULTILINE)
_R_WORDS = re.compile(
    r"if|else|repeat|while|function|for|next|break|in|TRUE|FALSE|NULL|Inf|NaN|NA(_.+_)?"
)


@frozen
class Given:
    """An entry with its parameters, and what to say of them before it runs."""

    entry: Entry
    notes: tuple[Note, ...] = ()


def parsed(words: Iterable[str]) -> dict[str, JSON]:
    """The parameters that "name=value" words give. Raises BadRequest for what is none."""
    found: dict[str, JSON] = {}
    for word in words:
        name, separator, value = word.partition("=")
        name = name.strip()
        if not separator or not name:
            raise BadRequest(f"-p {word!r} gives no value", next="write it as -p name=value")
        if name in found:
            raise BadRequest(f"-p gives {name} twice", next="give each parameter once")
        found[name] = typed(value)
    return found


def typed(text: str) -> JSON:
    """A value as papermill reads it: True, False, None, a whole number, a number, else text."""
    words: dict[str, JSON] = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def given(entry: Entry, wished: Mapping[str, JSON] | Iterable[str], project: Project) -> Given:
    """The entry, whose one notebook gets these parameters: by name, or as "name=value".

    Raises BadRequest where no notebook runs or several do, and for a name that is none.
    """
    parameters = dict(wished) if isinstance(wished, Mapping) else parsed(wished)
    if not parameters:
        return Given(entry=entry)
    paths = [path for path in map(step_path, entry.steps) if path is not None]
    if len(paths) != 1:
        several = f"{len(paths)} notebooks run" if paths else "no notebook runs"
        raise BadRequest(
            f"-p gives a notebook its parameters, and {several} here",
            next="name the notebook: `reprokit run analysis.ipynb -p name=value`",
        )
    book = notebooks.read(project, paths[0])
    for name, value in parameters.items():
        _checked(name, value, book.language)
    text = canonical_json(dict(parameters))
    steps = tuple(
        step if step_path(step) is None else replace(step, argv=(*step.argv[:2], OPTION, text))
        for step in entry.steps
    )
    return Given(entry=replace(entry, steps=steps), notes=_notes(book, parameters))


def _checked(name: str, value: JSON, language: str) -> None:
    is_python = name.isidentifier() and not keyword.iskeyword(name)
    is_r = _R_NAME.fullmatch(name) is not None and _R_WORDS.fullmatch(name) is None
    if not (is_r if language == "r" else is_python):
        raise BadRequest(
            f"{name!r} is no name of a variable",
            next="write it as -p name=value, as in the notebook",
        )
    if not _writable(value):
        raise BadRequest(
            f"the value of the parameter {name} is not finite, or is no text that a file can hold",
            next="give a number, True, False, None or a text",
        )


def _writable(value: JSON) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return "\0" not in value and value == value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return all(map(_writable, value))
    if isinstance(value, dict):
        return all(_writable(key) and _writable(item) for key, item in value.items())
    return True


def _notes(book: notebooks.Notebook, parameters: Mapping[str, JSON]) -> tuple[Note, ...]:
    """What papermill warns of as well: no cell for parameters, and names that it does not set."""
    reason = Reason(text="the parameters of the notebook", file=book.path)
    cell = _tagged(book)
    if cell is None:
        text = f"no cell is tagged {TAG!r}: the parameters are set before the first cell"
        return (Note(level="warning", text=text, reason=reason),)
    known = _assigned(cell, book.language)
    if known is None:
        return ()
    return tuple(
        Note(
            level="warning",
            text=f"the cell tagged {TAG!r} sets no {name}; it sets {', '.join(known) or 'nothing'}",
            reason=reason,
        )
        for name in parameters
        if name not in known
    )


def declared(book: notebooks.Notebook) -> tuple[str, ...]:
    """The names of a notebook's parameters, by the cell that is tagged so."""
    cell = _tagged(book)
    return () if cell is None else _assigned(cell, book.language) or ()


def _tagged(book: notebooks.Notebook) -> str | None:
    return next((source for number, source in book.cells if TAG in book.tags.get(number, ())), None)


def _assigned(source: str, language: str) -> tuple[str, ...] | None:
    """The names that a cell sets; `None` where it cannot be read."""
    if language == "r":
        return tuple(dict.fromkeys(_R_ASSIGNED.findall(source)))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return tuple(
        dict.fromkeys(
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
    )
