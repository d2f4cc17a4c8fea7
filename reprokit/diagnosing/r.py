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
        "the R package {package} cannot be had for this R here",
        "set cran_mirror in the site settings to a mirror that answers here, or write another "
        "`r.version` into repro.toml",
        _suite,
        (Mend(settings={"r.version": "{wanted}"}),),
        ("lock",),
    ),
    Pattern(
        "missing-r-package",
        re.compile(
            r"there is no package called [\u2018'\u201c](?P<package>[A-Za-z][\w.]*)[\u2019'\u201d]"
        ),
        "the R package {package} is not installed",
        "name it in DESCRIPTION under Imports, or write "
        '`r.packages = ["{package}"]` into repro.toml; then run again',
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
