"""Small projects as tests write them, and a base they are locked on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reprokit.model import LockedBase
from reprokit.project import Project

BASE = LockedBase(
    family="debian",
    name="bookworm",
    reference="localhost/base",
    config_digest="sha256:" + "0" * 64,
    layers=(),
    registry_digest=None,
    provides={},
)


def write(folder: Path, files: Mapping[str, str]) -> Project:
    """A project of these files, named by their paths in it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Project(folder)
