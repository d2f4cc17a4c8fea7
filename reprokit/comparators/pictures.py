"""Pictures: the same pixels, or how much two resemble each other, with a picture of where not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from reprokit.comparators.places import AWAY, aligned, misplaced
from reprokit.comparators.protocol import Limits, Settings, Unreadable, needing, reading
from reprokit.frozen import frozen
from reprokit.model import JSON
from reprokit.verdict import Attachment, Finding, Grade

SIMILAR = 0.95
"""The structural similarity from which on a picture is similar, to an eye that looks at plots."""
_WINDOW = 7
_STRIP = 256
_SHOWN = 1600
_FORMATS = ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"BM", b"P1", b"P2",
          b"P3", b"P4", b"P5", b"P6")  # fmt: skip


class Picture:
    """PNG, JPEG, GIF, TIFF, BMP, WebP and PPM."""

    name = "picture"
    apart = True

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        webp = first.startswith(b"RIFF") and first[8:12] == b"WEBP"
        known = webp or first.startswith(_MAGIC[:5])
        if known:
            return 60
        named = path.suffix in (".bmp", ".pbm", ".pgm", ".ppm", ".pnm")
        return 60 if named and first.startswith(_MAGIC) else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with needing("pictures"):
            import numpy  # noqa: F401
            import PIL  # noqa: F401
        with reading():
            pairs = zip_frames(frames(expected, settings.limits), frames(actual, settings.limits))
            return compared(
                [compare_pixels(one, other) for one, other in pairs], "picture", settings
            )


@frozen
class Likeness:
    """How two pictures compare. `sizes` are set where they differ, and then nothing else is.

    `similarity` is the structural similarity index (Wang et al. 2004, window 7×7, as
    scikit-image computes it by default), 1 for equal pictures. `largest` is the greatest
    difference in one channel, of 255. `misplaced` are the pixels that are not drawn at the same
    place (`reprokit.comparators.places`), `resized` the sizes where margins had to be cut. `box`
    holds all pixels that differ: the first and last column, the first and last row, counted from 0
    at the upper left.
    """

    pixels: int
    differing: int = 0
    box: tuple[int, int, int, int] | None = None
    largest: float = 0
    similarity: float = 1.0
    sizes: tuple[str, str] | None = None
    misplaced: int = 0
    resized: tuple[str, str] | None = None
    picture: bytes | None = None

    def json(self) -> dict[str, JSON]:
        return {
            "pixels": self.pixels,
            "differing": self.differing,
            "box": None if self.box is None else [*self.box],
            "largest": self.largest,
            "similarity": self.similarity,
            "misplaced": self.misplaced,
            "sizes": None if self.sizes is None else [*self.sizes],
        }


def zip_frames(left: Iterator[Any], right: Iterator[Any]) -> Iterator[tuple[Any, Any]]:
    """Pairs of pictures, with `None` where one file has fewer."""
    while True:
        one, other = next(left, None), next(right, None)
        if one is None and other is None:
            return
        yield one, other


def frames(source: Path | io.BytesIO, limits: Limits) -> Iterator[Any]:
    """The pictures of a file as arrays height × width × 4 (8 bits), or × 1 where it has more."""
    from PIL import Image

    with Image.open(source, formats=_FORMATS) as image:
        count = getattr(image, "n_frames", 1)
        if count > limits.pages:
            raise Unreadable(f"it has more than {limits.pages} pictures")
        for at in range(count):
            if at:
                image.seek(at)
            if image.width * image.height > limits.pixels:
                raise Unreadable(f"it has more than {limits.pixels:,} pixels")
            yield _array(image)


def _array(image: Any) -> Any:
    import numpy

    if image.mode in ("F", "I", "I;16", "I;16B", "I;16L"):
        return numpy.asarray(image)[..., None]
    return numpy.asarray(image.convert("RGBA"))


def compare_pixels(expected: Any, actual: Any) -> Likeness:
    """Compare two pictures as `frames` gives them; `None` is one that is not there."""
    import numpy

    resized = None
    if expected is None or actual is None or expected.shape != actual.shape:
        there = expected if expected is not None else actual
        sizes = _size(expected), _size(actual)
        pair = _aligned(expected, actual)
        if pair is None:
            return Likeness(pixels=there.shape[0] * there.shape[1], sizes=sizes)
        (expected, actual), resized = pair, sizes
    unequal = (expected != actual).any(axis=2)
    differing = int(unequal.sum())
    pixels = int(unequal.size)
    if not differing:
        return Likeness(pixels=pixels, resized=resized)
    apart = numpy.abs(expected[unequal].astype(float) - actual[unequal].astype(float))
    return Likeness(
        pixels=pixels,
        differing=differing,
        box=_box(unequal),
        largest=float(numpy.nanmax(apart)),
        similarity=similarity(grey(expected), grey(actual)),
        misplaced=misplaced(expected, actual) if expected.shape[2] == 4 else differing,
        resized=resized,
        picture=_difference(expected, unequal),
    )


def _aligned(expected: Any, actual: Any) -> tuple[Any, Any] | None:
    """Two pictures of the size of what they show, where that alone is the same."""
    if expected is None or actual is None or not expected.shape[2] == actual.shape[2] == 4:
        return None
    return aligned(expected, actual)


def _box(unequal: Any) -> tuple[int, int, int, int]:
    columns, rows = unequal.any(axis=0).nonzero()[0], unequal.any(axis=1).nonzero()[0]
    return int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])


def _size(array: Any) -> str:
    return "no picture" if array is None else f"{array.shape[1]}×{array.shape[0]}"


def grey(pixels: Any) -> Any:
    """Brightness on white, from 0 to 255 where a channel has 8 bits (ITU-R BT.601)."""
    import numpy

    if pixels.shape[2] == 1:
        return pixels[..., 0]
    opaque = pixels[..., 3].astype(numpy.float32) / 255
    weights = numpy.array([0.299, 0.587, 0.114], dtype=numpy.float32)
    return pixels[..., :3] @ weights * opaque + 255 * (1 - opaque)


def similarity(expected: Any, actual: Any) -> float:
    """The structural similarity index of two grey pictures, the mean over all windows.

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE Trans. Image Processing 13(4), 2004, with
    uniform windows and sample covariance. Strip by strip, so that memory stays small.
    """
    import numpy

    height, width = expected.shape
    window = min(_WINDOW, height, width)
    bright = (
        255.0
        if max(expected.max(), actual.max()) <= 255
        else float(max(expected.max(), actual.max()) - min(expected.min(), actual.min()))
    )
    total, count = 0.0, 0
    for top in range(0, height - window + 1, _STRIP):
        rows = slice(top, min(top + _STRIP + window - 1, height))
        strip = _ssim(expected[rows].astype(float), actual[rows].astype(float), window, bright)
        total, count = total + float(numpy.sum(strip)), count + strip.size
    return total / count


def _ssim(x: Any, y: Any, window: int, bright: float) -> Any:
    samples = window * window
    unbiased = samples / max(samples - 1, 1)
    mean_x, mean_y = _mean(x, window), _mean(y, window)
    var_x = unbiased * (_mean(x * x, window) - mean_x * mean_x)
    var_y = unbiased * (_mean(y * y, window) - mean_y * mean_y)
    both = unbiased * (_mean(x * y, window) - mean_x * mean_y)
    one, two = (0.01 * bright) ** 2, (0.03 * bright) ** 2
    top = (2 * mean_x * mean_y + one) * (2 * both + two)
    return top / ((mean_x**2 + mean_y**2 + one) * (var_x + var_y + two))


def _mean(values: Any, window: int) -> Any:
    """The mean of each window, from sums of sums."""
    import numpy

    sums = numpy.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    inner = sums[window:, window:] - sums[:-window, window:]
    return (inner - sums[window:, :-window] + sums[:-window, :-window]) / (window * window)


def _difference(expected: Any, unequal: Any) -> bytes:
    """The expected picture, pale, with what differs in red; what is easily overlooked is framed."""
    import numpy
    from PIL import Image

    shade = grey(expected).astype(float)
    top = max(float(shade.max()), 1.0)
    pale = (180 + 75 * numpy.clip(shade / top, 0, 1)).astype(numpy.uint8)
    canvas = numpy.repeat(pale[..., None], 3, axis=2)
    _frame(canvas, _box(unequal))
    canvas[unequal] = (220, 0, 0)
    image = Image.fromarray(canvas)
    if max(image.size) > _SHOWN:
        # One pixel must not vanish: the smaller picture takes the reddest of each block.
        step = -(-max(image.size) // _SHOWN)
        image = Image.fromarray(_shrunk(canvas, unequal, step))
    with io.BytesIO() as out:
        image.save(out, "PNG", optimize=True)
        return out.getvalue()


def _frame(canvas: Any, box: tuple[int, int, int, int]) -> None:
    """A blue frame around what differs, where that is a small part of the picture."""
    left, right, top, bottom = box
    longest = max(canvas.shape[:2])
    if max(right - left, bottom - top) * 10 >= longest:
        return
    away, thick = max(longest // 50, 4), max(longest // 300, 1)
    x, y = (
        slice(max(left - away, 0), right + away + 1),
        slice(max(top - away, 0), bottom + away + 1),
    )
    framed = canvas[y, x]
    for edge in (framed[:thick], framed[-thick:], framed[:, :thick], framed[:, -thick:]):
        edge[...] = (0, 90, 220)


def _shrunk(canvas: Any, unequal: Any, step: int) -> Any:
    small = canvas[::step, ::step].copy()
    for row in range(small.shape[0]):
        band = unequal[row * step : (row + 1) * step].any(axis=0)
        for column in band.nonzero()[0] // step:
            small[row, column] = (220, 0, 0)
    return small


def compared(likenesses: list[Likeness], unit: str, settings: Settings) -> Finding:
    """The finding over the pictures or pages of a file."""
    changed = [(at, found) for at, found in enumerate(likenesses, start=1) if _changed(found)]
    details: dict[str, JSON] = {
        f"{unit}s": [found.json() for found in likenesses],
        "similarity": min((found.similarity for found in likenesses), default=1.0),
    }
    if not changed:
        same = "the same pixels" if unit == "picture" else f"every {unit} looks the same"
        return Finding(grade=Grade.WITHIN_TOLERANCE, summary=same, details=details)
    at, found = min(changed, key=lambda pair: _likeness(pair[1]))
    which = f"{unit} {at}: " if len(likenesses) > 1 else ""
    if len(changed) > 1:
        which = f"{len(changed)} of {len(likenesses)} {unit}s differ, the most {which}"
    grade = _grade(found, settings)
    pictures = tuple(
        Attachment(
            name="difference.png" if len(likenesses) == 1 else f"difference-{unit}-{number}.png",
            media_type="image/png",
            content=likeness.picture,
        )
        for number, likeness in changed[:10]
        if likeness.picture is not None
    )
    summary = f"{which}{_sentence(found)}"
    if grade is Grade.WITHIN_TOLERANCE and found.misplaced and settings.learnt is not None:
        summary += f", within what {settings.learnt.whose} varied by"
    return Finding(grade=grade, summary=summary, details=details, attachments=pictures)


def _changed(found: Likeness) -> bool:
    return found.sizes is not None or found.resized is not None or found.differing > 0


def _likeness(found: Likeness) -> tuple[bool, bool, float]:
    """The order of pictures from the least like the expected one."""
    return found.sizes is None, found.misplaced == 0, found.similarity


def _grade(found: Likeness, settings: Settings) -> Grade:
    place = (f"{settings.within}similarity", "")
    if found.sizes is not None:
        return Grade.DIFFERENT
    if settings.observe is not None:
        settings.observe(place, 1.0, found.similarity)
    if settings.learnt is not None and settings.learnt.spans(place, 1.0, found.similarity):
        return Grade.WITHIN_TOLERANCE
    if found.similarity < SIMILAR:
        return Grade.DIFFERENT
    return Grade.SIMILAR if found.misplaced else Grade.WITHIN_TOLERANCE


def _sentence(found: Likeness) -> str:
    if found.sizes is not None:
        return f"{found.sizes[1]} instead of {found.sizes[0]} pixels"
    share = 100 * found.differing / found.pixels
    verb = "differs" if found.differing == 1 else "differ"
    margins = (
        ""
        if found.resized is None
        else (
            f"{found.resized[1]} instead of {found.resized[0]} pixels, without margins the same; "
        )
    )
    if not found.differing:
        return margins.removesuffix("; ")
    places = (
        "not all is drawn at the same place"
        if found.misplaced
        else f"all is drawn at the same place, to {AWAY} pixels"
    )
    return (
        f"{margins}{found.differing:,} of {found.pixels:,} pixels {verb} ({share:.2g} %), "
        f"{_place(found.box)}by {found.largest:g} at most; "
        f"{places}; structural similarity {_floor(found.similarity)}"
    )


def _place(box: tuple[int, int, int, int] | None) -> str:
    if box is None:
        return ""
    left, right, top, bottom = (f"{edge:,}" for edge in box)
    across = left if left == right else f"{left}–{right}"
    return f"at x {across}, y {top if top == bottom else f'{top}–{bottom}'}, "


def _floor(value: float) -> str:
    """Five digits, rounded down: what is not equal is never shown as 1."""
    return f"{int(value * 100_000) / 100_000:.5f}"
