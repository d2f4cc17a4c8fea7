"""The folder of one run: `<project>/.reprokit/runs/<id>/`.

It holds record.json, log.txt, Dockerfile, plan.json, repro.lock and results/. Projects come from
strangers: a `.reprokit` or `runs` that is a link would lead writes, and later `clean`, out of the
project, so both must be real folders.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from reprokit import files
from reprokit.errors import BadRequest, StorageFailed
from reprokit.frozen import frozen
from reprokit.model import JSON
from reprokit.phases import record as records

IDENTIFIER = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z2-7]{4}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_ATTEMPTS = 50


@frozen
class RunFolder:
    """A run's folder. `project` is the project's absolute path, `id` the run's id."""

    project: Path
    id: str

    @property
    def path(self) -> Path:
        return runs_folder(self.project) / self.id

    @property
    def record(self) -> Path:
        return self.path / "record.json"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def dockerfile(self) -> Path:
        return self.path / "Dockerfile"

    @property
    def plan(self) -> Path:
        """What its image says of the plan; there for images whose Dockerfile reprokit wrote."""
        return self.path / "plan.json"

    @property
    def lock(self) -> Path:
        return self.path / "repro.lock"

    @property
    def results(self) -> Path:
        return self.path / "results"


def runs_folder(project: Path) -> Path:
    """Where the runs of a project lie."""
    return project / ".reprokit" / "runs"


def new_id(now: datetime) -> str:
    """A run id: UTC time to the second and four random letters. Sorts by time.

    now: a time with a time zone; raises ValueError without one.
    """
    if now.tzinfo is None:
        raise ValueError("a run's time needs a time zone")
    letters = "".join(secrets.choice(_LETTERS) for _ in range(4))
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{letters}"


def started(identifier: str) -> str:
    """The time in a run id, in ISO 8601."""
    moment = datetime.strptime(identifier[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    return moment.isoformat()


def create(project: Path, now: datetime) -> RunFolder:
    """Make the folder of a new run, with an empty results/ in it. Never takes an existing one.

    Raises StorageFailed where the project is not writable, BadRequest where `.reprokit` is a link.
    """
    project = project.resolve()
    check_path_is_text(project)
    make_runs_folder(project)
    for _ in range(_ATTEMPTS):
        folder = RunFolder(project=project, id=new_id(now))
        try:
            folder.path.mkdir()
            folder.results.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise files.storage_failed(error, folder.path) from error
        return folder
    raise StorageFailed(
        f"no free run id after {_ATTEMPTS} attempts",
        where=str(runs_folder(project)),
        next="remove old runs with `reprokit clean --keep-last 100`",
    )


def check_path_is_text(project: Path) -> None:
    """Raise BadRequest where a project's path is no valid UTF-8: no index or engine takes it."""
    try:
        str(project).encode()
    except UnicodeEncodeError as error:
        raise BadRequest(
            "the project's path is not valid UTF-8", where=repr(str(project)), next="rename it"
        ) from error


def make_runs_folder(project: Path) -> None:
    """Make the folder of a project's runs. Raises what `create` raises."""
    runs = runs_folder(project)
    for folder in (runs.parent, runs):
        try:
            folder.mkdir(exist_ok=True)
        except FileExistsError:
            pass  # a file or a dangling link: refused below
        except OSError as error:
            raise files.storage_failed(error, folder) from error
        if not is_real_folder(folder):
            raise BadRequest(
                "is a link or a file where reprokit keeps its runs",
                where=str(folder),
                next="remove it or rename it",
            )
    ignore = runs.parent / ".gitignore"
    if not ignore.exists():
        files.write_text(ignore, "*\n")
        files.give_to_caller(ignore, runs, runs.parent)


def is_real_folder(path: Path) -> bool:
    """Whether `path` itself is a folder, not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def existing(project: Path) -> tuple[RunFolder, ...]:
    """The run folders of a project, oldest first; links and foreign names are left out."""
    runs = runs_folder(project)
    if not (is_real_folder(runs.parent) and is_real_folder(runs)):
        return ()
    try:
        with os.scandir(runs) as entries:
            found = sorted(
                entry.name
                for entry in entries
                if IDENTIFIER.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            )
    except OSError:
        return ()
    return tuple(RunFolder(project=project, id=name) for name in found)


def write_record(folder: RunFolder, record: Mapping[str, JSON]) -> None:
    """Write record.json, all or nothing, safe against a power failure."""
    files.write_text(folder.record, records.canonical(record))
    if os.name == "posix":
        # The rename is on disk only once the folder is.
        descriptor = os.open(folder.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError:
            pass  # some network file systems do not sync folders
        finally:
            os.close(descriptor)


def read_record(path: Path) -> dict[str, JSON]:
    """Read a record.json and check its digest.

    Raises BadRequest for a missing, damaged, changed or newer record.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadRequest("there is no record", where=str(path)) from error
    except OSError as error:
        raise BadRequest(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise BadRequest("is damaged: not UTF-8", where=str(path), next=_LOST) from error
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}"
        raise BadRequest(f"is damaged: {error.msg}", where=where, next=_LOST) from error
    except RecursionError as error:
        raise BadRequest("is damaged: nested too deeply", where=str(path), next=_LOST) from error
    return checked_record(loaded, where=str(path))


_LOST = "restore the file from a copy; the results beside it are untouched"


def checked_record(loaded: object, *, where: str, lost: str | None = None) -> dict[str, JSON]:
    """`loaded` as a record of a schema that this reprokit knows, unchanged since it was written;
    `lost` says what to do where it was changed."""
    if not isinstance(loaded, dict) or type(loaded.get("schema")) is not int:
        raise BadRequest("is not a record of a run", where=where)
    if loaded["schema"] > records.SCHEMA:
        raise BadRequest(
            f"was written by a newer reprokit (schema {loaded['schema']}; this one knows "
            f"{records.SCHEMA})",
            where=where,
            next="upgrade reprokit: `pip install --upgrade reprokit`",
        )
    try:
        unchanged = loaded.get("digest") == records.digest(loaded)
    except (BadRequest, UnicodeEncodeError):
        unchanged = False
    if not unchanged:
        raise BadRequest("was changed after it was written", where=where, next=lost or _LOST)
    return loaded
