"""The index of all runs of this user: one SQLite file, safe for several processes at once.

The run folders are the truth; the index only makes them quick to find. A damaged file is put
aside and written anew from the folders of the projects that were ever run (`projects.jsonl`
beside it remembers them). Every operation opens its own connection, so an `Index` may be shared
by threads and costs nothing to keep.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from reprokit import folders
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history import database, living, run_folder
from reprokit.model import JSON

STATUSES = (
    "running", "succeeded", "failed", "out-of-memory", "timed-out", "interrupted", "lost",
)  # fmt: skip
_WARN = partial(logging.getLogger("reprokit.history").warning, "%s")
_T = TypeVar("_T")


class Entry(NamedTuple):
    """A run as the index knows it. A tuple, because 100,000 of them are made at once.

    `project` is the absolute path of the project's folder, `command` is text for people,
    `image` and `base` are config digests, `process` is the token of the process that runs it.
    """

    id: str
    project: str
    name: str
    status: str
    started: str
    exit_code: int | None = None
    seconds: float | None = None
    command: str = ""
    image: str | None = None
    base: str | None = None
    environment: str | None = None
    process: str | None = None

    @property
    def folder(self) -> run_folder.RunFolder:
        return run_folder.RunFolder(project=Path(self.project), id=self.id)


_COLUMNS = ", ".join(Entry._fields)
_REMEMBER_IMAGE = "INSERT OR IGNORE INTO images VALUES (?)"
"""Images stay known when their runs are removed, so that `clean` tells ours from other people's."""


def entry_of(record: Mapping[str, JSON], project: Path) -> Entry:
    """The index entry of a finished run, from its record."""
    from reprokit.history.reading import command_text, mapping, number, text, text_or_none

    return Entry(
        id=text(record, "run"),
        project=str(project),
        name=text(mapping(record, "project"), "name"),
        status=text(record, "status"),
        started=text(record, "started"),
        exit_code=_integer(record.get("exit_code")),
        seconds=number(record, "seconds"),
        command=command_text(record),
        image=text_or_none(mapping(record, "image"), "config_digest"),
        base=text_or_none(mapping(record, "base"), "config_digest"),
        environment=text_or_none(record, "environment_digest"),
    )


def _integer(value: JSON) -> int | None:
    return value if isinstance(value, int) else None


@frozen
class Index:
    """All runs of this user. `warn` is told when the file had to be rebuilt.

    Methods raise StorageFailed where the file cannot be read or written, BadRequest where a newer
    reprokit wrote it.
    """

    path: Path = field(default_factory=lambda: folders.data() / "runs.sqlite")
    warn: Callable[[str], None] = _WARN

    def add(self, entry: Entry, phases: Mapping[str, float] | None = None) -> None:
        """Enter a run, or overwrite what is known of it. `phases` maps phase to seconds."""
        run_folder.check_path_is_text(Path(entry.project))
        self._remember(entry.project)
        encoded = None if phases is None else json.dumps(dict(phases), allow_nan=False)
        places = ", ".join("?" * (len(Entry._fields) + 1))
        changes = ", ".join(f"{name} = excluded.{name}" for name in Entry._fields[2:])
        statement = (
            f"INSERT INTO runs ({_COLUMNS}, phases) VALUES ({places}) ON CONFLICT (id, project) "
            f"DO UPDATE SET {changes}, phases = coalesce(excluded.phases, phases)"
        )

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(statement, (*entry, encoded))
            if entry.image is not None:
                connection.execute(_REMEMBER_IMAGE, (entry.image,))
            connection.execute("COMMIT")

        self._do(work)

    def mark(self, entry: Entry, status: str) -> None:
        """Change the status of a run ("interrupted"); a finished one has no process any more."""
        process = entry.process if status == "running" else None
        statement = "UPDATE runs SET status = ?, process = ? WHERE id = ? AND project = ?"
        values = (status, process, entry.id, entry.project)
        self._do(lambda connection: database.write(connection, statement, [values]))

    def enter(self, entry: Entry) -> None:
        """Enter a run unless it is known already: another process may have been quicker."""
        self._remember(entry.project)
        self._do(lambda connection: _enter(connection, [entry]))

    def remove(self, entries: Iterable[Entry]) -> None:
        """Forget runs; their folders are not touched."""
        statement = "DELETE FROM runs WHERE id = ? AND project = ?"
        values = [(entry.id, entry.project) for entry in entries]
        self._do(lambda connection: database.write(connection, statement, values))

    def list(
        self, limit: int | None = None, project: Path | None = None, status: str | None = None
    ) -> tuple[Entry, ...]:
        """Runs, newest first. One whose process died without a word has the status "lost"."""
        if status is not None and status not in STATUSES:
            raise BadRequest(
                f"{status!r} is not a status of a run", next=f"one of: {', '.join(STATUSES)}"
            )
        conditions, values = [], []
        if project is not None:
            self._adopt(project.resolve())
            conditions.append("project = ?")
            values.append(str(project.resolve()))
        if status is not None:
            stored = "('running', 'lost')" if status in ("running", "lost") else "(?)"
            conditions.append(f"status IN {stored}")
            values += [] if status in ("running", "lost") else [status]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        statement = f"SELECT {_COLUMNS} FROM runs {where} ORDER BY started DESC, id DESC"
        if limit is not None and status not in ("running", "lost"):
            statement += f" LIMIT {int(limit)}"
        found = self._do(lambda connection: connection.execute(statement, values).fetchall())
        entries = tuple(map(_seen, map(Entry._make, found)))
        if status in ("running", "lost"):
            entries = tuple(entry for entry in entries if entry.status == status)[:limit]
        return entries

    def find(self, run: str, project: Path | None = None) -> Entry:
        """The run of that id, of which `run` is the beginning or the last letters, or "last".

        A run of `project` is preferred; "last" is its newest, else that of the projects below it.
        Raises BadRequest with the candidates of an ambiguous beginning, or the nearest ids.
        """
        if run == "last":
            newest = self.list(1, project) or self._below(project)
            if newest:
                return newest[0]
            if project is None:
                raise BadRequest("there is no run yet", next="start one: `reprokit run`")
            other = "start one: `reprokit run`; or name another by its id: `reprokit runs --all`"
            raise BadRequest("there is no run yet in this project", where=str(project), next=other)
        if project is not None:
            self._adopt(project.resolve())
        candidates = self._matching(run)
        here = None if project is None else str(project.resolve())
        own = tuple(entry for entry in candidates if entry.project == here)
        exact = tuple(entry for entry in own or candidates if entry.id == run)
        chosen = exact or own or candidates
        if len(chosen) == 1:
            return _seen(chosen[0])
        raise self._not_one(run, chosen)

    def _below(self, folder: Path | None) -> tuple[Entry, ...]:
        """The newest run of each project below a folder, newest first."""
        below = (place for place in self.projects() if folder in place.parents)
        found = (entry for place in below for entry in self.list(1, place))
        return tuple(sorted(found, key=lambda entry: (entry.started, entry.id), reverse=True))

    def last_durations(self, project: Path) -> dict[str, float]:
        """How many seconds each phase took when it last ran in this project."""
        statement = (
            "SELECT phases FROM runs WHERE project = ? AND phases IS NOT NULL "
            "ORDER BY started DESC, id DESC LIMIT 20"
        )
        values = (str(project.resolve()),)
        rows = self._do(lambda connection: connection.execute(statement, values).fetchall())
        durations: dict[str, float] = {}
        for (text,) in rows:
            for phase, seconds in json.loads(text).items():
                durations.setdefault(phase, seconds)
        return durations

    def images(self) -> frozenset[str]:
        """Config digests of all images that any run here ever had, also of runs removed since."""
        statement = "SELECT config_digest FROM images"
        rows = self._do(lambda connection: connection.execute(statement).fetchall())
        return frozenset(row[0] for row in rows)

    def built(self, build: str) -> frozenset[str]:
        """Config digests of the images that a build with this key and policy gave here."""
        statement = "SELECT config_digest FROM built WHERE build = ?"
        rows = self._do(lambda connection: connection.execute(statement, (build,)).fetchall())
        return frozenset(row[0] for row in rows)

    def remember_built(self, build: str, config_digest: str) -> None:
        """Note what a build gave: more than one where a project's own Dockerfile is random."""
        statement = "INSERT OR IGNORE INTO built VALUES (?, ?)"
        values = [(build, config_digest)]
        self._do(lambda connection: database.write(connection, statement, values))

    def projects(self) -> tuple[Path, ...]:
        """Every project folder in which a run was ever started, sorted."""
        try:
            lines = self._projects_file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        return tuple(sorted({Path(path) for line in lines if (path := _json_text(line))}))

    @property
    def _projects_file(self) -> Path:
        return self.path.parent / "projects.jsonl"

    def _remember(self, project: str) -> None:
        if Path(project) in self.projects():
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._projects_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(project) + "\n")
        except OSError as error:
            raise database.failed(self.path, str(error)) from error

    def _adopt(self, project: Path) -> None:
        """Enter the runs of a project folder that was moved or copied to where it is now."""
        if project in self.projects():
            return
        entries = tuple(entries_on_disk(project))
        if entries:
            self._do(lambda connection: _enter(connection, entries))
            self._remember(str(project))

    def _matching(self, run: str) -> tuple[Entry, ...]:
        select = f"SELECT {_COLUMNS} FROM runs WHERE"
        by_start = f"{select} id >= ? AND id < ? ORDER BY id DESC LIMIT 100"
        by_end = f"{select} substr(id, -4) = ? ORDER BY id DESC LIMIT 100"

        def look(connection: sqlite3.Connection) -> Sequence[tuple[object, ...]]:
            rows = connection.execute(by_start, (run, run + "\U0010ffff")).fetchall()
            return rows or connection.execute(by_end, (run,)).fetchall()

        if not run or not run.isascii():
            return ()
        return tuple(Entry._make(row) for row in self._do(look))

    def _not_one(self, run: str, candidates: Sequence[Entry]) -> BadRequest:
        if candidates:
            listed = [f"{entry.id}  {entry.project}" for entry in candidates[:10]]
            more = [] if len(candidates) <= 10 else [f"and {len(candidates) - 10} more"]
            return BadRequest(
                f"{run!r} is the beginning of {len(candidates)} runs",
                next="give more of the id:\n    " + "\n    ".join([*listed, *more]),
            )
        import difflib

        known = [entry.id for entry in self.list(1000)]
        near = difflib.get_close_matches(run, known, n=3, cutoff=0.5) or known[:3]
        hint = f"the nearest are: {', '.join(near)}" if near else "start one: `reprokit run`"
        return BadRequest(f"there is no run {run!r}", next=hint)

    def _do(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something with the file; once more, with a new one, where it proves damaged."""
        for last in (False, True):
            identity = database.identity(self.path)
            try:
                with database.opened(self.path) as connection:
                    return work(connection)
            except sqlite3.DatabaseError as error:
                if last or error.sqlite_errorcode not in database.DAMAGE:
                    raise database.failed(self.path, str(error)) from error
                self._rebuild(identity)
        raise AssertionError("unreachable")

    def _rebuild(self, damaged: tuple[int, int] | None) -> None:
        if database.identity(self.path) != damaged:
            return  # another process was quicker
        aside = self.path.with_name(f"runs-damaged-{time.time_ns()}.sqlite")
        try:
            self.path.replace(aside)
            for suffix in ("-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        except OSError as error:
            raise database.failed(self.path, str(error)) from error
        entries = [entry for project in self.projects() for entry in entries_on_disk(project)]
        with database.opened(self.path) as connection:
            _enter(connection, entries)
        self.warn(
            f"the index of runs was damaged; it was made anew with {len(entries)} runs from the "
            f"folders of {len(self.projects())} projects (the old file: {aside})"
        )


def _enter(connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    statement = f"INSERT OR IGNORE INTO runs ({_COLUMNS}) VALUES ({', '.join('?' * 12)})"
    database.write(connection, statement, entries)
    images = [(entry.image,) for entry in entries if entry.image is not None]
    database.write(connection, _REMEMBER_IMAGE, images)


def entries_on_disk(project: Path) -> Iterator[Entry]:
    """What the run folders of a project say. One without a record was killed."""
    for folder in run_folder.existing(project):
        try:
            yield entry_of(run_folder.read_record(folder.record), project)
        except BadRequest:
            yield Entry(
                id=folder.id,
                project=str(project),
                name=project.name,
                status="lost",
                started=run_folder.started(folder.id),
            )


def running(
    identifier: str,
    project: Path,
    name: str,
    now: datetime,
    command: str,
    *,
    image: str | None = None,
) -> Entry:
    """The entry of a run that this process starts now. `image` is a config digest."""
    return Entry(
        id=identifier,
        project=str(project.resolve()),
        name=name,
        status="running",
        started=now.astimezone(UTC).isoformat(timespec="seconds"),
        command=command,
        image=image,
        process=living.this_process(),
    )


def _seen(entry: Entry) -> Entry:
    if entry.status != "running":
        return entry
    alive = entry.process is not None and living.is_alive(entry.process)
    return entry if alive else entry._replace(status="lost")


def _json_text(line: str) -> str | None:
    try:
        loaded = json.loads(line)
    except json.JSONDecodeError:
        return None
    return loaded if isinstance(loaded, str) else None
