"""The SHA-256 of every data file, remembered by size, modification time and inode.

An unchanged file costs one stat, so that 10 GB of data add nothing to a run.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reprokit import folders
from reprokit.errors import BadRequest
from reprokit.model import DataFile
from reprokit.progress import Reporter

_BUFFER = 256 * 1024
_QUERY = 500
# A file can change twice within one tick of its file system's clock (2 s on FAT): what was
# modified just now is hashed again next time.
_SETTLED = 2_000_000_000
_TABLE = (
    "CREATE TABLE IF NOT EXISTS hashes (path TEXT PRIMARY KEY, size INTEGER, modified INTEGER, "
    "inode INTEGER, sha256 TEXT) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as stat shows it."""

    path: str
    place: str
    size: int
    modified: int
    inode: int


def hash_files(root: Path, paths: Iterable[str], reporter: Reporter) -> tuple[DataFile, ...]:
    """The data files with size and SHA-256, sorted by path.

    paths: relative to `root`, which they must not leave. Raises BadRequest for a file that is
    missing, unreadable, outside the project, or being written at the same time.
    """
    base = root.resolve()
    seen = [_look(base, path) for path in sorted(set(paths))]
    with _cache() as cache:
        known = dict(_remembered(cache, seen))
        missing = [file for file in seen if file.place not in known]
        total = sum(file.size for file in missing)
        done = 0
        fresh: list[tuple[_Seen, str]] = []
        for file, digest in _hashed(missing):
            fresh.append((file, digest))
            done += file.size
            reporter.advance(done, total)
        _remember(cache, fresh)
    known |= {file.place: digest for file, digest in fresh}
    return tuple(
        DataFile(path=file.path, size=file.size, sha256=known[file.place]) for file in seen
    )


def _look(root: Path, path: str) -> _Seen:
    place = f"{root}{os.sep}{path}"
    try:
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode) or ".." in path.split("/"):
            if not Path(place).resolve().is_relative_to(root):
                raise BadRequest(
                    "points out of the project", where=path, next="copy the file into the project"
                )
            status = Path(place).stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise BadRequest("is not a file", where=path, next="only files can be data")
    return _Seen(path, place, status.st_size, status.st_mtime_ns, status.st_ino)


def _hashed(files: Sequence[_Seen]) -> Iterator[tuple[_Seen, str]]:
    """Hash with one thread a processor; hashlib lets go of the interpreter's lock."""
    if not files:
        return
    workers = max(2, min(8, os.cpu_count() or 2))
    largest_first = sorted(files, key=lambda file: -file.size)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            yield from zip(largest_first, pool.map(_hash, largest_first), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _hash(file: _Seen) -> str:
    digest = hashlib.sha256()
    buffer = bytearray(min(_BUFFER, max(file.size, 1)))
    view = memoryview(buffer)
    try:
        with Path(file.place).open("rb", buffering=0) as opened:
            while count := opened.readinto(buffer):
                digest.update(view[:count])
            status = os.fstat(opened.fileno())
    except OSError as error:
        raise _unreadable(file.path, error) from error
    if (status.st_size, status.st_mtime_ns) != (file.size, file.modified):
        raise BadRequest(
            "changed while it was read", where=file.path, next="wait until nothing writes it"
        )
    return f"sha256:{digest.hexdigest()}"


def _unreadable(path: str, error: OSError) -> BadRequest:
    return BadRequest(f"cannot be read: {error.strerror}", where=path, next="check the data file")


@contextmanager
def _cache() -> Iterator[sqlite3.Connection | None]:
    """The cache, or `None` where it cannot be opened: then everything is hashed, and no more."""
    connection = _opened(folders.data() / "data-hashes.sqlite")
    if connection is None:
        yield None
        return
    with closing(connection):
        yield connection


def _opened(path: Path) -> sqlite3.Connection | None:
    for _ in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=10)
        except (OSError, sqlite3.Error):
            return None
        try:
            connection.execute(_TABLE)
            return connection
        except sqlite3.DatabaseError as error:
            connection.close()
            if isinstance(error, sqlite3.OperationalError):
                return None
            # Not a database any more; it holds nothing that cannot be found out again.
            with suppress(OSError):
                path.unlink()
    return None


def _remembered(
    cache: sqlite3.Connection | None, files: Sequence[_Seen]
) -> Iterator[tuple[str, str]]:
    if cache is None:
        return
    wanted = {file.place: file for file in files}
    places = [place for place in wanted if _storable(place)]
    for start in range(0, len(places), _QUERY):
        chunk = places[start : start + _QUERY]
        marks = ",".join("?" * len(chunk))
        try:
            rows = cache.execute(f"SELECT * FROM hashes WHERE path IN ({marks})", chunk).fetchall()
        except sqlite3.Error:
            return
        for place, size, modified, inode, digest in rows:
            file = wanted[place]
            if (size, modified, inode) == (file.size, file.modified, _signed(file.inode)):
                yield place, digest


def _remember(cache: sqlite3.Connection | None, fresh: Sequence[tuple[_Seen, str]]) -> None:
    if cache is None or not fresh:
        return
    settled = time.time_ns() - _SETTLED
    rows = [
        (file.place, file.size, file.modified, _signed(file.inode), digest)
        for file, digest in fresh
        if file.modified < settled and _storable(file.place)
    ]
    with suppress(sqlite3.Error), cache:
        cache.executemany("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", rows)


def _signed(inode: int) -> int:
    """SQLite's integers have 63 bits and a sign; inodes may have 64."""
    return inode & 0x7FFF_FFFF_FFFF_FFFF


def _storable(place: str) -> bool:
    try:
        place.encode()
    except UnicodeEncodeError:
        return False
    return True
