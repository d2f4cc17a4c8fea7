"""Failures of R programs."""

from __future__ import annotations

import re

from reprokit.diagnosing.pattern import Pattern

DIAGNOSES = (
    Pattern(
        "missing-r-package",
        re.compile(
            r"there is no package called [\u2018'\u201c](?P<package>[A-Za-z][\w.]*)[\u2019'\u201d]"
        ),
        "the R package {package} is not installed",
        "name it in DESCRIPTION under Imports, or write "
        '`r.packages = ["{package}"]` into repro.toml; then run again',
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
