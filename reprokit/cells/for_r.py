"""Values for a cell in R: a piece of R that makes the plain ones and reads the others.

R needs no package for that. Vectors lie in files of doubles or integers as R has them itself, in
which the smallest integer stands for NA, and text in files of lines that end with a zero byte.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reprokit.cells import carrying
from reprokit.cells.carrying import CannotCarry, plain

_NA = -(2**31)
_NA_REAL = 0x7FF00000000007A2
"""The bits of NA among R's doubles."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_EXACT = 2**53
"""Doubles hold every whole number up to this."""


def write(values: Mapping[str, Any], folder: Path) -> str:
    """Write the values below `folder`; R that makes them, with `.vector`, `.text` and `.frame`,
    which start.R has. Raises CannotCarry."""
    lines = []
    for at, (name, value) in enumerate(values.items()):
        try:
            lines.append(f"{quoted(name)} = {_made(value, folder, f'{at}', name)}")
        except _NoText as error:
            raise CannotCarry(f"{name} holds {error}") from None
    return f"list({', '.join(lines)})\n"


class _NoText(CannotCarry):
    """A text that R has not."""


def _made(value: Any, folder: Path, stem: str, called: str) -> str:
    # As for Python, which is also what the record has the hash of.
    place = carrying.write(value, folder, stem, called)
    if place.suffix == ".json":
        return literal(plain.plain(value, called), called)
    if place.suffix == ".npy":
        return _array(value, folder, stem, called)
    return _frame(value, folder, stem, called)


def quoted(text: str) -> str:
    """A string of R."""
    if _NO_TEXT.search(text):
        raise _NoText("a text with a zero character or half a character, which R has not")
    # JSON's quotes and escapes are R's; what is no ASCII stays as it is, in UTF-8.
    return json.dumps(text, ensure_ascii=False)


def literal(value: Any, called: str) -> str:
    """A plain value as R writes it. A list of scalars of one kind is a vector, in which None is NA;
    any other list, and a dictionary, is a list."""
    if isinstance(value, dict):
        if "" in value:
            raise CannotCarry(f"{called} has a key without letters, which R has not")
        items = (f"{quoted(key)} = {literal(item, called)}" for key, item in value.items())
        return f"list({', '.join(items)})"
    if not isinstance(value, list):
        return "NULL" if value is None else _scalar(value, called)
    kinds = {_kind(item) for item in value} - {"missing"}
    if len(kinds) == 1 and kinds <= {"logical", "number", "character"}:
        return f"c({', '.join(_scalar(item, called, kinds) for item in value)})"
    return f"list({', '.join(literal(item, called) for item in value)})"


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "logical"
    if isinstance(value, (int, float)):
        return "number"
    return "character" if isinstance(value, str) else "list"


def _scalar(value: Any, called: str, kinds: Any = ()) -> str:
    if value is None:
        return "NA_character_" if "character" in kinds else "NA"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        if abs(value) > _EXACT:
            raise CannotCarry(f"{called} holds {str(value)[:40]}, which R has no number for")
        return f"{value}L" if abs(value) < 2**31 else repr(value)
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Inf" if value > 0 else "-Inf"


def _array(value: Any, folder: Path, stem: str, called: str) -> str:
    """A vector, or a matrix or array where there are more dimensions."""
    made = _vector(value.ravel(order="F"), None, folder, stem, called)
    if value.ndim < 2:
        return made
    return f"array({made}, dim = c({', '.join(map(str, value.shape))}))"


def _frame(value: Any, folder: Path, stem: str, called: str) -> str:
    import pandas

    frame = value.to_frame() if isinstance(value, pandas.Series) else value
    names = "NULL"
    index = frame.index
    is_text = all(isinstance(label, str) for label in index) and index.is_unique and len(index) > 0
    if isinstance(index, pandas.RangeIndex) and index.start == 0 and index.step == 1:
        frame = frame.reset_index(drop=True)
    elif index.nlevels == 1 and is_text:
        names = _text(index.tolist(), None, folder, f"{stem}.names")
        frame = frame.reset_index(drop=True)
    else:
        frame = frame.reset_index()
    columns = [
        _column(frame.iloc[:, at], folder, f"{stem}.{at}", f"a column of {called}")
        for at in range(frame.shape[1])
    ]
    # Not as names of arguments, which may not be empty.
    titles = f"c({', '.join(quoted(str(title)) for title in frame.columns)})"
    return f".frame(list({', '.join(columns)}), {titles}, {len(frame)}L, {names})"


def _column(column: Any, folder: Path, stem: str, called: str) -> str:
    import pandas

    dtype = column.dtype
    missing = column.isna().to_numpy(dtype=bool)
    if isinstance(dtype, pandas.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype("int64") + 1
        levels = _text([str(c) for c in column.cat.categories], None, folder, f"{stem}.levels")
        made = _vector(codes, missing, folder, stem, called)
        ordered = "TRUE" if dtype.ordered else "FALSE"
        return f"factor({levels}[{made}], levels = {levels}, ordered = {ordered})"
    if isinstance(dtype, pandas.DatetimeTZDtype) or dtype.kind == "M":
        zone = str(dtype.tz) if isinstance(dtype, pandas.DatetimeTZDtype) else "UTC"
        # R reads UTC+02:00 as POSIX has it: two hours behind, not before.
        zone = "UTC" if zone.startswith("UTC") else zone
        moments = (
            column.dt.tz_convert("UTC").dt.tz_localize(None) if hasattr(dtype, "tz") else column
        )
        seconds = moments.to_numpy().astype("datetime64[us]").astype("int64") / 1e6
        made = _vector(seconds, missing, folder, stem, called)
        return f"as.POSIXct({made}, origin = '1970-01-01', tz = {quoted(zone)})"
    if dtype.kind == "m":
        seconds = column.to_numpy().astype("timedelta64[us]").astype("int64") / 1e6
        made = _vector(seconds, missing, folder, stem, called)
        return f"as.difftime({made}, units = 'secs')"
    if dtype.kind == "O":
        return _text(
            ["" if m else v for m, v in zip(missing, column, strict=True)], missing, folder, stem
        )
    if hasattr(dtype, "numpy_dtype"):
        values = column.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return _vector(values, missing, folder, stem, called)
    return _vector(column.to_numpy(), None, folder, stem, called)


def _vector(values: Any, missing: Any, folder: Path, stem: str, called: str) -> str:
    """Write a vector of logicals, integers, doubles, complex numbers or text."""
    import numpy

    kind, place = values.dtype.kind, folder / f"{stem}.r"
    if kind in "biu":
        large = numpy.abs(values.astype(object)).max() if values.size else 0
        if kind == "b" or large < 2**31:
            whole = values.astype("<i4")
            if missing is not None:
                whole[missing] = _NA
            place.write_bytes(whole.tobytes())
            return f".vector({quoted(place.name)}, {'logical' if kind == 'b' else 'integer'}(0))"
        if large > _EXACT:
            raise CannotCarry(f"{called} holds {large}, which R has no number for")
        values, kind = values.astype("float64"), "f"
    if kind == "f":
        if values.dtype.itemsize > 8:
            raise CannotCarry(f"{called} is of the type {values.dtype}, which R has not")
        doubles = values.astype("<f8")
        if missing is not None:
            doubles.view("<u8")[missing] = _NA_REAL
        place.write_bytes(doubles.tobytes())
        return f".vector({quoted(place.name)}, double(0))"
    if kind == "c":
        place.write_bytes(values.astype("<c16").tobytes())
        return f".vector({quoted(place.name)}, complex(0))"
    if kind == "U":
        return _text(values.tolist(), None, folder, stem)
    raise CannotCarry(f"{called} is of the type {values.dtype}, which R has not")


def _text(values: list[Any], missing: Any, folder: Path, stem: str) -> str:
    for value in values:
        quoted(value)
    place = folder / f"{stem}.r"
    place.write_bytes(b"".join(value.encode("utf-8") + b"\0" for value in values))
    gone = "integer(0)"
    if missing is not None and missing.any():
        gone = f"c({', '.join(f'{at + 1}L' for at in missing.nonzero()[0])})"
    return f".text({quoted(place.name)}, {len(values)}L, {gone})"
