"""The verb `diff`: what changed between two runs, from their records and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history import around, contents
from reprokit.history.index import Entry, Index
from reprokit.history.listing import record_of
from reprokit.history.reading import (
    Record,
    command_text,
    mapping,
    number,
    rows,
    text,
)
from reprokit.model import JSON

Detail = Callable[[str], JSON]


@frozen
class Difference:
    """What changed from one run to another. `document` fits the schema diff-1; `folders` hold the
    results of both, where they are at hand."""

    document: Mapping[str, JSON]
    folders: tuple[Path, Path] | None = None

    @property
    def same(self) -> bool:
        return self.document["same"] is True

    def json(self) -> JSON:
        return dict(self.document)

    def text(self) -> str:
        from reprokit.history.difference_text import described

        return described(self.document)


def diff(
    first: str | None,
    second: str = "last",
    *,
    project: Path | None = None,
    index: Index | None = None,
) -> Difference:
    """Compare two runs; without `first` it is the run before `second`. Raises BadRequest for a run
    that is unknown or has no record."""
    known = index or Index()
    later = known.find(second, project)
    earlier = _before(later, known) if first is None else known.find(first, project)
    entries = earlier, later
    folders = entries[0].folder.results, entries[1].folder.results

    def detail(path: str) -> JSON:
        files = contents.inside(folders[0], path), contents.inside(folders[1], path)
        if files[0] is None or files[1] is None:
            return None
        return contents.detail(files[0], files[1])

    found = compare(record_of(entries[0]), record_of(entries[1]), detail)
    return replace(found, folders=folders)


def _before(entry: Entry, index: Index) -> Entry:
    found = around.before(entry.id, entry.folder.project, index)
    if found is None:
        raise BadRequest(
            "no earlier run of this project succeeded, so there is nothing to compare it with",
            where=entry.id,
            next="change something and run again: `reprokit run`",
        )
    return found


def compare(before: Record, after: Record, detail: Detail = lambda path: None) -> Difference:
    """Compare two records. `detail` says what differs inside a result file of that path."""
    results = _files(rows(before, "results"), rows(after, "results"), detail)
    data = _files(_data(before), _data(after), lambda path: None)
    sections: dict[str, list[JSON]] = {
        "code": _changes(_code(before), _code(after)),
        "environment": _changes(_environment(before), _environment(after)),
        "packages": _packages(before, after),
        "command": _changes(_command(before), _command(after)),
        "data": [row for row in data if row["status"] != "identical"],
        "outcome": _changes(_outcome(before), _outcome(after)),
        "results": [*results],
    }
    differing = [row for row in results if row["status"] != "identical"]
    changed = any(sections[name] for name in sections if name != "results") or bool(differing)
    document: dict[str, JSON] = {
        "schema": 1,
        "same": not changed,
        "before": _side(before),
        "after": _side(after),
        **sections,
    }
    return Difference(document=document)


def _side(record: Record) -> JSON:
    return {key: text(record, key) for key in ("run", "digest", "started", "status")}


def _changes(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> list[JSON]:
    names = [*before, *(name for name in after if name not in before)]
    return [
        {"name": name, "before": before.get(name), "after": after.get(name)}
        for name in names
        if before.get(name) != after.get(name)
    ]


def _code(record: Record) -> dict[str, JSON]:
    project = mapping(record, "project")
    return {
        "commit": project["commit"],
        "dirty": project["dirty"],
        "context": mapping(record, "context")["sha256"],
    }


def _environment(record: Record) -> dict[str, JSON]:
    base, engine = mapping(record, "base"), mapping(record, "engine")
    return {
        "environment_digest": record["environment_digest"],
        "image": mapping(record, "image")["config_digest"],
        "platform": record["platform"],
        "base": f"{text(base, 'name')} ({text(base, 'family')})",
        "base.config_digest": base["config_digest"],
        "date": mapping(record, "date")["day"],
        "lock": mapping(record, "lock")["sha256"],
        "dockerfile": mapping(record, "dockerfile")["sha256"],
        "engine": f"{text(engine, 'name')} {text(engine, 'version')}",
        "reprokit": mapping(record, "reprokit")["version"],
    }


def _command(record: Record) -> dict[str, JSON]:
    parameters, options = mapping(record, "parameters"), mapping(record, "options")
    return {
        "command": command_text(record),
        **{f"parameters.{name}": parameters[name] for name in sorted(parameters)},
        **{f"options.{name}": options[name] for name in sorted(options)},
    }


def _outcome(record: Record) -> dict[str, JSON]:
    return {"status": record["status"], "exit_code": record["exit_code"]}


def _data(record: Record) -> list[dict[str, JSON]]:
    return rows(mapping(record, "data"), "files")


def _versions(record: Record) -> dict[tuple[str, str], list[JSON]]:
    found: dict[tuple[str, str], list[JSON]] = {}
    for package in rows(record, "packages"):
        key = text(package, "source"), text(package, "name")
        found.setdefault(key, []).append(text(package, "version"))
    return found


def _packages(before: Record, after: Record) -> list[JSON]:
    old, new = _versions(before), _versions(after)
    return [
        {"source": key[0], "name": key[1], "before": old.get(key, []), "after": new.get(key, [])}
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]


def _files(
    before: list[dict[str, JSON]], after: list[dict[str, JSON]], detail: Detail
) -> list[dict[str, JSON]]:
    old = {text(file, "path"): file for file in before}
    new = {text(file, "path"): file for file in after}
    return [_file(path, old.get(path), new.get(path), detail) for path in sorted({*old, *new})]


def _file(
    path: str, before: Record | None, after: Record | None, detail: Detail
) -> dict[str, JSON]:
    if before is None:
        status = "extra"
    elif after is None:
        status = "missing"
    else:
        status = "identical" if before["sha256"] == after["sha256"] else "different"
    return {
        "path": path,
        "status": status,
        "before": _content(before),
        "after": _content(after),
        "detail": detail(path) if status == "different" else None,
    }


def _content(file: Record | None) -> JSON:
    if file is None:
        return None
    return {"size": int(number(file, "size")), "sha256": text(file, "sha256")}
