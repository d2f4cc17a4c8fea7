"""A file made of parts, each of which was compared by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reprokit.model import JSON
from reprokit.verdict import Attachment, Comparison, Finding, Grade, worst

_SHOWN = 20


def combined(
    parts: Sequence[Comparison],
    unit: str,
    *,
    notes: Sequence[str] = (),
    details: Mapping[str, JSON] | None = None,
    at_least: Grade = Grade.WITHIN_TOLERANCE,
) -> Finding:
    """The finding over all parts; each one's path is its name. `unit` is what a part is called
    ("member", "output"). The whole is never identical: its bytes are not.

    at_least: the best grade it can have, where `notes` say of more than parts.
    """
    changed = [part for part in parts if part.grade is not Grade.IDENTICAL]
    grade = worst([at_least, *(part.grade for part in parts)])
    pictures = [_named(part, attachment) for part in changed for attachment in part.attachments]
    return Finding(
        grade=grade,
        summary=_sentence(parts, unit, notes),
        details={
            f"{unit}s": len(parts),
            "counts": _counts(parts),
            "notes": [*notes],
            "parts": [part.json() for part in changed[:_SHOWN]],
            **(details or {}),
        },
        attachments=tuple(pictures[:_SHOWN]),
    )


def _counts(parts: Sequence[Comparison]) -> dict[str, JSON]:
    counted = Counter(part.grade for part in parts)
    return {grade.value: counted[grade] for grade in Grade if counted[grade]}


def _sentence(parts: Sequence[Comparison], unit: str, notes: Sequence[str]) -> str:
    bad = [part for part in parts if not part.grade.reproduced]
    near = [part for part in parts if part.grade is Grade.WITHIN_TOLERANCE]
    said = list(notes)
    if bad:
        order = list(Grade)
        first = max(bad, key=lambda part: order.index(part.grade))
        verb = "differs" if len(bad) == 1 else "differ"
        said.append(f"{len(bad):,} of {len(parts):,} {unit}s {verb}; {_told(first)}")
    elif near:
        count = f"{len(near):,} of {len(parts):,} {unit}s"
        said.append(f"{count} within tolerance; {_told(near[0])}")
    elif not said:
        said.append(f"the same {len(parts):,} {unit}s, packed differently")
    return "; ".join(said)


def _told(part: Comparison) -> str:
    if part.grade in (Grade.MISSING, Grade.EXTRA):
        return f"{part.path} is {part.grade.value}"
    return f"{part.path}: {part.summary}"


def _named(part: Comparison, attachment: Attachment) -> Attachment:
    """Pictures of different parts may have one name."""
    return Attachment(
        name=f"{part.path}: {attachment.name}",
        media_type=attachment.media_type,
        content=attachment.content,
    )
