"""A whole verdict: every file of a run against what is expected of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]
from PIL import Image

from reprokit.comparators.protocol import Learnt
from reprokit.model import ResultFile
from reprokit.phases.collect import listing
from reprokit.phases.compare import Expected, compare, expected_of
from reprokit.phases.learn import Variation, learn, read
from reprokit.schemas import schema
from reprokit.tolerance import CompareOptions, FileRule, Tolerance
from reprokit.verdict import Grade, Verdict, worst
from tests.comparators.test_containers import notebook


def results(folder: Path, **changed: str | bytes) -> Path:
    """A folder of results; names are given with "__" for "/" and "_" for "."."""
    files: dict[str, str | bytes] = {
        "metrics_csv": "model,rmse\na,0.5\nb,0.25\n",
        "fit__model_json": '{"loss": 0.125}',
        "notes_txt": "done\n",
        "run_ipynb": notebook(),
    }
    for name, content in {**files, **changed}.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def found(folder: Path) -> tuple[ResultFile, ...]:
    return listing(folder, (), pytest.fail)


def verdict(old: Path, new: Path, **named: Any) -> Verdict:
    made = compare(expected_of(found(old), old), found(new), new, **named)
    document = json.loads(json.dumps(made.json(), allow_nan=False))
    Draft202012Validator(schema("verdict-1")).validate(document)
    assert len(made.text().splitlines()) < 40
    return made


def grades(made: Verdict) -> dict[str, str]:
    return {file.path: file.grade.value for file in made.files}


def test_the_same_results(tmp_path: Path) -> None:
    made = verdict(results(tmp_path / "a"), results(tmp_path / "b"))
    assert made.grade is Grade.IDENTICAL and made.exit_code == 0
    assert made.text() == "identical: of 4 files 4 identical"


def test_each_alteration_is_told_exactly(tmp_path: Path) -> None:
    old, new = results(tmp_path / "a"), tmp_path / "b"
    Image.fromarray(numpy.full((100, 150, 3), 250, dtype=numpy.uint8)).save(old / "plot.png")
    shutil.copytree(old, new)
    (new / "metrics.csv").write_text("model,rmse\na,0.5\nb,0.26\n")
    (new / "run.ipynb").write_text(notebook("0.75"))
    pixels = numpy.array(Image.open(old / "plot.png"))
    pixels[3, 4] = 0
    Image.fromarray(pixels).save(new / "plot.png")
    (new / "notes.txt").unlink()
    (new / "more.txt").write_text("more")
    made = verdict(old, new)
    assert grades(made) == {
        "fit/model.json": "identical",
        "metrics.csv": "different",
        "more.txt": "extra",
        "notes.txt": "missing",
        "plot.png": "similar",
        "run.ipynb": "different",
    }
    told = {file.path: file.summary for file in made.files}
    assert told["metrics.csv"] == (
        "1 of 4 values differs, largest relative difference 0.04 in column 'rmse', row 2"
    )
    assert told["plot.png"].startswith("1 of 15,000 pixels differs")
    assert "cell 1, output 1" in told["run.ipynb"]
    assert made.grade is Grade.MISSING and made.exit_code == 4
    assert made.text().splitlines()[:3] == [
        "missing: of 6 files 1 identical, 1 similar, 1 extra, 2 different, 1 missing",
        "  missing           notes.txt",
        "                    was not written",
    ]


def test_only_a_hash_is_at_hand(tmp_path: Path) -> None:
    new = results(tmp_path / "a")
    expected = [Expected(path=f.path, sha256=f.sha256) for f in found(new)]
    expected[0] = Expected(path=expected[0].path, sha256="sha256:" + "0" * 64)
    made = compare(expected, found(new), new)
    assert [f.grade.value for f in made.files] == ["different"] + ["identical"] * 3
    assert "not at hand" in made.files[0].summary


def test_what_is_not_expected_says_nothing_where_the_list_is_not_whole(tmp_path: Path) -> None:
    new = results(tmp_path / "a")
    expected = expected_of(found(new), new)[:2]
    made = compare(expected, found(new), new, complete=False)
    assert made.grade is Grade.IDENTICAL and len(made.files) == 2
    assert compare(expected, found(new), new).grade is Grade.EXTRA


def test_rules_of_the_project(tmp_path: Path) -> None:
    old = results(tmp_path / "a")
    new = results(tmp_path / "b", metrics_csv="model,rmse\na,0.5\nb,0.26\n",
                  fit__model_json='{"loss": 0.9}', notes_txt="other\n")  # fmt: skip
    options = CompareOptions(
        ignore=("*.txt",),
        files=(
            FileRule(paths=("*.csv",), tolerance=Tolerance(relative=0.1, absolute=0)),
            FileRule(paths=("fit",), ignore=("/loss",)),
        ),
    )
    made = verdict(old, new, options=options)
    assert grades(made) == {
        "fit/model.json": "within tolerance",
        "metrics.csv": "within tolerance",
        "run.ipynb": "identical",
    }
    said = {file.path: file.summary for file in made.files}
    assert "tolerance of this file: relative 0.1, absolute 0" in said["metrics.csv"]
    assert "tolerance of this file" not in said["fit/model.json"]
    details: Any = {file.path: file.details for file in made.files}
    assert details["metrics.csv"]["tolerance"] == {"relative": 0.1, "absolute": 0}
    assert made.ignored == ("notes.txt",) and made.exit_code == 0
    assert "ignored, as the configuration says: 1 file" in made.text()


def runs(folder: Path, *values: float, **more: list[str]) -> list[tuple[Any, Path]]:
    made = []
    for number, value in enumerate(values):
        changed = {name: texts[number] for name, texts in more.items()}
        path = results(
            folder / str(number), metrics_csv=f"model,rmse\na,0.5\nb,{value}\n", **changed
        )
        made.append((found(path), path))
    return made


def test_a_rerun_is_judged_by_what_the_authors_own_runs_varied_by(tmp_path: Path) -> None:
    known = runs(tmp_path / "own", 0.25, 0.26, 0.24, 0.255, 0.245)
    variation = learn(known)
    assert list(variation.files) == ["metrics.csv"]
    assert variation.files["metrics.csv"].intervals == {("rmse", "row 2"): (0.24, 0.26)}
    document = json.loads(json.dumps(variation.json()))
    assert read(document) == variation
    first = known[0][1]
    within = results(tmp_path / "in", metrics_csv="model,rmse\na,0.5\nb,0.27\n")
    made = verdict(first, within, variation=variation)
    assert made.grade is Grade.WITHIN_TOLERANCE
    assert "within what the author's own 5 runs varied by" in made.text()
    outside = results(tmp_path / "out", metrics_csv="model,rmse\na,0.5\nb,0.31\n")
    made = verdict(first, outside, variation=variation)
    assert made.grade is Grade.DIFFERENT and "author's own 5 runs" in made.text()
    other = results(tmp_path / "other", metrics_csv="model,rmse\na,0.51\nb,0.25\n")
    assert verdict(first, other, variation=variation).grade is Grade.DIFFERENT


def test_a_further_run_of_the_same_program_is_seldom_told_apart() -> None:
    random = numpy.random.default_rng(0)
    refused = 0
    for _ in range(100):
        centre = random.uniform(1, 2, 50)
        own, rerun = (
            centre + 0.1 * random.normal(size=(5, 50)),
            centre + 0.1 * random.normal(size=50),
        )
        places = [("x", str(number)) for number in range(50)]
        intervals = zip(own.min(axis=0).tolist(), own.max(axis=0).tolist(), strict=True)
        known = Learnt(runs=5, intervals=dict(zip(places, intervals, strict=True)))
        held = [known.holds(p, own[0, n], rerun[n]) for n, p in enumerate(places)]
        refused += not all(held)
        assert not known.holds(places[0], own[0, 0], centre[0] + 2)
    assert refused <= 5


def test_a_small_value_gets_no_margin_from_a_large_one() -> None:
    known = Learnt(runs=5, intervals={("x", "1"): (990.0, 1010.0), ("x", "2"): (0.1, 0.1001)})
    assert known.holds(("x", "2"), 0.1, 0.102) and not known.holds(("x", "2"), 0.1, 0.11)


def test_many_places_that_vary_become_one_spread(tmp_path: Path) -> None:
    random = numpy.random.default_rng(5)

    def table() -> str:
        rows = "".join(f"{value}\n" for value in 10 + random.random(500))
        return f"x\n{rows}"

    known = runs(tmp_path / "own", 0.25, 0.25, 0.25, big_csv=[table() for _ in range(3)])
    variation = learn(known)
    learnt = variation.files["big.csv"]
    assert not learnt.intervals and 0.8 < learnt.spreads["x"] < 1
    assert len(json.dumps(variation.json())) < 300
    rerun = results(tmp_path / "again", big_csv=table())
    made = verdict(known[0][1], rerun, variation=variation)
    assert grades(made)["big.csv"] == "within tolerance"


def test_what_varies_without_a_number(tmp_path: Path) -> None:
    known = runs(tmp_path / "own", 0.25, 0.25, data_bin=[b"\0a", b"\0b"], notes_txt=["x", "y"])  # type: ignore[list-item]
    (known[1][1] / "sometimes.txt").write_text("")
    known[1] = (found(known[1][1]), known[1][1])
    variation = learn(known)
    assert variation.unstable == ("sometimes.txt",)
    assert all(variation.files[path].opaque for path in ("data.bin", "notes.txt"))
    rerun = results(tmp_path / "again", data_bin=b"\0c", notes_txt="z", sometimes_txt="")
    made = verdict(known[0][1], rerun, variation=variation)
    assert set(grades(made).values()) == {"identical", "similar"}
    assert "as it did between the author's own 2 runs" in made.text()


def test_rows_that_move_between_runs_teach_nothing_of_their_numbers(tmp_path: Path) -> None:
    tables = ["k,v\na,1\nb,100\n", "k,v\nb,100\na,1\n"]
    known = runs(tmp_path / "own", 0.25, 0.25, order_csv=tables)
    learnt = learn(known).files["order.csv"]
    assert learnt.opaque and not learnt.intervals


def learnt(**changed: Any) -> dict[str, Any]:
    file = {"intervals": [], "spreads": {}, "opaque": False, **changed}
    return {"runs": 2, "unstable": [], "files": {"a": file}}


@pytest.mark.parametrize(
    "document",
    [
        3,
        {},
        {"runs": "5", "files": {}, "unstable": []},
        {"runs": 2, "files": {"a": 1}, "unstable": []},
        learnt(intervals=[["x", "y", 1, "2"]]),
        learnt(intervals=[["x", "y", 1, float("nan")]]),
        learnt(intervals=[["x"]]),
        learnt(spreads=[]),
    ],
)
def test_a_variation_of_another_form_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"another form|unpack"):
        read(document)


def test_no_variation() -> None:
    assert read(None) is None and Variation(runs=1).json()["files"] == {}


def test_files_with_equal_hashes_are_not_opened(tmp_path: Path) -> None:
    folder = results(tmp_path / "a")
    actual = found(folder)
    shutil.rmtree(folder)
    made = compare(expected_of(actual, folder), actual, folder)
    assert made.grade is Grade.IDENTICAL and len(made.files) == 4


def test_the_worst_grade_counts() -> None:
    assert worst([]) is Grade.IDENTICAL
    assert worst([Grade.SIMILAR, Grade.DIFFERENT, Grade.EXTRA]) is Grade.DIFFERENT


def test_names_of_files_do_not_steer_a_terminal(tmp_path: Path) -> None:
    folder = results(tmp_path / "a")
    (folder / "x\x1b[2Jy\nz").write_text("1")
    made = verdict(folder, results(tmp_path / "b"))
    assert "\x1b" not in made.text() and "x\\x1b[2Jy\\nz" in made.text()
