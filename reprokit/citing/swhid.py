"""Software Heritage identifiers of source code: those that `git write-tree` gives.

See https://www.swhid.org/specification/v1.1/5.Core_identifiers
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a tree: its path there, and its content or where that lies."""

    path: str
    content: Path | bytes
    executable: bool


@dataclass(slots=True)
class _Folder:
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    folders: dict[str, _Folder] = field(default_factory=dict)


def directory(files: Iterable[SourceFile]) -> str:
    """The identifier of the tree that these files make, "swh:1:dir:…"."""
    root = _Folder()
    for file in files:
        *above, name = file.path.split("/")
        folder = root
        for part in above:
            folder = folder.folders.setdefault(part, _Folder())
        mode = "100755" if file.executable else "100644"
        folder.files[name] = (mode, _blob(file.content))
    return f"swh:1:dir:{_tree(root).hex()}"


def revision(commit: str) -> str:
    """The identifier of a git commit."""
    return f"swh:1:rev:{commit}"


def _blob(file: Path | bytes) -> bytes:
    with io.BytesIO(file) if isinstance(file, bytes) else file.open("rb") as content:
        size = content.seek(0, 2)
        content.seek(0)
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def _tree(folder: _Folder) -> bytes:
    entries = [(name, mode, digest) for name, (mode, digest) in folder.files.items()]
    entries += [(name, "40000", _tree(inner)) for name, inner in folder.folders.items()]
    # Git sorts a folder as if its name ended in a slash.
    entries.sort(key=lambda entry: _bytes(entry[0] + ("/" if entry[1] == "40000" else "")))
    content = b"".join(
        mode.encode() + b" " + _bytes(name) + b"\0" + digest for name, mode, digest in entries
    )
    whole = b"tree %d\0" % len(content) + content
    return hashlib.sha1(whole, usedforsecurity=False).digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
