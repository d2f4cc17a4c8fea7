"""Counting what differs between two files that hold values, and saying it in one line."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field

from reprokit.comparators.protocol import Settings
from reprokit.history.wording import listed
from reprokit.model import JSON
from reprokit.verdict import Finding, Grade

SHOWN = 20
"""Differences that the details list."""
IN_SENTENCE = 3
"""Differences of structure that the sentence names."""
_TEXT = 200
_SYNTAX = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf(?:inity)?|nan)", re.I)


def number(text: str) -> float | None:
    """The number that a text is, with white space around it; `None` where it is none. Python's
    own reading also takes "1_000" and digits of other scripts."""
    stripped = text.strip()
    if len(stripped) > 400 or _SYNTAX.fullmatch(stripped) is None or not stripped.isascii():
        return None
    return float(stripped)


def shown(value: object) -> JSON:
    """A value as the details quote it: JSON, and short."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    text = str(value)
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"


@dataclass(slots=True)
class Tally:
    """What differs so far. `kind` is what a series is called ("column", "array"); empty where the
    place alone says it. `unit` is what is counted.

    `total` counts values, whoever finds them equal; `apart` those that differ but are within
    tolerance, `varied` those within the author's own variation, `beyond` the rest, `words` those
    of the rest that are no numbers.
    """

    settings: Settings
    kind: str = ""
    unit: str = "value"
    total: int = 0
    apart: int = 0
    varied: int = 0
    skipped: int = 0
    beyond: int = 0
    words: int = 0
    largest: float = 0.0
    largest_at: str = ""
    accepted: float = 0.0
    structure: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)
    differences: list[JSON] = field(default_factory=list)

    def numbers(self, series: str, position: str, expected: float, actual: float) -> None:
        """Two numbers that may differ; `total` is the caller's to count."""
        if expected == actual or (math.isnan(expected) and math.isnan(actual)):
            return
        if self.settings.skips(series):
            self.skipped += 1
            return
        place = (f"{self.settings.within}{series}", position)
        if self.settings.observe is not None:
            self.settings.observe(place, expected, actual)
        if self.settings.tolerance.holds(expected, actual):
            self.apart += 1
            far = relative(expected, actual)
            self.accepted = max(self.accepted, far if math.isfinite(far) else 0.0)
            return
        learnt = self.settings.learnt
        if learnt is not None and learnt.holds(place, expected, actual):
            self.varied += 1
            return
        self._differs(series, position, expected, actual)
        far = relative(expected, actual)
        if math.isfinite(far) and far > self.largest:
            self.largest, self.largest_at = far, self.where(series, position)

    def texts(self, series: str, position: str, expected: object, actual: object) -> None:
        """Two values that are not both numbers."""
        if self.settings.skips(series):
            self.skipped += 1
        elif expected != actual:
            self.words += 1
            self._differs(series, position, expected, actual)

    def values(self, series: str, position: str, expected: object, actual: object) -> None:
        """Two values of any kind: numbers by tolerance, the rest by equality. A number and its
        text are not the same."""
        if _is_number(expected) and _is_number(actual):
            try:
                self.numbers(series, position, float(expected), float(actual))  # type: ignore[arg-type]
            except OverflowError:
                self.texts(series, position, expected, actual)
        elif type(expected) is not type(actual):
            self.texts(series, position, _typed(expected), _typed(actual))
        else:
            self.texts(series, position, expected, actual)

    def misses(self, sentence: str) -> None:
        """A difference of structure: something is there on one side only."""
        self.structure.append(sentence)

    def where(self, series: str, position: str) -> str:
        """A place as a sentence names it."""
        if not self.kind:
            return f"at {position or series}"
        return f"in {self.kind} '{series}'" + (f", {position}" if position else "")

    def _differs(self, series: str, position: str, expected: object, actual: object) -> None:
        self.beyond += 1
        if len(self.differences) < SHOWN:
            at = self.where(series, position).partition(" ")[2]
            self.differences.append(
                {"at": at, "expected": shown(expected), "actual": shown(actual)}
            )

    @property
    def differs(self) -> bool:
        """Whether anything is beyond tolerance."""
        return bool(self.beyond or self.structure)

    def finding(self, *, similar: str | None = None) -> Finding:
        """What was counted. `similar`: the sentence where all is there, but in another order."""
        grade = Grade.WITHIN_TOLERANCE
        if self.differs:
            grade = Grade.DIFFERENT if similar is None else Grade.SIMILAR
        details = self.details()
        if similar is not None:
            details["reordered"] = True
        return Finding(grade=grade, summary=similar or self.sentence(), details=details)

    def details(self) -> dict[str, JSON]:
        """What was counted, as JSON."""
        return {
            f"{self.unit}s": self.total,
            "within_tolerance": self.apart,
            "within_variation": self.varied,
            "beyond_tolerance": self.beyond,
            "largest_relative": shown(self.largest),
            "tolerance": self.settings.tolerance.json(),
            "structure": [*self.structure[:SHOWN]],
            "rules": [{"rule": rule, "times": n} for rule, n in sorted(self.rules.items())],
            "differences": [*self.differences],
        }

    def sentence(self) -> str:
        """The one line."""
        parts = list(self.structure[:IN_SENTENCE])
        if len(self.structure) > IN_SENTENCE:
            parts.append(f"{len(self.structure) - IN_SENTENCE} more of this kind")
        if self.beyond:
            parts.append(self._beyond())
        if not parts:
            parts.append(self._accepted())
        if self.settings.ruled and (self.apart or self.beyond > self.words):
            parts.append(f"tolerance of this file: {self.settings.tolerance}")
        parts += self.notes
        if self.skipped:
            parts.append(f"{self.skipped} not compared, as the configuration says")
        return "; ".join(parts)

    def _beyond(self) -> str:
        known = max(self.total, self.beyond)
        text = self._differing(self.beyond, known)
        learnt = self.settings.learnt
        if learnt is not None and (learnt.intervals or learnt.spreads):
            text += f" by more than in {learnt.whose}"
        if self.largest_at:
            return f"{text}, largest relative difference {self.largest:.2g} {self.largest_at}"
        if self.differences and isinstance(first := self.differences[0], dict):
            return (
                f"{text}, first at {first['at']}: "
                f"{_quoted(first['actual'])} instead of {_quoted(first['expected'])}"
            )
        return text

    def _differing(self, count: int, known: int) -> str:
        return f"{count:,} of {known:,} {self.unit}s {'differs' if count == 1 else 'differ'}"

    def _accepted(self) -> str:
        if self.varied and self.settings.learnt is not None:
            return (
                f"{self._differing(self.varied, self.total)}, within what "
                f"{self.settings.learnt.whose} varied by"
            )
        if self.apart:
            return (
                f"{self._differing(self.apart, self.total)} within tolerance, "
                f"largest relative difference {self.accepted:.2g}"
            )
        if self.rules:
            return f"the same but for {listed(sorted(self.rules))}"
        return f"the same {self.unit}s, written differently"


def relative(expected: float, actual: float) -> float:
    """|actual - expected| / |expected|; infinite where that has no finite value."""
    if expected == 0 or not (math.isfinite(expected) and math.isfinite(actual)):
        return math.inf
    return abs(actual - expected) / abs(expected)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _typed(value: object) -> str:
    return f"{shown(value)} ({type(value).__name__})"


def _quoted(value: JSON) -> str:
    text = f"'{value}'" if isinstance(value, str) else f"{value}"
    return text if len(text) <= 60 else text[:59] + "…"
