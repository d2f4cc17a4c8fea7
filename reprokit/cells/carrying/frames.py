"""pandas data frames and series: a folder with frame.json and the columns, by their number.

    N.npy         the values of a column of numbers, truth values or times
    N.text        those of a column of text: UTF-8, each ended by a zero byte
    N.mask.npy    true where a value is missing, for types that have no value for that
    N.codes.npy   of a column of categories, which are written as N.categories.*

The levels of the index are columns as well, called index0, index1, …
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from . import arrays, plain
from .plain import CannotCarry, Damaged, described

MASKED = frozenset(
    [
        *("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
        *("Float32", "Float64", "boolean"),
    ]
)
"""pandas' types that keep beside the values which of them are missing."""
_ZONE = re.compile(r"(?!dateutil)[A-Za-z][A-Za-z0-9_+:-]*(/[A-Za-z0-9_+-]+)*")
_MALFORMED = (
    ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, MemoryError,
)  # fmt: skip


def write(value: Any, folder: Path, called: str) -> None:
    """Write a data frame or a series with its index. Missing text comes back as NaN."""
    import pandas

    if type(value) not in (pandas.DataFrame, pandas.Series):
        raise CannotCarry(f"{called} is {described(value)}; make it one of pandas' own first")
    folder.mkdir()
    is_frame = type(value) is pandas.DataFrame
    if is_frame and isinstance(value.columns, pandas.MultiIndex):
        raise CannotCarry(f"{called} has columns of several levels: make their names text")
    columns = [value.iloc[:, at] for at in range(value.shape[1])] if is_frame else [value]
    names = list(value.columns) if is_frame else [value.name]
    header = {
        "kind": "frame" if is_frame else "series",
        "rows": len(value),
        "names": [_label(name, f"a column's name in {called}") for name in names],
        "columns_name": _label(value.columns.name, f"the name of {called}.columns")
        if is_frame
        else None,
        "columns": [
            _write_column(column, folder, str(at), f"column {name!r} of {called}")
            for at, (column, name) in enumerate(zip(columns, names))  # noqa: B905 - Python 3.7
        ],
        "index": _write_index(value.index, folder, called),
    }
    (folder / "frame.json").write_text(json.dumps(header), encoding="ascii")


def _label(name: Any, called: str) -> Any:
    found = plain.plain(name, called)
    if isinstance(found, (list, dict)):
        raise CannotCarry(f"{called} is {described(name)}: make it text")
    return found


def _write_index(index: Any, folder: Path, called: str) -> dict[str, Any]:
    import pandas

    names = [_label(name, f"a name of the index of {called}") for name in index.names]
    if isinstance(index, pandas.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "names": names}
    levels = [index.get_level_values(at) for at in range(index.nlevels)]
    columns = [
        _write_column(pandas.Series(level), folder, f"index{at}", f"the index of {called}")
        for at, level in enumerate(levels)
    ]
    return {"columns": columns, "names": names}


def _write_column(column: Any, folder: Path, stem: str, called: str) -> dict[str, Any]:
    """Write the values of a series; what is to be known to read them."""
    import pandas

    dtype, place = column.dtype, folder / (stem + ".npy")
    if isinstance(dtype, pandas.CategoricalDtype):
        arrays.write(column.cat.codes.to_numpy(), folder / (stem + ".codes.npy"), called)
        categories = pandas.Series(column.cat.categories)
        of_these = _write_column(categories, folder, stem + ".categories", called)
        count, ordered = len(categories), bool(dtype.ordered)
        return {"type": "category", "categories": of_these, "count": count, "ordered": ordered}
    if isinstance(dtype, pandas.DatetimeTZDtype):
        if _ZONE.fullmatch(str(dtype.tz)) is None:
            raise CannotCarry(f"{called} is in a time zone without a name: use .dt.tz_convert")
        arrays.write(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), place, called)
        return {"type": "values", "zone": str(dtype.tz)}
    if dtype.name in MASKED:
        missing = column.isna().to_numpy(dtype=bool)
        values = column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        arrays.write(values, place, called)
        arrays.write(missing, folder / (stem + ".mask.npy"), called)
        return {"type": "values", "masked": dtype.name}
    if dtype.kind == "O" and (dtype.name == "object" or isinstance(dtype, pandas.StringDtype)):
        return _write_text(column, folder, stem, called)
    if getattr(dtype, "isbuiltin", None) is None or dtype.kind not in arrays.KINDS:
        raise CannotCarry(f"{called} is of the type {dtype}: make it one of NumPy's with .astype")
    arrays.write(column.to_numpy(), place, called)
    return {"type": "values"}


def _write_text(column: Any, folder: Path, stem: str, called: str) -> dict[str, Any]:
    import pandas

    missing = column.isna().to_numpy(dtype=bool)
    parts = []
    for at, value in enumerate(column):
        text = "" if missing[at] else value
        if not isinstance(text, str):
            raise CannotCarry(
                f"{called} holds {described(text)} in row {at}: columns of objects can be carried "
                "where all are text; .convert_dtypes() or .astype(…) gives others a type"
            )
        if "\0" in text:
            raise CannotCarry(f"{called} holds a text with a zero character in row {at}")
        parts.append(text.encode("utf-8", "surrogatepass") + b"\0")
    (folder / (stem + ".text")).write_bytes(b"".join(parts))
    name = column.dtype.name
    if name == "string" and column.dtype.na_value is not pandas.NA:
        name = "str"
    if missing.any():
        arrays.write(missing, folder / (stem + ".mask.npy"), called)
    return {"type": "text", "dtype": name}


def read(folder: Path, called: str) -> Any:
    """The data frame or series in a folder."""
    try:
        header = plain.decode(folder / "frame.json", called)
        return _frame(header, folder, called)
    except OSError as error:
        raise Damaged(f"{called} lacks a part: {error.strerror}") from None
    except _MALFORMED as error:
        raise Damaged(f"{called} is no data frame: {error}") from None


def read_csv(place: Path, called: str) -> Any:
    """The table in a CSV file, as pandas reads it."""
    import pandas

    try:
        return pandas.read_csv(place)
    except pandas.errors.EmptyDataError:
        return pandas.DataFrame()
    except _MALFORMED as error:
        raise Damaged(f"{called} is no CSV file: {error}") from None


def _frame(header: Any, folder: Path, called: str) -> Any:
    import pandas

    rows, names = header["rows"], header["names"]
    if type(rows) is not int or rows < 0 or len(names) != len(header["columns"]):
        raise ValueError("its header contradicts itself")
    columns = [
        _column(column, folder, str(at), rows, called)
        for at, column in enumerate(header["columns"])
    ]
    index = _index(header["index"], folder, rows, called)
    if header["kind"] == "series":
        (series,) = columns
        series.index, series.name = index, _name(names[0])
        return series
    if header["kind"] != "frame":
        raise ValueError("neither a frame nor a series")
    if not columns:
        return pandas.DataFrame(index=index)
    frame = pandas.DataFrame(dict(enumerate(columns)))
    frame.index = index
    frame.columns = pandas.Index(
        [_name(name) for name in names], name=_name(header["columns_name"])
    )
    return frame


def _name(name: Any) -> Any:
    if isinstance(name, (list, dict)):
        raise ValueError("a name is not one")
    return name


def _index(header: Any, folder: Path, rows: int, called: str) -> Any:
    import pandas

    names = [_name(name) for name in header["names"]]
    if "range" in header:
        index: Any = pandas.RangeIndex(*map(int, header["range"]))
    else:
        levels = [
            pandas.Index(_column(column, folder, f"index{at}", rows, called))
            for at, column in enumerate(header["columns"])
        ]
        index = levels[0] if len(levels) == 1 else pandas.MultiIndex.from_arrays(levels)
    if len(index) != rows:
        raise ValueError("its index has another length")
    index.names = names
    return index


def _column(header: Any, folder: Path, stem: str, rows: int, called: str) -> Any:
    """A series of the values of a column."""
    import pandas

    if header["type"] == "category":
        count = header["count"]
        if header["categories"]["type"] == "category" or type(count) is not int:
            raise ValueError("categories of categories")
        categories = _column(header["categories"], folder, stem + ".categories", count, called)
        codes = _values(folder / (stem + ".codes.npy"), rows, called)
        return pandas.Series(
            pandas.Categorical.from_codes(
                codes, pandas.Index(categories), ordered=bool(header["ordered"])
            )
        )
    if header["type"] == "text":
        return _text(header, folder, stem, rows, called)
    if header["type"] != "values":
        raise ValueError("a column of an unknown type")
    values = _values(folder / (stem + ".npy"), rows, called)
    if "masked" in header:
        if header["masked"] not in MASKED:
            raise ValueError("a column of an unknown type")
        masked = pandas.array(values, dtype=header["masked"])
        masked[_mask(folder, stem, rows, called)] = pandas.NA
        return pandas.Series(masked)
    if "zone" in header:
        if _ZONE.fullmatch(header["zone"]) is None:
            raise ValueError("no time zone")
        return pandas.Series(values).dt.tz_localize("UTC").dt.tz_convert(header["zone"])
    if "unit" in header:  # R's times are seconds or days, since 1970 or since nothing
        return _moments(values, header["unit"], header.get("tz"))
    return pandas.Series(values)


def _moments(values: Any, unit: Any, zone: Any) -> Any:
    import numpy
    import pandas

    seconds = {"s": 1, "D": 86400, "elapsed": 1}[unit]
    missing = ~numpy.isfinite(values)
    micro = numpy.rint(numpy.where(missing, 0, values) * (seconds * 1e6)).astype("int64")
    moments = micro.view("timedelta64[us]" if unit == "elapsed" else "datetime64[us]").copy()
    moments[missing] = "NaT"
    series = pandas.Series(moments)
    if not zone or _ZONE.fullmatch(zone) is None:
        return series
    return series.dt.tz_localize("UTC").dt.tz_convert(zone)


def _values(place: Path, rows: int, called: str) -> Any:
    values = arrays.read(place, called)
    if values.shape != (rows,) or values.dtype.kind in "SU":
        raise ValueError("a column has another length or type")
    return values


def _mask(folder: Path, stem: str, rows: int, called: str) -> Any:
    return _values(folder / (stem + ".mask.npy"), rows, called).astype(bool)


def _text(header: Any, folder: Path, stem: str, rows: int, called: str) -> Any:
    import numpy
    import pandas

    *found, rest = (folder / (stem + ".text")).read_bytes().split(b"\0")
    if rest or len(found) != rows:
        raise ValueError("a column has another length")
    values: Any = numpy.empty(rows, dtype=object)
    values[:] = [text.decode("utf-8", "surrogatepass") for text in found]
    if (folder / (stem + ".mask.npy")).exists():
        values[_mask(folder, stem, rows, called)] = numpy.nan
    kind = header["dtype"]
    if kind == "string" or (kind == "str" and int(pandas.__version__.split(".")[0]) >= 3):
        return pandas.Series(values, dtype=kind)
    return pandas.Series(values, dtype=object)
