"""Projects that bring their own Dockerfile: its bases are pinned, its results mounted, its image
recorded. What it downloads while it is built is its own affair, and is said so."""

from __future__ import annotations

from datetime import UTC, datetime

from reprokit import lock_file
from reprokit.engines.protocol import Engine
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.model import BuildContext, DateChoice, Image, Lock, LockedBase, Plan
from reprokit.own_dockerfile import base_references, pinned
from reprokit.phases.plan import inputs_digest
from reprokit.progress import Reporter
from reprokit.version import __version__

FAMILY = "own"


def lock(plan: Plan, text: str, engine: Engine, reporter: Reporter, today: str) -> Lock:
    """Pin every image the Dockerfile builds on. Raises InputUnavailable for one nobody has."""
    assert plan.dockerfile is not None
    references = base_references(text, plan.dockerfile)
    found = {}
    for reference in references:
        reporter.message(f"base {reference}")
        found[reference] = _pin(reference, plan.dockerfile, engine, reporter)
    date = plan.date or DateChoice(day=today, source="today")
    first = references[0] if references else "scratch"
    image = found[first][1] if references else None
    return Lock(
        schema=lock_file.SCHEMA,
        reprokit=__version__,
        platform=engine.platform(),
        inputs=inputs_digest(plan),
        date=date,
        epoch=int(datetime.fromisoformat(date.day).replace(tzinfo=UTC).timestamp()),
        base=LockedBase(
            family=FAMILY,
            name=first,
            reference=found[first][0] if references else "scratch",
            config_digest=image.config_digest if image else "",
            layers=image.layers if image else (),
            registry_digest=_digest_in(found[first][0]) if references else None,
            provides={},
            settings={"pinned": {name: pin for name, (pin, _) in found.items()}},
        ),
        system=(),
        build_system=(),
        ecosystems=(),
    )


def _pin(reference: str, dockerfile: str, engine: Engine, reporter: Reporter) -> tuple[str, Image]:
    """A reference that names exactly this image, and the image. One that exists only on this
    machine has no registry digest: its name stands, its config digest is in the record."""
    platform = engine.platform()
    if "@" not in reference:
        try:
            digest = engine.registry_digest(reference)
        except InputUnavailable:
            digest = None
        if digest is not None:
            pin = f"{reference}@{digest}"
            return pin, engine.image(pin) or engine.pull(pin, platform, reporter.log)
    image = engine.image(reference)
    if image is not None:
        return reference, image
    if "@" in reference:
        return reference, engine.pull(reference, platform, reporter.log)
    raise InputUnavailable(
        f"the image {reference} can be had neither from a registry nor here",
        where=dockerfile,
        next='check its name, or write dockerfile = "generate" in repro.toml',
    )


def _digest_in(reference: str) -> str | None:
    return reference.partition("@")[2] or None


def context(plan: Plan, lock_: Lock, text: str) -> BuildContext:
    """The project's own Dockerfile with its bases pinned, and the project's files beside it."""
    assert plan.dockerfile is not None
    pins = lock_.base.settings.get("pinned")
    if not isinstance(pins, dict):
        raise BadRequest("names no pinned images", where=lock_file.NAME, next="`reprokit lock`")
    known = {name: str(pin) for name, pin in pins.items()}
    # A published Dockerfile is pinned already.
    known |= {pin: pin for pin in known.values()}
    code = [path for path in plan.code if path not in ("Dockerfile", ".dockerignore")]
    bakes = plan.data.mode == "bake"
    if bakes:
        code += plan.data.files
    unpacked = [(mount.target, mount) for mount in plan.data.unpacked()] if bakes else []
    return BuildContext(
        dockerfile=pinned(text, known, plan.dockerfile),
        dockerignore="",
        files=(),
        artifacts=(),
        code=tuple(sorted((path, path) for path in code)),
        unpacked=tuple(unpacked),
    )
