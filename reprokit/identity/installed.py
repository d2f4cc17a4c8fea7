"""Which packages an image holds, read out of the files that package managers leave there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from packaging.utils import canonicalize_name


class Installed(NamedTuple):
    """A package: `source` is "deb", "python" or "r"."""

    source: str
    name: str
    version: str


DPKG = "var/lib/dpkg/status"
_PYTHON = re.compile(r"(?:.+/)?[^/]+\.(?:dist|egg)-info/(?:METADATA|PKG-INFO)")
_R = re.compile(r"(?:.+/)?(?:library|site-library)/[^/]+/DESCRIPTION")


def tells(path: str) -> bool:
    """Whether a file with this path says what is installed."""
    return path == DPKG or _PYTHON.fullmatch(path) is not None or _R.fullmatch(path) is not None


def read(path: str, content: bytes) -> tuple[Installed, ...]:
    """The packages that such a file tells of; none where it cannot be understood."""
    text = content.decode("utf-8", "replace")
    if path == DPKG:
        return tuple(_debian(text))
    reader: Callable[[str], Installed | None] = _python if _PYTHON.fullmatch(path) else _r
    found = reader(text)
    return () if found is None else (found,)


def _debian(text: str) -> Iterable[Installed]:
    for paragraph in text.split("\n\n"):
        fields = _fields(paragraph, ("Package", "Status", "Version"))
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            yield Installed("deb", fields["Package"], fields.get("Version", ""))


def _python(text: str) -> Installed | None:
    fields = _fields(text.partition("\n\n")[0], ("Name", "Version"))
    if "Name" not in fields:
        return None
    return Installed("python", canonicalize_name(fields["Name"]), fields.get("Version", ""))


def _r(text: str) -> Installed | None:
    fields = _fields(text, ("Package", "Version"))
    if "Package" not in fields:
        return None
    return Installed("r", fields["Package"], fields.get("Version", ""))


def _fields(paragraph: str, names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in paragraph.split("\n"):
        name, separator, value = line.partition(":")
        if separator and name in names and name not in found:
            found[name] = value.strip()
    return found
