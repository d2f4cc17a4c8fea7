"""Which packages an image holds, read out of the files that package managers leave there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import IO, NamedTuple

from packaging.utils import canonicalize_name

from reprokit.identity import jars, licences


class Installed(NamedTuple):
    """A package: `source` is "deb", "python", "r", "java" ("group:artifact", or a jar's file name
    where it says no more) or "os" (the distribution itself)."""

    source: str
    name: str
    version: str


class Told(NamedTuple):
    """What one file tells: packages, and the licences that it declares."""

    packages: tuple[Installed, ...] = ()
    licences: tuple[str, ...] = ()


DPKG = "var/lib/dpkg/status"
_SYSTEM = "usr/lib/os-release"
_PYTHON = re.compile(r"(?:.+/)?[^/]+\.(?:dist|egg)-info/(?:METADATA|PKG-INFO)")
_R = re.compile(r"(?:.+/)?(?:library|site-library)/[^/]+/DESCRIPTION")
COPYRIGHT = re.compile(r"usr/share/doc/(?P<package>[^/]+)/copyright")
_DISTRIBUTIONS = re.compile(r"usr/(?!local/).+")
_NUMBERED = re.compile(r"(?P<name>[A-Za-z][\w.+-]*?)-(?P<version>\d[\w.+-]*)\.jar", re.ASCII)


def is_jar(path: str) -> bool:
    """Whether this is a jar that the distribution's own packages did not bring."""
    return path.endswith(".jar") and not distributed(path)


def distributed(path: str) -> bool:
    """Whether a path is the distribution's to write: /usr without /usr/local.

    See https://refspecs.linuxfoundation.org/FHS_3.0/fhs/ch04s09.html
    """
    return _DISTRIBUTIONS.fullmatch(path) is not None


def tells(path: str) -> bool:
    """Whether a file with this path says what is installed."""
    return (
        path in (DPKG, _SYSTEM)
        or is_jar(path)
        or any(pattern.fullmatch(path) is not None for pattern in (_PYTHON, _R, COPYRIGHT))
    )


def read(path: str, content: IO[bytes]) -> Told:
    """What such a file tells; nothing where it cannot be understood."""
    if is_jar(path):
        inside = tuple(Installed("java", *found) for found in jars.packages(content))
        return Told(inside or (_named(path),))
    text = content.read().decode("utf-8", "replace")
    if path == DPKG:
        return Told(tuple(_debian(text)))
    if COPYRIGHT.fullmatch(path):
        return Told(licences=licences.debian(text))
    reader: Callable[[str], Told] = _r
    if path == _SYSTEM:
        reader = _system
    elif _PYTHON.fullmatch(path):
        reader = _python
    return reader(text)


def _named(path: str) -> Installed:
    """A jar by its file name alone."""
    name = path.rpartition("/")[2]
    found = _NUMBERED.fullmatch(name)
    return Installed("java", *found.groups()) if found else Installed("java", name, "")


def _debian(text: str) -> Iterable[Installed]:
    for paragraph in text.split("\n\n"):
        fields = _fields(paragraph, ("Package", "Status", "Version"))
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            yield Installed("deb", fields["Package"], fields.get("Version", ""))


def _system(text: str) -> Told:
    """See https://www.freedesktop.org/software/systemd/man/latest/os-release.html"""
    wanted = ("ID", "VERSION_CODENAME", "VERSION_ID")
    fields = {k: v.strip("\"'") for k, v in _fields(text, wanted, separator="=").items()}
    if "ID" not in fields:
        return Told()
    version = fields.get("VERSION_CODENAME") or fields.get("VERSION_ID", "")
    return Told((Installed("os", fields["ID"], version),))


def _python(text: str) -> Told:
    head = text.partition("\n\n")[0]
    fields = _fields(head, ("Name", "Version"))
    if "Name" not in fields:
        return Told()
    name = canonicalize_name(fields["Name"])
    package = Installed("python", name, fields.get("Version", ""))
    return Told((package,), licences.python(head))


def _r(text: str) -> Told:
    fields = _fields(text, ("Package", "Version", "License"))
    if "Package" not in fields:
        return Told()
    package = Installed("r", fields["Package"], fields.get("Version", ""))
    return Told((package,), licences.plain(fields.get("License", "")))


def _fields(paragraph: str, names: tuple[str, ...], separator: str = ":") -> dict[str, str]:
    found: dict[str, str] = {}
    for line in paragraph.split("\n"):
        name, between, value = line.partition(separator)
        if between and name in names and name not in found:
            found[name] = value.strip()
    return found
