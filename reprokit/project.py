"""A project's folder as the pure phases see it: a list of files, and their text on demand.

Files come from git where the folder is a repository (tracked and untracked, not ignored), else
from a walk that leaves out hidden folders and what no project means to publish. Links are listed
only where they stay inside the project.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from reprokit import git, process
from reprokit.errors import BadRequest
from reprokit.files import TEMPORARY
from reprokit.shell_patterns import compiled

LEFT_OUT = frozenset(
    {
        ".git", ".hg", ".svn", ".reprokit", "__pycache__", "node_modules", ".venv", "venv",
        ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints",
        ".Rproj.user", ".idea", ".vscode", ".gradle",
    }
)  # fmt: skip
_WILD = re.compile(r"[*?\[]")
TEXT_LIMIT = 32 * 1024 * 1024


@dataclass(frozen=True)
class Project:
    """A project folder. `root` is absolute; all other paths are POSIX and relative to it.

    lenient: nobody can be asked to correct it (a rerun of somebody's publication): a slip whose
    meaning is plain is read as it was meant, and told. loose: limits on versions that leave nothing
    which fits are lower bounds. later: so are those on the versions of languages.
    """

    root: Path
    lenient: bool = False
    loose: bool = False
    later: bool = False

    @cached_property
    def is_repository(self) -> bool:
        """Whether the folder is, or lies in, a git repository."""
        return any((folder / ".git").exists() for folder in (self.root, *self.root.parents))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every file of the project, sorted."""
        return self._listing[0]

    @property
    def unfollowed_links(self) -> tuple[str, ...]:
        """Links that are no files of the project: out of it, to a folder or to nothing; sorted."""
        return self._listing[1]

    @cached_property
    def _listing(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        links: list[str] = []
        listed = _git_files(self.root, links) if self.is_repository else None
        # Nothing listed: the folder is ignored by the repository around it.
        files = listed or _walk(self.root, links)
        # What another reprokit is just writing there is no part of it, and is gone in a moment.
        files = [path for path in files if not path.endswith(TEMPORARY)]
        return tuple(sorted(files)), tuple(sorted(set(filter(_is_text, links))))

    def without(self, *paths: str) -> Project:
        """The same project without some of its files, and as if nothing lay in some folders."""
        inside = tuple(f"{path}/" for path in paths)
        files = tuple(p for p in self.files if p not in paths and not p.startswith(inside))
        if len(files) == len(self.files):
            return self
        rest = Project(self.root, self.lenient, self.loose, self.later)
        # Listing the folder again would take as long as all the rest of a plan.
        rest.__dict__["_listing"] = (files, self.unfollowed_links)
        return rest

    @cached_property
    def _file_set(self) -> frozenset[str]:
        return frozenset(self.files)

    def has(self, path: str) -> bool:
        """Whether the project holds this file."""
        return path in self._file_set

    def has_folder(self, path: str) -> bool:
        """Whether any file of the project lies below this folder."""
        return any(folder == path or folder.startswith(f"{path}/") for folder in self.folders)

    @cached_property
    def folders(self) -> Mapping[str, tuple[str, ...]]:
        """The names of the files in each folder that holds any, the project's own being ""."""
        found: dict[str, list[str]] = {}
        for path in self.files:
            folder, _, name = path.rpartition("/")
            found.setdefault(folder, []).append(name)
        return {folder: tuple(names) for folder, names in found.items()}

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """Paths by the file's name: patterns are asked of names, and names repeat."""
        found: dict[str, list[str]] = {}
        for path in self.files:
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @cached_property
    def _by_ending(self) -> dict[str, list[str]]:
        """Names by what follows their last dot, as nearly every pattern is "*.ending"."""
        found: dict[str, list[str]] = {}
        for name in self._by_name:
            found.setdefault(name.rpartition(".")[2] if "." in name else "", []).append(name)
        return found

    def matching(self, *patterns: str) -> tuple[str, ...]:
        """Files whose *name* matches one of the shell patterns ("*.py", "requirements*.txt")."""
        names: set[str] = set()
        for pattern in patterns:
            names.update(self._names(pattern))
        return tuple(sorted(path for name in names for path in self._by_name[name]))

    def _names(self, pattern: str) -> Iterable[str]:
        if not _WILD.search(pattern):
            return (pattern,) if pattern in self._by_name else ()
        ending = pattern.removeprefix("*.")
        if pattern.startswith("*.") and not _WILD.search(ending) and "." not in ending:
            return self._by_ending.get(ending, ())
        return filter(compiled((pattern,)).fullmatch, self._by_name)

    def at_root(self, *patterns: str) -> tuple[str, ...]:
        """As `matching`, only directly in the project's own folder."""
        wanted = compiled(patterns).fullmatch
        return tuple(name for name in self.folders.get("", ()) if wanted(name))

    def path(self, relative: str) -> Path:
        """The absolute path of a project file. Raises BadRequest for one outside the project."""
        candidate = self.root / PurePosixPath(relative)
        if self.has(relative):
            # What is listed was found to stay inside when it was listed.
            return candidate
        try:
            resolved = candidate.resolve()
        except (ValueError, OSError) as error:
            raise BadRequest(f"{relative!r} cannot be a file's name") from error
        if not resolved.is_relative_to(self.root.resolve()):
            raise BadRequest(
                f"{relative!r} points out of the project",
                next="copy what it points to into the project",
            )
        return candidate

    def read(self, relative: str) -> str:
        """The text of a project file: UTF-8, a byte order mark dropped, Latin-1 as last resort.

        Raises BadRequest where the file is missing, unreadable, or larger than 32 MiB.
        """
        path = self.path(relative)
        try:
            if path.stat().st_size > TEXT_LIMIT:
                raise BadRequest("is too large to be a declaration", where=relative)
            content = path.read_bytes()
        except OSError as error:
            raise BadRequest(f"cannot be read: {error.strerror}", where=relative) from error
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("latin-1")


def _git_files(root: Path, links: list[str]) -> list[str] | None:
    try:
        listing = git.ask(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except process.ProcessFailed:
        return None
    return _existing(root, listing.split("\0"), links)


def _existing(root: Path, names: Iterable[str], links: list[str]) -> list[str]:
    """Names that are files now: the index may list deleted ones, submodules and links. Links that
    are no files of the project are added to `links`."""
    by_folder: dict[str, list[str]] = {}
    # An unmerged file is listed once for each side.
    for name in dict.fromkeys(names):
        folder, _, file = name.rpartition("/")
        if file not in LEFT_OUT and file:
            by_folder.setdefault(folder, []).append(file)
    found = []
    for folder, wanted in by_folder.items():
        if not LEFT_OUT.isdisjoint(folder.split("/")):
            continue
        asked = frozenset(wanted)
        try:
            with os.scandir(root / folder) as entries:
                kinds = {e.name: _is_file(root, e) for e in entries if e.name in asked}
        except OSError:
            continue
        prefix = f"{folder}/" if folder else ""
        found += [prefix + file for file in wanted if kinds.get(file)]
        links += [prefix + file for file in wanted if kinds.get(file) is None and file in kinds]
    return found


def _is_file(root: Path, entry: os.DirEntry[str]) -> bool | None:
    """Whether this is a file, or a link to one inside the project; `None` for any other link."""
    if entry.is_file(follow_symlinks=False):
        return True
    if not entry.is_symlink():
        return False
    inside = entry.is_file() and Path(entry.path).resolve().is_relative_to(root.resolve())
    return True if inside else None


def _walk(root: Path, links: list[str]) -> list[str]:
    """Every file below a folder that is no repository; links that are none are added to `links`.
    Names that are not text are left out, as nothing that is written later could hold them."""
    found = []
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(root / prefix) as entries:
                for entry in entries:
                    if entry.name in LEFT_OUT:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{prefix}{entry.name}/")
                        continue
                    kind = _is_file(root, entry)
                    if kind:
                        found.append(prefix + entry.name)
                    elif kind is None:
                        links.append(prefix + entry.name)
        except OSError as error:
            where = prefix or str(root)
            raise BadRequest(f"cannot be read: {error.strerror}", where=where) from error
    return [path for path in found if _is_text(path)]


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
