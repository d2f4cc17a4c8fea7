"""What containers and images hold, read from the folders of the overlay file system.

Docker answers the same question by walking the whole image (0.3 s for half a gigabyte); the upper
folder holds the changes alone. It can be read where the engine is on this machine and we are its
root; everybody else asks the engine.
See https://docs.kernel.org/filesystems/overlayfs.html for whiteouts.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reprokit.engines.protocol import Change


def upper_changes(inspected: Mapping[str, Any]) -> tuple[Change, ...] | None:
    """The changes of an inspected container, or `None` where they cannot be read here."""
    driver = inspected.get("GraphDriver") or {}
    data = driver.get("Data") or {}
    upper = data.get("UpperDir")
    if not str(driver.get("Name", "")).startswith("overlay") or not upper:
        return None
    lowers = tuple(Path(folder) for folder in str(data.get("LowerDir") or "").split(":") if folder)
    if not os.access(upper, os.R_OK | os.X_OK) or not all(map(Path.is_dir, lowers)):
        return None
    try:
        return tuple(_walk(Path(upper), "", lowers))
    except OSError:
        return None


def readable() -> bool:
    """Whether this process sees such folders with their real owners: the machine's root does."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def layer_folders(inspected: Mapping[str, Any]) -> tuple[Path, ...] | None:
    """The folder of each layer of an inspected image, lowest first; `None` where they are not
    here."""
    driver = inspected.get("GraphDriver") or {}
    data = driver.get("Data") or {}
    upper = data.get("UpperDir")
    if not str(driver.get("Name", "")).startswith("overlay") or not upper:
        return None
    lower = [folder for folder in str(data.get("LowerDir") or "").split(":") if folder]
    folders = tuple(Path(folder) for folder in (*reversed(lower), upper))
    return folders if all(folder.is_dir() for folder in folders) else None


def _walk(upper: Path, inside: str, lowers: tuple[Path, ...]) -> Iterator[Change]:
    with os.scandir(upper / inside) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        path = f"{inside}/{entry.name}" if inside else entry.name
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            yield Change(path=f"/{path}", kind="deleted")
            continue
        known = any(os.path.lexists(lower / path) for lower in lowers)
        yield Change(path=f"/{path}", kind="changed" if known else "added")
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(upper, path, lowers)
