"""The details that a comparator gives, as HTML: whatever they hold, in tables and lists of a
bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from reprokit.comparators.tally import IN_SENTENCE
from reprokit.history.wording import shortened
from reprokit.model import JSON

ROWS = 30
COLUMNS = 8
DEEPEST = 4
CELL = 200
_PREFORMATTED = frozenset({"diff"})
_LEFT_OUT = frozenset({"attachments", "box", "notes", "tolerance"})
"""What the page shows elsewhere: pictures as pictures, the rest in the sentence of the finding."""
_NAMES = {
    "differences": "values that differ",
    "rules": "what was ignored",
    "diff": "lines (- expected, + this run)",
    "actual": "this run",
}


def evidence(details: Mapping[str, JSON], depth: int = 0) -> str:
    """What differs in a file. Lists become tables, lines of a diff stay lines."""
    return "".join(_parts(details, depth))


def _parts(details: Mapping[str, JSON], depth: int) -> Iterator[str]:
    details = {key: value for key, value in details.items() if key not in _LEFT_OUT}
    facts = {k: v for k, v in details.items() if isinstance(v, bool | int | float | str) and v}
    if facts:
        said = "; ".join(f"{_named(key)}: {_shown(value)}" for key, value in facts.items())
        yield f'<p class="soft">{escape(shortened(said, 1000))}</p>'
    for key, value in details.items():
        if not value or key in facts:
            continue
        if key == "structure" and isinstance(value, list) and len(value) <= IN_SENTENCE:
            continue
        if isinstance(value, dict):
            inner = evidence(value, depth + 1) if depth < DEEPEST else ""
            yield f"<p>{_text(_named(key))}</p>{inner}" if inner else ""
        elif isinstance(value, list):
            yield _list(_named(key), key, value, depth)


def _list(name: str, key: str, values: Sequence[JSON], depth: int) -> str:
    tables = [value for value in values if isinstance(value, dict)]
    if tables and len(tables) == len(values):
        if key == "parts" and depth < DEEPEST:
            shown = "".join(_part(part, depth + 1) for part in tables[:ROWS])
            return f"{shown}{_more(len(tables) - ROWS)}"
        flat = all(_is_flat(row) for row in tables)
        if flat:
            return _rows(name, tables)
        shown = (
            "".join(evidence(row, depth + 1) for row in tables[:ROWS]) if depth < DEEPEST else ""
        )
        return f"<p>{_text(name)}</p>{shown}{_more(len(tables) - ROWS)}"
    if key in _PREFORMATTED:
        lines = "\n".join(_text(line) for line in values[:ROWS])
        return f"<p>{_text(name)}</p><pre>{lines}</pre>{_more(len(values) - ROWS)}"
    items = "".join(f"<li>{_text(value)}</li>" for value in values[:ROWS])
    return f"<p>{_text(name)}</p><ul>{items}</ul>{_more(len(values) - ROWS)}"


def _part(part: Mapping[str, JSON], depth: int) -> str:
    """One output of a notebook or member of an archive, which is a comparison of its own."""
    head = f"<h4>{_text(part.get('path'))}: {_text(part.get('grade'))}</h4>"
    details = part.get("details")
    inner = evidence(details, depth) if isinstance(details, dict) else ""
    return f'<div class="part">{head}<p>{_text(part.get("summary"))}</p>{inner}</div>'


def _is_flat(row: Mapping[str, JSON]) -> bool:
    return not any(
        isinstance(value, dict | list) and value
        for key, value in row.items()
        if key not in _LEFT_OUT
    )


def _rows(caption: str, rows: Sequence[Mapping[str, JSON]]) -> str:
    told = (key for row in rows[:ROWS] for key, value in row.items() if value is not None)
    header = [key for key in dict.fromkeys(told) if key not in _LEFT_OUT][:COLUMNS]
    head = "".join(f'<th scope="col">{_text(_named(name))}</th>' for name in header)
    body = "".join(
        "<tr>" + "".join(f'<td class="number">{_text(row.get(n))}</td>' for n in header) + "</tr>"
        for row in map(_told_apart, rows[:ROWS])
    )
    return (
        f'<div class="wide"><table><caption>{_text(caption)}</caption><thead><tr>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table></div>{_more(len(rows) - ROWS)}"
    )


def _told_apart(row: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """With all digits of two numbers that would look the same without."""
    old, new = row.get("expected"), row.get("actual")
    if not (isinstance(old, float) and isinstance(new, float)) or _shown(old) != _shown(new):
        return row
    return {**row, "expected": repr(old), "actual": repr(new)}


def _named(key: str) -> str:
    return _NAMES.get(key, key.replace("_", " "))


def _text(value: JSON) -> str:
    return "" if value is None else escape(shortened(_shown(value), CELL))


def _shown(value: JSON) -> str:
    """Numbers to eight digits: enough to see what differs."""
    return f"{value:.8g}" if isinstance(value, float) else str(value)


def _more(number: int) -> str:
    return f'<p class="soft">and {number:,} more</p>' if number > 0 else ""
