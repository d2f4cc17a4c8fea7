"""Diagnoses that know a failure by a line of the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.protocol import Cause, Failure

Words = Callable[[re.Match[str], Failure], Mapping[str, str] | None]


def named_groups(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """The pattern's own groups; one that took no part is empty."""
    return match.groupdict(default="")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of failure. `pattern` is searched in each line, the last one first, for what ended
    the program stands last. `text` and `next` are `str.format` templates over what `words` makes
    of the match; `None` from it says that this line means something else. So are the texts of
    `mends`; a mend of which one comes out empty does not apply. `phases` are those whose failures
    it knows."""

    name: str
    pattern: re.Pattern[str]
    text: str
    next: str
    words: Words = named_groups
    mends: tuple[Mend, ...] = ()
    phases: tuple[str, ...] = ("run",)

    def diagnose(self, failure: Failure) -> Cause | None:
        if failure.phase not in self.phases:
            return None
        for number in range(len(failure.lines) - 1, -1, -1):
            match = self.pattern.search(failure.lines[number])
            words = None if match is None else self.words(match, failure)
            if words is not None:
                return Cause(
                    name=self.name,
                    text=self.text.format_map(words),
                    next=self.next.format_map(words),
                    evidence=(failure.lines[number].strip(),),
                    line=number,
                    mends=tuple(
                        mend
                        for mend in (mend.filled(words) for mend in self.mends)
                        if mend is not None
                    ),
                    phase=failure.phase,
                )
        return None
