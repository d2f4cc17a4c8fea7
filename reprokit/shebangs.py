"""Scripts without an ending, known by their first line ("#!/usr/bin/env python3")."""

from __future__ import annotations

import re

from reprokit.project import Project

_FOLDERS = ("", "bin", "scripts")
_LIMIT = 100  # files looked into, in every folder: data without an ending may come in thousands
PYTHON = re.compile(rb"#!\s*(?:/\S*/)?(?:env\s+(?:-S\s+)?)?(?:/\S*/)?python(?:[23](?:\.\d+)?)?\s")
R = re.compile(rb"#!\s*(?:/\S*/)?(?:env\s+(?:-S\s+)?)?(?:/\S*/)?Rscript\s")
ANY = re.compile(rb"#!\s*/")


def scripts(project: Project, interpreter: re.Pattern[bytes] = ANY) -> tuple[str, ...]:
    """The project's scripts for an interpreter, in its own folder, bin/ and scripts/; sorted."""
    found = []
    for folder in _FOLDERS:
        named = [name for name in project.folders.get(folder, ()) if "." not in name]
        for name in sorted(named)[:_LIMIT]:
            path = f"{folder}/{name}" if folder else name
            if interpreter.match(_first_line(project, path)):
                found.append(path)
    return tuple(found)


def _first_line(project: Project, path: str) -> bytes:
    try:
        with project.path(path).open("rb") as file:
            return file.readline(200)
    except OSError:
        return b""
