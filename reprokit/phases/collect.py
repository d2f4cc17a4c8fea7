"""Collect: what the run wrote beside /app/results, and the hashes of all results.

Real projects write anywhere. What the container added or changed below /app is read out of it as
tar streams that are treated as hostile: only regular files, only inside the results folder.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from reprokit import files
from reprokit.engines.protocol import Change, Container
from reprokit.errors import BadRequest, StorageFailed
from reprokit.history.wording import printable
from reprokit.model import Plan, ResultFile
from reprokit.streams import as_file

_VOLATILE = frozenset({"__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".Rhistory", ".cache"})


def results_folder(root: Path, name: str) -> Path:
    """The project's results folder. Projects come from strangers: one that is a link out of the
    project would lead what the program writes there."""
    folder = root / name
    if not folder.resolve().is_relative_to(root.resolve()):
        raise BadRequest(
            "is a link that points out of the project",
            where=str(folder),
            next=f"to have the results there, say so: --results {folder.resolve()}",
        )
    return folder


def check_writable(target: Path) -> None:
    """Find out before a long run, not after it. Raises StorageFailed."""
    existing = next(place for place in (target, *target.absolute().parents) if place.exists())
    if not existing.is_dir():
        raise StorageFailed("is not a folder", where=str(existing), next="rename or remove it")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise StorageFailed(
            "is not writable, and results are to go there",
            where=str(existing),
            next="make it writable for you, or name another folder with --results",
        )


def collect(
    container: Container, plan: Plan, results: Path, warn: Callable[[str], None]
) -> Iterator[str]:
    """Copy what was created or changed below /app into `results`; gives each collected path.

    A new folder is read as one stream: asking for its files one by one takes a tenth of a second
    each on some engines.
    """
    mounts = plan.data.mounts if plan.data.mode == "mount" else ()
    mounted = tuple(mount.target.rstrip("/") for mount in mounts)
    for change in _tops(container.changes(), mounted):
        try:
            for path, content in _files(container, change):
                if _is_wanted(path, mounted):
                    target = _free(results, path)
                    with files.replacing(target, copy=True) as out:
                        shutil.copyfileobj(content, out, 1024 * 1024)
                    yield target.relative_to(results).as_posix()
        except (tarfile.TarError, BadRequest) as error:
            warn(f"{change.path} could not be collected: {error}")


def _tops(changes: tuple[Change, ...], mounted: tuple[str, ...]) -> list[Change]:
    """What is to be read below /app: new paths without those below them, and changed files.
    Reading one takes engines a twentieth of a second, so none is read in vain: what data was
    mounted on counts as new, too."""
    found: list[Change] = []
    parents = {str(PurePosixPath(change.path).parent) for change in changes}
    for change in sorted(changes, key=lambda change: f"{change.path}/"):
        path = change.path
        if change.kind == "deleted" or not path.startswith("/app/"):
            continue
        if not _is_wanted(path.removeprefix("/app/"), mounted):
            continue
        if found and found[-1].kind == "added" and path.startswith(f"{found[-1].path}/"):
            continue
        if change.kind == "added" or path not in parents:
            found.append(change)
    return found


def _may_hold_results(relative: str) -> bool:
    parts = relative.split("/")
    # Python 2 puts its byte-code beside the code.
    is_bytecode = relative.endswith((".pyc", ".pyo"))
    return parts[0] != "results" and _VOLATILE.isdisjoint(parts) and not is_bytecode


def _is_wanted(relative: str, mounted: tuple[str, ...]) -> bool:
    in_data = any(relative == m or relative.startswith(m + "/") for m in mounted)
    return not in_data and _may_hold_results(relative)


def _files(container: Container, change: Change) -> Iterator[tuple[str, IO[bytes]]]:
    """The regular files at or below a path, by their path below /app; links and devices are left
    there, and so is a folder that is only changed."""
    parent = PurePosixPath(change.path).parent.relative_to("/app")
    stream = as_file(container.read(change.path))
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if change.kind != "added" and not member.isreg():
                return
            if name.is_absolute() or ".." in name.parts or not name.parts:
                continue
            path = str(parent / name)
            if member.islnk() and f"/app/{path}" != change.path:
                # The second name of a file: alone it comes with its content.
                yield from _files(container, Change(path=f"/app/{path}", kind="changed"))
            elif member.isreg() and (content := archive.extractfile(member)) is not None:
                yield path, content


def _free(results: Path, path: str) -> Path:
    """Where a collected file goes: its own path, below app/ if the program used that name too.
    What the program left in the results, a link for instance, is never written through."""
    place, number = results, 0
    while True:
        target = place / PurePosixPath(path)
        between = [p for p in target.parents if p != results and p.is_relative_to(results)]
        if not os.path.lexists(target) and all(
            stat.S_ISDIR(p.lstat().st_mode) for p in between if os.path.lexists(p)
        ):
            return target
        number += 1
        place = results / ("app" if number == 1 else f"app-{number}")


def listing(
    results: Path, collected: tuple[str, ...], warn: Callable[[str], None]
) -> tuple[ResultFile, ...]:
    """Every regular file below `results` with size and hash. Links are never followed, and a name
    that is not UTF-8 fits no record: such stay in the run's folder, and `warn` is told."""
    beside = set(collected)
    found, no_files = [], []
    for parent, names, names_of_files in os.walk(results, followlinks=False):
        links = [name for name in names if (Path(parent) / name).is_symlink()]
        names[:] = sorted(set(names).difference(links))
        for name in sorted([*names_of_files, *links]):
            path = Path(parent) / name
            relative = path.relative_to(results).as_posix()
            if path.is_symlink() or not path.is_file():
                no_files.append(_shown(relative))
                continue
            if not _is_utf8(relative):
                text = _shown(relative)
                warn(f"{text}: is not recorded, since its name is not UTF-8; it is in {results}")
                continue
            found.append(
                ResultFile(
                    path=relative,
                    size=path.stat().st_size,
                    sha256=files.sha256(path),
                    origin="collected" if relative in beside else "results",
                )
            )
    if no_files:
        first = ", ".join(no_files[:3]) + (f" and {len(no_files) - 3} more" * (len(no_files) > 3))
        warn(f"{first}: not recorded, since only files are results, not links; see {results}")
    return tuple(sorted(found, key=lambda file: file.path))


def _shown(path: str) -> str:
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def deliver(results: tuple[ResultFile, ...], source: Path, target: Path) -> None:
    """Copy results to the folder people look into. Each file is replaced as a whole; a link that
    stands in its way is replaced, never written through. Raises BadRequest and StorageFailed,
    which say where the results are."""
    try:
        for file in results:
            place = target / PurePosixPath(file.path)
            if not place.parent.resolve().is_relative_to(target.resolve()):
                raise BadRequest(
                    "a link in the results folder points out of it",
                    where=str(place.parent),
                    next=f"remove the link; the results of this run are in {source}",
                )
            with files.replacing(place, copy=True) as out, (source / file.path).open("rb") as came:
                shutil.copyfileobj(came, out, 1024 * 1024)
    except StorageFailed as error:
        raise StorageFailed(
            error.what, where=error.where, next=f"the results of this run are in {source}"
        ) from error
