"""A badge for a README: which environment the results are of. Made here, so no service is asked."""

from __future__ import annotations

from html import escape

from reprokit.citing.facts import Facts

_WIDTH = 6.6  # points a letter takes at this size, on average
_HEIGHT = 20


def image(facts: Facts) -> str:
    """A small SVG."""
    left, right = "reprokit", f"environment {facts.environment.removeprefix('sha256:')[:12]}"
    first, second = (round(len(text) * _WIDTH) + 14 for text in (left, right))
    title = escape(f"{facts.title}: run {facts.run}, environment {facts.environment}")
    label = escape(f"{left}: {right}")
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{first + second}" height="{_HEIGHT}" role="img" aria-label="{label}">
<title>{title}</title>
<rect width="{first}" height="{_HEIGHT}" fill="#444"/>
<rect x="{first}" width="{second}" height="{_HEIGHT}" fill="#1a6f4a"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{first / 2}" y="14">{escape(left)}</text>
<text x="{first + second / 2}" y="14">{escape(right)}</text>
</g>
</svg>"""  # noqa: E501
