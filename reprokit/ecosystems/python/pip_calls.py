"""Scripts that call pip: an environment has none by itself, as nothing is installed into it later.

`pip install -r requirements.txt` at the head of a run script is satisfied without a network where
all of it is installed; without pip the script ends there. A rerun has a stand-in for pip instead,
which is satisfied by any version (`--upgrade`) and any place (`--user`) as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reprokit import binder, shebangs
from reprokit.ecosystems.python.found import Found
from reprokit.ecosystems.python.names import normalised, requirement
from reprokit.model import Note, Reason
from reprokit.project import Project

SETTING = "pip_stand_in"
_CALL = re.compile(
    r"(?:^|[;&|`(]|\b(?:then|do|else)\s)[ \t@-]*"
    r"(?:(?:\S*/)?(?:python[23]?(?:\.\d+)?|\$[({]?\w+[)}]?)\s+-m\s+)?pip3?[ \t]+[a-z]",
    re.MULTILINE,
)
_FROM_PYTHON = re.compile(
    r"""["']-m["'],\s*["']pip["']|\(\s*f?["'](?:python3?\s+-m\s+)?pip3?\s+install\b|^import pip\b"""
    r"""|\[\s*["']pip3?["'],\s*["']install["']""",
    re.MULTILINE,
)
_LARGEST = 200_000  # bytes of a script that is looked into
_MOST = 400  # scripts that are looked into


def call(project: Project) -> Reason | None:
    """Where a script beside the declarations calls pip; in a rerun any script."""
    python = shebangs.scripts(project, shebangs.PYTHON)
    names = ("*.sh", "Makefile")
    scripts = [
        *(project.matching(*names) if project.lenient else project.at_root(*names)),
        *(path for path in shebangs.scripts(project) if path not in python),
        *(path for path in (binder.place(project, "postBuild"),) if path is not None),
    ]
    found = _first(project, scripts, _CALL)
    if found is None and project.lenient:
        found = _first(project, project.matching("*.py"), _FROM_PYTHON)
    return found


def _first(project: Project, paths: Iterable[str], pattern: re.Pattern[str]) -> Reason | None:
    for path in list(dict.fromkeys(paths))[:_MOST]:
        if project.path(path).stat().st_size > _LARGEST:
            continue
        text = project.read(path)
        found = pattern.search(text)
        if found is not None:
            line = text.count("\n", 0, found.end()) + 1
            return Reason(text="calls pip", file=path, line=line)
    return None


def needed(project: Project, declared: Found, *, stands_in: bool) -> Found:
    """pip as a requirement, where a script calls it, or the note on what stands in for it."""
    reason = None if _has_pip(declared) else call(project)
    if reason is None:
        return Found()
    if stands_in:
        text = "calls pip: in its place is a program that answers that all is installed already"
        return Found(notes=(Note(level="information", text=text, reason=reason),))
    # Python 2.7's environments have the pip that made them.
    return Found(requirements=(requirement('pip ; python_version >= "3"', reason),))


def _has_pip(declared: Found) -> bool:
    return any(normalised(asked.name) == "pip" for asked in declared.requirements)
