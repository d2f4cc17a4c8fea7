"""Pictures, PDF, SVG: matplotlib's own output, and altered by a pixel, a number, a word."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib
import numpy
import pytest
from PIL import Image
from skimage import metrics

from reprokit.comparators.pictures import compare_pixels, similarity
from reprokit.comparators.protocol import Learnt, Limits
from reprokit.verdict import Comparison, Grade
from tests.comparators.compared import Written, compared, told

matplotlib.use("Agg")


def plot(path: Path, values: list[float], title: str = "loss", **save: Any) -> Path:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4, 3))
    axes.plot(values, label="model")
    axes.set_title(title)
    axes.legend()
    figure.savefig(path, **save)
    pyplot.close(figure)
    return path


def png(pixels: Any, **save: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", **save)
    return out.getvalue()


def noise(*shape: int) -> Any:
    return numpy.random.default_rng(3).integers(0, 256, shape, dtype=numpy.uint8)


def test_one_altered_pixel_is_told_and_shown(tmp_path: Path) -> None:
    plot(tmp_path / "a.png", [1, 3, 2])
    pixels = numpy.array(Image.open(tmp_path / "a.png").convert("RGB"))
    pixels[10, 20] = (0, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    found = compared("figure.png", tmp_path / "a.png", tmp_path / "b.png")
    assert found.comparator == "picture"
    told(found, Grade.SIMILAR, "1 of 120,000 pixels differs", "structural similarity 0.999")
    (picture,) = found.attachments
    shown = numpy.array(Image.open(io.BytesIO(picture.content)).convert("RGB"))
    assert tuple(shown[10, 20]) == (220, 0, 0) and (shown == (220, 0, 0)).all(axis=2).sum() == 1
    # One pixel is hardly seen: a frame around it is.
    framed = (shown == (0, 90, 220)).all(axis=2)
    assert framed.sum() >= 30 and framed[:, :21].any() and framed[:11].any()


def test_the_same_pixels_saved_differently(written: Written) -> None:
    pixels = noise(30, 40, 3)
    found = written("a.png", png(pixels, compress_level=0), png(pixels, compress_level=9))
    told(found, Grade.WITHIN_TOLERANCE, "the same pixels")
    bmp = io.BytesIO()
    Image.fromarray(pixels).save(bmp, "BMP")
    told(written("a.png", png(pixels), bmp.getvalue()), Grade.WITHIN_TOLERANCE)


def test_another_picture_and_another_size(written: Written) -> None:
    found = written("a.png", png(noise(30, 40, 3)), png(noise(40, 30, 3)))
    told(found, Grade.DIFFERENT, "30×40 instead of 40×30 pixels")
    found = written("a.png", png(noise(64, 64, 3)), png(255 - noise(64, 64, 3)))
    told(found, Grade.DIFFERENT, "4,09", "(1e+02 %)")


@pytest.mark.parametrize("shape", [(40, 50), (300, 20), (600, 33), (7, 7)])
def test_the_similarity_is_scikit_images(shape: tuple[int, int]) -> None:
    one = noise(*shape).astype(float)
    other = numpy.clip(one + numpy.random.default_rng(4).normal(0, 20, shape), 0, 255)
    structural_similarity: Any = metrics.structural_similarity
    oracle = structural_similarity(one, other, data_range=255)
    assert similarity(one, other) == pytest.approx(oracle, abs=1e-9)
    assert similarity(one, one) == 1


def test_a_large_picture_still_shows_its_one_pixel() -> None:
    pixels = numpy.full((3000, 100, 4), 255, dtype=numpy.uint8)
    other = pixels.copy()
    other[1501, 51] = 0
    found = compare_pixels(pixels, other)
    assert found.picture is not None
    shown = numpy.array(Image.open(io.BytesIO(found.picture)))
    assert shown.shape[0] == 1500 and (shown == (220, 0, 0)).all(axis=2).sum() == 1


def test_animations_and_deep_pixels(written: Written, tmp_path: Path) -> None:
    frames = [Image.fromarray(noise(20, 20)), Image.fromarray(255 - noise(20, 20))]
    for name, count in (("a", 2), ("b", 1)):
        frames[0].save(tmp_path / name, "GIF", save_all=True, append_images=frames[1:count])
    found = compared("a.gif", tmp_path / "a", tmp_path / "b")
    told(found, Grade.DIFFERENT, "picture 2: no picture instead of 20×20 pixels")
    deep = noise(20, 20).astype(numpy.uint16) * 200
    other = deep.copy()
    other[3, 3] += 1
    told(written("a.png", png(deep), png(other)), Grade.SIMILAR, "1 of 400 pixels differs", "by 1 ")


def test_pictures_that_are_broken_or_too_large(written: Written) -> None:
    good = png(noise(20, 20, 3))
    found = written("a.png", good, good[:60])
    told(found, Grade.DIFFERENT, "cannot be read as picture")
    found = written("a.png", good, png(noise(21, 20, 3)), limits=Limits(pixels=400))
    told(found, Grade.DIFFERENT, "cannot be read as picture: it has more than 400 pixels")
    bomb = bytearray(good)
    bomb[16:24] = b"\0\1\xff\xff\0\1\xff\xff"
    told(written("a.png", good, bytes(bomb)), Grade.DIFFERENT, "cannot be read as picture")


def test_a_similarity_that_the_author_saw_too(written: Written) -> None:
    pixels = noise(30, 40, 3)
    other = pixels.copy()
    other[:4] = 0
    strict = written("a.png", png(pixels), png(other))
    seen = float(strict.details["similarity"])  # type: ignore[arg-type]
    learnt = Learnt(runs=5, intervals={("similarity", ""): (seen, 1.0)})
    found = written("a.png", png(pixels), png(other), learnt=learnt)
    told(found, Grade.WITHIN_TOLERANCE, "within what the author's own 5 runs varied by")


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_the_same_plot_drawn_twice(kind: str, tmp_path: Path) -> None:
    """Matplotlib writes the time, and ids by chance."""
    with matplotlib.rc_context({"svg.hashsalt": None}):
        one = plot(tmp_path / "a", [1, 3, 2], format=kind, metadata={date(kind): "2024-01-01"})
        other = plot(tmp_path / "b", [1, 3, 2], format=kind, metadata={date(kind): "2025-02-02"})
    told(compared(f"figure.{kind}", one, other), Grade.WITHIN_TOLERANCE)


def date(kind: str) -> str:
    return "Title" if kind == "pdf" else "Date"


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_another_word_in_a_plot(kind: str, tmp_path: Path) -> None:
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        one = plot(tmp_path / "a", [1, 3, 2], "loss", format=kind)
        other = plot(tmp_path / "b", [1, 3, 2], "gain", format=kind)
    told(
        compared(f"figure.{kind}", one, other),
        Grade.DIFFERENT,
        "'gain' instead of 'loss'",
    )


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_another_curve_in_a_plot(kind: str, tmp_path: Path) -> None:
    one = plot(tmp_path / "a", [1, 3, 2], format=kind)
    other = plot(tmp_path / "b", [1, 3, 2.9], format=kind)
    found = compared(f"figure.{kind}", one, other)
    assert not found.grade.reproduced and "structural similarity" in found.summary
    assert found.attachments[0].name == "difference.png"


def svg(inside: str, **attributes: str) -> str:
    written = "".join(f' {name}="{value}"' for name, value in attributes.items())
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{head} width="10" height="10"{written}>{inside}</svg>'


def test_svg_ids_and_numbers(written: Written) -> None:
    def drawn(name: str, x: str) -> str:
        return svg(f'<defs><path id="{name}" d="M{x},2L3,4"/></defs><use xlink:href="#{name}"/>')

    told(
        written("a.svg", drawn("m1a", "1.0"), drawn("m2b", "1.0000000001")), Grade.WITHIN_TOLERANCE
    )
    found = written("a.svg", drawn("m1a", "1"), drawn("m1a", "2"))
    assert not found.grade.reproduced and "number 1" in found.summary


def test_svg_that_shows_other_files_is_not_drawn(written: Written) -> None:
    other = svg('<image href="/etc/hostname.png" width="5" height="5"/>')
    found = written("a.svg", svg("<g/>"), other)
    told(found, Grade.DIFFERENT, "with the new /svg/image[0]")
    assert not found.attachments


@pytest.mark.parametrize("name", ["a.pdf", "a.svg"])
def test_broken_drawings(name: str, written: Written, tmp_path: Path) -> None:
    good = plot(tmp_path / "good", [1, 2], format=name[2:]).read_bytes()
    found: Comparison = written(name, good, b"%PDF-1.4 nothing")
    told(found, Grade.DIFFERENT, f"cannot be read as {name[2:].upper()}")


def drawn(path: Path, values: list[float], **style: Any) -> Path:
    from matplotlib import pyplot

    with matplotlib.rc_context(style):  # type: ignore[arg-type]
        figure, axes = pyplot.subplots()
        axes.plot(values)
        axes.set_title("loss")
        figure.savefig(path, bbox_inches="tight")
        pyplot.close(figure)
    return path


# What other versions do: another hinting of fonts, and margins.
@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_a_plot_drawn_by_another_version(kind: str, tmp_path: Path) -> None:
    style = {"text.hinting": "none"}
    values = [0.1, 0.7, 0.4]
    one = drawn(tmp_path / f"one.{kind}", values)
    other = drawn(tmp_path / f"other.{kind}", values, **style)
    found = compared(f"figure.{kind}", one, other)
    assert found.grade in (Grade.WITHIN_TOLERANCE, Grade.IDENTICAL)
    # A value that is another by 4 % of the axis is seen.
    other = drawn(tmp_path / f"third.{kind}", [0.1, 0.7, 0.424], **style)
    found = compared(f"figure.{kind}", one, other)
    assert not found.grade.reproduced and "not all is drawn at the same place" in found.summary


def test_margins_that_are_cut_by_the_letters(tmp_path: Path) -> None:
    values = [0.1, 0.7, 0.4]
    one = drawn(tmp_path / "one.png", values, **{"savefig.pad_inches": 0.1})
    other = drawn(tmp_path / "other.png", values, **{"savefig.pad_inches": 0.12})
    found = compared("figure.png", one, other)
    assert found.grade is Grade.WITHIN_TOLERANCE and "without margins the same" in found.summary
    far = drawn(tmp_path / "far.png", values, **{"savefig.pad_inches": 0.5})
    assert compared("figure.png", one, far).grade is Grade.DIFFERENT


def test_noise_and_other_colours_are_not_drawn_at_the_same_place(written: Written) -> None:
    one = noise(60, 80, 3)
    told(written("a.png", png(one), png(one[::-1].copy())), Grade.DIFFERENT)
    flat = numpy.full((60, 80, 3), 200, dtype=numpy.uint8)
    found = written("a.png", png(flat), png(flat - numpy.uint8(10)))
    assert not found.grade.reproduced and "not all is drawn" in found.summary


def test_a_map_of_values_is_not_all_edges(written: Written) -> None:
    steps = numpy.repeat(numpy.linspace(0, 255, 64).astype(numpy.uint8)[None, :], 64, axis=0)
    one = numpy.repeat(steps[..., None], 3, axis=2)
    found = written("a.png", png(one), png(numpy.roll(one, 3, axis=1)))
    assert not found.grade.reproduced and "not all is drawn at the same place" in found.summary


@pytest.mark.parametrize("cell", [1, 2, 4, 6, 9, 30])
def test_a_cell_of_a_map_is_a_value(cell: int, written: Written) -> None:
    values = numpy.random.default_rng(5).integers(0, 256, (90, 90, 3), dtype=numpy.uint8)
    other = values.copy()
    other[14, 13] = values[14, 13] ^ 96
    wide = [numpy.kron(v, numpy.ones((cell, cell, 1), numpy.uint8)) for v in (values, other)]
    found = written("a.png", png(wide[0][:900, :900]), png(wide[1][:900, :900]))
    told(found, Grade.SIMILAR, "not all is drawn at the same place")
