"""How far a result may be from the expected one, as a project says it under [compare]."""

from __future__ import annotations

import math
from dataclasses import field
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from reprokit.frozen import frozen
from reprokit.model import JSON


@frozen
class Tolerance:
    """How far a number may be from the expected one: by `relative` times the expected one, or by
    `absolute`, whichever is more. Both are always given, as a hidden default of one of them (as
    numpy's absolute 1e-8) lets small numbers pass unseen."""

    relative: float
    absolute: float

    def __post_init__(self) -> None:
        for part in (self.relative, self.absolute):
            if not (math.isfinite(part) and part >= 0):
                raise ValueError(f"a tolerance is a finite number from 0 on, not {part}")

    def holds(self, expected: float, actual: float) -> bool:
        """Whether `actual` is close enough. NaN is as NaN, infinity as the same infinity."""
        if expected == actual:
            return True
        if math.isnan(expected) or math.isnan(actual):
            return math.isnan(expected) and math.isnan(actual)
        if math.isinf(expected) or math.isinf(actual):
            return False
        return abs(actual - expected) <= max(self.absolute, self.relative * abs(expected))

    def json(self) -> dict[str, JSON]:
        return {"relative": self.relative, "absolute": self.absolute}

    def __str__(self) -> str:
        return f"relative {self.relative:g}, absolute {self.absolute:g}"


DEFAULT_TOLERANCE = Tolerance(relative=1e-6, absolute=1e-12)
"""What processors, compilers and libraries of linear algebra differ by, and the noise around 0."""

EXACT = Tolerance(relative=0, absolute=0)


@frozen
class FileRule:
    """What holds for the files that `paths` (shell patterns) name. `tolerance` `None` leaves the
    project's; `ignore` are patterns of columns, arrays and paths in documents."""

    paths: tuple[str, ...]
    tolerance: Tolerance | None = None
    ignore: tuple[str, ...] = ()


@frozen
class CompareOptions:
    """How a project's results are compared. `ignore` are patterns of files that are not."""

    tolerance: Tolerance = DEFAULT_TOLERANCE
    ignore: tuple[str, ...] = ()
    files: tuple[FileRule, ...] = field(default=())

    def ignores(self, path: str) -> bool:
        """Whether the file is left out."""
        return _named(path, self.ignore)

    def of(self, path: str) -> tuple[Tolerance, tuple[str, ...]]:
        """The tolerance of a file, the last rule that names it winning, and the patterns of what
        in it is not compared."""
        rules = [rule for rule in self.files if _named(path, rule.paths)]
        given = [rule.tolerance for rule in rules if rule.tolerance is not None]
        skipped = tuple(pattern for rule in rules for pattern in rule.ignore)
        return (given[-1] if given else self.tolerance), skipped


def _named(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether the last pattern that takes the path, its last name, or a folder that it lies in is
    one without "!" in front."""
    name, named = PurePosixPath(path).name, False
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        if fnmatchcase(path, bare) or fnmatchcase(name, bare) or path.startswith(f"{bare}/"):
            named = bare == pattern
    return named
