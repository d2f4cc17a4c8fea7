"""Values written as files and read again are the same; files that nobody wrote are refused."""

from __future__ import annotations

import json
import math
import pickle
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from reprokit.cells import carrying
from reprokit.cells.carrying import CannotCarry, Damaged

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None))
)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
"""What pandas holds in Arrow's memory, which takes no half characters."""
HALVES = st.text(st.characters(exclude_characters="\0"), max_size=8)
DTYPES = (
    arrays.boolean_dtypes()
    | arrays.integer_dtypes(endianness="?")
    | arrays.unsigned_integer_dtypes()
    | arrays.floating_dtypes()
    | arrays.complex_number_dtypes()
    | arrays.datetime64_dtypes(max_period="s", min_period="ns")
    | arrays.timedelta64_dtypes()
    | arrays.unicode_string_dtypes()
)
ROWS = 5


def carried(value: Any) -> Any:
    """The value after it was written and read."""
    with tempfile.TemporaryDirectory() as folder:
        carrying.write(value, Path(folder), "0", "x")
        place = carrying.place(Path(folder), "0")
        assert place is not None
        return carrying.read(place, "x")


def same(one: Any, other: Any) -> bool:
    """Equality of plain values in which NaN equals itself, and 1 is neither 1.0 nor True."""
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    return bool(one == other)


@given(PLAIN)
def test_plain_values_come_back_as_they_are(value: Any) -> None:
    assert same(value, carried(value))


@given(
    DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0)))
)
@settings(deadline=None)
def test_arrays_come_back_as_they_are(value: Any) -> None:
    for array in (value, np.asfortranarray(value)):
        back = carried(array)
        assert back.dtype == array.dtype and back.shape == array.shape
        assert back.tobytes() == array.tobytes()


def columns() -> st.SearchStrategy[Any]:
    """A column of every kind that can be carried."""
    of_numpy = st.sampled_from(
        ["bool", "int8", "int64", "uint16", "float32", "float64", "complex128",
         "datetime64[s]", "datetime64[ns]", "timedelta64[ms]"]
    ).flatmap(lambda kind: arrays.arrays(kind, ROWS)).map(pd.Series)  # fmt: skip
    integers = st.lists(st.none() | st.integers(-128, 127), min_size=ROWS, max_size=ROWS)
    words = st.lists(st.none() | TEXTS, min_size=ROWS, max_size=ROWS)
    halves = st.lists(st.none() | HALVES, min_size=ROWS, max_size=ROWS)
    moments = arrays.arrays(
        "datetime64[s]", ROWS, elements=st.integers(0, 2**31).map(lambda n: np.datetime64(n, "s"))
    )
    return st.one_of(
        of_numpy,
        integers.map(lambda values: pd.Series(pd.array(values, dtype="Int8"))),
        integers.map(lambda values: pd.Series(pd.array(values, dtype="Float64"))),
        halves.map(lambda values: pd.Series([v or np.nan for v in values], dtype=object)),
        words.map(lambda values: pd.Series(pd.array(values, dtype="string"))),
        words.map(lambda values: pd.Series(values, dtype="str")),
        words.map(lambda values: pd.Series(pd.Categorical(values, ordered=True))),
        moments.map(lambda values: pd.Series(values).dt.tz_localize("Europe/Berlin", "NaT", "NaT")),
    )


@given(st.lists(columns(), min_size=1, max_size=4), st.data())
@settings(deadline=None, max_examples=60)
def test_data_frames_come_back_as_they_are(found: list[Any], data: st.DataObject) -> None:
    index = data.draw(
        st.sampled_from(
            [
                pd.RangeIndex(3, 3 + 2 * ROWS, 2, name="n"),
                pd.Index(list("abcab"), name="letter"),
                pd.date_range("2024-01-01", periods=ROWS, tz="UTC").rename(None),
                pd.MultiIndex.from_product([[1], list("abcde")], names=["one", None]),
            ]
        )
    )
    frame = pd.concat(found, axis=1)
    names = st.lists(st.integers(0, 9) | TEXTS, min_size=len(found), max_size=len(found))
    frame.columns = pd.Index(data.draw(names), name=data.draw(st.none() | TEXTS))
    frame.index = index
    back = carried(frame)
    pd.testing.assert_frame_equal(back, frame, check_freq=False)
    series = frame.iloc[:, 0]
    pd.testing.assert_series_equal(carried(series), series, check_freq=False)


def test_a_frame_without_columns_or_rows_is_one() -> None:
    assert carried(pd.DataFrame()).shape == (0, 0)
    assert carried(pd.DataFrame(index=[1, 2])).shape == (2, 0)
    assert carried(pd.DataFrame({"a": pd.Series(dtype="int32")})).dtypes["a"] == "int32"


def test_scalars_of_numpy_and_tuples_become_pythons_own() -> None:
    assert same(
        carried({"n": np.int64(3), "x": (np.float32(0.5), np.True_)}), {"n": 3, "x": [0.5, True]}
    )


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Decimal(1), "x is a decimal.Decimal"),
        ({"a": [1, {2}]}, r"x\['a'\]\[1\] is a set"),
        ({1: 2}, "x has the key 1"),
        (b"", "x is a bytes"),
        (LOOP, "nested too deeply, or contains itself"),
        ([10**5000], "too many digits"),
        (np.array([None]), "array of objects .*NoneType"),
        (np.zeros(2, "i4,f8"), "array of the type"),
        (np.ma.masked_array([1], [True]), "masked array"),
        (np.datetime64("2024-01-01"), "x is a numpy.datetime64"),
        (pd.DataFrame({"a": ["b", 1]}), "column 'a' of x holds an int in row 1"),
        (pd.DataFrame({"a": pd.period_range("2024", periods=1, freq="D")}), "period"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "several levels"),
        (pd.DataFrame([[1]], columns=pd.Index([("a", 1)], tupleize_cols=False)), "x is a tuple"),
        (pd.Series([1], name=("a", 1)), "name in x is a tuple: make it text"),
        (pd.Series([1], index=pd.Index([2], name=("a", 1))), "of the index of x is a tuple"),
        (pd.Series(["a\0"]), "zero character"),
        (type("Own", (pd.DataFrame,), {})(), "Own"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_is_named(value: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(CannotCarry, match=said):
        carrying.write(value, tmp_path, "0", "x")


HEADER = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}"


def array(header: bytes, content: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + content


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("0.json", b"[" * 100_000),
        ("0.json", b"\xff"),
        ("0.json", b"1 2"),
        ("0.npy", b""),
        ("0.npy", pickle.dumps(print)),
        ("0.npy", array(HEADER.replace(b"<f8", b"|O"), pickle.dumps(print))),
        ("0.npy", array(b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,)}")),
        ("0.npy", array(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}")),
        ("0.npy", array(b"{'descr': '<U0', 'fortran_order': False, 'shape': (9999999999999,)}")),
        ("0.npy", array(HEADER, b"1234567")),
        ("0.npy", array(b"__import__('os').abort()")),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Damaged):
        carrying.read(tmp_path / name, "x")


def change(key: str, value: Any) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        header = json.loads((folder / "frame.json").read_text())
        (folder / "frame.json").write_text(json.dumps(header | {key: value}))

    return changed


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "0.npy").unlink(),
        lambda folder: (folder / "frame.json").unlink(),
        lambda folder: (folder / "frame.json").write_text("[]"),
        lambda folder: np.save(folder / "0.npy", np.zeros(3)),
        lambda folder: np.save(folder / "0.npy", np.array(["a", "b"])),
        lambda folder: np.save(folder / "2.codes.npy", np.array([0, 7])),
        lambda folder: (folder / "1.text").write_bytes(b"a"),
        lambda folder: (folder / "1.text").write_bytes(b"\xff\0a\0"),
        change("rows", 10**30),
        change("rows", -1),
        change("names", []),
        change("names", [[], "b", "c"]),
        change("columns", None),
        change("columns", [{"type": "values", "unit": "fortnight"}] * 3),
        change("columns", [{"type": "values", "zone": "../../etc/passwd"}] * 3),
        change("columns", [{"type": "values", "masked": "object"}] * 3),
        change("index", {"range": [0, 10**30, 1], "names": [None]}),
        change("index", {"columns": [], "names": []}),
        change("kind", "series"),
        change("kind", "program"),
    ],
)
def test_a_hostile_frame_is_refused(harm: Callable[[Path], Any], tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": pd.Categorical(["u", "v"])})
    place = carrying.write(frame, tmp_path, "0", "x")
    harm(place)
    with pytest.raises(Damaged):
        carrying.read(place, "x")
