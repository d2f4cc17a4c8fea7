"""The image that a run ran in, in an engine: the one that it has, else built again."""

from __future__ import annotations

from reprokit.engines.protocol import Engine
from reprokit.errors import InputUnavailable
from reprokit.history import reading
from reprokit.history.index import Entry
from reprokit.model import Lock
from reprokit.phases.build import Prepared
from reprokit.pipeline.earlier_code import code_of, lock_of
from reprokit.pipeline.job import Job, Stopwatch, ensure_image, powers_for
from reprokit.progress import Reporter


def image_that_ran(entry: Entry, record: reading.Record, engine: Engine, reporter: Reporter) -> str:
    """A name of the image in the engine. Raises InputUnavailable where it cannot be had again."""
    wanted = reading.mapping(record, "image")
    digest, reference = reading.text(wanted, "config_digest"), reading.text(wanted, "reference")
    for name in (digest, reference):
        found = engine.image(name)
        if found is not None and found.config_digest == digest:
            return name
    lock = lock_of(entry)
    key = reading.text(reading.mapping(record, "context"), "sha256")
    with code_of(entry, record, lock, key) as (job, prepared):
        return built_again(job, lock, prepared, digest, engine, reporter)


def built_again(
    job: Job, lock: Lock, prepared: Prepared, digest: str, engine: Engine, reporter: Reporter
) -> str:
    """The name of the image that a build of the same code gives. Raises InputUnavailable where
    that is another one."""
    powers, watch = powers_for(engine, reporter), Stopwatch(reporter)
    for no_cache in (False, True):  # the engine may have another image of that name
        image = ensure_image(job, lock, prepared, powers, watch, no_cache=no_cache)
        if image.config_digest == digest:
            return image.reference
    raise InputUnavailable(
        "the image of the run is gone, and building it again gave another one",
        where=image.config_digest,
        next="`reprokit verify RUN --rebuild` says what differs",
    )
