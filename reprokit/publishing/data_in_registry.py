"""The data that a run read and the results that it wrote, beside its image in the registry.

Every file is a blob of its own, so its digest in the record is what it is asked for by. A manifest
that refers to the image names them all, or the registry would throw them away.
"""

from __future__ import annotations

from pathlib import Path

from reprokit import files
from reprokit.engines.distribution import Descriptor, descriptor
from reprokit.errors import BadRequest, ResultsDiffer
from reprokit.history import reading
from reprokit.history.contents import inside
from reprokit.lock_file import from_plain
from reprokit.model import JSON, DataMount
from reprokit.progress import Reporter
from reprokit.publishing.attaching import attach
from reprokit.publishing.contents import Source
from reprokit.publishing.member import checked
from reprokit.publishing.published_image import (
    DATA_TYPE,
    RUN,
    TITLE,
    AttachedRecord,
    PublishedImage,
)

MOST_FILES = 10_000
"""A manifest of more would be larger than registries take."""
_LIMIT = 4 * 1024 * 1024
_TYPE = "application/octet-stream"


def attach_data(image: PublishedImage, source: Source, reporter: Reporter) -> str | None:
    """Attach a run's data (unless the image holds it) and results; the manifest's digest, `None`
    where there is neither.

    Raises ResultsDiffer for files that are no longer those of the run, BadRequest for too many.
    """
    record, places = source.record, dict[str, Path]()
    rows = {f"data/{path}": row for path, row in _data(record).items() if source.mounts_data}
    for name in rows:
        places[name] = source.job.project.root / name.removeprefix("data/")
    for path, row in _results(record).items():
        place = inside(source.entry.folder.results, path)
        if place is None:
            raise _changed(source.entry.folder.results / path)
        rows[f"results/{path}"], places[f"results/{path}"] = row, place
    for name, row in rows.items():
        if not places[name].is_file() or files.sha256(places[name]) != row.digest:
            raise _changed(places[name])
    if len(rows) > MOST_FILES:
        raise BadRequest(
            f"{len(rows)} files are too many for a registry (at most {MOST_FILES})",
            next="publish an archive: `reprokit publish RUN --archive FILE.zip`",
        )
    if not rows:
        return None
    total, done = sum(row.size for row in rows.values()), 0
    for name, row in rows.items():
        image.repository.put(row, places[name])
        done += row.size
        reporter.advance(done, total)
    layers = [
        Descriptor(media_type=_TYPE, digest=row.digest, size=row.size, annotations={TITLE: name})
        for name, row in rows.items()
    ]
    return attach(
        image,
        DATA_TYPE,
        {},
        layers=layers,
        created=reading.text(record, "finished"),
        annotations={RUN: reading.text(record, "run")},
    )


def _changed(place: Path) -> ResultsDiffer:
    return ResultsDiffer(
        "is no longer what the record names",
        where=str(place),
        next="run again and publish that run",
    )


def mounts(record: reading.Record) -> tuple[DataMount, ...]:
    """How the run's program sees its data: every file at its own path, some unpacked or under
    another name as well. The paths may be a stranger's. Raises BadRequest where it is damaged."""
    data = reading.mapping(record, "data")
    paths = [reading.text(row, "path") for row in reading.rows(data, "files")]
    try:
        # Records of the first version do not say it.
        rows = reading.rows({"mounts": [], **data}, "mounts")
        named = [from_plain(DataMount, row) for row in rows]
    except (TypeError, ValueError) as error:
        raise BadRequest("the record's mounts are damaged") from error
    return (*(DataMount(source=path, target=path) for path in paths), *named)


def download_data(record: AttachedRecord, folder: Path, reporter: Reporter) -> None:
    """Bring the data of an attached record into a folder, each file at its path in the project.

    Raises InputUnavailable for what the registry lacks or gives otherwise, BadRequest for a path
    that would leave the folder.
    """
    _download(record, _data(record.record), folder, reporter)


def download_results(record: AttachedRecord, folder: Path, reporter: Reporter) -> None:
    """The same for its results."""
    _download(record, _results(record.record), folder, reporter)


def _download(
    record: AttachedRecord, rows: dict[str, Descriptor], folder: Path, reporter: Reporter
) -> None:
    total, done = sum(row.size for row in rows.values()), 0
    for path, row in rows.items():
        record.image.repository.download(row, folder / checked(path))
        done += row.size
        reporter.advance(done, total)


def _data(record: reading.Record) -> dict[str, Descriptor]:
    return _described(reading.rows(reading.mapping(record, "data"), "files"))


def _results(record: reading.Record) -> dict[str, Descriptor]:
    return _described(reading.rows(record, "results"))


def _described(rows: list[dict[str, JSON]]) -> dict[str, Descriptor]:
    """By path. A stranger's digest is looked at before it becomes a part of an address."""
    found = {}
    for row in rows:
        path = reading.text(row, "path")
        given = {"mediaType": _TYPE, "digest": row.get("sha256"), "size": row.get("size")}
        found[path] = descriptor(given, f"{path} in the record")
    return found
