"""What a README tells people to type into R.

Only blocks of R whose every line is understood count: calls that run files which exist here, and
what prepares for them.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from reprokit.model import Entry, Reason, Step
from reprokit.phases.entries_readme import RANK, readmes
from reprokit.project import Project

_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})\s*(?P<language>\{?\w*)[^`]*")
_R = frozenset({"r", "{r"})
_PROMPT = re.compile(r"^\s*>\s+")
_RUNS = re.compile(
    r"(?:source|(?:rmarkdown::)?render)\s*\(\s*(?:(?:file|input)\s*=\s*)?"
    r"(?P<quote>[\"'])(?P<file>[^\"'\\]+)(?P=quote)\s*(?:,[^()]*)?\)"
    r"|(?:targets::)?tar_make\(\)|(?:drake::)?r_make\(\)"
)
_PREPARES = re.compile(
    r"(?:#.*|library\(.*\)|require\(.*\)|setwd\(.*\)|renv::\w+\(.*\)"
    r"|(?:\w+(?:::|\.))?install[\w.]*\(.*\))"
)
_OTHER_PURPOSE = re.compile(r"(?:install|setup|requirements|packages|tests?|clean)\b.*", re.I)


def candidates(project: Project) -> list[Entry]:
    """What the blocks of R in a README run, all of them in order and in one session of R, as
    whoever types them has it."""
    for file, folder in readmes(project):
        line, calls = _calls(project, project.read(file), folder)
        if calls:
            argv = ("Rscript", *(word for call in calls for word in ("-e", call)))
            reason = Reason(text="what the README types into R", file=file, line=line)
            return [Entry(steps=(Step(argv=argv, folder=folder),), reason=reason, rank=RANK)]
    return []


def _calls(project: Project, text: str, folder: str) -> tuple[int, list[str]]:
    """The calls, each once, and the line of the first."""
    found: dict[str, int] = {}
    block: dict[str, int] | None = None
    inside = False
    for number, line in enumerate(text.split("\n"), start=1):
        fence = _FENCE.fullmatch(line)
        if fence is not None:
            found |= block or {}
            inside = not inside
            block = {} if inside and fence["language"].lower() in _R else None
            continue
        call = _PROMPT.sub("", line).strip().rstrip(";")
        if block is None or not call or _PREPARES.fullmatch(call):
            continue
        runs = _RUNS.fullmatch(re.sub(r"\s*#[^\"']*$", "", call))
        if runs is None or not _exists(project, folder, runs["file"]):
            block = None
        elif not _OTHER_PURPOSE.fullmatch((runs["file"] or "").rpartition("/")[2]):
            block.setdefault(runs.group(), number)
    return next(iter(found.values()), 1), list(found)


def _exists(project: Project, folder: str, file: str | None) -> bool:
    return file is None or project.has(PurePosixPath(folder, file).as_posix())
