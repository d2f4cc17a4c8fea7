"""A notebook as lines that people read: its cells and what they gave, without the JSON around."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any


def notebook_lines(content: str) -> list[str] | None:
    """A line of its own for each cell's number, then its source, then its outputs behind ">"; of
    a figure its digest, and no HTML where the same is text. `None` for what has no cells."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return None
    found: list[str] = []
    for number, cell in enumerate(cells, start=1):
        found.append(f"cell {number}")
        found += [f"    {line}" for line in _text(cell.get("source")).splitlines()]
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            found += [f"  > {line}" for line in _said(output)]
    return found


def _said(output: Any) -> Iterator[str]:
    if not isinstance(output, dict):
        return
    if "text" in output:  # what a stream carried
        yield from _text(output["text"]).splitlines()
    if "ename" in output:
        yield f"{_text(output['ename'])}: {_text(output.get('evalue'))}"
    data = output["data"] if isinstance(output.get("data"), dict) else {}
    for kind, value in sorted(data.items()):
        if kind == "text/plain":
            yield from _text(value).splitlines()
        elif kind != "text/html" or "text/plain" not in data:
            written = value if isinstance(value, str | list) else json.dumps(value, sort_keys=True)
            digest = hashlib.sha256(_text(written).encode("utf-8", "replace")).hexdigest()
            yield f"[{kind} {digest[:12]}]"


def _text(value: Any) -> str:
    """A text of a notebook, which may be a list of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")
