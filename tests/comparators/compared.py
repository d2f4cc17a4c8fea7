"""Two files, written and compared."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reprokit.comparators.dispatch import compare_files, settings_for
from reprokit.comparators.protocol import Limits
from reprokit.tolerance import CompareOptions, Tolerance
from reprokit.verdict import Comparison, Grade

LOOSE = Tolerance(relative=1e-6, absolute=1e-12)


def settings(*files: Path, limits: Limits | None = None, **changes: Any) -> Any:
    made = settings_for("", files, CompareOptions(tolerance=LOOSE), limits or Limits(), None)
    return replace(made, **changes)


def compared(
    name: str, expected: Path, actual: Path, *, limits: Limits | None = None, **changes: Any
) -> Comparison:
    """Compare two files under a name; whatever is found has a JSON form and a sentence."""
    made = settings(expected, actual, limits=limits, **changes)
    found = compare_files(name, expected, actual, made)
    assert found.json() and found.summary and "\n" not in found.summary
    return found


class Written:
    """Compares contents under a name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    def __call__(
        self, name: str, expected: str | bytes, actual: str | bytes, **changes: Any
    ) -> Comparison:
        return compared(name, self.file(expected), self.file(actual), **changes)

    def file(self, content: str | bytes) -> Path:
        path = self._folder / str(next(self._numbers))
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


def told(found: Comparison, grade: Grade, *words: str) -> None:
    """Assert a grade and words of the summary; a failure shows both."""
    assert found.grade is grade, f"{found.grade}: {found.summary}"
    for word in words:
        assert word in found.summary, found.summary


Details = Mapping[str, Any]
