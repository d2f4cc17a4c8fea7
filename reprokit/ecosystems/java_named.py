"""The Java that a README names ("JDK 11", "Java 17 or later"), for projects whose build files name
none. It may be the one that the author had, or just the oldest that will do."""

from __future__ import annotations

import re
from typing import NamedTuple

from reprokit.ecosystems import java_calls
from reprokit.model import Reason
from reprokit.project import Project

_NAMED = re.compile(
    r"\b(?:Java|JDK|JRE|OpenJDK|J2SE)(?:[ -]?(?:SE|JDK|Development Kit|version|release))?"
    r"[\s*_`:-]{0,4}(?:v|version )?(?:1\.(?=[5-8]\b))?(?P<release>\d{1,2})"
    r"(?:u\d+|(?:\.\d+){1,3}(?:_\d+)?)?(?![\w-]|\.\d)",
    re.IGNORECASE,
)
_NOT_MEANT = re.compile(
    r"\b(?:not|without|except|instead|older|before|below|earlier|less than|deprecated|bugs?|"
    r"fails?)\b|n't",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://[^\s)\]>]+")
_RELEASES = range(6, 31)
_LONGEST_LINE = 1000


class Named(NamedTuple):
    """A release and where it is named."""

    release: int
    reason: Reason


def java_of_readme(project: Project) -> Named | None:
    """The first Java release that a README of a rerun names; `None` for anybody else's project."""
    if not java_calls.counts(project):
        return None
    for file in project.at_root("README*", "readme*"):
        for number, line in enumerate(project.read(file).split("\n"), start=1):
            text = _ADDRESS.sub(" ", line[:_LONGEST_LINE])
            found = _NAMED.search(text)
            if found is None or int(found["release"]) not in _RELEASES or _NOT_MEANT.search(text):
                continue
            release = int(found["release"])
            return Named(release, Reason(text=f"names Java {release}", file=file, line=number))
    return None
