"""Values as files that hold data and never a program: JSON, NumPy's .npy, and columns of these.

The same code writes and reads in the kernel and in the container, so it needs nothing but Python
3.7, and NumPy and pandas only for what is theirs. Whatever is read may have been made by somebody
hostile: sizes are checked before memory is taken, and nothing is unpickled.

    NAME.json    None, bool, int, float, str, lists and dictionaries of these
    NAME.npy     a NumPy array
    NAME.txt, NAME.csv  what a shell gives: a text, and a table that becomes a data frame
    NAME.frame/  a pandas data frame or series, a file or two a column: see `frames`
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from . import plain
from .plain import CARRIED, CannotCarry, Damaged

__all__ = ["CARRIED", "CannotCarry", "Damaged", "place", "read", "write"]

KINDS = {
    ".json": "value",
    ".npy": "array",
    ".frame": "data frame",
    ".txt": "text",
    ".csv": "table",
}
"""What is carried, by the ending of its file."""


def write(value: Any, folder: Path, stem: str, called: str) -> Path:
    """Write a value below `folder`; where it is then. called: its name in the code.

    Raises CannotCarry for what cannot be carried, and says which part of the value that is.
    """
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series)):
        from . import frames

        place = folder / (stem + ".frame")
        frames.write(value, place, called)
        return place
    if numpy is not None and isinstance(value, numpy.ndarray):
        from . import arrays

        place = folder / (stem + ".npy")
        arrays.write(value, place, called)
        return place
    place = folder / (stem + ".json")
    place.write_text(plain.encode(value, called), encoding="ascii")
    return place


def place(folder: Path, stem: str) -> Path | None:
    """Where a value was written, `None` where it was not."""
    found = (folder / (stem + ending) for ending in KINDS)
    return next((path for path in found if path.exists()), None)


def read(place: Path, called: str) -> Any:
    """The value that lies there. Raises Damaged for what no writer makes, and CannotCarry where the
    library that it belongs to is not installed."""
    if place.suffix == ".json":
        return plain.decode(place, called)
    if place.suffix == ".txt":
        return plain.content(place, called).decode("utf-8", "replace")
    try:
        import numpy
    except ImportError:
        raise _needs("numpy", "an array", called) from None
    del numpy
    if place.suffix == ".npy":
        from . import arrays

        return arrays.read(place, called)
    try:
        import pandas
    except ImportError:
        raise _needs("pandas", "a data frame", called) from None
    del pandas
    from . import frames

    return (frames.read_csv if place.suffix == ".csv" else frames.read)(place, called)


def _needs(library: str, what: str, called: str) -> CannotCarry:
    return CannotCarry(f"{called} is {what}, and there is no {library} here to hold it", library)
