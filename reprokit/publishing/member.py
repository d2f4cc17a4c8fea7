"""One file on its way into an archive: read in chunks, and checked while it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from reprokit.errors import BadRequest, InputUnavailable
from reprokit.frozen import frozen
from reprokit.quoting import refuse_control_characters

_CHUNK = 1024 * 1024


@frozen
class Member:
    """A file of an archive. `path` is where it lies there, `size` its bytes, `chunks` reads it."""

    path: str
    size: int
    chunks: Callable[[], Iterator[bytes]]
    executable: bool = False


def of_bytes(path: str, content: bytes) -> Member:
    """A file whose content is at hand."""
    return Member(path=checked(path), size=len(content), chunks=lambda: iter((content,)))


def of_text(path: str, text: str) -> Member:
    """The same for a text, as UTF-8 with line feeds."""
    return of_bytes(path, text.encode())


def of_file(
    path: str, place: Path, *, sha256: str | None = None, executable: bool = False
) -> Member:
    """A file of this machine.

    sha256: what it must be while it is read, else its reading raises InputUnavailable.
    Raises InputUnavailable where it is missing.
    """
    try:
        size = place.stat().st_size
    except OSError as error:
        raise InputUnavailable(f"cannot be read: {error.strerror}", where=str(place)) from error
    return Member(
        path=checked(path),
        size=size,
        chunks=lambda: _read(place, size, sha256),
        executable=executable,
    )


def _read(place: Path, size: int, sha256: str | None) -> Iterator[bytes]:
    digest = hashlib.sha256()
    left = size
    try:
        with place.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                left -= len(chunk)
                yield chunk
    except OSError as error:
        raise InputUnavailable(f"cannot be read: {error.strerror}", where=str(place)) from error
    if left != 0 or sha256 not in (None, f"sha256:{digest.hexdigest()}"):
        raise InputUnavailable(
            "is no longer the file that it was when the run saw it",
            where=str(place),
            next="run again and publish that run",
        )


def checked(path: str) -> str:
    """A name that every system can unpack inside the archive's folder; else BadRequest."""
    parts = path.split("/")
    bad = path.startswith("/") or any(part in ("", ".", "..") for part in parts)
    # BagIt writes line ends in names as these, so a name that holds them would be read as another.
    if bad or "\\" in path or "%0a" in path.lower() or "%0d" in path.lower():
        raise BadRequest(f"{path!r} cannot be named in an archive", next="rename the file")
    return refuse_control_characters(path)
