"""CSV and TSV, from pandas and by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from reprokit.comparators.tally import number
from reprokit.tolerance import EXACT, Tolerance
from reprokit.verdict import Grade
from tests.comparators.compared import Written, compared, told


def frame() -> pandas.DataFrame:
    random = numpy.random.default_rng(1)
    return pandas.DataFrame(
        {"name": [f"m{n}" for n in range(40)], "rmse": random.random(40), "n": range(40)}
    )


def test_one_altered_number_is_told_with_its_place(tmp_path: Path) -> None:
    table = frame()
    table.to_csv(tmp_path / "a", index=False)
    table.loc[16, "rmse"] *= 1 + 2.1e-4
    table.to_csv(tmp_path / "b", index=False)
    found = compared("metrics.csv", tmp_path / "a", tmp_path / "b")
    assert found.comparator == "CSV"
    told(
        found,
        Grade.DIFFERENT,
        "1 of 120 values differs, largest relative difference 0.00021 in column 'rmse', row 17",
    )
    details: Any = found.details
    (row,) = details["differences"]
    assert row["at"] == "column 'rmse', row 17"


def test_numbers_within_tolerance(tmp_path: Path) -> None:
    table = frame()
    table.to_csv(tmp_path / "a", index=False)
    table["rmse"] *= 1 + 1e-9
    table.to_csv(tmp_path / "b", index=False)
    found = compared("a.csv", tmp_path / "a", tmp_path / "b")
    told(found, Grade.WITHIN_TOLERANCE, "40 of 120 values differ within tolerance")
    told(compared("a.csv", tmp_path / "a", tmp_path / "b", tolerance=EXACT), Grade.DIFFERENT)


def test_a_small_number_is_not_let_through_by_a_hidden_default(written: Written) -> None:
    found = written(
        "p.csv", "p\n1e-9\n", "p\n2e-9\n", tolerance=Tolerance(relative=1e-3, absolute=0)
    )
    told(found, Grade.DIFFERENT, "relative difference 1 in column 'p', row 1")


def test_rows_in_another_order(tmp_path: Path, written: Written) -> None:
    table = frame()
    table.to_csv(tmp_path / "a", index=False)
    table.sample(frac=1, random_state=2).to_csv(tmp_path / "b", index=False)
    found = compared("a.csv", tmp_path / "a", tmp_path / "b")
    told(found, Grade.SIMILAR, "the same 40 rows in another order")
    apart = written("a.csv", "k,v\na,1.0\nb,2.0\n", "k,v\nb,2.00000001\na,1.0\n")
    told(apart, Grade.SIMILAR, "the same 2 rows in another order, numbers within tolerance")
    told(written("a.csv", "k,v\na,1\nb,2\n", "k,v\nb,2\na,3\n"), Grade.DIFFERENT, "4 of 4")


def test_rows_and_columns_that_came_or_went(written: Written) -> None:
    old = "a,b\n1,2\n3,4\n"
    told(written("a.csv", old, "a,b\n1,2\n"), Grade.DIFFERENT, "1 row instead of 2")
    told(written("a.csv", old, "a\n1\n3\n"), Grade.DIFFERENT, "without the column 'b'")
    told(written("a.csv", old, "a,b,c\n1,2,0\n3,4,0\n"), Grade.DIFFERENT, "new column 'c'")
    told(
        written("a.csv", old, "b,a\n2,1\n4,3\n"), Grade.WITHIN_TOLERANCE, "columns stand in another"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a,b\n1.0,NA\n", "a,b\n1,NaN\n"),
        ("a,b\nInf,-inf\n", "a,b\ninfinity,-Infinity\n"),
        ("a,b\n1e3,x\n", "a,b\n1000,x\n"),
        ("a;b\n1,5;x\n", "a;b\n1,50;x\n"),
        ("a,b\n1,2\n", "a;b\n1;2\n"),
        ('a,b\n"x, y",2\n', 'a,b\n"x, y",2.0\n'),
        ("\ufeffa,b\r\n1,2\r\n", "a,b\n1,2\n"),
    ],
)
def test_the_same_written_differently(one: str, other: str, written: Written) -> None:
    told(written("a.csv", one, other), Grade.WITHIN_TOLERANCE)


@pytest.mark.parametrize(
    ("one", "other"), [("NaN", "1"), ("inf", "-inf"), ("inf", "1e300"), ("x", "y"), ("1", "x"),
                       ("1_000", "1000"), ("0", "1e-9"), ("TRUE", "FALSE")]
)  # fmt: skip
def test_values_that_differ(one: str, other: str, written: Written) -> None:
    found = written("a.csv", f"a,b\n{one},1\n", f"a,b\n{other},1\n")
    told(found, Grade.DIFFERENT, "1 of 2 values differs")


def test_tsv_and_ignored_columns(written: Written) -> None:
    old, new = "k\tseconds\na\t1.5\n", "k\tseconds\na\t9.5\n"
    told(written("a.tsv", old, new), Grade.DIFFERENT, "column 'seconds', row 1")
    found = written("a.tsv", old, new, skipped=("sec*",))
    told(found, Grade.WITHIN_TOLERANCE, "1 not compared, as the configuration says")


def test_a_broken_table_falls_to_bytes(written: Written) -> None:
    found = written("a.csv", "a,b\n1,2\n", b"a,b\n\0\0\0\0")
    told(found, Grade.DIFFERENT, "cannot be read as CSV: it is no text")
    assert found.comparator == "bytes"
    found = written("a.csv", "a,b\n1,2\n", "a,b\n" + "x" * 200_000 + ",2\n")
    told(found, Grade.DIFFERENT, "cannot be read as CSV: field larger")


def test_a_large_table_takes_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    for name, last in (("a", "1"), ("b", "2")):
        with (tmp_path / name).open("w") as file:
            file.write("x,y\n")
            file.writelines(f"{n},{n / 7}\n" for n in range(400_000))
            file.write(f"9,{last}\n")
    tracemalloc.start()
    found = compared("a.csv", tmp_path / "a", tmp_path / "b")
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()
    told(found, Grade.DIFFERENT, "1 of 800,002 values differs", "row 400001")


@hypothesis_settings(deadline=None)
@given(st.floats(), st.floats(), st.floats(0, 1), st.floats(0, 1e3))
def test_a_tolerance_holds_as_it_says(
    expected: float, actual: float, relative: float, absolute: float
) -> None:
    tolerance = Tolerance(relative=relative, absolute=absolute)
    assert tolerance.holds(expected, expected) or expected != expected
    held = tolerance.holds(expected, actual)
    if math.isfinite(expected) and math.isfinite(actual):
        assert held == (abs(actual - expected) <= max(absolute, relative * abs(expected))) or (
            expected == actual
        )
    else:
        assert held == (repr(expected) == repr(actual))


@pytest.mark.parametrize("part", [-1.0, math.nan, math.inf])
def test_a_tolerance_is_a_finite_number(part: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Tolerance(relative=part, absolute=0)


@hypothesis_settings(deadline=None)
@given(st.one_of(st.floats().map(repr), st.integers().map(str), st.text(max_size=8)))
def test_a_number_is_read_as_python_reads_it_or_not_at_all(text: str) -> None:
    read = number(text)
    if read is not None:
        assert repr(read) == repr(float(text))


cells = st.lists(
    st.lists(st.text(alphabet='ab1.,;"\n\t e-', max_size=6), min_size=1, max_size=4), max_size=6
)


@hypothesis_settings(deadline=None)
@given(cells, cells)
def test_any_two_tables_are_compared(old: list[list[str]], new: list[list[str]]) -> None:
    import csv
    import io
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, rows in (("a", old), ("b", new)):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            path = Path(folder) / name
            path.write_text(text.getvalue(), newline="")
            paths.append(path)
        assert isinstance(compared("a.csv", *paths).grade, Grade)
