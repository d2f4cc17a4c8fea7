"""The words of a comparison: how close one result is to what was expected, and all of them.

A `Finding` is what a comparator says of two files, a `Comparison` is that with the file's path, a
`Verdict` is every file's. All types are frozen; numbers are judged by a `Tolerance`, whose two
parts are always both given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum

from reprokit.errors import ResultsDiffer
from reprokit.frozen import frozen
from reprokit.history.wording import counted, printable
from reprokit.model import JSON
from reprokit.tolerance import Tolerance

SCHEMA = 1
_SHOWN = 15
"""Files that `Verdict.text` lists: one screen."""


class Grade(StrEnum):
    """How close an actual file is to the expected one, the best first.

    "identical" is the same bytes. "within tolerance" is the same content: numbers within the
    tolerance, and only such other differences as the comparator names (dates, ids, the order of
    keys, compression). "similar" is the same to an eye or as a set: pictures that resemble each
    other, the same rows in another order. "extra" is a file that was not expected, "missing" an
    expected one that is not there.
    """

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within tolerance"
    SIMILAR = "similar"
    EXTRA = "extra"
    DIFFERENT = "different"
    MISSING = "missing"

    @property
    def reproduced(self) -> bool:
        """Whether the result is the same as far as the tolerance goes."""
        return self in (Grade.IDENTICAL, Grade.WITHIN_TOLERANCE)


def worst(grades: Iterable[Grade]) -> Grade:
    """The worst of them; "identical" of none."""
    order = list(Grade)
    return max(grades, key=order.index, default=Grade.IDENTICAL)


@frozen
class Attachment:
    """A picture or other file that shows a difference. `name` says of what it is."""

    name: str
    media_type: str
    content: bytes = field(repr=False)

    def json(self) -> dict[str, JSON]:
        """Without the content, which is for files."""
        return {"name": self.name, "media_type": self.media_type, "size": len(self.content)}


@frozen
class Finding:
    """What a comparator says of an expected and an actual file.

    `summary` is one line for a scientist ("3 of 120 values differ, largest relative difference
    2.1e-4 in column 'rmse', row 17"). `details` is JSON: `rules` are the names of what was
    ignored, `differences` the first ones, the rest is the comparator's own.
    """

    grade: Grade
    summary: str
    details: Mapping[str, JSON] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()


@frozen
class Comparison:
    """A finding about the file at `path`, and the comparator that it comes from."""

    path: str
    comparator: str
    grade: Grade
    summary: str
    details: Mapping[str, JSON] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()

    def json(self) -> dict[str, JSON]:
        return {
            "path": self.path,
            "grade": self.grade.value,
            "comparator": self.comparator,
            "summary": self.summary,
            "details": dict(self.details),
            "attachments": [attachment.json() for attachment in self.attachments],
        }


@frozen
class Verdict:
    """Every compared file, sorted by path, and what the project tolerates.

    `ignored` are paths that the project's configuration leaves out.
    """

    files: tuple[Comparison, ...]
    tolerance: Tolerance
    ignored: tuple[str, ...] = ()

    @property
    def grade(self) -> Grade:
        """The worst of all files."""
        return worst(file.grade for file in self.files)

    @property
    def counts(self) -> dict[Grade, int]:
        """How many files have each grade, in the order of the grades."""
        counted = Counter(file.grade for file in self.files)
        return {grade: counted[grade] for grade in Grade}

    @property
    def exit_code(self) -> int:
        """0 where every file is identical or within tolerance, else that of `ResultsDiffer`."""
        return 0 if self.grade.reproduced else ResultsDiffer.exit_code

    def json(self) -> dict[str, JSON]:
        """The document that fits the schema verdict-1."""
        return {
            "schema": SCHEMA,
            "grade": self.grade.value,
            "exit_code": self.exit_code,
            "counts": {grade.value: count for grade, count in self.counts.items()},
            "tolerance": self.tolerance.json(),
            "ignored": [*self.ignored],
            "files": [file.json() for file in self.files],
        }

    def text(self) -> str:
        """One screen for people: the counts, and the files that are not identical, worst first."""
        if not self.files:
            return "nothing was expected, and nothing compared"
        counts = [f"{count:,} {grade}" for grade, count in self.counts.items() if count]
        lines = [f"{self.grade}: of {counted(len(self.files), 'file')} {', '.join(counts)}"]
        order = list(Grade)
        differing = [file for file in self.files if file.grade is not Grade.IDENTICAL]
        differing.sort(key=lambda file: (-order.index(file.grade), file.path))
        for file in differing[:_SHOWN]:
            lines.append(f"  {file.grade:16}  {printable(file.path)}")
            lines.append(f"  {'':16}  {printable(file.summary)}")
        if len(differing) > _SHOWN:
            lines.append(f"  and {counted(len(differing) - _SHOWN, 'file')} more")
        if Grade.WITHIN_TOLERANCE in {file.grade for file in differing}:
            lines.append(f"tolerance: {self.tolerance}")
        if self.ignored:
            lines.append(
                f"ignored, as the configuration says: {counted(len(self.ignored), 'file')}"
            )
        return "\n".join(lines)
