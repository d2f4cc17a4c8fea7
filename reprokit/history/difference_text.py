"""A difference of two runs on one screen; `--json` has all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile

from reprokit.history import wording
from reprokit.history.reading import Record, mapping, number, rows, text, texts
from reprokit.model import JSON

SCREEN = 40
_CHANGES, _FILES, _DETAILS, _LINES = 6, 10, 3, 6


def described(document: Record) -> str:
    """At most `SCREEN` lines."""
    before, after = mapping(document, "before"), mapping(document, "after")
    lines = [f"{_run(before)}  →  {_run(after)}"]
    for name in ("code", "environment", "command", "outcome"):
        lines += _section(name, rows(document, name), _change)
    lines += _section("packages", rows(document, "packages"), _package)
    lines += _section("data", rows(document, "data"), _file)
    lines += _results(rows(document, "results"))
    if document["same"]:
        lines.append("Nothing differs but the times.")
    if len(lines) <= SCREEN:
        return "\n".join(lines)
    return "\n".join([*lines[: SCREEN - 1], "… (--json shows all)"])


def _run(side: Record) -> str:
    return f"{text(side, 'run')} ({text(side, 'status')})"


def _section(
    title: str, found: list[dict[str, JSON]], describe: Callable[[Record], str]
) -> list[str]:
    if not found:
        return []
    lines = [f"  {describe(row)}" for row in found[:_CHANGES]]
    if len(found) > _CHANGES:
        lines.append(f"  and {len(found) - _CHANGES} more")
    return [title, *lines]


def _change(change: Record) -> str:
    name = wording.printable(text(change, "name"))
    before, after = change["before"], change["after"]
    if isinstance(before, str) and isinstance(after, str) and _value(before) == _value(after):
        before, after = _from_difference(before, after), _from_difference(after, before)
    return f"{name}: {_value(before)} → {_value(after)}"


def _from_difference(value: str, other: str) -> str:
    """Where two long texts begin alike: the end that differs, with some words before it."""
    pairs = zip(value, other, strict=False)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = max(alike - 20, 0)
    return f"…{value[start:]}" if start else value


def _value(value: JSON) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        is_digest = value.startswith("sha256:") or (len(value) == 40 and value.isalnum())
        return wording.short_digest(value) if is_digest else wording.shortened(value, 60)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return wording.shortened(", ".join(map(str, value)) or "none", 60)
    return wording.shortened(str(value), 60)


def _package(package: Record) -> str:
    name = wording.printable(f"{text(package, 'name')} ({text(package, 'source')})")
    before, after = ", ".join(texts(package, "before")), ", ".join(texts(package, "after"))
    if not before:
        return f"+ {name} {after}"
    if not after:
        return f"- {name} {before}"
    return f"  {name} {before} → {after}"


def _file(file: Record) -> str:
    path = wording.shortened(text(file, "path"), 60)
    status = text(file, "status")
    if status == "different":
        return f"{path}: different, {_size(file, 'before')} → {_size(file, 'after')}"
    if status == "missing":
        return f"{path}: missing, {_size(file, 'before')} before"
    return f"{path}: extra, {_size(file, 'after')} now"


def _size(file: Record, side: str) -> str:
    return wording.size(int(number(mapping(file, side), "size")))


def _results(found: list[dict[str, JSON]]) -> Iterator[str]:
    differing = [row for row in found if row["status"] != "identical"]
    if not found:
        return
    equal = len(found) - len(differing)
    yield f"results: {equal} of {wording.counted(len(found), 'file')} identical"
    detailed = 0
    for file in differing[:_FILES]:
        yield f"  {_file(file)}"
        detail = file["detail"]
        if detailed < _DETAILS and isinstance(detail, dict):
            detailed += 1
            yield from (f"    {line}" for line in _detail(detail))
    if len(differing) > _FILES:
        yield f"  and {len(differing) - _FILES} more"


def _detail(detail: Record) -> list[str]:
    if detail["kind"] == "binary":
        first = detail["first"]
        return [] if first is None else [f"bytes differ from offset {first}"]
    if detail["kind"] == "text":
        diff = texts(detail, "diff")
        lines = [wording.shortened(line, 90) for line in diff[:_LINES]]
        if len(diff) > _LINES:
            counts = f"+{detail['added']} -{detail['removed']}"
            lines.append(f"… {counts} lines in all")
        return lines
    return _table(detail)


def _table(detail: Record) -> list[str]:
    columns = rows(detail, "columns")
    lines = [_column(column, detail["rows"]) for column in columns[:_LINES]]
    if len(columns) > _LINES:
        lines.append(f"and {len(columns) - _LINES} more columns")
    for key in ("added", "removed"):
        named = texts(detail, key)
        if named:
            lines.append(wording.shortened(f"{key} columns: {', '.join(named)}", 90))
    cells = rows(detail, "cells")
    if cells:
        first = cells[0]
        values = [wording.shortened(text(first, key), 25) for key in ("column", "before", "after")]
        lines.append(f"first: row {first['row']}, {values[0]}: {values[1]} → {values[2]}")
    return lines


def _column(column: Record, total: JSON) -> str:
    name = wording.shortened(text(column, "name"), 30)
    count = wording.counted(int(number(column, "cells")), "cell")
    largest = column["largest"]
    by = "" if largest is None else f", by at most {largest:.3g}"
    return f"column {name}: {count} of {total} differ{by}"
