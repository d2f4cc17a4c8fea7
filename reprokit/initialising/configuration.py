"""repro.toml for a project that has none: what its other files do not say."""

from __future__ import annotations

import json

from packaging.specifiers import SpecifierSet

from reprokit.ecosystems.python.found import Found
from reprokit.project import Project


def proposed(
    project: Project,
    notebook: str | None,
    python: str | None,
    declared: Found | None,
    stated: Found | None,
    today: str | None,
    *,
    configured: bool,
) -> str | None:
    """The text of a new repro.toml; `None` where the project is configured already.

    notebook: what to run, where a notebook is the experiment. stated: what a file made for it says
    of Python's version. today: "YYYY-MM-DD"; `None` where a lock has a date.
    """
    if configured or project.has("repro.toml"):
        return None
    lines = ["# What the project's other files do not say; the keys are in docs/configuration.md."]
    if today is not None:
        lines += [
            "# The day that the installed versions are of: others resolve as of it.",
            f'date = "{today}"',
        ]
    if notebook is not None:
        lines += _command(notebook)
    said = [r for found in (declared, stated) if found for r in found.runtimes if r.specifier]
    if python is not None and not said:
        series = ".".join(python.split(".")[:2])
        lines += ["", "[python]", f'version = "{series}"']
    return "\n".join(lines) + "\n" if len(lines) > 1 else None


def disagrees(found: Found | None, python: str | None) -> str | None:
    """The demand on Python's version that the one here does not meet."""
    for runtime in found.runtimes if found is not None and python is not None else ():
        if runtime.specifier and not SpecifierSet(runtime.specifier).contains(python or ""):
            return f"{runtime.reason} (Python {runtime.specifier})"
    return None


def _command(notebook: str) -> list[str]:
    folder, _, name = notebook.rpartition("/")
    words = json.dumps(["repro-notebook", name], ensure_ascii=False)
    if not folder:
        return [f"command = {words}"]
    return [
        "",
        "[[steps]]",
        f"command = {words}",
        f"folder = {json.dumps(folder, ensure_ascii=False)}",
    ]
