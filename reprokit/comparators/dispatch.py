"""Two files, compared by whatever suits them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from reprokit import files
from reprokit.comparators.apart import Apart
from reprokit.comparators.protocol import (
    Budget,
    Comparator,
    Learnt,
    Limits,
    NeedsExtra,
    RunR,
    Settings,
    Unreadable,
)
from reprokit.history.wording import shortened
from reprokit.tolerance import CompareOptions
from reprokit.verdict import Comparison, Finding, Grade

FIRST = 4096
"""Bytes that a comparator sees to say whether it suits."""
BYTES = "bytes"
_LONGEST = 400
"""Characters of a summary."""


def comparison(path: str, comparator: str, finding: Finding) -> Comparison:
    """The finding about the file at `path`."""
    return Comparison(
        path=path,
        comparator=comparator,
        grade=finding.grade,
        summary=shortened(finding.summary, _LONGEST),
        details=finding.details,
        attachments=finding.attachments,
    )


def identical(path: str) -> Comparison:
    """The same bytes."""
    return Comparison(path=path, comparator=BYTES, grade=Grade.IDENTICAL, summary="the same bytes")


def settings_for(
    path: str,
    files: Sequence[Path],
    rules: CompareOptions,
    limits: Limits,
    run_r: RunR | None,
    learnt: Learnt | None = None,
    apart: Apart | None = None,
) -> Settings:
    """How the file called `path` is judged."""
    tolerance, skipped = rules.of(path)
    return Settings(
        tolerance=tolerance,
        compare=compare_files,
        budget=Budget(limits, sum(file.stat().st_size for file in files)),
        limits=limits,
        skipped=skipped,
        learnt=learnt,
        run_r=run_r,
        apart=apart,
        ruled=tolerance != rules.tolerance,
    )


def compare_files(path: str, expected: Path, actual: Path, settings: Settings) -> Comparison:
    """Compare the two files that are, or lie in something, called `path`.

    Equal bytes need no comparator. One that cannot read a file, or needs a library that is not
    installed, says so, and bytes are compared.
    """
    if same_bytes(expected, actual):
        return identical(path)
    from reprokit import registry

    return compare_differing(path, expected, actual, settings, registry.comparators())


def compare_differing(
    path: str, expected: Path, actual: Path, settings: Settings, known: Sequence[Comparator]
) -> Comparison:
    """Compare two files that are known not to have the same bytes."""
    with expected.open("rb") as file:
        first = file.read(FIRST)
    chosen = best(known, PurePosixPath(path.casefold()), first)
    settings = replace(settings, path=path)
    try:
        if settings.apart is not None and getattr(chosen, "apart", False):
            return settings.apart(path, expected, actual, settings)
        found = comparison(path, chosen.name, chosen.compare(expected, actual, settings))
    except Unreadable as error:
        why = f"cannot be read as {chosen.name}: {error}"
    except NeedsExtra as error:
        why = f'to compare {error}, install an extra: pip install "reprokit[compare]"'
    else:
        return found if found.grade.reproduced else _opaque(found, settings)
    finding = differing_bytes(expected, actual)
    said = replace(finding, summary=f"{finding.summary}; {why}")
    return _opaque(comparison(path, BYTES, said), settings)


def best(known: Sequence[Comparator], path: PurePosixPath, first: bytes) -> Comparator:
    """The comparator that suits best; of two that suit as well, the first by name."""
    return max(known, key=lambda comparator: comparator.suits(path, first))


def same_bytes(expected: Path, actual: Path) -> bool:
    """Whether two files have the same size and SHA-256."""
    if expected.stat().st_size != actual.stat().st_size:
        return False
    return _digest(expected) == _digest(actual)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def differing_bytes(expected: Path, actual: Path) -> Finding:
    """What can be said of two files whose content nobody understands."""
    sizes = expected.stat().st_size, actual.stat().st_size
    offset = files.first_difference(expected, actual)
    if sizes[0] == sizes[1]:
        summary = (
            f"{sizes[0]:,} bytes, of which the one at offset {offset:,} is the first to differ"
        )
    else:
        summary = f"{sizes[1]:,} bytes instead of {sizes[0]:,}, the same up to offset {offset:,}"
    return Finding(
        grade=Grade.DIFFERENT,
        summary=summary,
        details={"sizes": [*sizes], "first_difference": offset},
    )


def _opaque(found: Comparison, settings: Settings) -> Comparison:
    """A file that differs in ways without a number, and did so between the runs as well."""
    learnt = settings.learnt
    if learnt is None or not learnt.opaque or settings.within:
        return found
    return replace(
        found,
        grade=Grade.SIMILAR,
        summary=f"differs, as it did between {learnt.whose}: {found.summary}",
    )
