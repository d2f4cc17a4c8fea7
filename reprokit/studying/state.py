"""What a study keeps: a folder for each source, whose result.json is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reprokit import files
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history.reading import Record
from reprokit.model import JSON
from reprokit.rerunning.archive import folder_name
from reprokit.studying.listing import Listed

SCHEMA = 1
_PAUSE = 0.2


@frozen
class SourceFolder:
    """The folder of one source. `report`: where the page of its rerun goes."""

    path: Path
    report: Path

    @property
    def request(self) -> Path:
        """What its process is to do."""
        return self.path / "request.json"

    @property
    def result(self) -> Path:
        """What came of it; the source is done where it is there."""
        return self.path / "result.json"

    @property
    def survey(self) -> Path:
        """What was seen of the source before it ran."""
        return self.path / "survey.json"

    @property
    def output(self) -> Path:
        """What its process printed: nothing, unless reprokit itself failed."""
        return self.path / "output.txt"


@frozen
class StudyFolder:
    """The folder of a study."""

    root: Path

    def of(self, name: str) -> SourceFolder:
        """The folder of the source of that name. Names that look alike as folders have others."""
        own = f"{folder_name(name)}-{files.sha256_text(name)[7:13]}"
        return SourceFolder(
            path=self.root / "sources" / own, report=self.root / "reports" / f"{own}.html"
        )

    @property
    def page(self) -> Path:
        return self.root / "index.html"

    @property
    def document(self) -> Path:
        return self.root / "study.json"

    @property
    def table(self) -> Path:
        return self.root / "sources.csv"

    def finished(self, listed: Listed) -> dict[str, JSON] | None:
        """The result of a source; `None` where it has none, or had one as another source."""
        try:
            loaded = json.loads(self.of(listed.name).result.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA:
            return None
        row = loaded.get("row")
        if not isinstance(row, dict) or loaded.get("key") != listed.key:
            return None
        # What was not allowed is done once it is.
        refused = isinstance(row["cause"], dict) and row["cause"]["name"] == "not-allowed"
        return None if refused and listed.yes else row


def keep(folder: SourceFolder, listed: Listed, row: Record) -> None:
    """Write down what came of a source, all or nothing."""
    document = {"schema": SCHEMA, "key": listed.key, "row": dict(row)}
    files.write_text(folder.result, files.canonical_json(document) + "\n")


def survey_of(folder: SourceFolder) -> dict[str, JSON] | None:
    """What was seen of a source; `None` where it did not come to that."""
    try:
        loaded = json.loads(folder.survey.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) else None


def end_of(path: Path, limit: int) -> list[str]:
    """The last lines of a file, of so many bytes at most."""
    try:
        return path.read_bytes()[-limit:].decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def default_folder(list_file: Path) -> Path:
    """Where a study is kept that says nothing else: beside its list."""
    return list_file.with_name(f"{list_file.stem}-study")


def wanted_again(
    listed: Sequence[Listed], finished: dict[str, dict[str, JSON]], again: Sequence[str]
) -> set[str]:
    """The names of the sources that are done and are to be rerun all the same.

    again: "all", "failed" (did not run to its end), "different" (ran and gave other results), or
    names. Raises BadRequest for a name that no source has.
    """
    names = {source.name for source in listed}
    found: set[str] = set()
    for word in again:
        if word in names:
            found.add(word)
        elif word == "all":
            found |= names
        elif word == "failed":
            found |= {name for name, row in finished.items() if not row["ran"]}
        elif word == "different":
            found |= {name for name, row in finished.items() if row["same"] is False}
        else:
            raise BadRequest(
                f"no source is called {word!r}",
                where="--again",
                next="say all, failed, different or the name of a source",
            )
    return found


def begin(folder: SourceFolder) -> None:
    """Take away what an earlier rerun of the source left."""
    try:
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.path.mkdir(parents=True)
        folder.report.unlink(missing_ok=True)
    except OSError as error:
        raise files.storage_failed(error, folder.path) from error


@contextmanager
def alone(root: Path, patience: float = 0.0) -> Iterator[int]:
    """Hold the folder for this process, and those that are given the file whose descriptor it
    yields. Raises BadRequest where others have it for longer than `patience` seconds."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = (root / ".lock").open("ab")
    except OSError as error:
        raise files.storage_failed(error, root) from error
    with handle:
        if os.name == "posix":
            _hold(handle.fileno(), root, patience)
        yield handle.fileno()


def _hold(descriptor: int, root: Path, patience: float) -> None:
    import fcntl

    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise BadRequest(
                    "another study goes on in this folder",
                    where=str(root),
                    next="wait for its end, stop it, or choose another folder with --output",
                ) from error
            time.sleep(_PAUSE)
        except OSError:
            return  # a file system without locks
        else:
            return
