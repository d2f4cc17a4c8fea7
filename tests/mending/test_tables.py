"""What the tables of removed names say of Pythons, held against the files on PyPI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reprokit.diagnosing.python_removed import PYTHON_BELOW
from reprokit.ecosystems.python import pylock
from reprokit.ecosystems.python.compiling import Wish, of_wheels
from reprokit.errors import InputUnavailable
from reprokit.project import Project
from tests.ecosystems.python.python_resolving import OnlineResolver


def newest(resolver: OnlineResolver, requirement: str, python: str) -> str | None:
    """The newest version with a wheel; `None` where none has one."""
    fits = pylock.target(python, "linux/amd64", "bookworm")
    wish = Wish(lines=(requirement,), options=("--no-deps",), undated=True)
    try:
        (found,) = of_wheels(resolver, fits, wish)
    except InputUnavailable:
        return None
    return found.version


@pytest.mark.network
@pytest.mark.parametrize(("requirement", "below"), PYTHON_BELOW.items())
def test_the_first_python_without_a_wheel(tmp_path: Path, requirement: str, below: str) -> None:
    resolver = OnlineResolver(Project(tmp_path))
    major, minor = map(int, re.findall(r"\d+", below))
    had = newest(resolver, requirement, f"{major}.{minor - 1}")
    assert had is not None
    assert newest(resolver, requirement, below) != had
