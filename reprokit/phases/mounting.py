"""What the container sees of the data: read-only, compressed files unpacked once for all runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reprokit.engines.protocol import Bind
from reprokit.errors import BadRequest
from reprokit.model import DataMount, DataPlan
from reprokit.progress import Reporter
from reprokit.unpacking import DEFAULT_LIMITS, Limits, unpacked


def binds(
    data: DataPlan,
    root: Path,
    digests: Mapping[str, str],
    store: Path,
    reporter: Reporter,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[Bind, ...]:
    """A read-only bind for each mount of the plan.

    digests: the SHA-256 of each data file. store: the folder of everything unpacked so far.
    Raises BadRequest for a damaged archive and for a link that points out of the project.
    """
    return tuple(
        Bind(
            source=place_of(mount, root, digests, store, reporter, limits),
            target=str(PurePosixPath("/app") / mount.target),
        )
        for mount in data.mounts
    )


def place_of(
    mount: DataMount,
    root: Path,
    digests: Mapping[str, str],
    store: Path,
    reporter: Reporter,
    limits: Limits = DEFAULT_LIMITS,
) -> Path:
    """Where on this machine the content of a mount is; a compressed file is unpacked first.

    Arguments and errors are those of `binds`.
    """
    source = root / PurePosixPath(mount.source)
    if not source.resolve().is_relative_to(root.resolve()):
        raise BadRequest("points out of the project", where=mount.source, next="copy it in")
    if mount.unpack is not None:
        source = unpacked(
            source,
            digests[mount.source],
            mount.unpack,
            store,
            name=PurePosixPath(mount.target).name,
            limits=limits,
            reporter=reporter,
        )
    return source.resolve()
