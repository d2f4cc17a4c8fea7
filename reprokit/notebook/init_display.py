"""What `%repro init` looks like in a notebook: the differences, and what to look at first."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from reprokit.history.wording import counted, printable


def initialised(result: Any) -> str:
    """The result of `init` as HTML; files from anywhere stay text."""
    facts = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{_line(value)}</td></tr>"
        for name, value in result.looked_at
    )
    parts = [f"<table>{facts}</table>"]
    for file in result.files:
        what = "new" if file.before is None else "changed"
        parts.append(f"<h4><code>{_line(file.path)}</code> ({what})</h4>")
        lines = (_difference_line(line) for line in file.difference.splitlines())
        parts.append(f"<pre>{chr(10).join(lines)}</pre>")
    parts += [f"<p>{_line(sentence)}</p>" for sentence in result.kept]
    if result.findings:
        title = f"{counted(len(result.findings), 'thing')} to look at"
        parts.append(f"<h4>{title}</h4>{_list(map(str, result.findings))}")
    parts.append(f"<p><strong>{_line(result.ending())}</strong></p>")
    return "".join(parts)


def _difference_line(line: str) -> str:
    """Added lines in bold, removed ones struck out: it is right without colours too."""
    text = _line(line)
    if line.startswith("+") and not line.startswith("+++"):
        return f"<ins style='text-decoration:none;font-weight:bold'>{text}</ins>"
    if line.startswith("-") and not line.startswith("---"):
        return f"<del>{text}</del>"
    return text


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{_line(item)}</li>' for item in items)}</ul>"


def _line(content: str) -> str:
    return escape(printable(content))
