"""Which project a folder is in: whose runs are meant where a verb takes a run."""

from __future__ import annotations

from pathlib import Path

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
