"""Files whose content nothing else understands: their bytes."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from reprokit.comparators.dispatch import BYTES, differing_bytes
from reprokit.comparators.protocol import Settings
from reprokit.verdict import Finding


class Bytes:
    """Equal bytes are identical, which no comparator is asked for; others differ."""

    name = BYTES

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 1

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        return differing_bytes(expected, actual)
