"""The content-addressed store: every file a lock names, once, whatever project asked for it.

A file lies at sha256/ab/abcd…; its name is its hash, so it is never changed, only added (through a
temporary name) or removed. Several processes may add the same file at once: the last rename wins
and both hold the same bytes. Every copy that is handed out was hashed on the way.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reprokit import files
from reprokit.errors import InputUnavailable, ReprokitError, StorageFailed

try:
    import fcntl
except ImportError:  # Windows: no file is shared while it arrives, and none is resumed later
    fcntl = None  # type: ignore[assignment]

_ARRIVING = "incoming-"
_ABANDONED = 24 * 3600
"""Seconds without a new byte after which a file that arrives is taken for left over."""
_WAIT = 0.2
_BLOCK = 1024 * 1024


class StoredFileDamaged(InputUnavailable):
    """A stored file is not what its name says. It has been removed: fetching brings it back."""


@dataclass(frozen=True)
class Store:
    """A store in a folder, made when the first file is added.

    Folders below it get its own mode: with a setgid folder that a group may write
    (`chmod 2775`), the group shares the store.
    """

    folder: Path

    def path(self, sha256: str) -> Path:
        """Where a file of this digest lies or would lie."""
        hexadecimal = sha256.removeprefix("sha256:")
        if len(hexadecimal) != 64 or not set(hexadecimal) <= set("0123456789abcdef"):
            raise InputUnavailable(f"{sha256!r} is not a SHA-256 digest")
        return self.folder / "sha256" / hexadecimal[:2] / hexadecimal

    def holds(self, sha256: str, size: int | None = None) -> bool:
        """Whether the file is there, in its right size (bytes) where that is known; its content
        is checked when it is read."""
        path = self.path(sha256)
        return path.is_file() and (size is None or path.stat().st_size == size)

    def add(self, source: Path) -> str:
        """Copy a file in and return its digest. It may be the only copy: it is written through."""
        with self.receiving() as temporary:
            with source.open("rb") as reading, temporary.open("wb") as writing:
                shutil.copyfileobj(reading, writing, _BLOCK)
                writing.flush()
                os.fsync(writing.fileno())
            return self.take(temporary)

    @contextmanager
    def receiving(self) -> Iterator[Path]:
        """A temporary file on the store's own file system, gone afterwards unless taken."""
        try:
            self._make(self.folder)
            descriptor, name = tempfile.mkstemp(dir=self.folder, prefix=_ARRIVING)
        except OSError as error:
            raise files.storage_failed(error, self.folder) from error
        os.close(descriptor)
        try:
            yield Path(name)
        except OSError as error:
            raise files.storage_failed(error, self.folder) from error
        finally:
            Path(name).unlink(missing_ok=True)

    @contextmanager
    def resuming(
        self, sha256: str, size: int, waiting: Callable[[], None]
    ) -> Iterator[Path | None]:
        """The temporary file of one digest, with the bytes that an interrupted process left.

        It stays when the block fails, so that the next process can go on. Only one process has
        it at a time: the others wait, calling `waiting` now and then, which may raise. `None`
        where another one has meanwhile completed the file of `size` bytes.
        """
        partial = self.folder / f"{_ARRIVING}{self.path(sha256).name}"
        lockable = True
        try:
            handle = self._claimed(partial, sha256, size, waiting)
        except OSError:  # another user's file, a file system without locks, Windows
            handle, lockable = None, False
        if not lockable:
            with self.receiving() as temporary:
                yield temporary
        elif handle is None:
            yield None
        else:
            with handle:
                try:
                    yield partial
                except OSError as error:
                    partial.unlink(missing_ok=True)  # the disk may be full
                    raise files.storage_failed(error, self.folder) from error

    def _claimed(
        self, partial: Path, sha256: str, size: int, waiting: Callable[[], None]
    ) -> BinaryIO | None:
        """The partial file with its lock held; `None` once the store holds the whole."""
        self._make(self.folder)
        while True:
            try:
                handle = _locked_file(partial)
            except BlockingIOError:
                waiting()
                time.sleep(_WAIT)
                if self.holds(sha256, size):
                    return None
                continue
            # Whoever had the lock before may have moved the file to its place.
            if _is_same(handle, partial):
                if not self.holds(sha256, size):
                    return handle
                partial.unlink(missing_ok=True)
            handle.close()
            if self.holds(sha256, size):
                return None

    def take(self, temporary: Path) -> str:
        """Move a received file to its place and return its digest."""
        digest = files.sha256(temporary)
        place = self.path(digest)
        self._make(place.parent)
        temporary.chmod(0o444)
        temporary.replace(place)
        return digest

    def place(self, sha256: str, target: Path, *, executable: bool = False) -> None:
        """Put a verified copy at `target`.

        Raises InputUnavailable where the store lacks the file, StoredFileDamaged where its bytes
        are not its name's, and StorageFailed where it cannot be read or the copy not be written.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        with self._open(sha256, target.name) as reading:
            try:
                digest = _copied(reading, target)
            except OSError as error:
                target.unlink(missing_ok=True)
                raise files.storage_failed(error, target) from error
        if f"sha256:{digest}" != sha256:
            target.unlink(missing_ok=True)
            raise self._damaged(sha256, target.name)
        target.chmod(0o755 if executable else 0o644)

    def sweep(self) -> None:
        """Remove what killed processes left behind, once nothing can come of it any more."""
        now = time.time()
        with suppress(OSError):
            for path in self.folder.glob(f"{_ARRIVING}*"):
                with suppress(OSError):
                    if now - path.stat().st_mtime > _ABANDONED:
                        path.unlink()

    def _open(self, sha256: str, name: str) -> BinaryIO:
        path = self.path(sha256)
        try:
            return path.open("rb")
        except FileNotFoundError as error:
            raise InputUnavailable(
                f"the store lacks {sha256}", where=name, next="run `reprokit run` online"
            ) from error
        except OSError as error:
            raise StorageFailed(
                f"cannot be read: {error.strerror}",
                where=str(path),
                next="make the file readable for you",
            ) from error

    def _damaged(self, sha256: str, name: str) -> ReprokitError:
        path = self.path(sha256)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            return StorageFailed(
                f"holds damaged bytes, and cannot be removed: {error.strerror}",
                where=str(path),
                next="remove it yourself, or make its folder writable for you: then it will be "
                "fetched anew",
            )
        return StoredFileDamaged(
            f"the stored copy was damaged ({sha256}) and has been removed",
            where=name,
            next="try again: it will be fetched anew",
        )

    def _make(self, folder: Path) -> None:
        """A folder of the store, or the store's own, with all above it."""
        if folder.is_dir():
            return
        if folder == self.folder:
            folder.mkdir(parents=True, exist_ok=True)
            return
        self._make(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
            folder.chmod(self.folder.stat().st_mode & 0o7777)


def _copied(reading: BinaryIO, target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("xb") as writing:
        while block := reading.read(_BLOCK):
            digest.update(block)
            writing.write(block)
    return digest.hexdigest()


def _locked_file(path: Path) -> BinaryIO:
    """A file, made if need be, with its lock held. Raises BlockingIOError where another process
    has the lock."""
    if fcntl is None:
        raise OSError("no locks")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    handle = os.fdopen(descriptor, "r+b")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        handle.close()
        raise
    return handle


def _is_same(handle: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.lstat())
    except FileNotFoundError:
        return False
