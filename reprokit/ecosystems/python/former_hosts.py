"""Addresses under which PyPI was reached once, and which are no indexes any more.

Source: https://packaging.python.org/en/latest/guides/migrating-to-pypi-org/
"""

from __future__ import annotations

from urllib.parse import urlsplit

from reprokit.ecosystems.python.found import information
from reprokit.model import Note, Reason
from reprokit.site import PYPI

_FORMER = frozenset({"pypi.python.org", "cheeseshop.python.org"})


def current(url: str) -> str:
    """PyPI's address for one that it had before, or that is without TLS; any other as it is."""
    parts = urlsplit(url)
    is_index = parts.path.rstrip("/") in ("", "/simple", "/pypi")
    former = parts.hostname in _FORMER or (parts.hostname == "pypi.org" and parts.scheme == "http")
    return PYPI if former and is_index else url


def moved(url: str, reason: Reason) -> tuple[Note, ...]:
    """The note on an address that is read as PyPI's."""
    if current(url) == url:
        return ()
    return (information(f"{url} is no index any more: {PYPI} is", reason.file, reason.line),)
