"""One layer from its raw to its canonical form.

A raw layer is applied to the tree below it, and what really differs afterwards is written: paths
in one order, one time for all, owners by number. Members that say what was there already vanish.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO

from reprokit import files
from reprokit.identity import policy, tar
from reprokit.identity.raw import Members, Raw, RawLayer
from reprokit.identity.tree import Delta, Node, Tree, above, topmost

Observer = Callable[[str, IO[bytes]], None]
"""Is given the path and content of each file that it asked for."""

_IN_MEMORY = 8 * 1024 * 1024
"""Bytes of such a content that are kept in memory; a jar may have hundreds of megabytes."""


@dataclass(slots=True)
class Reduced:
    """A raw layer without what is no real change, but with the folders that hold one. Digests of
    new files are not known yet."""

    added: dict[str, Raw] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    rewritten: dict[str, bytes] = field(default_factory=dict)
    dropped: list[tuple[str, str]] = field(default_factory=list)


def reduce(layer: RawLayer, tree: Tree, *, epoch: int, verbatim: bool = False) -> Reduced:
    """Find what a layer really changes in `tree`.

    epoch: seconds, for contents that must state a time. verbatim: a base's layer, to which no
    rule of the policy applies.
    """
    members = layer.read()
    result = Reduced()
    if not verbatim:
        _drop(members, result)
    hidden = _hidden(members, tree)
    result.removed = topmost(path for path in hidden if path not in members.members)
    for path in sorted(members.members):
        raw = members.members[path]
        if not verbatim and raw.node.kind == "file":
            raw = _rewritten(layer, path, raw, epoch, result)
        known = None if path in hidden or _replaced(path, members, tree) else tree.get(path)
        if known is None or not _same(layer, path, raw, known, result):
            result.added[path] = raw
    for path in (*result.removed, *tuple(result.added)):
        # Engines unpack a layer apart from those below: a folder that it does not name would be
        # made there with root as owner, and hide the real one.
        for folder in above(path):
            if folder in tree and folder not in result.added:
                result.added[folder] = Raw(tree[folder])
    return result


def _drop(members: Members, result: Reduced) -> None:
    filled: set[str] = set()
    # Backwards, so that a folder comes after all that is in it.
    for path in sorted(members.members, reverse=True):
        node = members.members[path].node
        empty = path not in filled if node.kind == "folder" else node.size == 0
        rule = policy.dropped(path, node, empty=empty)
        if rule is None:
            filled.update(above(path))
        else:
            del members.members[path]
            result.dropped.append((path, rule.why))
    result.dropped.reverse()
    nothing = Node("file", 0, 0, 0)
    members.whiteouts = {
        path for path in members.whiteouts if policy.dropped(path, nothing, empty=True) is None
    }


def _hidden(members: Members, tree: Tree) -> set[str]:
    """Paths of the tree that are gone, or at least not what a member of the same name builds on."""
    roots = {path for path in members.whiteouts if path in tree}
    opaque = members.opaque | {path for path in roots if path in members.members}
    if not roots and not opaque:
        return set()
    return {
        path
        for path in tree
        if path in roots or any(folder in opaque or folder in roots for folder in above(path))
    }


def _replaced(path: str, members: Members, tree: Tree) -> bool:
    """Whether a folder above this path was something else before, or became something else."""
    return any(folder in tree and tree[folder].kind != "folder" for folder in above(path))


def _rewritten(layer: RawLayer, path: str, raw: Raw, epoch: int, result: Reduced) -> Raw:
    rule = policy.rewriting(path)
    if rule is None:
        return raw
    content = rule.rewrite(b"".join(layer.content(raw)), epoch)
    result.rewritten[path] = content
    return Raw(raw.node._replace(size=len(content)))


def _same(layer: RawLayer, path: str, raw: Raw, known: Node, result: Reduced) -> bool:
    if raw.node._replace(sha256="") != known._replace(sha256=""):
        return False
    if raw.node.kind != "file":
        return True
    digest = hashlib.sha256()
    for chunk in contents(layer, path, raw, result.rewritten):
        digest.update(chunk)
    return digest.hexdigest() == known.sha256


def contents(
    layer: RawLayer, path: str, raw: Raw, rewritten: Mapping[str, bytes]
) -> Iterator[bytes]:
    """A member's content as it is in the canonical layer."""
    if path in rewritten:
        yield rewritten[path]
    else:
        yield from layer.content(raw)


def write(
    layer: RawLayer,
    reduced: Reduced,
    output: IO[bytes] | None,
    *,
    epoch: int,
    wanted: Callable[[str], bool],
    observe: Observer,
) -> tuple[Delta, str, int]:
    """Write the canonical tar; its delta (with digests), its own digest and its size in bytes.

    output: `None` only computes. wanted: whether a file's content is to be given to `observe`.
    """
    total = hashlib.sha256()
    size = 0

    def emit(block: bytes) -> None:
        nonlocal size
        total.update(block)
        size += len(block)
        if output is not None:
            output.write(block)

    added: dict[str, Node] = {}
    linked: dict[str, str] = {}
    firsts: dict[object, str] = {}
    for path in reduced.removed:
        emit(tar.whiteout(path, time=epoch))
    for path in sorted(reduced.added):
        raw = reduced.added[path]
        first = firsts.setdefault(raw.inode, path) if raw.inode is not None else path
        if first != path:
            linked[path] = first
            added[path] = added[first]
            emit(tar.member(path, added[first], time=epoch, link=first))
            continue
        emit(tar.member(path, raw.node, time=epoch))
        node = raw.node
        if node.kind == "file":
            digest = hashlib.sha256()
            with SpooledTemporaryFile(_IN_MEMORY) if wanted(path) else nullcontext() as kept:
                for chunk in contents(layer, path, raw, reduced.rewritten):
                    digest.update(chunk)
                    emit(chunk)
                    if kept is not None:
                        _keep(chunk, kept)
                emit(tar.padding(node.size))
                node = node._replace(sha256=digest.hexdigest())
                if kept is not None:
                    kept.seek(0)
                    observe(path, kept)
        added[path] = node
    emit(tar.END)
    delta = Delta(added=added, removed=reduced.removed, linked=linked)
    return delta, f"sha256:{total.hexdigest()}", size


def _keep(chunk: bytes, kept: IO[bytes]) -> None:
    try:
        kept.write(chunk)
    except OSError as error:
        raise files.storage_failed(error, Path(gettempdir())) from error
