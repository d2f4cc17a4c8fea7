"""Making buildah's layer cache see what a build step reads.

BuildKit includes the content of `RUN --mount=type=bind,source=…` in a step's cache key; buildah
(seen with 1.28) looks only at the instruction's text, and would take the layer of another
project whose step reads the same, or the stale one after a dependency was updated. An ARG with
the digest of what is bound, before each such step, makes the text differ where the content does.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

ARGUMENT = "REPROKIT_BOUND_CONTENT"


def with_digests(dockerfile: str, context: Path) -> str:
    """The Dockerfile with an ARG before each RUN that binds files of the build context."""
    written = []
    for line, begins in _with_beginnings(dockerfile):
        sources = _bound_sources(line) if begins else ()
        if sources:
            written.append(f"ARG {ARGUMENT}={_digest(context, sources)}\n")
        written.append(line)
    return "".join(written)


def _with_beginnings(dockerfile: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether an instruction begins in it."""
    continued = False
    for line in dockerfile.splitlines(keepends=True):
        text = line.strip()
        comment = text.startswith("#") or text == ""
        yield line, not continued and not comment
        if not comment:
            continued = text.endswith("\\")


def _bound_sources(line: str) -> tuple[str, ...]:
    words = line.split()
    if not words or words[0].upper() != "RUN":
        return ()
    found = []
    for word in words[1:]:
        if not word.startswith("--"):
            break
        kind, _, value = word.partition("=")
        if kind != "--mount":
            continue
        options = dict(part.partition("=")[::2] for part in _unquoted(value).split(","))
        if options.get("type", "bind") == "bind" and "from" not in options:
            found.append(options.get("source") or options.get("src") or ".")
    return tuple(found)


def _unquoted(value: str) -> str:
    try:
        return "".join(shlex.split(value))
    except ValueError:
        return value


def _digest(context: Path, sources: tuple[str, ...]) -> str:
    total = hashlib.sha256()
    for source in sources:
        place = context / source.lstrip("/")
        for name, path in _files(place):
            total.update(f"{source}\0{name}\0{path.stat().st_mode & 0o111}\0".encode())
            if path.is_symlink():
                total.update(os.fsencode(path.readlink()))
            elif path.is_file():
                with path.open("rb") as content:
                    total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()


def _files(place: Path) -> Iterator[tuple[str, Path]]:
    if not place.is_dir():
        if place.exists():
            yield "", place
        return
    for path in sorted(place.rglob("*")):
        yield path.relative_to(place).as_posix(), path
