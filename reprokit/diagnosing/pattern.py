"""Diagnoses that know a failure by a line of the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reprokit.diagnosing.protocol import Cause, Failure

Words = Callable[[re.Match[str], Failure], Mapping[str, str] | None]


def named_groups(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """The pattern's own groups; one that took no part is empty."""
    return match.groupdict(default="")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of failure. `pattern` is searched in each line, the last one first, for what ended
    the program stands last. `text` and `next` are `str.format` templates over what `words` makes
    of the match; `None` from it says that this line means something else."""

    name: str
    pattern: re.Pattern[str]
    text: str
    next: str
    words: Words = named_groups

    def diagnose(self, failure: Failure) -> Cause | None:
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
                )
        return None
