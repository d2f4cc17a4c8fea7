"""Zip and tar archives, and what is written as one (jar, docx, npz): member by member.

Members are written under numbers into a temporary folder, never under their own names, so that
no name leads anywhere. Links and devices are compared as what they say, and never made.
"""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

from reprokit.comparators.composite import combined
from reprokit.comparators.protocol import Settings, Unreadable, reading
from reprokit.verdict import Comparison, Finding, Grade

_CHUNK = 1024 * 1024
Member: TypeAlias = tuple[str, IO[bytes] | str]
"""A name, and the content or what a link says."""


class Zip:
    """Zip archives. The times and the compression of members say nothing."""

    name = "zip archive"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 50 if first.startswith((b"PK\x03\x04", b"PK\x05\x06")) else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        return _compared(_zipped(expected, settings), _zipped(actual, settings), settings)


class Tar:
    """Tar archives. The times and owners of members say nothing."""

    name = "tar archive"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 60 if first[257:262] == b"ustar" or path.suffix == ".tar" else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        return _compared(_tarred(expected, settings), _tarred(actual, settings), settings)


def _zipped(path: Path, settings: Settings) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > settings.limits.members:
            raise Unreadable(f"it has more than {settings.limits.members:,} members")
        for member in members:
            if not member.is_dir():
                with archive.open(member) as stream:
                    yield member.filename, stream


def _tarred(path: Path, settings: Settings) -> Iterator[Member]:
    with tarfile.open(path, "r:") as archive:
        for number, member in enumerate(archive):
            if number >= settings.limits.members:
                raise Unreadable(f"it has more than {settings.limits.members:,} members")
            if member.isreg():
                stream = archive.extractfile(member)
                if stream is not None:
                    with stream:
                        yield member.name, stream
            elif not member.isdir():
                kind = "link to" if member.islnk() or member.issym() else "device"
                yield member.name, f"{kind} {member.linkname}"


def _compared(left: Iterator[Member], right: Iterator[Member], settings: Settings) -> Finding:
    with tempfile.TemporaryDirectory(prefix="reprokit-compare-") as folder, reading():
        place = Path(folder)
        olds = _kept(left, place / "expected", settings)
        news = _kept(right, place / "actual", settings)
        parts = [_member(name, olds.get(name), news.get(name), settings) for name in olds]
        parts += [_member(name, None, news[name], settings) for name in news if name not in olds]
        notes = []
        if set(olds) == set(news) and [*olds] != [*news]:
            notes.append("members in another order")
        return combined(parts, "member", notes=notes)


def _kept(members: Iterator[Member], folder: Path, settings: Settings) -> dict[str, Path | str]:
    """Every member by name, its content in a file of the folder."""
    folder.mkdir()
    found: dict[str, Path | str] = {}
    # A generator has the archive open: it must not wait for the garbage collector.
    with closing(members):  # type: ignore[type-var]
        for number, (name, content) in enumerate(members):
            key, again = name, 1
            while key in found:
                again += 1
                key = f"{name} ({again})"
            found[key] = content if isinstance(content, str) else folder / str(number)
            if not isinstance(content, str):
                write(content, folder / str(number), settings)
    return found


def write(stream: IO[bytes], path: Path, settings: Settings) -> None:
    """Unpack a stream into a file. Raises Unreadable where the budget is used up."""
    with path.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            settings.budget.take(len(chunk))
            out.write(chunk)


def _member(
    name: str, old: Path | str | None, new: Path | str | None, settings: Settings
) -> Comparison:
    if isinstance(old, Path) and isinstance(new, Path):
        return settings.compare(name, old, new, settings.inside(name))
    grade, summary = Grade.DIFFERENT, f"{_said(new)} instead of {_said(old)}"
    if old is None:
        grade, summary = Grade.EXTRA, "was not expected"
    elif new is None:
        grade, summary = Grade.MISSING, "is not there"
    elif old == new:
        grade, summary = Grade.IDENTICAL, _said(old)
    return Comparison(path=name, comparator="archive", grade=grade, summary=summary)


def _said(member: Path | str | None) -> str:
    return "a file" if isinstance(member, Path) else f"a {member}"
