"""TOML declarations with places: a table, and the line where something in it stands."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from reprokit.errors import BadRequest
from reprokit.project import Project

_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def read(project: Project, path: str) -> tuple[dict[str, Any], str]:
    """A TOML file's content and text. Raises BadRequest with file and line."""
    text = project.read(path)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        match = _LINE.search(str(error))
        line = match[1] if match else str(text.count("\n") + 1)
        raise BadRequest(
            f"is not valid TOML: {_LINE.sub('', str(error)).strip()}",
            where=f"{path}:{line}",
            next="correct the line; https://toml.io describes the format",
        ) from error


def line_of(text: str, *needles: str) -> int | None:
    """The number of the line where the last needle first stands after all those before it."""
    position = 0
    for needle in needles:
        found = text.find(needle, position)
        if found < 0:
            return None
        position = found
    return text.count("\n", 0, position) + 1


def table(value: Any, name: str, path: str, text: str) -> dict[str, Any]:
    """`value` if it is a table (or absent), else BadRequest naming it."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{name} is not a table", where=where(path, line_of(text, name)))
    return value


def strings(value: Any, name: str, path: str, text: str) -> list[str]:
    """`value` if it is a list of texts (or absent), else BadRequest naming it."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"{name} is not a list of texts", where=where(path, line_of(text, name)))
    return value


def where(path: str, line: int | None) -> str:
    """ "file:line", or the file where the line is not known."""
    return path if line is None else f"{path}:{line}"
