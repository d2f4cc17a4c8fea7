"""A file that test servers have, and a reporter that remembers."""

from __future__ import annotations

import hashlib

from reprokit.model import Artifact
from reprokit.progress import Silent

CONTENT = bytes(range(256)) * 4000
FILE = "/packages/file.whl"


def artifact(url: str, content: bytes = CONTENT, path: str | None = None) -> Artifact:
    return Artifact(
        path=path or "wheels/" + url.rpartition("/")[2],
        sha256="sha256:" + hashlib.sha256(content).hexdigest(),
        size=len(content),
        url=url,
    )


class Told(Silent):
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.progress: list[tuple[int, int | None]] = []

    def message(self, text: str) -> None:
        self.lines.append(text)

    def log(self, line: str) -> None:
        self.lines.append(line)

    def warning(self, text: str) -> None:
        self.lines.append(text)

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        self.progress.append((done, total))
