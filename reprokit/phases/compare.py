"""Compare: expected results and those of a run, file by file. Reads files, runs none of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from reprokit.comparators.apart import Apart
from reprokit.comparators.dispatch import compare_differing, identical, settings_for
from reprokit.comparators.protocol import Learnt, Limits, RunR
from reprokit.frozen import frozen
from reprokit.model import ResultFile
from reprokit.phases.learn import Variation
from reprokit.progress import Reporter, Silent
from reprokit.tolerance import CompareOptions
from reprokit.verdict import Comparison, Grade, Verdict

_NONE = "none"
"""What stands for the comparator where there was nothing to compare."""


@frozen
class Expected:
    """An expected result. `sha256` is "sha256:<hex>". `content` is `None` where only the hash of
    the file is at hand."""

    path: str
    sha256: str
    content: Path | None = None


def expected_of(results: Iterable[ResultFile], folder: Path | None) -> tuple[Expected, ...]:
    """The results of another run as what is expected; `folder` has them, where it is known."""
    return tuple(
        Expected(
            path=file.path,
            sha256=file.sha256,
            content=None if folder is None else folder / file.path,
        )
        for file in results
    )


def compare(
    expected: Sequence[Expected],
    actual: Sequence[ResultFile],
    folder: Path,
    *,
    options: CompareOptions | None = None,
    variation: Variation | None = None,
    complete: bool = True,
    run_r: RunR | None = None,
    limits: Limits | None = None,
    reporter: Reporter | None = None,
) -> Verdict:
    """The verdict over all files.

    actual: the results of the run, as `collect.listing` gives them; they lie in `folder`.
    variation: what the author's own runs differed by, or a rerun's; it holds where it knows a
    value, besides the tolerance. complete: whether all that the run writes is expected; else a file
    more than that says nothing. run_r: how R is run to read R's own files.
    """
    rules, says = options or CompareOptions(), reporter or Silent()
    there = {file.path: file for file in actual}
    wanted = {file.path: file for file in expected}
    paths = sorted({*wanted, *there} if complete else wanted)
    judged = [path for path in paths if not rules.ignores(path)]
    found, kept = [], limits or Limits()
    with Apart() as apart:
        for done, path in enumerate(judged):
            old, new = wanted.get(path), there.get(path)
            if old is None or new is None:
                found.append(_alone(path, old is None, variation))
            elif old.sha256 == new.sha256:
                found.append(identical(path))
            else:
                says.message(f"comparing {path}")
                learnt = None if variation is None else variation.files.get(path)
                found.append(_pair(old, folder / path, rules, learnt, run_r, kept, apart))
            says.advance(done + 1, len(judged), "files")
    ignored = tuple(path for path in paths if rules.ignores(path))
    return Verdict(files=tuple(found), tolerance=rules.tolerance, ignored=ignored)


def _alone(path: str, extra: bool, variation: Variation | None) -> Comparison:
    """A file that is on one side only."""
    grade = Grade.EXTRA if extra else Grade.MISSING
    summary = "was not expected" if extra else "was not written"
    if variation is not None and path in variation.unstable:
        grade = Grade.SIMILAR
        summary += f", as in some of {variation.whose}"
    return Comparison(path=path, comparator=_NONE, grade=grade, summary=summary)


def _pair(
    old: Expected,
    actual: Path,
    rules: CompareOptions,
    learnt: Learnt | None,
    run_r: RunR | None,
    limits: Limits,
    apart: Apart,
) -> Comparison:
    if old.content is None:
        return Comparison(
            path=old.path,
            comparator="bytes",
            grade=Grade.DIFFERENT,
            summary="has another SHA-256 than expected; the expected file itself is not at hand",
            details={"expected_sha256": old.sha256},
        )
    from reprokit import registry

    settings = settings_for(old.path, (old.content, actual), rules, limits, run_r, learnt, apart)
    return compare_differing(old.path, old.content, actual, settings, registry.comparators())
