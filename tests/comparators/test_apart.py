"""What only compiled libraries read is compared in a process of its own, which may end with it."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from reprokit.comparators.apart import READY, Apart
from reprokit.comparators.dispatch import compare_files, settings_for
from reprokit.comparators.hdf5 import Hdf5
from reprokit.comparators.protocol import Limits, Settings, Unreadable
from reprokit.files import sha256
from reprokit.model import ResultFile
from reprokit.phases.compare import Expected, compare
from reprokit.tolerance import CompareOptions
from reprokit.verdict import Comparison, Grade

h5py = pytest.importorskip("h5py")
numpy = pytest.importorskip("numpy")


def hdf5(path: Path, last: float) -> Path:
    with h5py.File(path, "w") as file:
        file["fit"] = numpy.linspace(0, last, 50)
        file.attrs["model"] = "linear"
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return hdf5(tmp_path / "expected.h5", 1.0), hdf5(tmp_path / "actual.h5", 1.5)


def settings(pair: tuple[Path, Path], apart: Apart | None) -> Settings:
    return settings_for("a.h5", pair, CompareOptions(), Limits(), None, apart=apart)


def through(program: str, pair: tuple[Path, Path], longest: float = 60) -> Comparison:
    with Apart(("-c", program), longest) as apart:
        return compare_files("a.h5", *pair, settings(pair, apart))


def test_the_finding_is_the_same_as_here(pair: tuple[Path, Path]) -> None:
    with Apart() as apart:
        there = [compare_files("a.h5", *pair, settings(pair, apart)) for _ in range(2)]
    assert there == [compare_files("a.h5", *pair, settings(pair, None))] * 2
    assert there[0].grade is Grade.DIFFERENT
    assert there[0].comparator == "HDF5"


def test_what_was_unpacked_there_counts_here(pair: tuple[Path, Path]) -> None:
    here, there = settings(pair, None), settings(pair, None)
    Hdf5().compare(*pair, here)
    with Apart() as apart:
        apart("a.h5", *pair, there)
    assert there.budget.left == here.budget.left < settings(pair, None).budget.left


def test_pictures_come_through(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pair = tmp_path / "a.png", tmp_path / "b.png"
    image.new("RGB", (20, 20), "white").save(pair[0])
    changed = image.new("RGB", (20, 20), "white")
    changed.putpixel((3, 4), (0, 0, 0))
    changed.save(pair[1])
    with Apart() as apart:
        made = settings_for("a.png", pair, CompareOptions(), Limits(), None, apart=apart)
        found = compare_files("a.png", *pair, made)
    assert found.attachments[0].content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "then",
    [
        "import os; os.abort()",
        "print('no answer', flush=True)",
        "print('[]', flush=True)",
    ],
)
def test_a_file_that_ends_the_process_is_compared_as_bytes(
    pair: tuple[Path, Path], then: str
) -> None:
    found = through(f"print({READY.decode().strip()!r}, flush=True); input(); {then}", pair)
    assert (found.grade, found.comparator) == (Grade.DIFFERENT, "bytes")
    assert "cannot be read as HDF5: the library that reads it failed on it" in found.summary


def test_a_file_that_is_never_read_to_its_end_is_given_up(pair: tuple[Path, Path]) -> None:
    program = f"import time; print({READY.decode().strip()!r}, flush=True); time.sleep(60)"
    found = through(program, pair, longest=0.5)
    assert "it could not be read within 0.5 s" in found.summary


def test_the_next_file_gets_a_process_of_its_own(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    """The first is ended as by a library; the second is compared."""
    once = tmp_path / "once"
    program = (
        "import os, pathlib, sys\n"
        f"once = pathlib.Path({str(once)!r})\n"
        "if once.exists():\n"
        "    from reprokit.comparators.apart_program import main\n"
        "    main()\n"
        "once.touch()\n"
        f"print({READY.decode().strip()!r}, flush=True)\n"
        "os.abort()\n"
    )
    with Apart(("-c", program)) as apart:
        first, second = (compare_files("a.h5", *pair, settings(pair, apart)) for _ in range(2))
    assert "failed on it" in first.summary
    assert second.comparator == "HDF5"


def test_where_no_process_can_start_it_is_compared_here(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert through("raise SystemExit(1)", pair).comparator == "HDF5"
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert through("", pair).comparator == "HDF5"


def test_what_is_wrong_with_us_is_told_as_such(pair: tuple[Path, Path]) -> None:
    program = (
        f"print({READY.decode().strip()!r}, flush=True); input()\n"
        """print('{"failed": "Traceback: a bug of ours"}', flush=True)"""
    )
    with pytest.raises(RuntimeError, match="a bug of ours"):
        through(program, pair)


def test_damage_anywhere_leaves_a_verdict(tmp_path: Path) -> None:
    """Bytes of an HDF5 file changed at random: some crash the library, none the comparison."""
    random.seed(4)
    good = hdf5(tmp_path / "expected.h5", 1.0)
    folder = tmp_path / "results"
    folder.mkdir()
    for number in range(25):
        content = bytearray(good.read_bytes())
        for _ in range(random.choice([1, 3, 20])):
            content[random.randrange(len(content))] = random.randrange(256)
        (folder / f"{number}.h5").write_bytes(content)
    made = [
        ResultFile(path=p.name, size=p.stat().st_size, sha256=sha256(p), origin="results")
        for p in sorted(folder.iterdir())
    ]
    wanted = [Expected(path=f.path, sha256=sha256(good), content=good) for f in made]
    verdict = compare(wanted, made, folder)
    assert len(verdict.files) == 25
    assert any(file.comparator == "bytes" for file in verdict.files)


def test_too_much_is_too_much_there_as_well(pair: tuple[Path, Path]) -> None:
    limits = Limits(free=10, ratio=0)
    with Apart() as apart:
        made = settings_for("a.h5", pair, CompareOptions(), limits, None, apart=apart)
        found = compare_files("a.h5", *pair, made)
    assert "unpacks to more than 10 bytes" in found.summary
    with pytest.raises(Unreadable):
        made.budget.take(11)
