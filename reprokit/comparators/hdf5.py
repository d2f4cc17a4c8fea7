"""HDF5 (also netCDF 4, MATLAB 7.3, Keras): groups, datasets and attributes by their names.

Links to other files are compared as what they say and never followed, and neither is data that a
dataset keeps in another file: results may come from strangers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from reprokit.comparators.arrays import compare_arrays
from reprokit.comparators.protocol import Settings, Unreadable, needing, reading
from reprokit.comparators.tally import Tally
from reprokit.verdict import Finding

_DEEPEST = 100


class Hdf5:
    """Chunks, filters and times of objects say nothing."""

    name = "HDF5"
    apart = True

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if first.startswith(b"\x89HDF\r\n\x1a\n") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with needing("HDF5 files"):
            import h5py
        tally = Tally(settings, kind="dataset")
        with reading(), h5py.File(expected, "r") as old, h5py.File(actual, "r") as new:
            left, right = dict(_objects(old)), dict(_objects(new))
            for name in left:
                if name not in right:
                    tally.misses(f"without {name}")
            for name in right:
                if name not in left:
                    tally.misses(f"with the new {name}")
            for name in left:
                if name in right:
                    _compare(name, left[name], right[name], tally)
        return tally.finding()


def _objects(group: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Everything in a file by its path; of a link to elsewhere, what it says. Links within a file
    can make a group hold itself."""
    import h5py

    if depth > _DEEPEST:
        raise Unreadable(f"its groups are nested deeper than {_DEEPEST} levels")
    yield path or "/", group
    for name in sorted(group):
        inner = f"{path}/{name}"
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            yield inner, f"link to {link.path} in {link.filename}"
        elif isinstance(link, h5py.SoftLink):
            yield inner, f"link to {link.path}"
        else:
            found = group[name]
            if isinstance(found, h5py.Group):
                yield from _objects(found, inner, depth + 1)
            else:
                yield inner, found


def _compare(name: str, old: Any, new: Any, tally: Tally) -> None:
    import h5py

    if type(old) is not type(new) or isinstance(old, str):
        tally.texts(name, name, _kind(old), _kind(new))
        return
    _attributes(name, old, new, tally)
    if not isinstance(old, h5py.Dataset):
        return
    for dataset in (old, new):
        if dataset.external or dataset.is_virtual:
            raise Unreadable(f"{name} keeps its data in other files")
        tally.settings.budget.take(dataset.size * dataset.dtype.itemsize if dataset.size else 0)
    if old.shape is None or new.shape is None:
        tally.texts(name, name, str(old.shape), str(new.shape))
    else:
        compare_arrays(name, old, new, tally)


def _attributes(name: str, old: Any, new: Any, tally: Tally) -> None:
    import numpy

    for key in sorted({*old.attrs, *new.attrs}):
        place = f"{name}@{key}"
        if key not in old.attrs or key not in new.attrs:
            tally.misses(f"{'without' if key in old.attrs else 'with the new'} {place}")
            continue
        left, right = numpy.asarray(old.attrs[key]), numpy.asarray(new.attrs[key])
        if left.dtype.kind in "iufcb" and right.dtype.kind in "iufcb":
            compare_arrays(place, left, right, tally)
        else:
            tally.texts(place, place, str(left.tolist()), str(right.tolist()))


def _kind(found: Any) -> str:
    return found if isinstance(found, str) else type(found).__name__.lower()
