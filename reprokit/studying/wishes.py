"""What a command line says of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from reprokit.configuration_keys import positive_integer, positive_number, size
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.rerunning import limits
from reprokit.studying.pruning import Bounds


@frozen
class Wishes:
    """See `reprokit.verbs.study`. memory: bytes for all containers together; `None` is what nobody
    said."""

    jobs: int | None = None
    output: Path | None = None
    again: Sequence[str] = ()
    timeout: float | None = None
    memory: int | None = None
    yes: bool = False
    reports: bool = False
    engine: str | None = None
    bounds: Bounds = field(default_factory=Bounds)


def given(
    *,
    jobs: int | None,
    output: Path | None,
    again: Sequence[str],
    timeout: float | None,
    memory: str | None,
    yes: bool,
    reports: bool,
    keep_images: str | None,
    keep_images_for: float | None,
    engine: str | None,
) -> Wishes:
    """Checked. Raises BadRequest that names the option."""
    confined = limits.given(memory, timeout)
    option = "--jobs"
    try:
        jobs = None if jobs is None else positive_integer(jobs)
        option = "--keep-images"
        most = None if keep_images is None else size(keep_images)
        option = "--keep-images-for"
        hours = None if keep_images_for is None else positive_number(keep_images_for)
    except ValueError as error:
        raise BadRequest(f"{option} {error}", next="see `reprokit study --help`") from error
    return Wishes(
        jobs=jobs,
        output=output,
        again=again,
        timeout=confined.timeout,
        memory=confined.memory,
        yes=yes,
        reports=reports,
        engine=engine,
        bounds=Bounds(size=most, age=None if hours is None else 3600 * hours),
    )
