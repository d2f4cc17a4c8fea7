"""The SQLite file of the index: how it is made and opened, and what its errors mean."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reprokit.errors import BadRequest, StorageFailed

SCHEMA = 3
BUSY_SECONDS = 20.0
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_CREATE = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    started TEXT NOT NULL, exit_code INTEGER, seconds REAL, command TEXT NOT NULL,
    image TEXT, base TEXT, environment TEXT, process TEXT, phases TEXT,
    PRIMARY KEY (id, project));
CREATE TABLE IF NOT EXISTS images (config_digest TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS built (
    build TEXT, config_digest TEXT, PRIMARY KEY (build, config_digest)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS runs_by_start ON runs (started, id);
CREATE INDEX IF NOT EXISTS runs_by_project ON runs (project, started, id);
CREATE INDEX IF NOT EXISTS runs_by_status ON runs (status, started, id);
"""


def identity(path: Path) -> tuple[int, int] | None:
    """Which file this is, so that a process sees that another has made it anew."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the file, made where there is none. Raises BadRequest for one that a newer
    reprokit wrote, StorageFailed where the folder cannot be made, and sqlite3.DatabaseError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed(path, str(error)) from error
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise BadRequest(
                f"was written by a newer reprokit (schema {version}; this one knows {SCHEMA})",
                where=str(path),
                next="upgrade reprokit: `pip install --upgrade reprokit`",
            )
        if version < SCHEMA:
            _create(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        yield connection
    finally:
        connection.close()


def _create(connection: sqlite3.Connection) -> None:
    # Two processes may make the file at the same moment. Changing the journal's mode does not wait
    # for locks as other statements do, hence the attempts; the mode stays with the file.
    for _ in range(100):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            time.sleep(0.02)
    connection.execute("BEGIN IMMEDIATE")
    for statement in _CREATE.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("COMMIT")


def write(connection: sqlite3.Connection, statement: str, rows: Iterable[Sequence[object]]) -> None:
    """One statement for many rows, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(statement, rows)
    connection.execute("COMMIT")


def failed(path: Path, why: str) -> StorageFailed:
    """SQLite's error in words that say what to do."""
    if "full" in why:
        return StorageFailed(
            "the disk is full", where=str(path), next="free some space, then try again"
        )
    if "locked" in why or "busy" in why:
        return StorageFailed(
            f"other processes kept the index of runs busy for {BUSY_SECONDS:.0f} s",
            where=str(path),
            next="try again when they are done",
        )
    return StorageFailed(
        f"the index of runs cannot be used: {why}",
        where=str(path),
        next="make the folder writable for you, or name another one in REPROKIT_HOME",
    )
