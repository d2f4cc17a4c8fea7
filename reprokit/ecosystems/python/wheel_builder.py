"""Builds a wheel inside a container, in steps that the host asks for one by one.

    wheel_builder.py unpack ARCHIVE FOLDER
    wheel_builder.py requires BACKEND OUT [PATH...]
    wheel_builder.py wheel BACKEND OUT [PATH...]

Standard library only, and Python 2.7 or any 3: it runs on whatever the base has. The last two start
in the source's folder with the interpreter of the build's environment, speak PEP 517 to the backend
(found in PATHs of the source, if any), and write what they found to OUT: requirements as JSON, or
the wheel into that folder.
"""

from __future__ import print_function

import importlib
import json
import os
import shutil
import sys
import tarfile
import time
import zipfile

if False:  # for mypy; typing is no part of Python 2.7
    from typing import Any, Callable, Dict, Sequence

_PROJECT = ("setup.py", "pyproject.toml")


def unpack(archive, folder):
    # type: (str, str) -> None
    """Unpack a source distribution; its one top folder becomes `folder`."""
    place = folder + ".unpacking"
    if archive.endswith(".zip"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(place)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(place)
    inside = [name for name in os.listdir(place) if os.path.isdir(os.path.join(place, name))]
    at_top = any(os.path.exists(os.path.join(place, name)) for name in _PROJECT)
    os.rename(place if at_top or len(inside) != 1 else os.path.join(place, inside[0]), folder)


def backend(name, paths):
    # type: (str, Sequence[str]) -> Any
    """The object that a [build-system] table calls build-backend."""
    # Old setups look for their files beside the script that was started.
    sys.argv[:] = [os.path.abspath("setup.py")]
    sys.path[:0] = [os.path.abspath(path) for path in paths]
    module, _, attributes = name.partition(":")
    found = importlib.import_module(module)
    for attribute in attributes.split(".") if attributes else ():
        found = getattr(found, attribute)
    return found


def requires(name, out, *paths):
    # type: (str, str, *str) -> None
    """What the backend asks for on top of the table."""
    hook = getattr(backend(name, paths), "get_requires_for_build_wheel", None)
    with open(out, "w") as file:
        json.dump([] if hook is None else list(hook(None)), file)


def wheel(name, out, *paths):
    # type: (str, str, *str) -> None
    """Build the wheel and write it in an order, with times and modes that do not depend on the
    backend's age; uncompressed, so that no version of zlib has a say."""
    place = out + ".building"
    os.makedirs(place)
    made = os.path.join(place, backend(name, paths).build_wheel(place))
    day = time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))[:6]
    os.makedirs(out)
    target = os.path.join(out, os.path.basename(made))
    with zipfile.ZipFile(made) as read, zipfile.ZipFile(target, "w") as written:
        # As PEP 427 recommends, what describes the wheel comes last.
        entries = sorted(read.infolist(), key=lambda e: (".dist-info/" in e.filename, e.filename))
        for entry in entries:
            if entry.filename.endswith("/"):
                continue
            canonical = zipfile.ZipInfo(entry.filename, day)
            mode = 0o755 if (entry.external_attr >> 16) & 0o100 else 0o644
            canonical.external_attr = (0o100000 | mode) << 16
            canonical.create_system = 3
            written.writestr(canonical, read.read(entry))
    shutil.rmtree(place)


_STEPS = {
    "unpack": unpack,
    "requires": requires,
    "wheel": wheel,
}  # type: Dict[str, Callable[..., None]]

if __name__ == "__main__":
    _STEPS[sys.argv[1]](*sys.argv[2:])
