"""The wheels that an index lists (PEP 503), for what uv's answer leaves out: wheels of Python 2."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import urldefrag

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reprokit.ecosystems.python.pylock import Source
from reprokit.errors import InputUnavailable
from reprokit.index_pages import links
from reprokit.resolving import Resolver
from reprokit.site import PYPI


def wheels(resolver: Resolver, name: str, version: str) -> tuple[Source, ...]:
    """The wheels of a release in the site's index. Raises InputUnavailable without a network."""
    base = (resolver.site.python_index or PYPI).rstrip("/")
    url = f"{base}/{name}/"
    with tempfile.TemporaryDirectory(prefix="reprokit-index-") as temporary:
        page = Path(temporary) / "page"
        resolver.place(resolver.download(url, "page"), page)
        text = page.read_text("utf-8", "replace")
    found = (_source(link) for link in links(text, url))
    return tuple(source for source in found if source is not None and _is_of(source, version))


def _source(link: str) -> Source | None:
    url, fragment = urldefrag(link)
    kind, _, digest = fragment.partition("=")
    return Source(url, sha256=f"sha256:{digest}") if kind == "sha256" else None


def _is_of(source: Source, version: str) -> bool:
    try:
        return str(parse_wheel_filename(source.file)[1]) == version
    except (InvalidWheelFilename, InputUnavailable):
        return False
