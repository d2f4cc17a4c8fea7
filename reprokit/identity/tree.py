"""A file system as a dictionary, and what a layer changes in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Literal, NamedTuple, TypeAlias

from reprokit.frozen import frozen

Kind = Literal["file", "folder", "link", "character", "block", "pipe"]

Attributes: TypeAlias = tuple[tuple[str, bytes], ...]


class Node(NamedTuple):
    """What lies at a path. Times are no part of it: a canonical image has one time only.

    mode: permission bits, with set-user-id and the like. size: bytes of a file's content, `sha256`
    its 64 hex digits. target: what a symbolic link says. device: major and minor number.
    attributes: extended attributes, sorted.
    """

    kind: Kind
    mode: int
    owner: int
    group: int
    size: int = 0
    sha256: str = ""
    target: str = ""
    device: tuple[int, int] = (0, 0)
    attributes: Attributes = ()


Tree: TypeAlias = dict[str, Node]
"""Everything below "/" by its path, without leading or trailing slash."""


@frozen
class Delta:
    """What a layer really changes. `removed` holds the topmost paths only.

    `linked` maps a path to the one whose file it shares (a hard link inside this layer).
    """

    added: Mapping[str, Node]
    removed: tuple[str, ...] = ()
    linked: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not self.added and not self.removed


def apply(tree: Tree, delta: Delta) -> None:
    """Change `tree` as the layer does."""
    gone = set(delta.removed)
    gone.update(
        path
        for path, node in delta.added.items()
        if path in tree and tree[path].kind == "folder" and node.kind != "folder"
    )
    remove(tree, gone)
    tree.update(delta.added)


def remove(tree: Tree, paths: Iterable[str]) -> None:
    """Remove paths with everything below them."""
    gone = set(paths)
    if gone:
        for path in [path for path in tree if path in gone or not gone.isdisjoint(above(path))]:
            del tree[path]


def above(path: str) -> Iterator[str]:
    """The folders a path lies in, innermost first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def topmost(paths: Iterable[str]) -> tuple[str, ...]:
    """Those paths that lie below none of the others, sorted."""
    given = set(paths)
    return tuple(sorted(path for path in given if given.isdisjoint(above(path))))
