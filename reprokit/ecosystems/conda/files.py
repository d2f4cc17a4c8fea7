"""Which files of a project are conda's, told from their names and what marks them."""

from __future__ import annotations

import re

from reprokit import binder
from reprokit.project import Project

USUAL = ("environment.yml", "environment.yaml")
_OTHERS = ("env.yml", "env.yaml", "conda.yml", "conda.yaml", "conda*env*.yml", "conda*env*.yaml")
_LIST = re.compile(
    r"^(?:# .*\bconda create\b.*|# packages in environment at .*|@EXPLICIT"
    r"|[A-Za-z0-9_.-]+=[^=\s]+=[^=\s]+)[ \t\r]*$",
    re.MULTILINE,
)


def place(project: Project) -> str | None:
    """The environment file of a project: the usual name first, else the only other one. Where
    binder/ says which packages there are, one outside of it does not count."""
    inside = binder.python_folder(project)
    prefix = "" if inside is None else f"{inside}/"
    known = next((prefix + name for name in USUAL if project.has(prefix + name)), None)
    if known is not None or inside is not None:
        return known
    others = project.at_root("environment*.yml", "environment*.yaml", *_OTHERS)
    # Other programs have files of these names too.
    environments = [p for p in others if re.search(r"(?m)^dependencies\s*:", project.read(p))]
    return environments[0] if len(environments) == 1 else None


def is_list(text: str) -> bool:
    """Whether a text is what `conda list` writes, with or without --export or --explicit."""
    return _LIST.search(text) is not None
