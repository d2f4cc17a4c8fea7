"""Whether two drawings show the same at the same places, however their edges came out.

Another version of the library that drew a plot, or of its font renderer, puts letters and lines a
fraction of a pixel elsewhere and smooths edges in another way. Every plot drawn again then has
other pixels, though nothing in it is another value. So a pixel counts as drawn at the same place
where the other picture has, within two pixels around it, colours as light and as dark in each
channel, and the other way round; both after a mean over three by three pixels, as a thin line is
black on one row or grey on two. What moved by more, has another colour, came or went does not.

That holds for drawings, whose lines and letters lie on areas of one colour. Where these are few, as
in photographs and in maps with a cell for each number, a pixel is a value of its own: there the
colours must be the same.
"""

from __future__ import annotations

from typing import Any

AWAY = 2
"""Pixels that an edge may lie elsewhere. A plot shows its numbers no better than that."""
SHADE = 4
"""Of 255: what rounding and compression change in a colour."""
CONTRAST = 4
"""At edges the fourth part of the contrast is added: strokes come out thinner or thicker."""
_AROUND = 30
"""Pixels to each side of one that tell whether it belongs to a drawing."""
_FLAT = 0.5
"""The share of them that lies in areas of one colour where it does."""
_RESIZED = 0.03
_STRIP = 512


def misplaced(expected: Any, actual: Any) -> int:
    """The pixels of two pictures of one size (height × width × RGBA) that are not drawn at the same
    place; strip by strip, so that memory stays small."""
    height, count, beyond = expected.shape[0], 0, _AROUND + 1
    for top in range(0, height, _STRIP):
        first, last = max(top - beyond, 0), min(top + _STRIP + beyond, height)
        inner = slice(top - first, top - first + min(_STRIP, height - top))
        seen, found = on_white(expected[first:last]), on_white(actual[first:last])
        one, other = _smooth(seen), _smooth(found)
        elsewhere = _outside(one, other) | _outside(other, one)
        changed = (abs(seen - found) > SHADE).any(axis=2)
        drawing = _is_drawing(seen) & _is_drawing(found)
        count += int((elsewhere | (changed & ~drawing))[inner].sum())
    return count


def _is_drawing(pixels: Any) -> Any:
    """Where at least half of what is around lies in areas of one colour."""
    import numpy

    flat = numpy.ones(pixels.shape[:2], dtype=bool)
    for axis in (0, 1):
        same = (numpy.diff(pixels, axis=axis) == 0).all(axis=2)
        for edge in ((1, 0), (0, 1)):
            wider = [(0, 0), (0, 0)]
            wider[axis] = edge
            flat &= numpy.pad(same, wider, constant_values=True)
    share = flat.astype(numpy.int32)
    for axis in (0, 1):
        share = _sums(share, axis)
    return share >= _FLAT * (2 * _AROUND + 1) ** 2


def _sums(counts: Any, axis: int) -> Any:
    """The sums over each pixel and _AROUND to both sides, those at the edge counted again."""
    import numpy

    wider = [(0, 0), (0, 0)]
    wider[axis] = (_AROUND + 1, _AROUND)
    so_far = numpy.cumsum(numpy.pad(counts, wider, mode="edge"), axis=axis)
    ahead, behind = [slice(None), slice(None)], [slice(None), slice(None)]
    ahead[axis], behind[axis] = slice(2 * _AROUND + 1, None), slice(None, -2 * _AROUND - 1)
    return so_far[tuple(ahead)] - so_far[tuple(behind)]


def _smooth(pixels: Any) -> Any:
    """The mean over each pixel and the eight around it, those at the edge counted again."""
    import numpy

    wider = numpy.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = wider[:-2] + wider[1:-1] + wider[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) // 9


def _outside(pixels: Any, around: Any) -> Any:
    """Where a picture has what another has not within AWAY pixels."""
    import numpy

    dark, light = _spread(around, numpy.minimum), _spread(around, numpy.maximum)
    slack = SHADE + (light - dark) // CONTRAST
    return ((pixels < dark - slack) | (pixels > light + slack)).any(axis=2)


def _spread(pixels: Any, pick: Any) -> Any:
    """The least or the greatest of each pixel's surroundings."""
    found = pixels
    for axis in (0, 1):
        widest = found.copy()
        for away in range(1, AWAY + 1):
            ahead = (slice(away, None),) if axis == 0 else (slice(None), slice(away, None))
            behind = (slice(None, -away),) if axis == 0 else (slice(None), slice(None, -away))
            pick(widest[ahead], found[behind], out=widest[ahead])
            pick(widest[behind], found[ahead], out=widest[behind])
        found = widest
    return found


def on_white(pixels: Any) -> Any:
    """What one sees of a picture with transparency, as whole numbers that may be subtracted."""
    import numpy

    opaque = pixels[..., 3:].astype(numpy.int32)
    seen = pixels[..., :3].astype(numpy.int32) * opaque + 255 * (255 - opaque)
    return (seen // 255).astype(numpy.int16)


def aligned(expected: Any, actual: Any) -> tuple[Any, Any] | None:
    """Two pictures of nearly the same size with their margins cut off, where what they show then
    has the same size up to AWAY pixels: margins are cut by what the letters at the edge measure.
    `None` for others."""
    sizes = [(one, other) for one, other in zip(expected.shape[:2], actual.shape[:2], strict=True)]
    if any(abs(one - other) > max(AWAY, _RESIZED * one) for one, other in sizes):
        return None
    left, right = _without_margins(expected), _without_margins(actual)
    height, width = (max(pair) for pair in zip(left.shape[:2], right.shape[:2], strict=True))
    pair = _padded(left, height, width), _padded(right, height, width)
    grown = [max(height - p.shape[0], width - p.shape[1]) for p in (left, right)]
    return pair if max(grown) <= AWAY else None


def _without_margins(pixels: Any) -> Any:
    seen = on_white(pixels)
    drawn = (seen != seen[0, 0]).any(axis=2)
    rows, columns = drawn.any(axis=1).nonzero()[0], drawn.any(axis=0).nonzero()[0]
    if not len(rows):
        return pixels
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _padded(pixels: Any, height: int, width: int) -> Any:
    import numpy

    wider = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
    return numpy.pad(pixels, wider, constant_values=255)
