"""Which compressed data files the program wants to see unpacked, and under what names."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from reprokit.configuration import Configuration
from reprokit.model import Entry
from reprokit.project import Project
from reprokit.unpacking import UNREADABLE

Format = Literal["gzip", "xz", "bzip2", "zip", "tar"]
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_SINGLE: dict[str, Format] = {".gz": "gzip", ".xz": "xz", ".bz2": "bzip2"}
_SOURCES = (
    "*.py", "*.R", "*.r", "*.java", "*.sh", "*.ipynb", "*.Rmd", "*.qmd", "*.scala", "*.kt",
    "*.jl", "*.toml", "*.yaml", "*.yml", "*.json", "*.properties", "*.xml", "*.ini", "*.cfg",
    "Makefile", "makefile", "GNUmakefile", "Snakefile",
)  # fmt: skip
_MOST_SOURCES = 3000
_MOST_TEXT = 64 * 1024 * 1024
_LARGEST_SOURCE = 1024 * 1024
_LARGEST_LISTED_TAR = 16 * 1024 * 1024
_MOST_ENTRIES = 50


@dataclass(frozen=True, slots=True)
class Compressed:
    """A compressed data file to be unpacked. `targets` are what appears beside it: the one file,
    or each entry at the top of an archive."""

    path: str
    format: Format
    targets: tuple[str, ...]


def compressed_files(
    project: Project, data: Sequence[str], configuration: Configuration, entries: Sequence[Entry]
) -> tuple[Compressed, ...]:
    """Those of the `data` files that are to be unpacked.

    data.unpack decides where it is set. Else a file is unpacked where a program text or a command
    names the unpacked file and none names the compressed one. What exists already stays.
    """
    if configuration.data_unpack is False:
        return ()
    wanted = [path for path in data if format_of(path) is not None]
    if not wanted:
        return ()
    present = set(data)
    words = _Words(project, entries) if configuration.data_unpack is None else None
    found = []
    for path in wanted:
        if words is None:
            chosen = _asked(path, configuration.data_unpack)
        else:
            chosen = not words.mentions(path.rpartition("/")[2])
        if not chosen:
            continue
        targets = _targets(project, path)
        if words is not None:
            named = [target for target in targets if words.mentions(target.rpartition("/")[2])]
            targets = targets if named else ()
        targets = tuple(target for target in targets if not _exists(target, present))
        format = format_of(path)
        if targets and format is not None:
            found.append(Compressed(path, format, targets))
    return tuple(found)


def format_of(path: str) -> Format | None:
    """How a file is compressed, by its name."""
    lowered = path.lower()
    if lowered.endswith(_TARS):
        return "tar"
    if lowered.endswith(".zip"):
        return "zip"
    return next((kind for ending, kind in _SINGLE.items() if lowered.endswith(ending)), None)


def _asked(path: str, patterns: bool | tuple[str, ...] | None) -> bool:
    if not isinstance(patterns, tuple):
        return patterns is True
    name = path.rpartition("/")[2]
    return any(fnmatchcase(path, pattern) or fnmatchcase(name, pattern) for pattern in patterns)


def _exists(target: str, present: set[str]) -> bool:
    return target in present or any(path.startswith(f"{target}/") for path in present)


def _targets(project: Project, path: str) -> tuple[str, ...]:
    """What unpacking beside the file makes, as `gunzip`, `unzip` and `tar xf` do."""
    folder, slash, name = path.rpartition("/")
    stem = _stem(name)
    kind = format_of(name)
    if kind in ("zip", "tar") and stem:
        tops = _tops(project.path(path), kind)
        if tops and len(tops) <= _MOST_ENTRIES:
            return tuple(folder + slash + top for top in tops)
    return (folder + slash + stem,) if stem else ()


def _stem(name: str) -> str:
    lowered = name.lower()
    endings = [ending for ending in (*_TARS, ".zip", *_SINGLE) if lowered.endswith(ending)]
    return name[: -max(map(len, endings))] if endings else name


def _tops(path: Path, kind: str) -> list[str]:
    """The entries at the top of an archive; none where it cannot be listed quickly. Unpacking
    checks the names again, and more strictly."""
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        elif path.stat().st_size <= _LARGEST_LISTED_TAR:
            with tarfile.open(path) as opened:
                names = opened.getnames()
        else:
            return []
    except UNREADABLE:
        return []
    tops = {name.removeprefix("./").partition("/")[0] for name in names}
    return sorted(top for top in tops if top not in ("", ".", "..") and "\\" not in top)


class _Words:
    """What the project's program texts and commands mention."""

    def __init__(self, project: Project, entries: Sequence[Entry]) -> None:
        commands = [word for entry in entries for step in entry.steps for word in step.argv]
        self._text = "\n".join([*commands, *_source_texts(project)])

    def mentions(self, name: str) -> bool:
        """Whether the name stands somewhere, not as a part of a longer file name."""
        return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-]|\.\w)", self._text) is not None


def _source_texts(project: Project) -> Iterator[str]:
    total = 0
    for path in project.matching(*_SOURCES)[:_MOST_SOURCES]:
        try:
            size = project.path(path).stat().st_size
        except OSError:
            continue
        if size > _LARGEST_SOURCE:
            continue
        total += size
        if total > _MOST_TEXT:
            return
        yield project.read(path)
