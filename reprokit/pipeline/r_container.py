"""R run on files in a container of a run's image: how comparators read R's own data.

What R reads can hold code that reading runs. It finds no network, none of the user's files but
copies of the two, and its container is thrown away.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from reprokit.comparators.protocol import RunR
from reprokit.engines.protocol import LABEL, Container, ContainerRequest, Engine
from reprokit.errors import CommandFailed

LONGEST = 600.0
"""Seconds."""
_PRINTED = 512 * 1024**2
"""Bytes that a script may print."""
_MEMORY = 4 * 1024**3
_SCRIPT = "read.R"
_CHUNK = 1024 * 1024


def r_in(engine: Engine, image: str, *, longest: float = LONGEST) -> RunR:
    """What runs R in containers of `image`, which may have none. See `RunR`."""

    def run(script: str, files: Mapping[str, Path]) -> str:
        request = ContainerRequest(
            image=image,
            command=("Rscript", "--vanilla", f"/input/{_SCRIPT}"),
            user="65534:65534",
            folder="/",
            memory=_MEMORY,
            pids=256,
            labels={LABEL: "reprokit"},
        )
        with engine.container(request) as container, tempfile.TemporaryFile() as archive:
            _pack(script, files, archive)
            archive.seek(0)
            container.write("/", iter(lambda: archive.read(_CHUNK), b""))
            return _printed(container, longest)

    return run


def _pack(script: str, files: Mapping[str, Path], archive: IO[bytes]) -> None:
    """The script and the files below input/, readable by anybody."""
    with tarfile.open(fileobj=archive, mode="w") as packed:
        folder = tarfile.TarInfo("input")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        packed.addfile(folder)
        content = script.encode()
        member = tarfile.TarInfo(f"input/{_SCRIPT}")
        member.size = len(content)
        packed.addfile(member, io.BytesIO(content))
        for name, path in files.items():
            member = tarfile.TarInfo(f"input/{name}")
            with path.open("rb") as file:
                member.size = path.stat().st_size
                packed.addfile(member, file)


def _printed(container: Container, longest: float) -> str:
    """What it prints, once it has ended well. Raises CommandFailed."""
    late = threading.Event()

    def expire() -> None:
        late.set()
        container.stop(1.0)

    timer = threading.Timer(longest, expire)
    timer.daemon = True
    said: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
    count = 0
    container.start()
    timer.start()
    try:
        for stream, chunk in container.output():
            count += len(chunk)
            if count > _PRINTED:
                raise CommandFailed("R prints more than can be compared")
            said[stream].append(chunk)
        ended = container.wait()
    finally:
        timer.cancel()
    if late.is_set():
        raise CommandFailed(f"R did not end within {longest:g} s")
    if ended is None or ended.code != 0:
        last = b"".join(said["stderr"]).decode("utf-8", "replace").strip().splitlines()
        raise CommandFailed(last[-1] if last else "R failed")
    return b"".join(said["stdout"]).decode("utf-8", "replace")
