"""PDF: what its pages look like, and what is written on them. Dates and ids in it say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any

from reprokit.comparators.pictures import compare_pixels, compared
from reprokit.comparators.protocol import (
    Limits,
    Settings,
    Unreadable,
    needing,
    reading,
    small_enough,
)
from reprokit.comparators.tally import Tally
from reprokit.comparators.text import compare_lines
from reprokit.verdict import Finding, Grade, worst

_POINTS = 72
_RESOLUTION = 108
"""Dots an inch at which pages are drawn."""


class Pdf:
    """Pages drawn by PDFium."""

    name = "PDF"
    apart = True

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 60 if first.startswith(b"%PDF-") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with needing("PDF files"):
            import numpy  # noqa: F401
            import PIL  # noqa: F401
            import pypdfium2
        small_enough(settings.limits.document, expected, actual)
        with (
            reading(),
            closing(pypdfium2.PdfDocument(expected)) as old,
            closing(pypdfium2.PdfDocument(actual)) as new,
        ):
            for document in (old, new):
                if len(document) > settings.limits.pages:
                    raise Unreadable(f"it has more than {settings.limits.pages} pages")
            text = Tally(settings, unit="number")
            excerpt = compare_lines(_text(old), _text(new), text)
            if len(old) != len(new):
                text.misses(f"{len(new)} pages instead of {len(old)}")
            shared = zip(_pages(old, settings.limits), _pages(new, settings.limits), strict=False)
            looks = compared([compare_pixels(a, b) for a, b in shared], "page", settings)
        return together(text, looks, {"diff": [*excerpt]})


def together(text: Tally, looks: Finding, details: dict[str, Any]) -> Finding:
    """The finding over what is written in a file and what it looks like."""
    written = text.finding()
    said = [looks.summary]
    if text.differs or text.apart or text.varied or text.rules:
        said.insert(0, f"text: {written.summary}")
    elif looks.grade is Grade.WITHIN_TOLERANCE:
        said.append("the same text")
    return Finding(
        grade=worst([written.grade, looks.grade]),
        summary="; ".join(said),
        details={"text": {**written.details, **details}, "looks": dict(looks.details)},
        attachments=looks.attachments,
    )


def _text(document: Any) -> Iterator[str]:
    for page in _each(document):
        with closing(page.get_textpage()) as text:
            yield from text.get_text_range().splitlines()


def _pages(document: Any, limits: Limits) -> Iterator[Any]:
    """Each page as pixels."""
    import numpy

    scale = _RESOLUTION / _POINTS
    for page in _each(document):
        width, height = page.get_size()
        if not width * scale * height * scale <= limits.pixels:
            raise Unreadable(f"a page has more than {limits.pixels:,} pixels")
        with closing(page.render(scale=scale)) as bitmap:
            yield numpy.asarray(bitmap.to_pil().convert("RGBA"))


def _each(document: Any) -> Iterator[Any]:
    for number in range(len(document)):
        with closing(document[number]) as page:
            yield page
