"""A browser where the machine has none: Debian's Chromium in a container of the tests' engine.

Nothing is installed on the machine. The engine keeps the image for later tests, under TAG; without
it, it is built anew.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import reprokit
from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import Container, ContainerRequest
from tests import projects

TAG = "localhost/reprokit-tests/chromium:bookworm"
PROJECT = {"repro.toml": 'base = "bookworm"\n', "apt.txt": "chromium\nfonts-dejavu-core\n"}
COMMAND = (
    "chromium",
    "--headless=new",
    "--no-sandbox",  # it would need capabilities, and what is shown is our own
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--remote-debugging-port=0",
    "--user-data-dir=/tmp/chromium",
    "about:blank",
)
LISTENING = re.compile(rb"DevTools listening on (ws://\S+)")


@contextmanager
def serving(engine: SocketEngine) -> Iterator[str]:
    """The address of a Chromium's debugging protocol, for Playwright's `connect_over_cdp`. It sees
    no file of this machine, and its network is the machine's, where the tests' servers listen."""
    if engine.image(TAG) is None:
        _build(engine)
    request = ContainerRequest(
        image=TAG,
        command=COMMAND,
        environment={"HOME": "/tmp"},
        network="host",
        shared_memory=1 << 30,
    )
    with engine.container(request) as container:
        container.start()
        container.wait(timeout=0.1)  # from now on all that it prints is kept
        try:
            yield _address(container)
        finally:
            ended = container.wait(timeout=0.1)
            if ended is not None:  # the test fails for it, and says only that it lost the browser
                print(f"Chromium ended by itself ({ended.code}):\n{_rest(container)}")


def _rest(container: Container) -> str:
    return b"".join(data for _, data in container.output()).decode(errors="replace")[-4000:]


def _address(container: Container) -> str:
    said = b""
    for _, data in container.output():
        said += data
        listening = LISTENING.search(said)
        if listening is not None:
            return listening.group(1).decode()
    raise AssertionError(f"Chromium ended:\n{said.decode(errors='replace')}")


def _build(engine: SocketEngine) -> None:
    """The image, as that of any project whose apt.txt names a browser."""
    with tempfile.TemporaryDirectory() as folder:
        projects.write(Path(folder), PROJECT)
        ran = reprokit.run(
            folder, command=["chromium", "--version"], engine=engine.information().socket
        )
    if ran.failure is not None:
        raise ran.failure
    image: Any = ran.record["image"]
    engine.tag(image["reference"], TAG)
    engine.remove_image(image["reference"])
