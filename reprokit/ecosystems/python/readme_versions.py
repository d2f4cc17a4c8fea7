"""Versions that a README names ("Matplotlib 2.0.2", "tested with Python 3.6"), for projects that
declare none: the only thing many published experiments say of their environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from reprokit.ecosystems.python.found import Found
from reprokit.ecosystems.python.import_names import DISTRIBUTIONS
from reprokit.ecosystems.python.names import normalised
from reprokit.ecosystems.python.version import recorded, runtime
from reprokit.model import Reason, Requirement
from reprokit.project import Project

_NAMES = re.compile(r"(?:.*/)?readme(?:\.(?:md|rst|txt|org|markdown))?", re.IGNORECASE)
_ASIDE = re.compile(
    r"(?:^|/)(?:\..*|docs?|tests?|examples?|vendor|third_party|external|libs?|data|paper|article)/",
    re.IGNORECASE,
)
_MOST = 20  # READMEs that are read
_LONGEST_LINE = 1000
_ADDRESS = re.compile(r"https?://[^\s)\]>]+")
_NOT_MEANT = re.compile(
    r"\b(?:not|without|except|instead|older|before|below|earlier than|less than|deprecated|bugs?|"
    r"fails?)\b|n't",
    re.IGNORECASE,
)
_VERSION = (
    r"(?:\s*\]\([^)]*\))?"  # [NumPy](…)
    r"[\s`*_\"'(:|,\]=-]{0,12}"
    r"(?:(?:version|ver\.?|release|v\.?)[\s:=*_`]*)?"
    r"(?P<operator>==?|>=|=>|≥|>|~=|≤|<=?|\^)?\s*v?"
    r"(?P<version>\d+(?:\.\d+){1,3})(?![\w-]|\.\d|\.[x*])"
    r"(?P<more>\s*\+|[\s,(`*_]+(?:or|and)[\s`*_]+(?:later|newer|above|higher|greater|up|beyond|more)\b)?"
)
_ANOTHER = re.compile(
    r"[\s`*_]*(?:/|,|;|-|–|\||\b(?:to|or|and|through)\b)[\s`*_]*"
    r"(?:(?:python|version|v)\s*)?\d",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    r"\b(?:at least|minimum)\b|\b(?:newer than|from|starting with|since)\W+(?:\w+\W+)?$",
    re.IGNORECASE,
)
_EXACTLY = ("", "=", "==")
_BELOW = ("<", "<=", "≤")
_NEAR = 40  # characters before and after a version in which it may be said that it will not do
_ALSO = {"torch": ("pytorch",), "opencv-python-headless": ("opencv",)}
"""Distribution -> what people call it."""


class Named(NamedTuple):
    """A version at a line of a README. `least`: it or any later one."""

    version: str
    least: bool
    file: str
    line: int


Line = tuple[str, int, str]
"""The file, the line's number and its text."""


def with_versions(project: Project, found: Found) -> Found:
    """Requirements that nothing but imports ask for, with the versions that READMEs name for them.
    What says "or later" is left to the day."""
    lines = tuple(_lines(project))
    requirements = tuple(_with_version(asked, lines) for asked in found.requirements)
    return replace(found, requirements=requirements)


def python(project: Project) -> Found | None:
    """The Python that READMEs name, where they name one."""
    named = _only(tuple(_lines(project)), r"python(?:\s?[23](?!\d))?")
    if named is None or re.match(r"(?:2\.7|3\.\d)", named.version) is None:
        return None
    if not named.least:
        return replace(recorded(named.version, "names", named.file, named.line), files=())
    text = f"asks for Python {named.version} or later"
    minor = ".".join(named.version.split(".")[:2])
    reason = Reason(text=text, file=named.file, line=named.line)
    return Found(runtimes=(runtime(f">={minor}", reason),))


def _with_version(asked: Requirement, lines: Sequence[Line]) -> Requirement:
    if asked.specifier or asked.url is not None:
        return asked
    named = _only(lines, _spelled(asked.name))
    if named is None or named.least:
        return asked
    exact = named.version.count(".") > 1
    text = f"{asked.reason.text}, of which {named.file}:{named.line} names {named.version}"
    return replace(
        asked,
        specifier=f"=={named.version}" if exact else f"=={named.version}.*",
        reason=replace(asked.reason, text=text),
    )


def _spelled(name: str) -> str:
    """The ways in which people write a distribution's name: it, and what is imported of it."""
    wanted = normalised(name)
    others = [module for module, of in DISTRIBUTIONS.items() if normalised(of) == wanted]
    names = (wanted, *others, *_ALSO.get(wanted, ()))
    return "|".join(re.escape(n).replace(r"\-", "[-_. ]?") for n in names)


def _lines(project: Project) -> Iterator[Line]:
    files = [f for f in project.files if _NAMES.fullmatch(f) and not _ASIDE.search(f)]
    for file in sorted(files, key=lambda path: (path.count("/"), path))[:_MOST]:
        for number, line in enumerate(project.read(file).splitlines(), start=1):
            if len(line) <= _LONGEST_LINE and any(map(str.isdigit, line)):
                yield file, number, _ADDRESS.sub("", line)


def _only(lines: Iterable[Line], spelled: str) -> Named | None:
    """The one version that is named under a spelling. `None` where none is, or several are, or what
    is said of it is not that it was used."""
    pattern = re.compile(rf"(?<![\w./-])(?:{spelled}){_VERSION}", re.IGNORECASE)
    found: list[Named] = []
    for file, number, line in lines:
        for match in pattern.finditer(line):
            operator, before = match["operator"] or "", line[: match.start()]
            around = before[-_NEAR:] + line[match.end() : match.end() + _NEAR]
            if operator in _BELOW or _NOT_MEANT.search(around) or _ANOTHER.match(line, match.end()):
                return None
            least = operator not in _EXACTLY or match["more"] or _AT_LEAST.search(before)
            found.append(Named(match["version"], bool(least), file, number))
    exact = [named for named in found if not named.least] or found
    longest = max(exact, key=lambda named: len(named.version), default=None)
    if longest is None or any(not f"{longest.version}.".startswith(f"{n.version}.") for n in exact):
        return None
    return longest
