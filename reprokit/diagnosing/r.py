"""Failures of R programs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure
from reprokit.ecosystems.r.suites import better


def _since_4_1(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """R shows the code up to what it did not understand, in the same line or below."""
    at = max(i for i, line in enumerate(failure.lines) if line == match.string)
    shown = " ".join(failure.lines[at : at + 4])
    return {} if match["pipe"] is None or "|>" in shown else None


def _left_out(failure: Failure) -> set[str]:
    """The packages that the lock goes without, as nothing here has them."""
    found: set[str] = set()
    for ecosystem in () if failure.lock is None else failure.lock.ecosystems:
        names = ecosystem.settings.get("left_out")
        found.update(map(str, names) if isinstance(names, (list, tuple)) else ())
    return found


def _not_installed(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    return None if match["package"] in _left_out(failure) else {"package": match["package"]}


def _not_to_be_had(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    return {"package": match["package"]} if match["package"] in _left_out(failure) else None


_NO_PACKAGE = re.compile(
    r"there is no package called [\u2018'\u201c](?P<package>[A-Za-z][\w.]*)[\u2019'\u201d]"
)
_NOT_TO_BE_HAD = (
    "the R package {package} cannot be had for this R here",
    "set cran_mirror in the site settings to a mirror that answers here, or write another "
    "`r.version` into repro.toml; of a package that is on GitHub alone put the source into the "
    "project",
)


def _at_a_desk(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """Where that is made do without already, it is something else."""
    for ecosystem in () if failure.lock is None else failure.lock.ecosystems:
        if ecosystem.ecosystem == "r" and ecosystem.settings.get("desktop") is True:
            return None
    return {}


def _suite(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    """`wanted` is the R of the distribution that has more of what the project loads."""
    asked = [r.name for d in failure.plan.detections if d.ecosystem == "r" for r in d.requirements]
    others = re.findall(r"[\w.]+", match["others"] or "")
    series = better(asked, [match["package"], *others], match["suite"])
    return {"package": match["package"], "wanted": "" if series is None else f"=={series}.*"}


DIAGNOSES = (
    Pattern(
        "r-package-unavailable",
        re.compile(
            r"the R package (?P<package>[\w.]+).{0,300}? cannot be had: the distribution of "
            r"(?P<suite>\w+) (?:lacks it|has \S+)(?: \(nor can (?P<others>[\w., ]+)\))?, and "
        ),
        *_NOT_TO_BE_HAD,
        _suite,
        (Mend(settings={"r.version": "{wanted}"}),),
        ("lock",),
    ),
    Pattern("r-package-left-out", _NO_PACKAGE, *_NOT_TO_BE_HAD, _not_to_be_had),
    Pattern(
        "missing-r-package",
        _NO_PACKAGE,
        "the R package {package} is not installed",
        "name it in DESCRIPTION under Imports, or write "
        '`r.packages = ["{package}"]` into repro.toml; then run again',
        _not_installed,
        mends=(Mend(settings={"r.packages": ("{package}",)}),),
    ),
    Pattern(
        "missing-pandoc",
        re.compile(r"pandoc version [\d.]+ or higher is required and was not found"),
        "R Markdown needs pandoc, which is not installed",
        "write pandoc into apt.txt, then run again",
        mends=(Mend(settings={"system.packages": ("pandoc",)}),),
    ),
    Pattern(
        "older-r",
        re.compile(r"unexpected (?P<pipe>'>') in|unexpected input in.*\\"),
        "the code uses what R has since 4.1: |> or \\(x)",
        'write `r.version = ">=4.1"` into repro.toml',
        _since_4_1,
        (Mend(settings={"r.version": ">=4.1"}),),
    ),
    Pattern(
        "r-desk",
        re.compile(
            r"cannot change working directory|RStudio not running"
            r"|cannot shut down device 1 \(the null device\)"
            r"|can only (?:print from a screen|copy from 'X11)"
            r'|could not find function "(?:windows|win\.graph|quartz|quartz\.save)"'
        ),
        "the code asks for what was at its author's desk: a folder, RStudio or a screen",
        "write `r.desktop = true` into repro.toml: that is made do without",
        _at_a_desk,
        (Mend(settings={"r.desktop": True}),),
    ),
    Pattern(
        "r-asks",
        re.compile(r"file choice cancelled|menu\(\) cannot be used non-interactively"),
        "the code asks whoever runs it to choose, and nobody is there",
        "name the file or the choice in the code",
    ),
    Pattern(
        "r-installs",
        re.compile(
            r"unable to access index for repository|cannot open URL '[^']*/src/contrib/PACKAGES"
        ),
        "the code installs R packages while it runs, and a run has no network",
        "remove install.packages() from the code; packages that the code loads are in the image",
    ),
    Pattern(
        "removed-r-function",
        re.compile(r'^Error.*: could not find function "(?P<function>[\w.]+)"'),
        "no package that the code loads has a function {function}",
        "load the package that has it; where it was taken out since, give the date of the code: "
        "`date` in repro.toml, or --date",
    ),
)
