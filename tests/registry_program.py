"""Debian's docker-registry for tests, which is not installed for them."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.debian_package import program

PACKAGE = "docker-registry"
USER, PASSWORD = "jane", "secret+1"
_HASHED = "$2y$05$abcdefghijklmnopqrstuueDq93c5UylQ6m6kVCgtUlbCu6dkgy/u"
"""The password as `htpasswd -B` writes it."""


def find() -> str | None:
    """The program: the installed one, or one unpacked below the user's state folder. `None` where
    apt cannot give it (another system, no package lists)."""
    try:
        return program(PACKAGE)
    except (OSError, subprocess.CalledProcessError):
        return None


@contextmanager
def serving(program: str, folder: Path, *, guarded: bool = False) -> Iterator[str]:
    """A registry that keeps everything in `folder`: its address."""
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "htpasswd").write_text(f"{USER}:{_HASHED}\n")
    auth = f'auth: {{htpasswd: {{realm: tests, path: "{folder}/htpasswd"}}}}\n'
    (folder / "config.yml").write_text(
        f'version: 0.1\nstorage: {{filesystem: {{rootdirectory: "{folder}/data"}}}}\n'
        f'http: {{addr: "{address}"}}\n' + (auth if guarded else "")
    )
    with (folder / "log").open("wb") as log:
        command = [program, "serve", str(folder / "config.yml")]
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(f"http://{address}/v2/")
        yield address
    finally:
        running.terminate()
        running.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except urllib.error.HTTPError as error:
            error.close()  # it wants a password: it is there
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
