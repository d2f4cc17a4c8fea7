"""Reading a record's fields with their types. A record that fits its schema never raises here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.errors import BadRequest
from reprokit.model import JSON
from reprokit.quoting import printable_command

Record = Mapping[str, JSON]
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""The name of a git object, in SHA-1 or SHA-256."""


def text(record: Record, key: str) -> str:
    """A field that is text."""
    value = record.get(key)
    if not isinstance(value, str):
        raise _unfit(key)
    return value


def text_or_none(record: Record, key: str) -> str | None:
    """A field that is text or null."""
    return None if record.get(key) is None else text(record, key)


def commit(record: Record) -> str | None:
    """The git commit of the project. It becomes a word of git's command lines and of commands that
    people copy: a record of a stranger's must not bring an option or a program there."""
    found = text_or_none(mapping(record, "project"), "commit")
    if found is not None and _COMMIT.fullmatch(found) is None:
        raise BadRequest(f"the record's commit {found!r} is no name of a git commit")
    return found


def number(record: Record, key: str) -> float:
    """A field that is a number."""
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unfit(key)
    return value


def mapping(record: Record, key: str) -> dict[str, JSON]:
    """A field that is an object."""
    value = record.get(key)
    if not isinstance(value, dict):
        raise _unfit(key)
    return value


def rows(record: Record, key: str) -> list[dict[str, JSON]]:
    """A field that is a list of objects."""
    value = record.get(key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _unfit(key)
    return [item for item in value if isinstance(item, dict)]


def texts(record: Record, key: str) -> list[str]:
    """A field that is a list of texts."""
    value = record.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _unfit(key)
    return [item for item in value if isinstance(item, str)]


def warnings(record: Record) -> list[str]:
    """What was warned of when the run began."""
    return [text(note, "text") for note in rows(record, "notes") if note.get("level") == "warning"]


def hashes(files: list[dict[str, JSON]]) -> dict[str, str]:
    """The SHA-256 of each file of a list, by path."""
    return {text(file, "path"): text(file, "sha256") for file in files}


def command_text(record: Record) -> str:
    """The run's steps as a person would type them; of a notebook's cell its first lines."""
    if "cell" in record:
        return text(mapping(record, "cell"), "headline")
    return " && ".join(
        (f"cd {printable_command([folder])} && " if (folder := text(step, "folder")) != "." else "")
        + printable_command(texts(step, "argv"))
        for step in rows(record, "command")
    )


def check_repeatable(record: Record) -> None:
    """Raises BadRequest for the run of a notebook's cell: it began with values of a kernel that
    nobody else has, so it can be shown and cited, and not be run again."""
    if "cell" in record:
        raise BadRequest(
            f"run {text(record, 'run')} is of one cell of a notebook, and nobody else has the "
            "kernel that it belongs to",
            next="run the notebook itself, `reprokit run NOTEBOOK.ipynb`, and take that run",
        )


def _unfit(key: str) -> BadRequest:
    return BadRequest(f"the record's field {key!r} is not what its schema says")
