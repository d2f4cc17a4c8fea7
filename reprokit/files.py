"""Reading and writing files so that nothing is ever half there."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from reprokit.errors import StorageFailed

TEMPORARY = ".reprokit-writing"
"""What the names of files end in that are only half there."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, as "sha256:<hex>"."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """The SHA-256 of a text's UTF-8 bytes, as "sha256:<hex>"."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spare space: the same value gives the same bytes.

    Raises ValueError for NaN and infinity, which JSON lacks.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


@contextmanager
def replacing(path: Path, *, mode: int = 0o644, copy: bool = False) -> Iterator[IO[bytes]]:
    """Write `path` through a temporary file beside it: fsync, then rename; all or nothing.

    copy: what is written exists elsewhere as well, so it need not survive a power failure; an
    fsync costs 10 ms and more.
    Raises StorageFailed where the folder is not writable or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name may already have all the 255 bytes that a file system allows.
        descriptor, name = tempfile.mkstemp(TEMPORARY, f".{path.name[:50]}.", path.parent)
    except OSError as error:
        raise storage_failed(error, path) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            if not copy:
                os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except OSError as error:
        raise storage_failed(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a text file, all or nothing."""
    with replacing(path, mode=mode) as file:
        file.write(text.encode())


def give_to_caller(*paths: Path) -> None:
    """Behind sudo, let what was written belong to the person who called; else nothing."""
    owner = sudo_caller()
    if owner is not None:
        for path in paths:
            os.chown(path, owner[0], owner[1], follow_symlinks=False)


def sudo_caller() -> tuple[int, int] | None:
    """User and group id of the person behind sudo; `None` where there is none."""
    if not hasattr(os, "getuid") or os.getuid() != 0 or "SUDO_UID" not in os.environ:
        return None
    return int(os.environ["SUDO_UID"]), int(os.environ.get("SUDO_GID", 0))


def storage_failed(error: OSError, path: Path) -> StorageFailed:
    """The error a user can act on for a failed write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFailed(
            "the disk is full",
            where=str(path),
            next="free some space (`reprokit clean` removes old runs and images), then try again",
        )
    return StorageFailed(
        f"cannot be written: {error.strerror}",
        where=str(path),
        next="make the folder writable for you",
    )


def first_difference(expected: Path, actual: Path) -> int:
    """The offset of the first byte that differs, or the length of the shorter file."""
    offset = 0
    with expected.open("rb") as one, actual.open("rb") as two:
        while True:
            left, right = one.read(1 << 20), two.read(1 << 20)
            shared = min(len(left), len(right))
            if left[:shared] != right[:shared]:
                pairs = zip(left, right, strict=False)
                return offset + next(at for at, (a, b) in enumerate(pairs) if a != b)
            offset += shared
            if len(left) != len(right) or not left:
                return offset
