"""How fast data is hashed, against what hashlib does on this machine with as many threads.

    python benchmarks/data_hashing.py [MEGABYTES]

Each figure is the best of five, over files in the page cache. The limit for the first run is 0.8
of hashlib's speed; the second run, with nothing changed, must cost next to nothing.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reprokit.data_hashes import hash_files
from reprokit.progress import Silent

FILES = 16
LIMIT = 0.8


def seconds(measured: Callable[[], object]) -> float:
    started = time.perf_counter()
    measured()
    return time.perf_counter() - started


def raw(size: int) -> None:
    """Hash as many bytes from memory, with one thread a processor."""
    block = bytes(1024 * 1024)

    def one(_: int) -> bytes:
        digest = hashlib.sha256()
        for _ in range(size // FILES // len(block)):
            digest.update(block)
        return digest.digest()

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        list(pool.map(one, range(FILES)))


def main() -> int:
    size = int(sys.argv[1] if len(sys.argv) > 1 else 1024) * 1024 * 1024
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "project"
        root.mkdir()
        paths = [f"file{number}" for number in range(FILES)]
        block = os.urandom(1024 * 1024)
        for path in paths:
            with (root / path).open("wb") as file:
                for _ in range(size // FILES // len(block)):
                    file.write(block)
            os.utime(root / path, (0, 0))

        def afresh() -> None:
            os.environ["REPROKIT_HOME"] = tempfile.mkdtemp(dir=name)
            hash_files(root, paths, Silent())

        # In turns, so that other work on the machine slows both down.
        turns = [(seconds(lambda: raw(size)), seconds(afresh)) for _ in range(5)]
        floor, first = (min(column) for column in zip(*turns, strict=True))
        again = min(seconds(lambda: hash_files(root, paths, Silent())) for _ in range(3))
    gigabytes = size / 1e9
    print(f"hashlib alone    {gigabytes / floor:6.2f} GB/s")
    print(f"first run        {gigabytes / first:6.2f} GB/s, {floor / first:.2f} of hashlib")
    print(f"nothing changed  {again * 1000:6.2f} ms")
    return 0 if floor / first >= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
