"""What a failed environment has, as far as its lock says."""

from __future__ import annotations

import re

from reprokit.diagnosing.protocol import Failure
from reprokit.ecosystems.python.imports import distribution
from reprokit.ecosystems.python.names import normalised
from reprokit.ecosystems.python.version import python_version
from reprokit.errors import BadRequest


def python_of(failure: Failure) -> str | None:
    """The version of Python, "3.11", of the locked base or else the first that was planned; `None`
    where there is none."""
    base = failure.lock.base if failure.lock is not None else next(iter(failure.plan.bases), None)
    if base is None:
        return None
    try:
        return python_version(base, failure.plan.runtimes)
    except BadRequest:
        return None


def is_older(version: str, than: str) -> bool:
    """Whether a version is before the other, by their first two numbers."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


_FRAME = re.compile(r'^\s*File "(?P<file>[^"<]+)"')
_PACKAGE = re.compile(r"/(?:site|dist)-packages/(\w+)")


def newer_than_failed(failure: Failure, last: str, besides: str) -> str:
    """The requirement of a later version of the package whose code failed, `name>version`, where
    the project's files pin that package. Empty where it was not a package's code.

    last: the line of the log that tells the error; the innermost file above it counts, without
    those of the package `besides`, in which the error was only raised.
    """
    end = max(number for number, line in enumerate(failure.lines) if line == last)
    files = (_FRAME.match(line) for line in reversed(failure.lines[:end]))
    for file in (match["file"] for match in files if match is not None):
        package = _PACKAGE.search(file)
        name = None if package is None else distribution(package[1])
        if name is None:
            return ""
        if normalised(name) != normalised(besides):
            return _newer(failure, normalised(name))
    return ""


def _newer(failure: Failure, name: str) -> str:
    asked = (r for d in failure.plan.detections if d.ecosystem == "python" for r in d.requirements)
    for requirement in asked:
        pinned = re.fullmatch(r"==([^=*,]+)", requirement.specifier)
        if pinned is not None and normalised(requirement.name) == name:
            return f"{requirement.name}>{pinned[1]}"
    return ""


def distributions(failure: Failure) -> frozenset[str]:
    """The Python packages that are installed, by their normalised names."""
    ecosystems = () if failure.lock is None else failure.lock.ecosystems
    packages = (p for e in ecosystems if e.ecosystem == "python" for p in e.packages)
    return frozenset(normalised(package.name) for package in packages)
