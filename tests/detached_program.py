"""The process of a detached run on an engine in memory: what `detaching.PROGRAM` is in tests.

The project says by files what happens: while there is `building`, the image is being built; the
container prints "begun", leaves a result and ends once there is `go`, with the status in it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from reprokit.engines.fake import Box, FakeEngine
from reprokit.engines.protocol import BuildRequest
from reprokit.model import Image, Lock
from reprokit.phases import canonicalise
from reprokit.pipeline import detached, running
from tests.engines import tiny

DOCKERFILE = f'FROM {tiny.REFERENCE}\nCMD ["work"]\n'


class Engine(FakeEngine):
    """A FakeEngine whose builds take as long as the project wants."""

    project: Path

    def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> Image:
        while (self.project / "building").exists():
            on_line("a step")
            time.sleep(0.05)
        return super().build(request, on_line)


def main(place: Path) -> int:
    project = place.parents[2]

    def work(box: Box) -> int:
        box.print("begun")
        box.write("/app/results/a.txt", b"1")
        while not (project / "go").exists():
            box.sleep(0.05)
        box.print("done")
        return int((project / "go").read_text() or 0)

    engine = Engine(programs={("work",): work})
    engine.project = project
    with tempfile.TemporaryDirectory() as folder:
        engine.load(tiny.archive(Path(folder)))

    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[FakeEngine]:
        yield engine

    def as_it_is(image: Image, lock: Lock, *others: object) -> Image:
        return image

    running.connect = connect  # type: ignore[attr-defined, assignment]
    canonicalise.canonical_image = as_it_is  # type: ignore[assignment]
    return detached.main(place)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
