"""Build: lay out the context, let the engine build it with the network off.

The context of a project stays in one folder of the user's cache, so that after an edit only the
difference is written and sent. What identifies an image before it exists is its build key: the
hash of the Dockerfile and of everything it can read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reprokit import files, folders
from reprokit.engines.protocol import BuildRequest, Engine
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import BuildContext, DataMount, Image
from reprokit.progress import Reporter
from reprokit.store import Store, StoredFileDamaged

_NOTHING: Mapping[str, Path] = {}
# Group 0 may write: whoever runs the image is put into it, and programs write beside their code.
_CODE_MODES = {True: 0o775, False: 0o664}


@frozen
class Prepared:
    """A context with the digests of the project files in it. `key` is the build key."""

    context: BuildContext
    digests: Mapping[str, str]
    key: str
    tag: str


def prepare(
    context: BuildContext, digests: Mapping[str, str], root: Path, name: str, epoch: int
) -> Prepared:
    """Compute the build key. `digests` maps project paths to the SHA-256 of their content."""
    described: dict[str, Any] = {
        "dockerfile": context.dockerfile,
        "epoch": epoch,
        "files": {f.path: [f.content, f.executable] for f in context.files},
        "artifacts": {a.path: [a.sha256, a.executable] for a in context.artifacts},
        "code": {p: [digests[source], _mode(root / source)] for p, source in context.code},
    }
    described["code"] |= {
        f.path: [files.sha256_text(f.content), _CODE_MODES[f.executable]] for f in context.rewritten
    }
    if context.unpacked:
        described["unpacked"] = {p: _unpacked_digest(digests, m) for p, m in context.unpacked}
    key = files.sha256_text(files.canonical_json(described))
    return Prepared(context=context, digests=digests, key=key, tag=tag_for(name, key))


def _unpacked_digest(digests: Mapping[str, str], mount: DataMount) -> str:
    """What identifies unpacked content before it is unpacked: the file, its format, the name."""
    return f"{digests[mount.source]} {mount.unpack} {mount.target}"


def tag_for(name: str, key: str) -> str:
    """The local name of an image: the project's name and twelve digits of the build key."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "project"
    return f"localhost/reprokit/{plain[:60]}:{key.removeprefix('sha256:')[:12]}"


def build(
    prepared: Prepared,
    root: Path,
    engine: Engine,
    store: Store,
    reporter: Reporter,
    *,
    epoch: int,
    no_cache: bool = False,
    target: str | None = None,
    network: bool = False,
    unpacked: Mapping[str, Path] = _NOTHING,
) -> Image:
    """Write the context and build it. Raises BuildFailed with the end of the build's output.

    unpacked: where the content of each of the context's `unpacked` is, by context path.
    """
    folder = _context_folder(root)
    with _alone(folder):
        lay_out(prepared, root, folder, store, epoch=epoch, unpacked=unpacked)
        request = BuildRequest(
            context=folder,
            tag=prepared.tag,
            target=target,
            no_cache=no_cache,
            network=network,
            arguments={"SOURCE_DATE_EPOCH": str(epoch)},
        )
        return engine.build(request, reporter.log)


def _context_folder(root: Path) -> Path:
    return folders.contexts() / hashlib.sha256(str(root).encode()).hexdigest()[:16]


def forget(root: Path) -> None:
    """Remove the context of a project folder that will not be built from again."""
    folder = _context_folder(root)
    shutil.rmtree(folder, ignore_errors=True)
    for suffix in ("placed", "lock"):
        (folder.parent / f"{folder.name}.{suffix}").unlink(missing_ok=True)


def lay_out(
    prepared: Prepared,
    root: Path,
    folder: Path,
    store: Store,
    *,
    epoch: int,
    unpacked: Mapping[str, Path] = _NOTHING,
) -> None:
    """Make `folder` hold exactly this context: modes and times do not depend on the checkout.

    A note beside the context says which bytes were placed and checked by an earlier build, so that
    only what changed is written again. Raises StoredFileDamaged once all files were looked at: the
    damaged ones are gone from the store then, and one fetch brings them back.
    """
    context = prepared.context
    note = folder.parent / f"{folder.name}.placed"
    placed = _read_note(note)
    now: dict[str, str] = {}
    damaged: list[StoredFileDamaged] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        texts = [("Dockerfile", context.dockerfile, False)]
        texts += [(".dockerignore", context.dockerignore, False)]
        texts += [(f"vendor/{f.path}", f.content, f.executable) for f in context.files]
        for path, text, executable in texts:
            now[path] = ""
            mode = 0o755 if executable else 0o644
            _write(_inside(folder, path), text.encode(), mode, epoch)
        for artifact in context.artifacts:
            path = f"vendor/{artifact.path}"
            target = _inside(folder, path)
            if placed.get(path) != artifact.sha256 or not _is_untouched(
                target, artifact.sha256, epoch
            ):
                try:
                    store.place(artifact.sha256, target, executable=artifact.executable)
                except StoredFileDamaged as error:
                    damaged.append(error)
                    continue
                _stamp(target, artifact.sha256, epoch)
            now[path] = artifact.sha256
        if damaged:
            raise damaged[0]
        for path, source in context.code:
            mode = _mode(root / source)
            digest = f"{prepared.digests[source]} {mode:o}"
            _place(root / source, _inside(folder, path), digest, placed.get(path), mode, epoch)
            now[path] = digest
        for file in context.rewritten:
            now[file.path] = ""
            mode = _CODE_MODES[file.executable]
            _write(_inside(folder, file.path), file.content.encode(), mode, epoch)
        for path, mount in context.unpacked:
            digest = _unpacked_digest(prepared.digests, mount)
            for inner, content in _files_of(path, unpacked[path]):
                _place(content, _inside(folder, inner), digest, placed.get(inner), 0o664, epoch)
                now[inner] = digest
        _remove_others(folder, set(now))
        _set_folder_times(folder, epoch)
        files.write_text(note, files.canonical_json(now))
    except OSError as error:
        raise files.storage_failed(error, folder) from error


def _files_of(path: str, place: Path) -> Iterator[tuple[str, Path]]:
    """(context path, file) of what was unpacked: itself, or every file of a folder."""
    if not place.is_dir():
        yield path, place
        return
    for found in sorted(place.rglob("*")):
        if found.is_file():
            yield f"{path}/{found.relative_to(place).as_posix()}", found


def _place(
    source: Path, target: Path, digest: str, before: str | None, mode: int, epoch: int
) -> None:
    """Copy a file into the context, unless an earlier build placed these very bytes."""
    if before != digest or not _is_untouched(target, digest, epoch):
        _copy(source, target, mode)
        _stamp(target, digest, epoch)


def _read_note(note: Path) -> dict[str, str]:
    try:
        value = json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _stamp(target: Path, digest: str, epoch: int) -> None:
    """Set the one time all files have, to the second. The nanoseconds come from the content:
    BuildKit's client sends only files whose size or time differ from those of the last build, and
    would otherwise keep the old bytes of an edit that leaves the size as it was."""
    moment = epoch * 1_000_000_000 + _nanoseconds(digest)
    os.utime(target, ns=(moment, moment))


def _nanoseconds(digest: str) -> int:
    return int(hashlib.sha256(digest.encode()).hexdigest()[:12], 16) % 1_000_000_000


def _is_untouched(target: Path, digest: str, epoch: int) -> bool:
    try:
        status = target.lstat()
    except OSError:
        return False
    moment = epoch * 1_000_000_000 + _nanoseconds(digest)
    return stat.S_ISREG(status.st_mode) and status.st_mtime_ns == moment


def _inside(folder: Path, relative: str) -> Path:
    parts = relative.split("/")
    if relative.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise BadRequest(f"{relative!r} would leave the build context")
    return folder.joinpath(*parts)


def _write(path: Path, content: bytes, mode: int, epoch: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.is_symlink() or path.read_bytes() != content:
        path.unlink(missing_ok=True)
        path.write_bytes(content)
    path.chmod(mode)
    _stamp(path, hashlib.sha256(content).hexdigest(), epoch)


def _copy(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _mode(source: Path) -> int:
    return _CODE_MODES[bool(source.stat().st_mode & 0o100)]


def _remove_others(folder: Path, wanted: set[str]) -> None:
    for parent, names, found in os.walk(folder, topdown=False):
        relative = Path(parent).relative_to(folder).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        for name in found:
            if prefix + name not in wanted:
                (Path(parent) / name).unlink()
        for name in names:
            child = Path(parent) / name
            if child.is_symlink():
                child.unlink()
            elif not any(child.iterdir()):
                child.rmdir()


def _set_folder_times(folder: Path, epoch: int) -> None:
    for parent, names, _ in os.walk(folder, topdown=False):
        for name in names:
            child = Path(parent) / name
            child.chmod(0o775 if child.relative_to(folder).parts[0] in ("app", "data") else 0o755)
            os.utime(child, (epoch, epoch))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One build at a time in a context folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder.parent / f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except PermissionError as error:
        raise files.storage_failed(error, folder) from error
