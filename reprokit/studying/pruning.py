"""Images that a study leaves behind, kept within bounds while it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from reprokit import folders
from reprokit.engines.protocol import LABEL, Engine
from reprokit.errors import ReprokitError
from reprokit.frozen import frozen
from reprokit.history.index import Index
from reprokit.history.reading import Record
from reprokit.model import Image


@frozen
class Bounds:
    """size: bytes of all images of the study together. age: seconds since an image was used. `None`
    is no bound."""

    size: int | None = None
    age: float | None = None


def prune(engine: Engine, rows: Iterable[Record], bounds: Bounds, index: Index, now: float) -> int:
    """Remove images of these sources that are beyond the bounds, the oldest first; returns how many
    went. `now` is in seconds since 1970.

    An image that something runs in, or that a run of the user's own projects had, stays; so do base
    images, which the next source needs. Sizes count layers that images share in each of them.
    """
    if bounds.size is None and bounds.age is None:
        return 0
    ended = _ends(rows)
    kept = _in_use(index)
    try:
        present = {
            image.config_digest: image
            for image in engine.images(label=f"{LABEL}=reprokit")
            if image.config_digest in ended.keys() - kept
        }
        return sum(_removed(engine, image) for image in _beyond(present, ended, bounds, now))
    except ReprokitError:
        return 0  # an engine that does not answer is told by the next source


def _ends(rows: Iterable[Record]) -> dict[str, float]:
    """When each image was last used, the oldest first."""
    last: dict[str, float] = {}
    for row in rows:
        image, ended = row["image"], row["ended"]
        if isinstance(image, dict) and isinstance(ended, str):
            digest, end = str(image["config_digest"]), datetime.fromisoformat(ended).timestamp()
            last[digest] = max(end, last.get(digest, end))
    return dict(sorted(last.items(), key=lambda pair: pair[1]))


def _in_use(index: Index) -> set[str]:
    ours = folders.reruns()
    return {
        entry.image
        for entry in index.list()
        if entry.image is not None
        and (entry.status == "running" or ours not in Path(entry.project).parents)
    }


def _beyond(
    present: dict[str, Image], ended: dict[str, float], bounds: Bounds, now: float
) -> Iterable[Image]:
    total = sum(image.size for image in present.values())
    for digest, end in ended.items():
        image = present.get(digest)
        if image is None:
            continue
        too_old = bounds.age is not None and now - end > bounds.age
        if too_old or (bounds.size is not None and total > bounds.size):
            total -= image.size
            yield image


def _removed(engine: Engine, image: Image) -> bool:
    try:
        engine.remove_image(image.reference or image.config_digest)
    except ReprokitError:
        return False
    return True
