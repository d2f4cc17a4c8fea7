"""The pieces that displays are made of: HTML that means what it looks like.

All text comes from projects, records and logs, so everything is escaped here. No piece needs a
script, a widget or a colour: status is a sign and a word, figures have texts, tables have heads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape

from reprokit.history import wording

WIDTH = 200
"""Letters of a value."""


class Html(str):
    """Text that is HTML already, where a cell may be either."""

    __slots__ = ()


SIGNS = {"good": "✓", "bad": "✗", "fair": "!", "now": "▶"}
"""What stands before a word of status, besides its colour. A screen reader is given the word."""


@cache
def style() -> str:
    """The style sheet of all displays, without comments and line ends."""
    from reprokit import resources

    text = re.sub(r"/\*.*?\*/", "", resources.template("notebook.css"), flags=re.DOTALL)
    return f"<style>{' '.join(text.split())}</style>"


def frame(content: str, tone: str = "", label: str = "reprokit") -> str:
    """A whole display, with the styles that it needs."""
    name = escape(wording.shortened(label, WIDTH))
    classes = f"reprokit rk {tone}".strip()
    return f'{style()}<section class="{classes}" aria-label="{name}">{content}</section>'


def text(value: object, width: int = WIDTH) -> str:
    """Any value of a record as one line of escaped text."""
    if isinstance(value, Html):
        return value
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value)) or "none"
    return escape(wording.shortened(str(value), width))


def lines(content: str) -> str:
    """A text of several lines, without control characters."""
    return escape("\n".join(wording.printable(line) for line in content.split("\n")))


def code(value: object, width: int = WIDTH) -> Html:
    """A name, a path or a command."""
    return Html(f"<code>{text(value, width)}</code>")


def copied(value: object) -> Html:
    """A value that one click marks as a whole."""
    return Html(f'<code class="copy">{text(value)}</code>')


def sign(word: str, tone: str) -> Html:
    """A status: a sign for the eye, and the word."""
    mark = SIGNS.get(tone)
    before = "" if mark is None else f'<span aria-hidden="true">{mark} </span>'
    return Html(f'<strong class="sign {tone}">{before}{text(word)}</strong>')


def headline(mark: str, content: str) -> str:
    """A status, and the HTML of what is said of it."""
    return f'<p class="headline">{mark} <span>{content}</span></p>'


def preformatted(content: str, kind: str = "") -> str:
    """Lines as they are; a keyboard can scroll them."""
    chosen = f' class="{kind}"' if kind else ""
    return f'<pre{chosen} tabindex="0">{lines(content)}</pre>'


def folded(summary: str, content: str, *, open: bool = False) -> str:
    """Something that is there for those who want it."""
    return (
        f"<details{' open' if open else ''}><summary>{text(summary)}</summary>{content}</details>"
    )


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and their values."""
    body = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in pairs)
    return f"<dl>{body}</dl>"


def table(
    header: Sequence[str],
    body: Iterable[Sequence[object]],
    caption: str = "",
    *,
    brief: Sequence[int] = (),
) -> str:
    """A table whose rows are named by their first cell. `brief` columns are never broken."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in header)
    rows = []
    for row in body:
        cells = []
        for place, cell in enumerate(row):
            kind = ' class="brief"' if place in brief else ""
            tag = "td" if place else "th"
            scope = "" if place else ' scope="row"'
            cells.append(f"<{tag}{scope}{kind}>{text(cell)}</{tag}>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    title = f"<caption>{text(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table>{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def more(number: int, what: str) -> str:
    """What a list leaves out."""
    return f'<p class="soft">and {wording.counted(number, what)} more</p>' if number > 0 else ""


def shell(command: str) -> str:
    """The same in a shell, to copy."""
    return f'<p class="shell soft">in a shell: {copied(command)}</p>'
