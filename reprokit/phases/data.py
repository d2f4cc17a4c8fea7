"""Which files of a project are data, and how the program gets to see them.

Data never passes through a build: it is mounted read-only where it lies (or, in mode "bake", goes
into a layer of its own). A compressed file is unpacked for the program where the configuration or
the program's own code says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from reprokit.configuration import Configuration
from reprokit.errors import BadRequest
from reprokit.model import DataMount, DataPlan, Entry
from reprokit.phases.data_compressed import Compressed, compressed_files
from reprokit.phases.exclusions import is_secret
from reprokit.project import LEFT_OUT, Project

DATA_FOLDERS = frozenset({"data", "dataset", "datasets", "input", "inputs"})
LARGE = 50_000_000
CODE_ENDINGS = (
    ".py", ".r", ".java", ".scala", ".kt", ".c", ".cc", ".cpp", ".h", ".hpp", ".f90", ".jl",
    ".sh", ".m", ".go", ".rs", ".js", ".ts", ".pyx", ".rmd", ".qmd", ".ipynb",
)  # fmt: skip
# These never reach 50 MB in practice, and asking the disk for 100,000 sizes takes half a second.
_SMALL_ENDINGS = (*CODE_ENDINGS, ".md", ".rst", ".toml", ".yml", ".yaml", ".cfg", ".ini", ".html",
                  ".css", ".tex", ".bib", ".class", ".properties", ".svg", ".png", ".jpg", ".jpeg",
                  ".eps")  # fmt: skip
_MOST_MOUNTS = 1000
_SOURCES = re.compile(r"(?:.*/)?(?:src/(?:main|test)|inst|node_modules)(?:/.*)?")


def data_plan(
    project: Project, configuration: Configuration, entries: Sequence[Entry] = ()
) -> DataPlan:
    """The data of a project. `entries` are commands that may name an unpacked file.

    Raises BadRequest, with the line, for a configured path that does not exist, and where the
    unpacked files would need more mounts than engines bear.
    """
    called_data = _data_folders(project, configuration)
    found = _found(project, configuration, called_data)
    unseen = {path for path in found if is_secret(path) or _taken_out(path, configuration)}
    chosen = sorted(found - unseen)
    compressed = compressed_files(project, chosen, configuration, entries)
    folders = _whole_folders(project, chosen, configuration, called_data)
    mounts: list[DataMount] = []
    remaining = set(chosen)
    for folder in folders:
        inside = _below(chosen, folder)
        mounts += _mounts(folder, inside, compressed, unseen)
        remaining -= set(inside)
    for path in sorted(remaining):
        mounts.append(DataMount(source=path, target=path))
        mounts += _unpacked(path, compressed)
    if len(mounts) > _MOST_MOUNTS:
        raise BadRequest(
            f"the data would need {len(mounts)} mounts, as unpacked files lie among many others",
            where=configuration.where("data"),
            next="move the compressed files into a folder of their own, or set data.unpack = false",
        )
    targets = {mount.target: mount for mount in mounts}
    return DataPlan(
        mode=configuration.data_mode,
        files=tuple(sorted(chosen)),
        mounts=tuple(targets[target] for target in sorted(targets)),
    )


def _found(project: Project, configuration: Configuration, called_data: Sequence[str]) -> set[str]:
    """Every data file; also those that git ignores, as large data usually is."""
    found: set[str] = set()
    for folder in called_data:
        found.update(_files_below(project, folder))
    for pattern in configuration.data_paths:
        if not pattern.startswith("!"):
            found.update(_configured(project, pattern, configuration))
    found.update(_large(project, configuration, found))
    return found


def _taken_out(path: str, configuration: Configuration) -> bool:
    """Whether a pattern with "!" says that this is no data."""
    return any(
        _within(path, pattern[1:]) or fnmatchcase(path, pattern[1:])
        for pattern in configuration.data_paths
        if pattern.startswith("!")
    )


def _data_folders(project: Project, configuration: Configuration) -> list[str]:
    """Folders called data and the like that hold no code, outermost first and only those."""
    tracked: dict[str, bool] = {}
    for place, names in project.folders.items():
        folder = _outermost(place)
        if folder is not None:
            code = any(name.lower().endswith(CODE_ENDINGS) for name in names)
            tracked[folder] = tracked.get(folder, False) or code
    for folder in _ignored(project):
        tracked.setdefault(folder, False)
    return [
        folder
        for folder in sorted(tracked)
        if not tracked[folder]
        and _SOURCES.fullmatch(folder) is None
        and not ("/" in folder and project.has(f"{folder.rpartition('/')[0]}/__init__.py"))
        and not _within(folder, configuration.results)
    ]


def _outermost(folder: str) -> str | None:
    """The outermost data folder on the way to this one."""
    parts = folder.split("/")
    for index, part in enumerate(parts):
        if part.lower() in DATA_FOLDERS:
            return "/".join(parts[: index + 1])
    return None


def _ignored(project: Project) -> list[str]:
    """Data folders on the disk that the list of files lacks, near the top of the project."""
    if not project.is_repository:
        return []
    tops = {"", *(path.partition("/")[0] for path in project.files if "/" in path)}
    found = []
    for top in sorted(tops):
        try:
            with os.scandir(project.root / top) as entries:
                names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
        except OSError:
            continue
        prefix = f"{top}/" if top else ""
        found += [
            prefix + name
            for name in names
            if name.lower() in DATA_FOLDERS and _outermost(prefix + name) == prefix + name
        ]
    return found


def _files_below(project: Project, folder: str) -> list[str]:
    """The files of a data folder as the disk has them, whatever git thinks of them."""
    found = []
    root = project.root
    for place, folders, files in os.walk(root / folder):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        relative = os.path.relpath(place, root).replace(os.sep, "/")
        listed = set(project.folders.get(relative, ()))
        for name in files:
            if name in listed or _is_own_file(root, f"{relative}/{name}"):
                found.append(f"{relative}/{name}")
    return found


def _is_own_file(root: Path, path: str) -> bool:
    """Whether this is a regular file with a name that text can hold; links were judged by
    Project, so one that it does not list leads out of the project."""
    place = root / path
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return place.is_file() and not place.is_symlink()


def _configured(project: Project, pattern: str, configuration: Configuration) -> list[str]:
    place = project.path(pattern)
    if place.is_dir():
        return _files_below(project, pattern)
    if project.has(pattern) or (place.is_file() and _is_own_file(project.root, pattern)):
        return [pattern]
    matching = [path for path in project.files if fnmatchcase(path, pattern)]
    if not matching:
        raise BadRequest(
            f"data.paths names {pattern!r}, which does not exist",
            where=configuration.where("data.paths"),
            next="correct the path; it is relative to the project's folder",
        )
    return matching


def _large(project: Project, configuration: Configuration, known: set[str]) -> list[str]:
    """Files of more than 50 MB that nobody called data."""
    stat = os.stat
    found = []
    for folder, names in project.folders.items():
        if _within(folder, configuration.results):
            continue
        prefix = f"{folder}/" if folder else ""
        place = f"{project.root}{os.sep}{prefix}"
        for name in names:
            if name.lower().endswith(_SMALL_ENDINGS) or prefix + name in known:
                continue
            try:
                if stat(place + name).st_size > LARGE:
                    found.append(prefix + name)
            except OSError:
                continue
    return found


def _whole_folders(
    project: Project,
    chosen: Sequence[str],
    configuration: Configuration,
    called_data: Sequence[str],
) -> list[str]:
    """Folders that are data as a whole, so that one mount serves all their files."""
    explicit = [
        pattern for pattern in configuration.data_paths if (project.root / pattern).is_dir()
    ]
    folders = sorted({*called_data, *explicit})
    outermost: list[str] = []
    for folder in folders:
        if not any(_within(folder, other) for other in outermost) and _below(chosen, folder):
            outermost.append(folder)
    return outermost


def _mounts(
    folder: str, inside: Sequence[str], compressed: Sequence[Compressed], unseen: Iterable[str]
) -> list[DataMount]:
    """One mount for a folder where nothing in it is unpacked or left out, else one for each of
    its entries: nothing can be mounted inside a read-only mount."""
    here = [item for item in compressed if _within(item.path, folder)]
    if not here and not any(_within(path, folder) for path in unseen):
        return [DataMount(source=folder, target=folder)]
    found: list[DataMount] = []
    for child in sorted({_child(path, folder) for path in inside}):
        if child in inside:
            found.append(DataMount(source=child, target=child))
            found += _unpacked(child, here)
        else:
            found += _mounts(child, _below(inside, child), here, unseen)
    return found


def _unpacked(path: str, compressed: Iterable[Compressed]) -> list[DataMount]:
    return [
        DataMount(source=item.path, target=target, unpack=item.format)
        for item in compressed
        if item.path == path
        for target in item.targets
    ]


def _below(paths: Iterable[str], folder: str) -> list[str]:
    return [path for path in paths if _within(path, folder)]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _child(path: str, folder: str) -> str:
    return f"{folder}/{PurePosixPath(path).relative_to(folder).parts[0]}"
