"""Writing tar members in one way only.

Python's own module may write a header in another way tomorrow, and the digest of a layer must not
depend on that. POSIX ustar, with a pax header where a value does not fit
(https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html); owners by number, no names.
"""

from __future__ import annotations

from collections.abc import Mapping

from reprokit.identity.tree import Node

BLOCK = 512
END = b"\0" * (2 * BLOCK)

_TYPES = {
    "file": b"0",
    "link": b"2",
    "character": b"3",
    "block": b"4",
    "folder": b"5",
    "pipe": b"6",
}
_LARGEST_ID = 0o7777777
_LARGEST_SIZE = 0o77777777777
_ATTRIBUTE = "SCHILY.xattr."


def member(path: str, node: Node, *, time: int, link: str | None = None) -> bytes:
    """The header (or headers) of a member; a file's content follows, padded to 512 bytes.

    time: seconds since 1970, the member's modification time. link: the path of an earlier member
    that this one is a hard link to.
    """
    name = _bytes(path + "/" if node.kind == "folder" else path)
    target = _bytes(link if link is not None else node.target)
    size = node.size if node.kind == "file" and link is None else 0
    extra: dict[str, bytes] = {}
    if len(name) > 100 or not name.isascii():
        extra["path"] = name
    if len(target) > 100 or not target.isascii():
        extra["linkpath"] = target
    if size > _LARGEST_SIZE:
        extra["size"] = b"%d" % size
    for keyword, number in (("uid", node.owner), ("gid", node.group)):
        if number > _LARGEST_ID:
            extra[keyword] = b"%d" % number
    if link is None:
        extra |= {_ATTRIBUTE + key: value for key, value in node.attributes}
    header = _header(
        name=_short(name),
        mode=node.mode,
        owner=node.owner if node.owner <= _LARGEST_ID else 0,
        group=node.group if node.group <= _LARGEST_ID else 0,
        size=size if size <= _LARGEST_SIZE else 0,
        time=time,
        type=b"1" if link is not None else _TYPES[node.kind],
        target=_short(target),
        device=node.device,
    )
    return _extended(extra) + header if extra else header


def whiteout(path: str, *, time: int) -> bytes:
    """The member that says that `path` of a lower layer is gone.

    See https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
    """
    folder, separator, name = path.rpartition("/")
    return member(f"{folder}{separator}.wh.{name}", Node("file", 0, 0, 0), time=time)


def padding(size: int) -> bytes:
    """The zero bytes after a content of `size` bytes."""
    return b"\0" * (-size % BLOCK)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _short(text: bytes) -> bytes:
    """What a reader without pax would see: ASCII, at most 100 bytes."""
    return bytes(byte if byte < 128 else 0x3F for byte in text[:100])


def _extended(values: Mapping[str, bytes]) -> bytes:
    content = b"".join(_record(key, values[key]) for key in sorted(values))
    header = _header(
        name=b"pax", mode=0o644, owner=0, group=0, size=len(content), time=0, type=b"x"
    )
    return header + content + padding(len(content))


def _record(key: str, value: bytes) -> bytes:
    """A pax record begins with its own length, in digits that count themselves."""
    rest = b" " + _bytes(key) + b"=" + value + b"\n"
    size = len(rest) + 1
    while len(b"%d" % size) + len(rest) != size:
        size = len(b"%d" % size) + len(rest)
    return b"%d" % size + rest


def _header(
    *,
    name: bytes,
    mode: int,
    owner: int,
    group: int,
    size: int,
    time: int,
    type: bytes,
    target: bytes = b"",
    device: tuple[int, int] = (0, 0),
) -> bytes:
    fields = b"".join(
        (
            name.ljust(100, b"\0"),
            b"%07o\0" % mode,
            b"%07o\0" % owner,
            b"%07o\0" % group,
            b"%011o\0" % size,
            b"%011o\0" % time,
            b" " * 8,
            type,
            target.ljust(100, b"\0"),
            b"ustar\x0000",
            b"\0" * 64,
            b"%07o\0" % device[0],
            b"%07o\0" % device[1],
            b"\0" * 167,
        )
    )
    return b"%b%06o\0 %b" % (fields[:148], sum(fields), fields[156:])
