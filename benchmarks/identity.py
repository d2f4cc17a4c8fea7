"""What the environment digest of an image costs, against `docker save IMAGE | sha256sum`.

    python benchmarks/identity.py PROJECT [--runs 3]

The project must have been run once, with Docker. Both read every layer each time; a third figure
is that of a second look, when all layers are known. Peak memory is that of this process and covers
both ways of reading: the engine's folders (root only) and the exported image. The limits: 1.5 times
the pipe, and 200 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reprokit import lock_file
from reprokit.engines.connect import connect
from reprokit.engines.engine import SocketEngine
from reprokit.history.index import Index
from reprokit.history.listing import record_of
from reprokit.identity.canonical import canonical
from reprokit.identity.listing import Listings
from reprokit.identity.source import exported, from_folders
from reprokit.model import Lock

TIME_LIMIT = 1.5
MEMORY_LIMIT = 200_000_000  # bytes


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def piped(reference: str) -> None:
    """What the digest is measured against."""
    with subprocess.Popen(["docker", "save", reference], stdout=subprocess.PIPE) as saving:
        subprocess.run(
            ["openssl", "sha256"], stdin=saving.stdout, check=True, stdout=subprocess.DEVNULL
        )


def from_export(engine: SocketEngine, reference: str, lock: Lock, folder: Path) -> str:
    with exported(engine.save(reference), folder) as raw:
        found = canonical(raw, lock.base.layers, Listings(folder), epoch=lock.epoch)
    return found.digest


def from_the_engine(engine: SocketEngine, reference: str, lock: Lock, folder: Path) -> str | None:
    unpacked = engine.unpacked(reference)
    if unpacked is None:
        return None
    raw = from_folders(unpacked.config, unpacked.layers)
    return canonical(raw, lock.base.layers, Listings(folder), epoch=lock.epoch).digest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    entry = Index().find("last", arguments.project.resolve())
    lock = lock_file.loads(entry.folder.lock.read_text("utf-8"))
    image = record_of(entry)["image"]
    assert isinstance(image, dict)
    reference = str(image["reference"])
    pipe, export, folders, again = [], [], [], []
    with connect("docker") as engine, tempfile.TemporaryDirectory() as temporary:
        for number in range(arguments.runs):
            ours, theirs = Path(temporary) / f"a{number}", Path(temporary) / f"b{number}"
            pipe.append(timed(lambda: piped(reference)))
            export.append(timed(lambda at=ours: from_export(engine, reference, lock, at)))
            if engine.unpacked(reference) is not None:
                look = lambda at=theirs: from_the_engine(engine, reference, lock, at)  # noqa: E731
                folders.append(timed(look))
                again.append(timed(look))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    ratio = statistics.median(a / b for a, b in zip(export, pipe, strict=True))
    print(
        json.dumps(
            {
                "image_bytes": image["size"],
                "save_and_sha256_s": round(statistics.median(pipe), 2),
                "digest_of_export_s": round(statistics.median(export), 2),
                "ratio": round(ratio, 2),
                "limit": TIME_LIMIT,
                "digest_from_folders_s": round(statistics.median(folders), 2) if folders else None,
                "second_look_s": round(statistics.median(again), 3) if again else None,
                "peak_memory_bytes": memory,
                "memory_limit_bytes": MEMORY_LIMIT,
            }
        )
    )
    return 0 if ratio <= TIME_LIMIT and memory <= MEMORY_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
