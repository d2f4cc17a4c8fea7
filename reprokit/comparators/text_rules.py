"""What changes in a text from one run to the next and says nothing about its results.

Each rule has a name, and a comparison lists those it used: a date can be a result as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_LONGEST = 10_000
"""Characters of a line that rules are applied to."""
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|CES?T|[ECMP][SD]T|BST|JST|IST|[+-]\d{2}:?\d{2}))"
_CLOCK = rf"\d{{1,2}}:\d{{2}}(?::\d{{2}}(?:[.,]\d{{1,9}})?)?(?:\s?[AP]M)?{_ZONE}?"
_ISO = r"\d{4}[-/]\d{2}[-/]\d{2}"
_WRITTEN = rf"(?:{_MONTH}\.?\s+\d{{1,2}}(?:,?\s+\d{{4}})?|\d{{1,2}}\.?\s+{_MONTH}\.?,?\s+\d{{4}})"
_UNIT = r"(?:ns|µs|us|ms|s|secs?|seconds?|mins?|minutes?|hours?|hrs?|h|days?)"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is replaced by what, under a name that people read."""

    name: str
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]

    def applied(self, line: str) -> str:
        return self.pattern.sub(self.replacement, line)


def _rule(name: str, pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> Rule:
    return Rule(name, re.compile(pattern), replacement)


def _last_shown(match: re.Match[str]) -> str:
    """Of a line that was written over and over again, what was left to see."""
    kept = [part for part in match.group().split("\r") if part.strip()]
    return kept[-1] if kept else ""


RULES = (
    _rule("terminal colours", r"\x1b\[[0-?]*[ -/]*[@-~]", ""),
    _rule("line ends and trailing spaces", r"(?<![ \t\r])[ \t\r]+$", ""),
    _rule("progress bars", r"^.*\r.*$", _last_shown),
    _rule("progress bars", r"(?<![\d\s])\s*\d{1,3}%\s?\|[^|]*\|.*$", " <progress>"),
    _rule(
        "UUIDs",
        r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
        "<uuid>",
    ),
    _rule("dates", rf"\b{_ISO}(?:[T ]{_CLOCK})?", "<date>"),
    _rule(
        "dates",
        rf"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{{0,6}},?\s+)?{_WRITTEN}"
        rf"(?:,?\s+{_CLOCK})?(?:\s+\d{{4}}\b)?",
        "<date>",
    ),
    _rule("dates", rf"\b\d{{1,2}}[./]\d{{1,2}}[./]\d{{4}}(?:,?\s{_CLOCK})?", "<date>"),
    _rule("durations", rf"(?<![\w.])(?:\d+[hm]\s?)*\d+(?:\.\d+)?\s?{_UNIT}\b", "<duration>"),
    _rule("times of day", r"\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?\b", "<time>"),
    _rule("memory addresses", r"\b0x[0-9a-fA-F]{6,16}\b|(?<=\w)@[0-9a-f]{5,8}\b", "<address>"),
    _rule("absolute paths", r"(?<![\w.:/>+~@-])(?:/[\w.+~@-]+)+/([\w.+~@-]+)", r"<path>/\1"),
    _rule("absolute paths", r"\b[A-Za-z]:\\(?:[\w.+~@ -]+\\)*([\w.+~@-]+)", r"<path>/\1"),
    _rule(
        "temporary names",
        r"\b(?:tmp[a-z0-9_]{8}|Rtmp[A-Za-z0-9]{6}|file[0-9a-f]{10,14})\b",
        "<temporary>",
    ),
    _rule("who drew PostScript", r"^%%(Creator|CreationDate|For): .*$", r"%%\1"),
    _rule("process ids", r"\b(pid|PID|process)([ =:#]{1,3})\d+\b", r"\1\2<pid>"),
)
"""In the order in which they are applied."""


ARRAY = re.compile(r"\[(?:[\s\d.,+\[\]-]|(?<=\d)e(?=[+-]?\d)|(?<=[\d.])j|\bnan\b|\binf\b)*\]")
"""An array of numbers as it is printed, over one line or several."""


def in_one_line(match: re.Match[str]) -> str:
    """An array with one space between its numbers."""
    return " ".join(re.findall(r"[\[\]]|[^\s,\[\]]+", match.group()))


def normalised(line: str) -> tuple[str, frozenset[str]]:
    """The line with what the rules replace, and the names of those that changed it."""
    used = set()
    head, tail = line[:_LONGEST], line[_LONGEST:]
    for rule in RULES:
        changed = rule.applied(head)
        if changed != head:
            used.add(rule.name)
            head = changed
    return head + tail, frozenset(used)
