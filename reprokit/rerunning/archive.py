"""An archive of `publish --archive`: its bag checked, its parts compared with each other, and the
project laid out as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reprokit import lock_file
from reprokit.errors import BadRequest
from reprokit.history import reading, run_folder
from reprokit.model import JSON, Lock
from reprokit.phases.own_images import FAMILY
from reprokit.phases.self_description import PLAN
from reprokit.pipeline.earlier_code import Kept
from reprokit.progress import Reporter
from reprokit.publishing.contents import BUILD, INPUTS, RESULTS
from reprokit.rerunning import bag
from reprokit.rerunning.origin import Origin, Published, Source

RECORD = "record.json"
VENDOR = f"{BUILD}/vendor"
_APP = f"{BUILD}/app/"
_RECORD_LIMIT = 256 * 1024**2
_NEXT = "get the archive again from where it was published"


def opened(path: Path, workspace: Path, reporter: Reporter) -> Origin:
    """The run in an archive or in the folder of an unpacked one.

    Raises BadRequest where it is damaged, dangerous, of a newer reprokit, or not of one piece.
    """
    reporter.phase("unpack")
    unpacked = workspace / "archive"
    unpacked.mkdir()
    found = bag.unpack(path, unpacked, reporter)
    record, lock = _record(found, path), _lock(found, path)
    data = _hashes(reading.rows(reading.mapping(record, "data"), "files"), path)
    results = _hashes(reading.rows(record, "results"), path)
    own = lock.base.family == FAMILY
    mounted = reading.text(reading.mapping(record, "data"), "mode") == "mount"
    place = f"{INPUTS}/" if mounted else f"{BUILD}/" if own else f"{BUILD}/data/"
    _check(found, path, {place + name: digest for name, digest in data.items()}, "data")
    _check(found, path, {f"{RESULTS}/{n}": digest for n, digest in results.items()}, "results")
    digest = reading.text(reading.mapping(record, "lock"), "sha256")
    _check(found, path, {lock_file.NAME: digest}, "lock")
    root = (
        workspace
        / "project"
        / folder_name(reading.text(reading.mapping(record, "project"), "name"))
    )
    _lay_out(found, root, own, {} if own and not mounted else dict.fromkeys(data, place))
    folder = found.folder
    return Origin(
        source=Source(kind="archive", name=path.resolve().name, identifier=found.sha256),
        root=root,
        published=Published(
            record=record,
            lock=lock,
            results=folder / RESULTS,
            image=_there(folder / "image.tar"),
            base=_there(folder / "base.tar"),
            vendor=folder / VENDOR,
            kept=Kept(
                dockerfile=_text(folder / BUILD / "Dockerfile"),
                plan=_text(folder / VENDOR / "reprokit" / PLAN),
            ),
        ),
    )


def folder_name(name: str) -> str:
    """A name from elsewhere as that of a folder here."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "project"


def _vendored(found: bag.Bag) -> Iterator[str]:
    return (path for path in found.digests if path.startswith(f"{VENDOR}/"))


def _there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8") if path.stat().st_size < _RECORD_LIMIT else None
    except (OSError, UnicodeDecodeError):
        return None


def _record(found: bag.Bag, source: Path) -> dict[str, JSON]:
    if RECORD not in found.digests:
        raise BadRequest(
            f"is a bag without {RECORD}, so no archive of `reprokit publish`",
            where=str(source),
            next="unpack it, look at what it is, and rerun the folder of the project in it",
        )
    text = _text(found.folder / RECORD)
    try:
        loaded = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise BadRequest(
            f"its {RECORD} is damaged: {error}", where=str(source), next=_NEXT
        ) from error
    return run_folder.checked_record(loaded, where=f"{source}: {RECORD}", lost=_NEXT)


def _lock(found: bag.Bag, source: Path) -> Lock:
    text = _text(found.folder / lock_file.NAME)
    if text is None:
        raise BadRequest(f"holds no {lock_file.NAME}", where=str(source), next=_NEXT)
    return lock_file.loads(text)


def _hashes(rows: list[dict[str, JSON]], source: Path) -> dict[str, str]:
    found = reading.hashes(rows)
    if len(found) != len(rows):
        raise BadRequest(f"its {RECORD} names a file twice", where=str(source), next=_NEXT)
    return found


def _check(found: bag.Bag, source: Path, wanted: Mapping[str, str], what: str) -> None:
    """The archive's files must be those that its record names: a manifest alone may have been
    made for others."""
    for path, digest in wanted.items():
        if found.digests.get(path) != digest:
            state = "another" if path in found.digests else "no"
            raise BadRequest(
                f"its {what} and its {RECORD} do not belong together: {state} {path!r}",
                where=str(source),
                next=_NEXT,
            )


def _lay_out(found: bag.Bag, root: Path, own: bool, data: Mapping[str, str]) -> None:
    """The project as it was: its code from the build's context, its data from beside it."""
    root.mkdir(parents=True)
    code = f"{BUILD}/" if own else _APP
    vendored = set(_vendored(found))
    for path in found.digests:
        if path.startswith(code) and path not in vendored:
            _move(found.folder / path, root / path.removeprefix(code))
    for path, place in data.items():
        _move(found.folder / (place + path), root / path)


def _move(source: Path, target: Path) -> None:
    if target.exists():
        raise BadRequest(f"{target.name!r} is code and data at once", next=_NEXT)
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
