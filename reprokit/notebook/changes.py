"""What `%repro diff` shows: a table a section, and results that differ side by side."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from reprokit.history import wording
from reprokit.history.contents import inside
from reprokit.history.reading import Record, mapping, rows, text, texts
from reprokit.history.since import code_changed
from reprokit.model import JSON
from reprokit.notebook import previews
from reprokit.notebook.elements import Html, code, headline, more, preformatted, sign, table
from reprokit.notebook.elements import text as escaped

SIDES = ("before", "after")
SHOWN = 12
"""Results whose difference is shown; the others are listed."""
LISTED = 100
CELLS = 8
"""Cells of a table that are listed: the tables themselves stand below."""
BUDGET = 6_000_000
_TONES = {"identical": "good", "different": "fair", "extra": "fair", "missing": "bad"}


def difference(result: Any) -> str:
    """What changed between two runs; sections without a change are left out."""
    document = result.json()
    before, after = mapping(document, "before"), mapping(document, "after")
    parts = [_lead(document), f"<p>{_side(before)} → {_side(after)}</p>"]
    for name in ("code", "environment", "command", "outcome", "packages"):
        found = rows(document, name)
        changed = [
            (text(row, "name").replace("_", " "), _value(row["before"]), _value(row["after"]))
            for row in found
        ]
        if changed:
            shown = changed[:LISTED]
            parts.append(f"<h3>{name}</h3>{table(('what', *SIDES), shown)}")
            parts.append(more(len(changed) - LISTED, "change"))
    data = rows(document, "data")
    if data:
        parts.append(f"<h3>data</h3>{_files(data)}")
    results = rows(document, "results")
    if results:
        parts.append(f"<h3>results</h3>{_files(results)}")
        differing = [row for row in results if row["status"] != "identical"]
        parts.append(_contents(differing, result.folders))
    return "".join(parts)


def _lead(document: Record) -> str:
    if document["same"]:
        return f"<p>{sign('same', 'good')} Nothing differs but the times.</p>"
    results = rows(document, "results")
    differing = sum(row["status"] != "identical" for row in results)
    word, tone = ("other results", "fair") if differing else ("same results", "good")
    names = [name for name in ("environment", "packages", "command", "data") if document[name]]
    changed = ", ".join(["code", *names] if code_changed(document) else names)
    said = f"{differing} of {wording.counted(len(results), 'result')} differ; "
    said += f"changed: {changed}" if changed else "what went into the runs is the same"
    return headline(sign(word, tone), escaped(said))


def _side(side: Record) -> str:
    return f"{code(side['run'])} ({escaped(side['status'])})"


def _value(value: JSON) -> Html:
    return code(value) if isinstance(value, str) else Html(escaped(value))


def _files(files: list[dict[str, JSON]]) -> str:
    body = [
        (
            code(file["path"]),
            sign(text(file, "status"), _TONES.get(text(file, "status"), "fair")),
            *(_content(file[side]) for side in SIDES),
        )
        for file in files[:LISTED]
    ]
    listed = table(("file", "status", *SIDES), body, brief=(1, 2, 3))
    return listed + more(len(files) - LISTED, "file")


def _content(content: JSON) -> str:
    if not isinstance(content, dict):
        return "none"
    size = wording.size(int(str(content["size"])))
    return f"{size}, {wording.short_digest(str(content['sha256']))}"


def _contents(files: list[dict[str, JSON]], folders: tuple[Path, Path] | None) -> str:
    parts: list[str] = []
    spent = 0
    for file in files[:SHOWN]:
        shown = _detail(file["detail"], text(file, "path"))
        if folders is not None and spent < BUDGET:
            shown += _beside(text(file, "path"), folders)
        if shown:
            spent += len(shown)
            parts.append(f"<h4>{code(file['path'])}</h4>{shown}")
    return "".join(parts) + more(len(files) - SHOWN, "result that differs")


def _beside(path: str, folders: tuple[Path, Path]) -> str:
    """Both versions of a figure, a table or a text, where they can be shown."""
    shown = []
    for caption, folder in zip(SIDES, folders, strict=True):
        place = inside(folder, path)
        content = None if place is None else previews.preview(place, f"{path}, {caption}")
        if content is not None:
            shown.append(f"<figure><figcaption>{caption}</figcaption>{content}</figure>")
    return f'<div class="pictures">{"".join(shown)}</div>' if shown else ""


def _detail(detail: JSON, path: str) -> str:
    """What the records' comparison found inside a file. Figures are shown instead."""
    if not isinstance(detail, dict) or PurePosixPath(path).suffix.lower() in previews.FIGURES:
        return ""
    if detail["kind"] == "text":
        return preformatted("\n".join(texts(detail, "diff")))
    if detail["kind"] == "table":
        return _cells(detail)
    first = detail["first"]
    return "" if first is None else f"<p>bytes differ from offset {escaped(first)}</p>"


def _cells(detail: Record) -> str:
    columns = [
        f"column {text(column, 'name')}: {column['cells']} of {detail['rows']} cells"
        + ("" if column["largest"] is None else f", by at most {column['largest']:.3g}")
        for column in rows(detail, "columns")
    ]
    for key in ("added", "removed"):
        columns += [f"{key} columns: {', '.join(texts(detail, key))}"] if detail[key] else []
    said = "".join(f"<li>{escaped(line)}</li>" for line in columns)
    cells = [
        (cell["row"], cell["column"], cell["before"], cell["after"])
        for cell in rows(detail, "cells")[:CELLS]
    ]
    listed = table(("row", "column", *SIDES), cells, "the first cells that differ") if cells else ""
    return f"<ul>{said}</ul>{listed}"
