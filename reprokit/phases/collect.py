"""Collect: what the run wrote beside /app/results, and the hashes of all results.

Real projects write anywhere. What the container added or changed below /app is read out of it as
a tar stream that is treated as hostile: only regular files, only inside the results folder.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, cast

from reprokit import files
from reprokit.engines.protocol import Change, Container
from reprokit.errors import BadRequest
from reprokit.model import Plan, ResultFile
from reprokit.streams import Chunks

LIMIT = 20_000  # files collected from beside /app/results
_VOLATILE = frozenset({"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".Rhistory", ".cache"})


def collect(container: Container, plan: Plan, results: Path) -> tuple[str, ...]:
    """Copy what was created or changed below /app into `results`; returns the collected paths."""
    paths = _wanted(container.changes(), plan)
    if len(paths) > LIMIT:
        raise BadRequest(
            f"the run wrote {len(paths)} files beside /app/results",
            next="let the program write its results to /app/results",
        )
    collected = []
    for path in paths:
        target = _free(results, path)
        if _extract(container, f"/app/{path}", target):
            collected.append(target.relative_to(results).as_posix())
    return tuple(collected)


def _wanted(changes: tuple[Change, ...], plan: Plan) -> list[str]:
    mounted = tuple(mount.target.rstrip("/") for mount in plan.data.mounts)
    found = []
    listed = {change.path for change in changes}
    parents = {str(PurePosixPath(path).parent) for path in listed}
    for change in changes:
        path = change.path
        if change.kind == "deleted" or not path.startswith("/app/") or path in parents:
            continue
        relative = path.removeprefix("/app/")
        first = relative.split("/")[0]
        if first == "results" or not _VOLATILE.isdisjoint(relative.split("/")):
            continue
        if any(relative == m or relative.startswith(m + "/") for m in mounted):
            continue
        found.append(relative)
    return sorted(found)


def _free(results: Path, path: str) -> Path:
    """Where a collected file goes: its own path, below app/ if the program used that name too."""
    target = results / PurePosixPath(path)
    return results / "app" / PurePosixPath(path) if target.exists() else target


def _extract(container: Container, path: str, target: Path) -> bool:
    """Copy one regular file out of the container; folders, links and devices are left there."""
    stream = cast(IO[bytes], Chunks(container.read(path)))
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        member = archive.next()
        if member is None or not member.isreg():
            return False
        content = archive.extractfile(member)
        assert content is not None
        with files.replacing(target) as out:
            shutil.copyfileobj(content, out, 1024 * 1024)
    return True


def listing(results: Path, collected: tuple[str, ...]) -> tuple[ResultFile, ...]:
    """Every regular file below `results` with size and hash. Links are never followed."""
    beside = set(collected)
    found = []
    for parent, names, names_of_files in os.walk(results, followlinks=False):
        names[:] = sorted(n for n in names if not (Path(parent) / n).is_symlink())
        for name in sorted(names_of_files):
            path = Path(parent) / name
            if path.is_symlink() or not path.is_file():
                continue
            relative = path.relative_to(results).as_posix()
            found.append(
                ResultFile(
                    path=relative,
                    size=path.stat().st_size,
                    sha256=files.sha256(path),
                    origin="collected" if relative in beside else "results",
                )
            )
    return tuple(sorted(found, key=lambda file: file.path))


def deliver(results: tuple[ResultFile, ...], source: Path, target: Path) -> None:
    """Copy results to the folder people look into. Each file is replaced as a whole; a link that
    stands in its way is replaced, never written through."""
    for file in results:
        place = target / PurePosixPath(file.path)
        if not place.parent.resolve().is_relative_to(target.resolve()):
            raise BadRequest(
                "a link in the results folder points out of it",
                where=str(place.parent),
                next="remove the link",
            )
        with files.replacing(place, copy=True) as out, (source / file.path).open("rb") as content:
            shutil.copyfileobj(content, out, 1024 * 1024)
