"""TOML files that people write, and the line of each key, which errors name."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reprokit.errors import BadRequest

_SIZE_LIMIT = 4 * 1024 * 1024
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[\w"'-]+)*)\s*=""")


def parsed(path: Path) -> tuple[dict[str, Any], str] | None:
    """The tables of a file and its text; `None` where there is none. Raises BadRequest, with the
    line, for what is no TOML."""
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise BadRequest("is too large to be a configuration", where=path.name)
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except OSError as error:
        where = path.name or str(path)
        raise BadRequest(f"cannot be read: {error.strerror}", where=where) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise BadRequest("is not UTF-8", where=f"{path.name}:{line}") from error
    try:
        return tomllib.loads(text), text
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        match = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(match[1]) if match else text.count("\n") + 1
        message = re.sub(r"\s*\(at .*\)$", "", str(error))
        raise BadRequest(
            f"is not valid TOML: {message}",
            where=f"{path.name}:{line}",
            next="correct this line; https://toml.io shows the notation",
        ) from error


def nearest(key: str, known: Sequence[str]) -> str | None:
    """The known key that a mistyped one is most like, if it is like any."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return near[0] if near else None


def lines_of(text: str) -> dict[str, int]:
    """The line of every table and key, by dotted name; [[steps]] also as "steps.0", "steps.1".

    tomllib keeps no positions. This looks only at lines that begin a statement: it follows
    multi-line strings and brackets just far enough not to take their inside for keys.
    """
    found: dict[str, int] = {}
    section = ""
    repeated: dict[str, int] = {}
    for number, line in _statements(text):
        header = _HEADER.fullmatch(line)
        if header is not None:
            section = _plain(header[2])
            found.setdefault(section, number)
            if header[1] == "[[":
                index = repeated.get(section, 0)
                repeated[section] = index + 1
                section = f"{section}.{index}"
                found[section] = number
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment is not None:
            key = _plain(assignment[1])
            found.setdefault(f"{section}.{key}" if section else key, number)
    return found


def _plain(key: str) -> str:
    parts = re.findall(r'"[^"]*"|\'[^\']*\'|[^.\s]+', key)
    return ".".join(part.strip("\"'") for part in parts)


_TOKENS = re.compile(
    r'"""(?:.*?""")?|\'\'\'(?:.*?\'\'\')?|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*|[\[\]{}]'
)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    closing: str | None = None
    depth = 0
    for number, line in enumerate(text.split("\n"), start=1):
        position = 0
        if closing is not None:
            end = line.find(closing)
            if end < 0:
                continue
            closing, position = None, end + 3
        elif depth == 0:
            yield number, line
        for token in _TOKENS.finditer(line, position):
            mark = token.group()
            if mark in ('"""', "'''"):
                closing = mark
                break
            if mark[:1] in "\"'#":
                continue
            if mark in ("[", "{"):
                depth += 1
            else:
                depth = max(0, depth - 1)
