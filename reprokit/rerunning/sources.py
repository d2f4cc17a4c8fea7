"""What SOURCE means: an archive, an image by digest, a run, a folder, a notebook, a repository."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprokit.errors import BadRequest
from reprokit.history import reading
from reprokit.history.index import Entry, Index
from reprokit.history.listing import record_of
from reprokit.pipeline.earlier_code import code_of, kept_of, lock_of
from reprokit.progress import Reporter
from reprokit.publishing import pushed
from reprokit.publishing.published_image import is_tagged
from reprokit.rerunning import archive, bag, cloning
from reprokit.rerunning.origin import Origin, Published, Source

_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
_RUN = re.compile(r"last|[0-9]{1,8}(?:-[0-9a-z-]*)?|[a-z2-7]{4}")
_KINDS = (
    "an archive of `reprokit publish`, its unpacked folder, NAME@sha256:…, a run, a project's "
    "folder, or the address of a git repository"
)


@contextmanager
def opened(
    text: str, workspace: Path, reporter: Reporter, *, project: Path | None = None
) -> Iterator[Origin]:
    """The source, ready for the length of the block. `workspace` takes what has to be unpacked.

    Raises BadRequest for what is none of these, is damaged or dangerous; InputUnavailable.
    """
    path = Path(text)
    address = cloning.address(text) if not path.exists() else None
    if (_DIGEST.fullmatch(text) or is_tagged(text)) and not path.exists():
        from reprokit.rerunning import registry_image

        yield registry_image.opened(text, workspace, reporter)
    elif address is not None:
        yield cloning.cloned(address, workspace, reporter)
    elif path.is_dir():
        yield _of_folder(path, workspace, reporter)
    elif path.suffix == ".ipynb" and path.is_file():
        yield Origin(source=Source(kind="folder", name=path.name, identifier=None), root=path)
    elif path.exists():
        yield archive.opened(path, workspace, reporter)
    elif _RUN.fullmatch(text):
        with _of_run(Index().find(text, project)) as origin:
            yield origin
    else:
        raise BadRequest(f"there is no {text}", next=f"SOURCE is {_KINDS}")


def _of_folder(path: Path, workspace: Path, reporter: Reporter) -> Origin:
    if bag.is_bag(path):
        return archive.opened(path, workspace, reporter)
    if cloning.is_bare(path):
        address = cloning.Address(url=path.resolve().as_uri(), version=None)
        return cloning.cloned(address, workspace, reporter)
    source = Source(kind="folder", name=path.resolve().name, identifier=None)
    return Origin(source=source, root=path)


@contextmanager
def _of_run(entry: Entry) -> Iterator[Origin]:
    record = record_of(entry)
    reading.check_repeatable(record)
    lock = lock_of(entry)
    source = Source(kind="run", name=entry.id, identifier=reading.text(record, "digest"))
    published = Published(
        record=record,
        lock=lock,
        results=entry.folder.results,
        kept=kept_of(entry),
        references=tuple(push.reference for push in pushed.read(entry.folder)),
    )
    with code_of(entry, record, lock, published.key) as (job, _):
        yield Origin(source=source, root=job.project.root, published=published)
