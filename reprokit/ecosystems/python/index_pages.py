"""The wheels that an index lists (PEP 503), for what uv's answer leaves out: wheels of Python 2."""

from __future__ import annotations

import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reprokit.ecosystems.python.pylock import Source
from reprokit.errors import InputUnavailable
from reprokit.resolving import Resolver
from reprokit.site import PYPI


def wheels(resolver: Resolver, name: str, version: str) -> tuple[Source, ...]:
    """The wheels of a release in the site's index. Raises InputUnavailable without a network."""
    base = (resolver.site.python_index or PYPI).rstrip("/")
    url = f"{base}/{name}/"
    reader = _Links()
    with tempfile.TemporaryDirectory(prefix="reprokit-index-") as temporary:
        page = Path(temporary) / "page"
        resolver.place(resolver.download(url, "page"), page)
        reader.feed(page.read_text("utf-8", "replace"))
    found = (_source(urljoin(url, link)) for link in reader.links)
    return tuple(source for source in found if source is not None and _is_of(source, version))


class _Links(HTMLParser):
    """The addresses that a page leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        if tag == "a" and address:
            self.links.append(address)


def _source(link: str) -> Source | None:
    url, fragment = urldefrag(link)
    kind, _, digest = fragment.partition("=")
    return Source(url, sha256=f"sha256:{digest}") if kind == "sha256" else None


def _is_of(source: Source, version: str) -> bool:
    try:
        return str(parse_wheel_filename(source.file)[1]) == version
    except (InvalidWheelFilename, InputUnavailable):
        return False
