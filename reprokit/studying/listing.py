"""LIST.toml: the sources of a study, and what is said of each. Every error names the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reprokit import files, toml_lines
from reprokit.configuration_keys import (
    boolean,
    day,
    duration,
    positive_integer,
    shown,
    size,
    text,
    texts,
)
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history.wording import printable

_REMOTE = re.compile(r"https?://[^/]+/(?P<path>.+)", re.IGNORECASE)
_LONGEST = 80


@frozen
class Listed:
    """One source of a study. `source` is what `rerun` is given, `said` what the list says.

    date: as of which nothing is pinned otherwise. year: of publication. group: a heading to count
    it under. timeout: seconds for all of it. yes: loosened isolation is allowed. `None`: nobody
    said so.
    """

    name: str
    source: str
    said: str
    date: str | None = None
    year: int | None = None
    group: str | None = None
    timeout: float | None = None
    yes: bool = False

    @property
    def key(self) -> str:
        """What its result belongs to: another source or date under the same name is another."""
        return files.sha256_text(files.canonical_json([self.said, self.date]))


@frozen
class StudyList:
    """The whole list. `memory`: bytes for all containers together, `None` where it says nothing."""

    path: Path
    name: str
    sources: tuple[Listed, ...]
    memory: int | None = None


def _year(value: Any) -> int:
    year = positive_integer(value)
    if not 1900 <= year <= 2200:
        raise ValueError(f"must be a year such as 2019, not {shown(value)}")
    return year


def _name(value: Any) -> str:
    name = text(value).strip()
    if len(name) > _LONGEST or printable(name) != name:
        raise ValueError(f"must be one line of at most {_LONGEST} characters, not {shown(value)}")
    return name


_Reader = Callable[[Any], Any]
_OF_ALL: Mapping[str, _Reader] = {
    "date": day,
    "group": _name,
    "timeout": duration,
    "yes": boolean,
}
"""Keys of a source that may also stand at the top, for all sources that do not say otherwise."""
_OF_SOURCE: Mapping[str, _Reader] = {"source": text, "name": _name, "year": _year, **_OF_ALL}


def _tables(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("is given as a table for each source: [[source]]")
    return value


_TOP: Mapping[str, _Reader] = {
    "name": _name,
    "memory": size,
    "sources": texts,
    "source": _tables,
    **_OF_ALL,
}


def read(path: Path) -> StudyList:
    """The list in a file. Raises BadRequest, with file and line, for what cannot be read, an
    unknown key (naming the nearest known one), a value of the wrong kind, a name given twice."""
    found = toml_lines.parsed(path)
    if found is None:
        raise BadRequest(
            f"there is no {path}",
            next='write one: `sources = ["https://…/a.git#v1", "folder"]`, see docs/study.md',
        )
    table, content = found
    places = _Places(file=path.name, lines=toml_lines.lines_of(content), content=content)
    top = _values(table, _TOP, places)
    common = {key: top[key] for key in _OF_ALL if key in top}
    folder = path.resolve().parent
    sources: dict[str, Listed] = {}
    for said, values, where in _each(top, places):
        name = values.pop("name", None) or default_name(said)
        if name in sources:
            raise BadRequest(
                f"two sources are called {name!r}",
                where=where,
                next='give one of them another name: [[source]] with `name = "…"`',
            )
        sources[name] = Listed(
            name=name, source=located(said, folder), said=said, **{**common, **values}
        )
    if not sources:
        raise BadRequest(
            "lists no source", where=path.name, next='write `sources = ["…"]` or [[source]] tables'
        )
    return StudyList(
        path=path,
        name=top.get("name", path.stem),
        sources=tuple(sources.values()),
        memory=top.get("memory"),
    )


def default_name(source: str) -> str:
    """The name of a source that has none in the list: of a repository its last two words."""
    base = re.split(r"[#?]|@sha256:", source, maxsplit=1)[0]
    remote = _REMOTE.fullmatch(base)
    words = (remote["path"] if remote is not None else base).rstrip("/").split("/")
    name = "/".join(words[-2:] if remote is not None else words[-1:]).removesuffix(".git")
    return printable(name)[:_LONGEST] or "source"


def located(source: str, folder: Path) -> str:
    """The source with a path that is meant from the list's folder on; addresses, digests and ids
    of runs stay as they are."""
    if "://" in source or "@sha256:" in source:
        return source
    if (folder / source).exists():
        return str(folder / source)
    for mark in ("#", "@"):
        base, found, version = source.rpartition(mark)
        if found and (folder / base).exists():
            return f"{folder / base}{mark}{version}"
    return source


@frozen
class _Places:
    file: str
    lines: Mapping[str, int]
    content: str

    def where(self, key: str) -> str:
        line = self.lines.get(key)
        return self.file if line is None else f"{self.file}:{line}"

    def of_item(self, item: str) -> str:
        """The line of an item of `sources`, which is no key."""
        for number, line in enumerate(self.content.splitlines(), start=1):
            if f'"{item}"' in line or f"'{item}'" in line:
                return f"{self.file}:{number}"
        return self.where("sources")


def _each(top: Mapping[str, Any], places: _Places) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each source as it is said, its other keys, and its place."""
    for item in top.get("sources", ()):
        yield item, {}, places.of_item(item)
    for number, table in enumerate(top.get("source", ())):
        prefix = f"source.{number}"
        values = _values(table, _OF_SOURCE, places, f"{prefix}.")
        if "source" not in values:
            raise BadRequest(
                "this source has no `source`",
                where=places.where(prefix),
                next="say what to rerun: a folder, an address of git, an archive or an image",
            )
        yield values.pop("source"), values, places.where(prefix)


def _values(
    table: Mapping[str, Any], known: Mapping[str, _Reader], places: _Places, prefix: str = ""
) -> dict[str, Any]:
    values = {}
    for key, value in table.items():
        if key not in known:
            near = toml_lines.nearest(key, list(known))
            hint = f"known here: {', '.join(known)}" if near is None else f"did you mean {near}?"
            raise BadRequest(
                f"unknown key {key!r}", where=places.where(f"{prefix}{key}"), next=hint
            )
        try:
            values[key] = known[key](value)
        except ValueError as error:
            raise BadRequest(f"{key} {error}", where=places.where(f"{prefix}{key}")) from error
    return values
