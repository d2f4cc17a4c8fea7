"""What a failed environment has, as far as its lock says."""

from __future__ import annotations

from reprokit.diagnosing.protocol import Failure
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


def distributions(failure: Failure) -> frozenset[str]:
    """The Python packages that are installed, by their normalised names."""
    ecosystems = () if failure.lock is None else failure.lock.ecosystems
    packages = (p for e in ecosystems if e.ecosystem == "python" for p in e.packages)
    return frozenset(normalised(package.name) for package in packages)
