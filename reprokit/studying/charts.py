"""Charts as SVG in a page: no script, no colour without a word, the numbers as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from reprokit.frozen import frozen
from reprokit.history.wording import printable, shortened

WIDTH = 760
LABEL = 190
"""Units of the drawing that labels have, and what numbers have behind a bar."""
NUMBER = 110
ROW, BAR = 30, 22
LETTERS = 26
_WIDE_ENOUGH = 22
"""Units that a part of a bar needs to show its number."""


@frozen
class Bar:
    """A bar: what it is, how long, and what stands behind it."""

    label: str
    value: float
    note: str
    tone: str = "plain"


def bars(title: str, drawn: Sequence[Bar], whole: float) -> str:
    """Horizontal bars, of which one of length `whole` would fill the width."""
    rows = []
    for place, bar in enumerate(drawn):
        width = _length(bar.value, whole)
        rows.append(
            _label(bar.label, place)
            + _rectangle(LABEL, place, width, bar.tone)
            + _text(LABEL + width + 8, place, bar.note)
        )
    return _drawing(title, rows)


@frozen
class Stack:
    """A bar of several parts, by tone."""

    label: str
    parts: Mapping[str, int]


def stacks(title: str, drawn: Sequence[Stack], tones: Mapping[str, str]) -> str:
    """Horizontal bars of several parts with a legend. tones: the class of each kind of part, in the
    order in which they are drawn."""
    whole = max((sum(stack.parts.values()) for stack in drawn), default=0)
    rows = []
    for place, stack in enumerate(drawn):
        left, row = float(LABEL), _label(stack.label, place)
        for name, tone in tones.items():
            number = stack.parts.get(name, 0)
            width = _length(number, whole)
            if not number:
                continue
            said = f"{stack.label}: {number:,} {name}"
            row += _rectangle(left, place, width, tone, said)
            if width >= _WIDE_ENOUGH:
                row += _text(left + width / 2, place, f"{number:,}", f"on-{tone}")
            left += width
        rows.append(row + _text(left + 8, place, f"{sum(stack.parts.values()):,}"))
    used = [name for name in tones if any(stack.parts.get(name) for stack in drawn)]
    return _legend(used, tones) + _drawing(title, rows)


def _length(value: float, whole: float) -> float:
    return round((WIDTH - LABEL - NUMBER) * value / whole, 1) if whole else 0.0


def _legend(names: Sequence[str], tones: Mapping[str, str]) -> str:
    keys = "".join(
        f'<li><svg class="key" viewBox="0 0 12 12" aria-hidden="true">'
        f'<rect class="{tones[name]}" width="12" height="12"></rect></svg>'
        f"{escape(printable(name))}</li>"
        for name in names
    )
    return f'<ul class="legend">{keys}</ul>'


def _drawing(title: str, rows: Sequence[str]) -> str:
    height = ROW * len(rows) + 4
    return (
        f'<div class="wide"><svg class="chart" role="img" aria-label="{escape(printable(title))}" '
        f'viewBox="0 0 {WIDTH} {height}"><title>{escape(printable(title))}</title>'
        f"{''.join(rows)}</svg></div>"
    )


def _label(text: str, place: int) -> str:
    y = ROW * place + ROW / 2
    said = escape(shortened(text, LETTERS))
    return f'<text class="label" x="{LABEL - 10}" y="{y}">{said}</text>'


def _text(x: float, place: int, text: str, kind: str = "number") -> str:
    y = ROW * place + ROW / 2
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(printable(text))}</text>'


def _rectangle(x: float, place: int, width: float, tone: str, said: str = "") -> str:
    y = ROW * place + (ROW - BAR) / 2
    title = f"<title>{escape(printable(said))}</title>" if said else ""
    return (
        f'<rect class="{tone}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}">'
        f"{title}</rect>"
    )
