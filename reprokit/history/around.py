"""Which project a folder is in: whose runs are meant where a verb takes a run; and which of its
runs came before another."""

from __future__ import annotations

from pathlib import Path

from reprokit.history.index import Entry, Index

LOOKED_AT = 200
"""Runs among which the one before is looked for."""
CELL = "%%repro"
"""What the command of a notebook's cell begins with."""

_DECLARATIONS = (
    *("repro.toml", "repro.lock", "pyproject.toml", "requirements.txt", "setup.py", "setup.cfg"),
    *("Pipfile", "environment.yml", "DESCRIPTION", "renv.lock", "pom.xml", "build.xml", ".git"),
)


def with_runs(folder: Path) -> Path | None:
    """The nearest folder, this one or above it, in which something ran."""
    return next((place for place in _upwards(folder) if (place / ".reprokit").is_dir()), None)


def project(folder: Path) -> Path | None:
    """The project that a folder is in, whether something ran in it or not."""
    known = with_runs(folder)
    return known or next((place for place in _upwards(folder) if _is_declared(place)), None)


def _upwards(folder: Path) -> tuple[Path, ...]:
    return (folder, *folder.parents)


def _is_declared(folder: Path) -> bool:
    return any((folder / name).exists() for name in _DECLARATIONS)


def before(run: str, project: Path, index: Index) -> Entry | None:
    """The newest run of the project that began before this one and succeeded, if there is any. Of
    a notebook's cell it is one of the same cell, which other runs do not look at."""
    entries = iter(index.list(LOOKED_AT, project))
    this = next((entry for entry in entries if entry.id == run), None)
    if this is None:
        return None
    wanted = this.command if this.command.startswith(CELL) else None
    for entry in entries:
        is_cell = entry.command.startswith(CELL)
        same = entry.command == wanted if wanted else not is_cell
        if same and entry.status == "succeeded":
            return entry
    return None
