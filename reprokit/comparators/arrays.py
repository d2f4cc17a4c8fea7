"""Arrays of numbers, a part at a time: .npy files, and what other formats read as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from reprokit.comparators.protocol import Settings, Unreadable, needing, reading
from reprokit.comparators.tally import Tally
from reprokit.verdict import Finding

if TYPE_CHECKING:
    import numpy

Array = Any
"""numpy's ndarray, or what can be sliced into one along its first axis."""

_PART = 4_000_000
"""Elements compared at once."""
_TOLD = 10_000
"""Differing elements that are looked at one by one; the rest of an array is only counted."""


class Npy:
    """One numpy array. Objects in it would be pickled, and pickles are programs: never read."""

    name = "numpy array"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 80 if first.startswith(b"\x93NUMPY") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with needing("numpy arrays"):
            import numpy
        tally = Tally(settings, kind="array")
        with reading():
            arrays = []
            for path in (expected, actual):
                loaded = numpy.load(path, mmap_mode="r", allow_pickle=False)
                if not isinstance(loaded, numpy.ndarray):
                    loaded.close()
                    raise Unreadable("it is no single array")
                arrays.append(loaded)
            compare_arrays("values", arrays[0], arrays[1], tally)
        return tally.finding()


def compare_arrays(series: str, expected: Array, actual: Array, tally: Tally) -> None:
    """Count what differs between two arrays that have `shape` and `dtype`."""
    if expected.shape != actual.shape:
        tally.misses(f"'{series}' has the shape {_shape(actual)} instead of {_shape(expected)}")
        return
    if expected.dtype != actual.dtype:
        tally.notes.append(f"'{series}' is of type {actual.dtype} instead of {expected.dtype}")
    for place, part in _parts(expected.shape):
        left, right = expected[part], actual[part]
        if expected.dtype.names:
            for field in expected.dtype.names:
                if field not in (actual.dtype.names or ()):
                    tally.misses(f"'{series}' is without the field '{field}'")
                    return
                _part(f"{series}.{field}", left[field], right[field], place, tally)
        else:
            _part(series, left, right, place, tally)


def _shape(array: Array) -> str:
    return "×".join(str(length) for length in array.shape) or "of one number"


def _parts(shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Slices that cover an array, none of which is too large, each with where it begins."""
    count = 1
    for length in shape:
        count *= length
    if not shape or count <= _PART:
        yield (0,) * len(shape), ()
        return
    row = count // shape[0]
    if row > _PART:
        for at in range(shape[0]):
            for start, part in _parts(shape[1:]):
                yield (at, *start), (at, *part) if part else (at,)
        return
    step = max(1, _PART // row)
    for at in range(0, shape[0], step):
        yield (at, *(0,) * (len(shape) - 1)), (slice(at, at + step),)


def _part(
    series: str, expected: Array, actual: Array, place: tuple[int, ...], tally: Tally
) -> None:
    import numpy

    left, right = numpy.asarray(expected), numpy.asarray(actual)
    tally.total += left.size
    numeric = all(numpy.issubdtype(a.dtype, numpy.number) or a.dtype == bool for a in (left, right))
    if not numeric:
        _others(series, left, right, place, tally)
        return
    if numpy.iscomplexobj(left) or numpy.iscomplexobj(right):
        _numbers(f"{series}.real", left.real, right.real, place, tally)
        _numbers(f"{series}.imag", left.imag, right.imag, place, tally)
    else:
        _numbers(series, left, right, place, tally)


def _numbers(
    series: str,
    left: numpy.ndarray[Any, Any],
    right: numpy.ndarray[Any, Any],
    place: tuple[int, ...],
    tally: Tally,
) -> None:
    import numpy

    unequal = left != right
    if numpy.issubdtype(left.dtype, numpy.inexact) and numpy.issubdtype(right.dtype, numpy.inexact):
        unequal &= ~(numpy.isnan(left) & numpy.isnan(right))
    where = numpy.argwhere(unequal)
    for at in where[:_TOLD]:
        index = tuple(int(i) for i in at)
        one, other = float(left[index]), float(right[index])
        tally.numbers(series, _position(index, place), one, other)
    if len(where) > _TOLD:
        rest = tuple(where[_TOLD:].T)
        _rest(series, left[rest].astype(float), right[rest].astype(float), tally)


def _rest(
    series: str, left: numpy.ndarray[Any, Any], right: numpy.ndarray[Any, Any], tally: Tally
) -> None:
    """Many more elements that differ: judged together, without a place for each."""
    import numpy

    settings = tally.settings
    if settings.skips(series):
        tally.skipped += len(left)
        return
    with numpy.errstate(all="ignore"):
        apart = numpy.abs(right - left)
        tolerance = settings.tolerance
        allowed = numpy.maximum(tolerance.absolute, tolerance.relative * numpy.abs(left))
        accepted = apart <= allowed
        spread = (
            None
            if settings.learnt is None
            else settings.learnt.spreads.get(f"{settings.within}{series}")
        )
        varied = ~accepted & (apart <= 2 * spread) if spread is not None else ~accepted & False
    if settings.observe is not None and len(left):
        at = int(numpy.nanargmax(apart)) if numpy.isfinite(apart).any() else 0
        place = (f"{settings.within}{series}", "elsewhere")
        settings.observe(place, float(left[at]), float(right[at]))
    tally.apart += int(accepted.sum())
    tally.varied += int(varied.sum())
    tally.beyond += int((~accepted & ~varied).sum())


def _others(series: str, left: Array, right: Array, place: tuple[int, ...], tally: Tally) -> None:
    """Texts, times and the like."""
    import numpy

    if left.dtype.hasobject or right.dtype.hasobject:
        pairs = zip(left.ravel(), right.ravel(), strict=True)
        where = [at for at, (one, other) in enumerate(pairs) if _differ(one, other)]
        indices = [numpy.unravel_index(at, left.shape) for at in where]
    else:
        indices = [tuple(at) for at in numpy.argwhere(left != right)]
    for at in indices:
        index = tuple(int(i) for i in at)
        tally.texts(series, _position(index, place), _plain(left[index]), _plain(right[index]))


def _differ(one: object, other: object) -> bool:
    return repr(one) != repr(other)


def _plain(value: object) -> object:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _position(index: tuple[int, ...], place: tuple[int, ...]) -> str:
    """Where an element of a part stands in the whole array. A part that is one row of it has
    fewer axes than the place it begins at."""
    fixed = len(place) - len(index)
    whole = [*place[:fixed], *(i + p for i, p in zip(index, place[fixed:], strict=True))]
    return f"[{', '.join(map(str, whole))}]" if whole else ""
