"""What one Python declaration says, before the detection is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from reprokit.frozen import frozen
from reprokit.model import Note, Reason, Requirement, Runtime, SystemPackage

Pins = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Normalised name -> version -> "sha256:…" of every file that a lock allows (empty: any)."""


@frozen
class Found:
    """The content of a declaration and of whatever it includes.

    `indexes` are (option, value) of pip's index options, in order. `pins` come from lock files;
    `complete` is true where the requirements are already the whole closure, so that no dependency
    must be added to them.
    """

    files: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    runtimes: tuple[Runtime, ...] = ()
    system_packages: tuple[SystemPackage, ...] = ()
    notes: tuple[Note, ...] = ()
    indexes: tuple[tuple[str, str], ...] = ()
    pins: Pins = field(default_factory=dict)
    complete: bool = False


def merged(*parts: Found) -> Found:
    """Several findings as one, in order; a file that is named twice counts once."""
    return Found(
        files=tuple(dict.fromkeys(name for part in parts for name in part.files)),
        requirements=tuple(r for part in parts for r in part.requirements),
        constraints=tuple(c for part in parts for c in part.constraints),
        runtimes=tuple(r for part in parts for r in part.runtimes),
        system_packages=tuple(s for part in parts for s in part.system_packages),
        notes=tuple(n for part in parts for n in part.notes),
        indexes=tuple(dict.fromkeys(i for part in parts for i in part.indexes)),
        pins={name: pins for part in parts for name, pins in part.pins.items()},
        complete=bool(parts) and all(part.complete for part in parts),
    )


def information(text: str, file: str | None = None, line: int | None = None) -> Note:
    """A note for whoever wants to know why."""
    reason = Reason(text=text, file=file, line=line) if file else None
    return Note(level="information", text=text, reason=reason)


def warning(text: str, file: str | None = None, line: int | None = None) -> Note:
    """A note shown before a run starts."""
    reason = Reason(text=text, file=file, line=line) if file else None
    return Note(level="warning", text=text, reason=reason)
