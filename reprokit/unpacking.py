"""Compressed data unpacked once, safely, into the store, under the digest of the compressed file.

Archives come from strangers: names that leave the folder, links, devices, repeated names and
bombs are refused before anything of them can be seen by a program.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, cast, get_args

from reprokit.errors import BadRequest
from reprokit.files import storage_failed
from reprokit.frozen import frozen
from reprokit.progress import Reporter, Silent

Format = Literal["gzip", "xz", "bzip2", "zip", "tar"]
FORMATS: tuple[str, ...] = get_args(Format)
_CHUNK = 1024 * 1024
_DIGEST = re.compile(r"sha256:(?P<hex>[0-9a-f]{64})")
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, tarfile.TarError,
           zipfile.BadZipFile, NotImplementedError)  # fmt: skip
"""What readers of archives raise for one that is damaged."""
UNREADABLE = (*DAMAGED, RuntimeError, OSError, ValueError)
"""The same and what an encrypted one raises, or one that leads its reader to any place of the file,
or before it. Where the disk's own errors are told apart, DAMAGED is what is meant."""

_BY_HAND = "unpack it by hand, or set data.unpack = false in repro.toml"
_RAISE_LIMIT = "raise data.unpack_limit in repro.toml if that is right"


@frozen
class Limits:
    """How much a compressed file may become: bytes in all, files, and times its own size (the
    last counts only beyond `free` bytes, as small texts compress extremely)."""

    most_bytes: int = 500 * 1024**3
    most_files: int = 1_000_000
    ratio: float = 200
    free: int = 1024**3


DEFAULT_LIMITS = Limits()


def unpacked(
    source: Path,
    sha256: str,
    format: Format,
    store: Path,
    *,
    name: str = "",
    limits: Limits = DEFAULT_LIMITS,
    reporter: Reporter | None = None,
) -> Path:
    """The unpacked file or folder, made now or found from last time.

    sha256: of the compressed file, "sha256:<hex>". store: the folder all unpacked data is kept in.
    name: what to return of an archive: its top entry of that name, else the whole folder.
    Raises BadRequest for a damaged, dangerous or too large file, and StorageFailed.
    """
    match = _DIGEST.fullmatch(sha256)
    if match is None:
        raise ValueError(f"not a digest: {sha256!r}")
    target = store / f"{match['hex']}-{format}"
    if not target.is_dir():
        try:
            _make(source, format, target, Meter(source, limits, reporter or Silent()))
        except OSError as error:
            raise storage_failed(error, store) from error
    if format in ("gzip", "xz", "bzip2"):
        return target / "file"
    if name and "/" not in name and name not in (".", "..") and (target / name).exists():
        return target / name
    return target


def _make(source: Path, format: Format, target: Path, meter: Meter) -> None:
    """Unpack beside the target, then rename: it is whole or not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unpacking-"))
    try:
        with _explained(source):
            if source.stat().st_size == 0:
                # Python's gzip takes it for the compressed nothing; no program writes that.
                raise EOFError("it is empty")
            if format == "zip":
                _unzip(source, temporary, meter)
            elif format == "tar":
                _untar(source, temporary, meter)
            else:
                with _opened(source, format) as stream:
                    _write(stream, temporary / "file", meter)
        for folder in [temporary, *(place for place in temporary.rglob("*") if place.is_dir())]:
            # The program runs as another user than the one who unpacks, whatever the umask.
            folder.chmod(0o755)
        try:
            temporary.rename(target)
        except OSError:
            # Somebody else was faster, with the same content.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    try:
        yield
    except DAMAGED as error:
        raise BadRequest(
            f"is damaged or not what its name says: {error}",
            where=str(source),
            next="get the file again",
        ) from error
    except OSError as error:
        # bz2 reports damage as an OSError without a number.
        if error.errno is not None:
            raise
        raise BadRequest(
            f"is damaged: {error}", where=str(source), next="get the file again"
        ) from error
    except RuntimeError as error:
        # How zipfile says that a member is encrypted.
        raise BadRequest(f"cannot be unpacked: {error}", where=str(source)) from error


def _opened(source: Path, format: str) -> IO[bytes]:
    if format == "gzip":
        return cast("IO[bytes]", gzip.open(source, "rb"))
    if format == "xz":
        return lzma.open(source, "rb")
    return cast("IO[bytes]", bz2.open(source, "rb"))


def _unzip(source: Path, folder: Path, meter: Meter) -> None:
    with zipfile.ZipFile(source) as archive:
        names = Names(source)
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise names.refused(member.filename, "is a link or device")
            path = names.checked(member.orig_filename, member.is_dir())
            if member.is_dir():
                (folder / path).mkdir(parents=True, exist_ok=True)
                continue
            with archive.open(member) as stream:
                _write(stream, folder / path, meter)


def _untar(source: Path, folder: Path, meter: Meter) -> None:
    with tarfile.open(source, "r:*") as archive:
        names = Names(source)
        for member in archive:
            if not member.isreg() and not member.isdir():
                raise names.refused(member.name, "is a link or device")
            path = names.checked(member.name, member.isdir())
            if member.isdir():
                (folder / path).mkdir(parents=True, exist_ok=True)
                continue
            stream = archive.extractfile(member)
            if stream is not None:
                with stream:
                    _write(stream, folder / path, meter)


def _write(stream: IO[bytes], path: Path, meter: Meter) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    meter.file()
    with path.open("xb") as out:
        while chunk := stream.read(_CHUNK):
            meter.bytes(len(chunk))
            out.write(chunk)
    path.chmod(0o444)


class Names:
    """Checks the names of an archive's members, and that none comes twice."""

    def __init__(self, source: Path, *, next: str = _BY_HAND) -> None:
        self._source = source
        self._next = next
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def checked(self, name: str, is_folder: bool) -> str:
        """The name as a relative path. Raises BadRequest for one that is dangerous."""
        if "\x00" in name or "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
            raise self.refused(name, "is not a relative path")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise self.refused(name, "leaves the archive's folder")
        path = "/".join(parts)
        above = {"/".join(parts[:length]) for length in range(1, len(parts))}
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise self.refused(name, "is not text") from error
        if path in self._files or (not is_folder and path in self._folders) or above & self._files:
            raise self.refused(name, "comes twice")
        if not path and not is_folder:
            raise self.refused(name, "is not a relative path")
        self._folders |= above
        (self._folders if is_folder else self._files).add(path)
        return path

    def refused(self, name: str, why: str) -> BadRequest:
        return BadRequest(
            f"the member {name!r} {why}",
            where=str(self._source),
            next=self._next,
        )


class Meter:
    """Counts what was really written; sizes that an archive claims are not believed."""

    def __init__(
        self, source: Path, limits: Limits, reporter: Reporter, *, next: str = _RAISE_LIMIT
    ) -> None:
        self._source = source
        self._limits = limits
        self._next = next
        self._reporter = reporter
        self._size = max(source.stat().st_size, 1)
        self._written = 0
        self._files = 0

    def file(self) -> None:
        self._files += 1
        if self._files > self._limits.most_files:
            raise self._refused(f"more than {self._limits.most_files} files")

    def bytes(self, count: int) -> None:
        self._written += count
        self.check(self._written)
        self._reporter.advance(self._written, None)

    def check(self, count: int) -> None:
        """Raise BadRequest where so many bytes are more than the limits allow."""
        limits = self._limits
        if count > limits.most_bytes:
            raise self._refused(f"more than {limits.most_bytes} bytes")
        if count > limits.free and count > limits.ratio * self._size:
            raise self._refused(f"more than {limits.ratio:g} times its size")

    def _refused(self, what: str) -> BadRequest:
        return BadRequest(
            f"unpacks to {what}",
            where=str(self._source),
            next=self._next,
        )


def limits_for(most_bytes: int | None) -> Limits:
    """The limits with data.unpack_limit, whose author knows how much it will be."""
    if most_bytes is None:
        return DEFAULT_LIMITS
    return Limits(most_bytes=most_bytes, free=most_bytes)
