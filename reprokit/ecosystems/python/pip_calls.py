"""Scripts that call pip: an environment has none by itself, as nothing is installed into it later.

`pip install -r requirements.txt` at the head of a run script is satisfied without a network where
all of it is installed; without pip the script ends there.
"""

from __future__ import annotations

import re

from reprokit import binder, shebangs
from reprokit.ecosystems.python.found import Found
from reprokit.ecosystems.python.names import normalised, requirement
from reprokit.model import Reason
from reprokit.project import Project

_CALL = re.compile(
    r"(?:^|[;&|`(]|\b(?:then|do|else)\s)[ \t@-]*"
    r"(?:python[23]?(?:\.\d+)?\s+-m\s+)?pip3?[ \t]+[a-z]",
    re.MULTILINE,
)
_LARGEST = 200_000  # bytes of a script that is looked into


def needed(project: Project, declared: Found) -> Found:
    """pip as a requirement, where a script beside the declarations calls it."""
    if any(normalised(asked.name) == "pip" for asked in declared.requirements):
        return Found()
    python = shebangs.scripts(project, shebangs.PYTHON)
    scripts = [
        *project.at_root("*.sh", "Makefile"),
        *(path for path in shebangs.scripts(project) if path not in python),
        *(path for path in (binder.place(project, "postBuild"),) if path is not None),
    ]
    for path in dict.fromkeys(scripts):
        if project.path(path).stat().st_size > _LARGEST:
            continue
        text = project.read(path)
        call = _CALL.search(text)
        if call is not None:
            line = text.count("\n", 0, call.end()) + 1
            reason = Reason(text="calls pip", file=path, line=line)
            # Python 2.7's environments have the pip that made them.
            return Found(requirements=(requirement('pip ; python_version >= "3"', reason),))
    return Found()
