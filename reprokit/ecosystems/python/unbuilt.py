"""What a release asks for, read from its files without running any of it.

uv builds a source distribution to learn that, which for Python 2 it does by a Python 3: it takes
minutes and fails for most. Any wheel of the release tells the same, and so does what setuptools
wrote into the source distribution; uv is given that instead.
"""

from __future__ import annotations

import re
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reprokit.ecosystems.python import pylock, repairs
from reprokit.ecosystems.python.names import normalised
from reprokit.ecosystems.python.pylock import Resolved, Source, Target
from reprokit.ecosystems.python.repairs import Repair
from reprokit.errors import InputUnavailable
from reprokit.resolving import Resolver
from reprokit.unpacking import UNREADABLE

_LARGEST = 10_000_000
_MOST_FILES = 50  # of those that say something, in one archive
_MOST_ROUNDS = 60


def compiled(
    lines: Iterable[str],
    known: dict[tuple[str, str], Repair | None],
    compile_with: Callable[[str], tuple[str, tuple[Resolved, ...]]],
    metadata_of: Callable[[Resolved], str | None],
) -> str:
    """uv's answer to the lines with true metadata for each release in it, added to `known`.

    A release that was not read yet is first taken to ask for nothing; once uv chooses it, its
    metadata is read and uv asked again, until nothing new is chosen. What cannot be read is left
    for uv to build. Raises InputUnavailable where that does not end.
    """
    names = set(_names(lines))
    for repair in known.values():
        names.update(_names(repair.requires if repair is not None else ()))
    names -= {name for (name, _), read in known.items() if read is None}
    for _ in range(_MOST_ROUNDS):
        told = (repair for repair in known.values() if repair is not None)
        text, found = compile_with(repairs.settings(told) + repairs.asking_nothing(names))
        new = [i for i in found if i.name in names and (i.name, i.version) not in known]
        if not new:
            return text
        for item in new:
            version = item.version or ""
            metadata = metadata_of(item)
            repair = None if metadata is None else repairs.taken(item.name, version, metadata)
            known[item.name, version] = repair
            if repair is None:
                names.discard(item.name)
            else:
                unread = {name for (name, _), read in known.items() if read is None}
                names.update(set(_names(repair.requires)) - unread)
    raise InputUnavailable(f"the packages still change after {_MOST_ROUNDS} rounds of reading them")


def _names(lines: Iterable[str]) -> Iterator[str]:
    """The projects of an index that requirements name."""
    for line in lines:
        with suppress(InvalidRequirement):
            asked = ParsedRequirement(re.split(r"\s--hash|\s#", line)[0])
            if asked.url is None:
                yield normalised(asked.name)


def metadata(
    resolver: Resolver, fits: Target, wheels: Iterable[Source], sdist: Source | None
) -> str | None:
    """The METADATA of a release: of a wheel for this machine, else for another with the same
    Python, else what its source distribution says; `None` where none says it."""
    listed = tuple(wheels)
    wheel = pylock.best_wheel(listed, fits)
    wheel = wheel or next((found for found in listed if _is_for(found, fits.python)), None)
    if wheel is not None:
        return of_wheel(resolver, wheel)
    return None if sdist is None or sdist.commit is not None else _of_sdist(resolver, sdist)


def _is_for(wheel: Source, python: str) -> bool:
    digits = python.replace(".", "")
    try:
        tags = parse_wheel_filename(wheel.file)[3]
    except InvalidWheelFilename:
        return False
    return any(tag.interpreter in (f"cp{digits}", f"py{digits}", f"py{digits[0]}") for tag in tags)


def of_wheel(resolver: Resolver, wheel: Source) -> str | None:
    """A wheel's METADATA: served apart (PEP 658), or else out of the wheel."""
    with tempfile.TemporaryDirectory(prefix="reprokit-metadata-") as temporary:
        file = Path(temporary) / "file"
        with suppress(InputUnavailable):
            resolver.place(resolver.download(f"{wheel.url}.metadata", "metadata"), file)
            return file.read_text("utf-8", "replace")
        resolver.place(resolver.download(wheel.url, "wheel", sha256=wheel.sha256), file)
        with suppress(*UNREADABLE), zipfile.ZipFile(file) as read:
            for entry in read.infolist():
                if entry.filename.endswith(".dist-info/METADATA") and entry.file_size < _LARGEST:
                    return read.read(entry).decode("utf-8", "replace")
    return None


def _of_sdist(resolver: Resolver, sdist: Source) -> str | None:
    with tempfile.TemporaryDirectory(prefix="reprokit-metadata-") as temporary:
        file = Path(temporary) / "file"
        resolver.place(resolver.download(sdist.url, "sdist", sha256=sdist.sha256), file)
        return of_archive(file)


def of_archive(file: Path) -> str | None:
    """What setuptools wrote into a source distribution, as METADATA. One that has PKG-INFO and no
    requires.txt asks for nothing. `None` for one without, or that cannot be read."""
    try:
        texts = dict(islice(_texts(file), _MOST_FILES))
    except UNREADABLE:
        return None
    if not any(name.endswith("/PKG-INFO") for name in texts):
        return None
    # A package that lies within has its own; the release's is the outermost.
    asked = sorted(
        (name for name in texts if name.endswith("/requires.txt")),
        key=lambda name: (name.count("/"), name),
    )
    return "\n".join(_fields(texts[asked[0]] if asked else "")) + "\n"


def _texts(file: Path) -> Iterator[tuple[str, str]]:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as read:
            for entry in read.infolist():
                if _tells(entry.filename) and entry.file_size < _LARGEST:
                    yield entry.filename, read.read(entry).decode("utf-8", "replace")
        return
    with tarfile.open(file) as archive:
        for member in archive:
            if member.isfile() and _tells(member.name) and member.size < _LARGEST:
                content = archive.extractfile(member)
                if content is not None:
                    yield member.name, content.read().decode("utf-8", "replace")


def _tells(name: str) -> bool:
    return re.fullmatch(r"(?:\./)?[^/]+/(?:PKG-INFO|.*\.egg-info/requires\.txt)", name) is not None


def _fields(text: str) -> Iterator[str]:
    """The lines of a requires.txt as METADATA has them. A section is "[extra:marker]", both of
    which may be missing. Source: setuptools, "egg-info", requires.txt."""
    extra = marker = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if section := re.fullmatch(r"\[([^:\]]*):?(.*)\]", line):
            extra, marker = section[1].strip(), section[2].strip()
            if extra:
                yield f"Provides-Extra: {extra}"
            continue
        asked, _, own = line.partition(";")
        conditions = [f"({part.strip()})" for part in (own, marker) if part.strip()]
        conditions += [f'extra == "{extra}"'] if extra else []
        condition = f" ; {' and '.join(conditions)}" if conditions else ""
        yield f"Requires-Dist: {asked.strip()}{condition}"
