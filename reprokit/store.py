"""The content-addressed store: every file a lock names, once, whatever project asked for it.

A file lies at sha256/ab/abcd…; its name is its hash, so it is never changed, only added (through a
temporary name) or removed. Several processes may add the same file at once: the last rename wins
and both hold the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reprokit import files
from reprokit.errors import InputUnavailable


@dataclass(frozen=True)
class Store:
    """A store in a folder, made when the first file is added."""

    folder: Path

    def path(self, sha256: str) -> Path:
        """Where a file of this digest lies or would lie."""
        hexadecimal = sha256.removeprefix("sha256:")
        if len(hexadecimal) != 64 or not set(hexadecimal) <= set("0123456789abcdef"):
            raise InputUnavailable(f"{sha256!r} is not a SHA-256 digest")
        return self.folder / "sha256" / hexadecimal[:2] / hexadecimal

    def holds(self, sha256: str) -> bool:
        """Whether the file is there; its bytes are checked when it is read."""
        return self.path(sha256).is_file()

    def add(self, source: Path) -> str:
        """Copy a file in and return its digest."""
        with self.receiving() as temporary:
            with source.open("rb") as reading, temporary.open("wb") as writing:
                shutil.copyfileobj(reading, writing, 1024 * 1024)
            return self.take(temporary)

    @contextmanager
    def receiving(self) -> Iterator[Path]:
        """A temporary file on the store's own file system, gone afterwards unless taken."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self.folder, prefix="incoming-")
        except OSError as error:
            raise files.storage_failed(error, self.folder) from error
        os.close(descriptor)
        try:
            yield Path(name)
        except OSError as error:
            raise files.storage_failed(error, self.folder) from error
        finally:
            Path(name).unlink(missing_ok=True)

    def take(self, temporary: Path) -> str:
        """Move a received file to its place and return its digest."""
        digest = files.sha256(temporary)
        place = self.path(digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.chmod(0o444)
        temporary.replace(place)
        return digest

    def place(self, sha256: str, target: Path, *, executable: bool = False) -> None:
        """Put a verified copy at `target`. A damaged file is removed from the store.

        Raises InputUnavailable where the store lacks the file or its bytes are not its name's.
        """
        source = self.path(sha256)
        digest = hashlib.sha256()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            with source.open("rb") as reading, target.open("xb") as writing:
                while block := reading.read(1024 * 1024):
                    digest.update(block)
                    writing.write(block)
        except FileNotFoundError as error:
            raise InputUnavailable(
                f"the store lacks {sha256}", where=target.name, next="run `reprokit run` online"
            ) from error
        except OSError as error:
            target.unlink(missing_ok=True)
            raise files.storage_failed(error, target) from error
        if f"sha256:{digest.hexdigest()}" != sha256:
            target.unlink(missing_ok=True)
            source.unlink(missing_ok=True)
            raise InputUnavailable(
                f"the stored copy was damaged ({sha256}) and has been removed",
                where=target.name,
                next="try again: it will be fetched anew",
            )
        target.chmod(0o755 if executable else 0o644)
