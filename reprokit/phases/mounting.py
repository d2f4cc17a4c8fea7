"""What the container sees of the data: read-only, compressed files unpacked once for all runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from reprokit.engines.protocol import Bind
from reprokit.errors import BadRequest
from reprokit.model import DataPlan
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
    found = []
    base = root.resolve()
    for mount in data.mounts:
        source = root / PurePosixPath(mount.source)
        if not source.resolve().is_relative_to(base):
            raise BadRequest("points out of the project", where=mount.source, next="copy it in")
        if mount.unpack is not None:
            name = PurePosixPath(mount.target).name
            source = unpacked(
                source,
                digests[mount.source],
                mount.unpack,
                store,
                name=name,
                limits=limits,
                reporter=reporter,
            )
        target = str(PurePosixPath("/app") / mount.target)
        found.append(Bind(source=source.resolve(), target=target))
    return tuple(found)
