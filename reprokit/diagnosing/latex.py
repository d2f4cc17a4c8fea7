"""Failures of LaTeX: classes and styles that are not installed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure

TABLE = Path(__file__).with_name("latex.toml")
USUAL = "texlive-latex-extra"
"""Where most styles are."""


@cache
def packages() -> Mapping[str, str]:
    """By the file's name, the distribution's package that has it, where that is not the usual."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {name: package for package, names in table.items() for name in names.split()}


def _package(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    package = packages().get(match["file"], USUAL)
    there = any(p.name == package for p in failure.plan.system_packages)
    return {"file": match["file"], "package": "" if there else package, "named": package}


DIAGNOSES = (
    Pattern(
        "missing-latex-file",
        re.compile(r"File [`'](?P<file>[\w.@+-]{1,100}\.(?:sty|cls))' not found"),
        "LaTeX has no {file}",
        "write its package into apt.txt, probably {named}, or put the file into the project",
        _package,
        (Mend(settings={"system.packages": ("{package}",)}),),
    ),
)
