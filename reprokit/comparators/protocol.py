"""What a comparator is, and what it works with."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeAlias

from reprokit.errors import ReprokitError, Telling
from reprokit.frozen import frozen
from reprokit.tolerance import Tolerance
from reprokit.verdict import Comparison, Finding

Place: TypeAlias = tuple[str, str]
"""Where a number stands: its series (a column, an array, a path without indices), and where in it
("row 17", "[3, 4]")."""
Observer: TypeAlias = Callable[[Place, float, float], None]
RunR: TypeAlias = Callable[[str, Mapping[str, Path]], str]
"""Runs R code where the files of the mapping lie, read-only, as /input/NAME; what it prints.
Raises ReprokitError where R fails or is not there."""

DEEPEST = 5
"""How many archives may lie in one another."""


class Unreadable(Telling):
    """A file is not what its name says, is damaged, too large or dangerous to read. The text says
    why, after "cannot be read as X: "."""


class NeedsExtra(Telling):
    """A library is not installed. The text names the kind of file."""


@frozen
class Limits:
    """How much of a file is read. Results may come from strangers: a small file can claim to hold
    more than any machine has."""

    document: int = 64 * 1024**2
    """Bytes of a file that can only be read as a whole (JSON, YAML, PDF, a spreadsheet)."""
    values: int = 5_000_000
    """Values in such a file."""
    pixels: int = 100_000_000
    """Pixels of one picture."""
    pages: int = 500
    """Pages of a PDF, pictures in an animation."""
    members: int = 100_000
    """Members of one archive."""
    unpacked: int = 20 * 1024**3
    """Bytes that an archive or compressed file unpacks to, all that lies in it included."""
    ratio: float = 200
    """Times its own size, which counts beyond `free` bytes."""
    free: int = 256 * 1024**2


class Budget:
    """Counts what is unpacked of one result, archives in archives included."""

    def __init__(self, limits: Limits, size: int) -> None:
        ratio = max(limits.free, int(limits.ratio * size))
        self._left = min(limits.unpacked, ratio)
        self._all = self._left

    @property
    def left(self) -> int:
        """Bytes that may still be unpacked; below 0 once it was too much."""
        return self._left

    def take(self, count: int) -> None:
        """Raises Unreadable where it has become too much."""
        self._left -= count
        if self._left < 0:
            raise Unreadable(f"it unpacks to more than {self._all:,} bytes")


@frozen
class Learnt:
    """What several runs of a program differed by in a file (`reprokit.phases.learn`): the author's,
    within whose results a rerun's are to lie, or a rerun's own (`ours`), within whose results what
    is expected is to lie.

    `intervals` are the least and the greatest value seen at a place. `spreads` are for series of
    too many places: the greatest distance from the first run's value. `opaque` says that something
    else than numbers differed.
    """

    runs: int
    intervals: Mapping[Place, tuple[float, float]] = field(default_factory=dict)
    spreads: Mapping[str, float] = field(default_factory=dict)
    opaque: bool = False
    ours: bool = False
    _widest: Mapping[str, tuple[float, float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        widest: dict[str, tuple[float, float]] = {}
        for (series, _), (low, high) in self.intervals.items():
            width, size = high - low, max(abs(low), abs(high))
            known = widest.get(series, (0.0, 0.0))
            share = width / size if size else 0.0
            widest[series] = max(known[0], width), max(known[1], share)
        object.__setattr__(self, "_widest", widest)

    @property
    def whose(self) -> str:
        """The runs, in words."""
        return f"{self.runs} runs here" if self.ours else f"the author's own {self.runs} runs"

    def holds(self, place: Place, expected: float, actual: float) -> bool:
        """Whether the number is within what the runs varied by."""
        if self.ours:
            return self.spans(place, actual, expected)
        return self.spans(place, expected, actual)

    def spans(self, place: Place, first: float, value: float) -> bool:
        """Whether a value is within what the runs varied by, of which the first had `first`.

        One more run of the same program leaves the bare interval of five runs one time in three,
        so an interval counts with a margin on either side: its own width, or the greatest width in
        the series where that is more, but then no more than the greatest share of a value.
        """
        interval = self.intervals.get(place)
        if interval is not None:
            width, share = self._widest[place[0]]
            margin = max(interval[1] - interval[0], min(width, share * abs(first)))
            return interval[0] - margin <= value <= interval[1] + margin
        spread = self.spreads.get(place[0])
        return spread is not None and abs(value - first) <= 2 * spread


@frozen
class Settings:
    """How one file is judged.

    `path` is the file's name, for what it says of the content: of a part, the part's own.
    `skipped` are shell patterns of series (columns, arrays, paths in a document) that are not
    compared. `observe` is told each number that differs. `within` is the name of the archive
    members or cells that the file lies in, and `depth` how many there are. `compare` compares
    what lies in a file, by whatever comparator suits it; `apart` does so in a process of its own
    where the comparator asks for one, `None` where all is compared here. `ruled` says that the
    tolerance is that of a rule for this file and not the project's.
    """

    tolerance: Tolerance
    compare: Callable[[str, Path, Path, Settings], Comparison]
    budget: Budget
    limits: Limits = field(default_factory=Limits)
    skipped: tuple[str, ...] = ()
    learnt: Learnt | None = None
    observe: Observer | None = None
    run_r: RunR | None = None
    apart: Callable[[str, Path, Path, Settings], Comparison] | None = None
    ruled: bool = False
    within: str = ""
    depth: int = 0
    path: str = ""

    def inside(self, name: str) -> Settings:
        """The settings for a part of the file. Raises Unreadable where parts lie too deep."""
        if self.depth >= DEEPEST:
            raise Unreadable(f"it holds archives in archives, more than {DEEPEST} deep")
        return replace(self, within=f"{self.within}{name}: ", depth=self.depth + 1)

    def skips(self, series: str) -> bool:
        """Whether the series is one that the configuration leaves out."""
        return any(series == name or fnmatchcase(series, name) for name in self.skipped)


class Comparator(Protocol):
    """Compares one kind of file. Instances keep no state.

    One whose library can end the process on a damaged file says so by an attribute `apart = True`.
    """

    name: str

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        """How well, from 0 (not at all) to 100; built-ins say 80 at most. The best compares.

        path: the file's, in lower case.
        first: the first 4096 bytes of the expected file, or all. Reads nothing else.
        """

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        """What differs. The names of the two files on disk say nothing. Raises Unreadable and
        NeedsExtra, upon which they are compared as bytes."""


@contextmanager
def needing(kind: str) -> Iterator[None]:
    """Around the import of a library: NeedsExtra where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise NeedsExtra(kind) from error


@contextmanager
def reading() -> Iterator[None]:
    """Around a library that reads a file: whatever it raises for a broken one is Unreadable. What
    it only warns of (its own deprecations, a picture that is large) is not for people."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (Unreadable, NeedsExtra, ReprokitError):
        raise
    except (RecursionError, MemoryError) as error:
        raise Unreadable("it is nested too deeply or too large") from error
    except Exception as error:
        said = " ".join(f"{error}".split())[:200]
        raise Unreadable(said or type(error).__name__) from error


def small_enough(limit: int, *paths: Path) -> None:
    """Raises Unreadable for a file of more bytes."""
    for path in paths:
        if path.stat().st_size > limit:
            raise Unreadable(f"it is larger than {limit // 1024**2:,} MiB")
