"""A layer as an engine made it: from a tar, or from the folder of an overlay."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from reprokit.errors import BadRequest
from reprokit.identity.tree import Attributes, Kind, Node

CAPABILITIES = "security.capability"
"""The one extended attribute that every engine keeps in its layers."""

_ONLY_FOR_KERNELS = (".overlay.redirect", ".overlay.metacopy")
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_CHUNK = 1024 * 1024
_KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "pipe",
}


class Raw(NamedTuple):
    """A member of a raw layer. `node` has no digest yet. `place` tells the layer where the content
    lies; members with the same `inode` are hard links to one file."""

    node: Node
    place: str | int | None = None
    inode: Hashable = None


@dataclass(slots=True)
class Members:
    """What a raw layer says: its members, the paths it removes, and the folders whose lower
    content it hides altogether ("opaque")."""

    members: dict[str, Raw] = field(default_factory=dict)
    whiteouts: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)


class RawLayer(Protocol):
    """A layer to read from."""

    def read(self) -> Members:
        """Everything but the contents of files. Raises BadRequest for what no layer may hold."""

    def content(self, raw: Raw) -> Iterator[bytes]:
        """A file's content in chunks of at most 1 MiB."""

    def verbatim(self) -> Iterator[bytes] | None:
        """The layer's own tar, whose SHA-256 is its diff id; `None` where only files are left."""


@dataclass(frozen=True, slots=True)
class TarLayer:
    """A layer in an uncompressed tar: `size` bytes of a file from `offset` on."""

    archive: Path
    offset: int
    size: int

    def read(self) -> Members:
        found = Members()
        with self._opened() as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                path = safe_path(member.name)
                if path is None:
                    continue
                folder, _, name = path.rpartition("/")
                if name == _OPAQUE:
                    found.opaque.add(folder)
                elif name.startswith(_WHITEOUT):
                    rest = name.removeprefix(_WHITEOUT)
                    found.whiteouts.add(f"{folder}/{rest}" if folder else rest)
                else:
                    found.members[path] = _from_member(member, path, found.members)
        return found

    def content(self, raw: Raw) -> Iterator[bytes]:
        assert isinstance(raw.place, int)
        yield from self._part(raw.place, raw.node.size)

    def verbatim(self) -> Iterator[bytes]:
        return self._part(self.offset, self.size)

    def _part(self, offset: int, size: int) -> Iterator[bytes]:
        with self.archive.open("rb") as file:
            file.seek(offset)
            left = size
            while left > 0:
                chunk = file.read(min(left, _CHUNK))
                if not chunk:
                    raise BadRequest("ends too soon", where=str(self.archive))
                left -= len(chunk)
                yield chunk

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            yield file


def _from_member(member: tarfile.TarInfo, path: str, earlier: dict[str, Raw]) -> Raw:
    if member.islnk():
        target = safe_path(member.linkname)
        first = earlier.get(target or "")
        if first is None:
            raise BadRequest(f"{path} is a hard link to {target!r}, which its layer lacks")
        return first
    kind = _kind_of(member)
    if kind is None:
        raise BadRequest(f"{path} is of a kind that no layer may hold ({member.type!r})")
    capability = member.pax_headers.get(f"SCHILY.xattr.{CAPABILITIES}")
    attributes: Attributes = ()
    if capability is not None:
        attributes = ((CAPABILITIES, capability.encode("utf-8", "surrogateescape")),)
    device = kind in ("character", "block")
    node = Node(
        kind=kind,
        mode=0o777 if kind == "link" else member.mode & 0o7777,
        owner=member.uid,
        group=member.gid,
        size=member.size if kind == "file" else 0,
        target=member.linkname if kind == "link" else "",
        device=(member.devmajor, member.devminor) if device else (0, 0),
        attributes=attributes,
    )
    if kind != "file":
        return Raw(node)
    return Raw(node, member.offset_data, path)


def _kind_of(member: tarfile.TarInfo) -> Kind | None:
    if member.isreg():
        return "file"
    if member.isdir():
        return "folder"
    if member.issym():
        return "link"
    if member.isfifo():
        return "pipe"
    if member.ischr():
        return "character"
    return "block" if member.isblk() else None


def safe_path(name: str) -> str | None:
    """A member's path without leading and trailing slashes; `None` for the root itself.

    Raises BadRequest for a path that climbs out.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BadRequest(f"a layer names {name!r}, which leads out of it")
    return "/".join(parts) or None


class Redirected(Exception):
    """A folder of an overlay that only the kernel can read right (a renamed directory)."""


@dataclass(frozen=True, slots=True)
class FolderLayer:
    """A layer in the folder that an overlay keeps it in, with the overlay's own whiteouts.

    Only root of the machine sees the right owners there.
    See https://docs.kernel.org/filesystems/overlayfs.html
    """

    folder: Path

    def read(self) -> Members:
        found = Members()
        self._walk("", found)
        return found

    def content(self, raw: Raw) -> Iterator[bytes]:
        assert isinstance(raw.place, str)
        descriptor = os.open(self.folder / raw.place, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def verbatim(self) -> None:
        return None

    def _walk(self, inside: str, found: Members) -> None:
        with os.scandir(self.folder / inside) as entries:
            for entry in entries:
                path = f"{inside}/{entry.name}" if inside else entry.name
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                    found.whiteouts.add(path)
                    continue
                names = os.listxattr(entry.path, follow_symlinks=False)
                if any(name.endswith(_ONLY_FOR_KERNELS) for name in names):
                    raise Redirected(path)
                found.members[path] = _from_status(entry, path, status, names)
                if stat.S_ISDIR(status.st_mode):
                    if _is_opaque(entry.path, names):
                        found.opaque.add(path)
                    self._walk(path, found)


def _from_status(
    entry: os.DirEntry[str], path: str, status: os.stat_result, names: list[str]
) -> Raw:
    kind = _kind_of_mode(status.st_mode)
    if kind is None:
        raise BadRequest(f"{path} is of a kind that no layer may hold")
    attributes: Attributes = ()
    if CAPABILITIES in names:
        value = os.getxattr(entry.path, CAPABILITIES, follow_symlinks=False)
        attributes = ((CAPABILITIES, value),)
    device = kind in ("character", "block")
    node = Node(
        kind=kind,
        mode=stat.S_IMODE(status.st_mode) if kind != "link" else 0o777,
        owner=status.st_uid,
        group=status.st_gid,
        size=status.st_size if kind == "file" else 0,
        # A Path would tidy the text of the link.
        target=os.readlink(entry.path) if kind == "link" else "",  # noqa: PTH115
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if device else (0, 0),
        attributes=attributes,
    )
    return Raw(node, path, status.st_ino) if kind == "file" else Raw(node)


def _kind_of_mode(mode: int) -> Kind | None:
    return _KINDS.get(stat.S_IFMT(mode))


def _is_opaque(path: str, names: list[str]) -> bool:
    return any(
        os.getxattr(path, name, follow_symlinks=False) == b"y"
        for name in ("trusted.overlay.opaque", "user.overlay.opaque")
        if name in names
    )
