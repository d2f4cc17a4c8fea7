"""The process of a study's source on an engine in memory: `working.PROGRAM` in tests.

What the source does stands in its file `does`: the words that its program acts on, one a line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from reprokit.engines.fake import Box, FakeEngine
from reprokit.errors import NoEngine, StorageFailed
from reprokit.model import Image, Lock
from reprokit.phases import canonicalise
from reprokit.rerunning import rerun as rerunning
from reprokit.studying import worker
from tests.engines import tiny

DOCKERFILE = f'FROM {tiny.REFERENCE}\nCMD ["work"]\n'


def main(place: Path, report: Path) -> int:
    asked = json.loads((place / "request.json").read_text())
    project = Path(asked["listed"]["source"])
    does = []
    if project.is_dir():
        does = (project / "does").read_text().splitlines()
        (project.parent / "begun").mkdir(exist_ok=True)
        (project.parent / "begun" / f"{project.name}-{os.getpid()}").touch()

    def work(box: Box) -> int:
        box.print("begun")
        for line in does:
            word, _, rest = line.partition(" ")
            if word == "write":
                box.write("/app/results/a.txt", rest.encode())
            if word == "say":
                box.print(rest)
            while word == "wait" and not (project / "go").exists():
                box.sleep(0.05)
            if word == "exit":
                return int(rest)
        (project / "options").write_text(f"{box.request.memory}")
        return 0

    engine = FakeEngine(programs={("work",): work})
    with tempfile.TemporaryDirectory() as folder:
        engine.load(tiny.archive(Path(folder)))

    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[FakeEngine]:
        if "no engine" in does:
            raise NoEngine("no engine answers", next="start it")
        if "full" in does:
            raise StorageFailed("the disk is full", where="/x")
        if "defect" in does:
            raise ValueError("a defect of ours")
        if "stopped" in does:
            signal.raise_signal(signal.SIGTERM)
        if "killed" in does:
            os.kill(os.getpid(), signal.SIGKILL)
        yield engine

    def as_it_is(image: Image, lock: Lock, *others: object) -> Image:
        return image

    rerunning.connect = connect  # type: ignore[attr-defined, assignment]
    canonicalise.canonical_image = as_it_is  # type: ignore[assignment]
    return worker.main(place, report)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
