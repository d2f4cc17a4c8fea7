"""NumPy arrays as .npy files, which hold a header and the bytes of the array."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from .plain import CannotCarry, Damaged, described

KINDS = "biufcmMSU"
"""Of `dtype.kind`: everything but objects, which only pickle can write, and records."""
_MALFORMED = (ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError)


def write(value: Any, place: Path, called: str) -> None:
    """Write an array as it is. A subclass comes back as a plain array."""
    import numpy

    if isinstance(value, numpy.ma.MaskedArray):
        raise CannotCarry(f"{called} is a masked array; its .data and .mask can be carried")
    if value.dtype.kind not in KINDS:
        kind = "objects" if value.dtype.hasobject else f"the type {value.dtype}"
        first = described(value.flat[0]) if value.dtype.kind == "O" and value.size else ""
        example = f" (the first is {first})" if first else ""
        raise CannotCarry(f"{called} is an array of {kind}{example}")
    with place.open("wb") as file:
        numpy.lib.format.write_array(file, numpy.asarray(value), (1, 0), allow_pickle=False)


def read(place: Path, called: str) -> Any:
    """The array in a file; its bytes must be as many as its header says."""
    import numpy

    with place.open("rb") as file:
        try:
            if numpy.lib.format.read_magic(file) != (1, 0):
                raise ValueError("another version of the format")
            shape, by_column, dtype = numpy.lib.format.read_array_header_1_0(file)
            return _content(file, shape, by_column, dtype, place.stat().st_size)
        except _MALFORMED as error:
            raise Damaged(f"{called} is no array: {error}") from None


def _content(file: IO[bytes], shape: Any, by_column: bool, dtype: Any, size: int) -> Any:
    import numpy

    if dtype.kind not in KINDS or dtype.subdtype is not None:
        raise ValueError(f"of the type {dtype}")
    if any(not isinstance(length, int) or length < 0 for length in shape):
        raise ValueError("a length is negative")
    count = 1
    for length in shape:
        count *= length
    if count * max(dtype.itemsize, 1) != size - file.tell():
        raise ValueError("it has more or fewer bytes than its header says")
    order: Any = "F" if by_column else "C"
    if count == 0:
        return numpy.empty(shape, dtype)
    # Over an array of bytes of its own, so that it can be written to.
    return numpy.frombuffer(bytearray(file.read()), dtype).reshape(shape, order=order)
