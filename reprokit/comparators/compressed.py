"""Files compressed by gzip, xz or bzip2: their content, by what suits that."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, cast

from reprokit.comparators.archives import write
from reprokit.comparators.protocol import Settings, reading
from reprokit.verdict import Finding, Grade

_SHORT = {".tgz": ".tar", ".txz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".svgz": ".svg"}


class Compressed:
    """The time, the name and the level in the header say nothing."""

    name = "compressed file"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 50 if _format(first) is not None else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        with tempfile.TemporaryDirectory(prefix="reprokit-compare-") as folder, reading():
            contents = Path(folder) / "expected", Path(folder) / "actual"
            for source, target in zip((expected, actual), contents, strict=True):
                with _opened(source) as stream:
                    write(stream, target, settings)
            found = settings.compare(_inner(settings.path), *contents, settings.inside("content"))
        if found.grade is Grade.IDENTICAL:
            return Finding(
                grade=Grade.WITHIN_TOLERANCE,
                summary="the same content, compressed differently",
                details={"content": found.json()},
            )
        return Finding(
            grade=found.grade,
            summary=found.summary,
            details={"content": found.json()},
            attachments=found.attachments,
        )


def _format(first: bytes) -> str | None:
    for magic, name in ((b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2")):
        if first.startswith(magic):
            return name
    return None


def _opened(path: Path) -> IO[bytes]:
    """The content, whatever the file's own first bytes say it is compressed by."""
    with path.open("rb") as file:
        kind = _format(file.read(6))
    if kind == "gzip":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if kind == "xz":
        return lzma.open(path, "rb")
    if kind == "bzip2":
        return cast("IO[bytes]", bz2.open(path, "rb"))
    return path.open("rb")


def _inner(path: str) -> str:
    """The name of the content: "a.csv" of "a.csv.gz", "a.tar" of "a.tgz"."""
    whole = PurePosixPath(path)
    return str(whole.with_suffix(_SHORT.get(whole.suffix.casefold(), "")))
