"""A BagIt bag from a stranger, zipped or as a folder: checked against its manifest while it is
copied into a folder of ours. Nothing of it is used before all of it has been checked.

See https://www.rfc-editor.org/rfc/rfc8493
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

from reprokit import files
from reprokit.errors import BadRequest, StorageFailed
from reprokit.frozen import frozen
from reprokit.history.wording import printable, size
from reprokit.progress import Reporter
from reprokit.publishing.contents import NEW_RESULTS
from reprokit.quoting import refuse_control_characters
from reprokit.unpacking import UNREADABLE, Limits, Meter, Names

DECLARATION = "bagit.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
PAYLOAD = "data/"
LIMITS = Limits()
_TAG_LIMIT = 256 * 1024**2
_CHUNK = 1024 * 1024
_LINE = re.compile(r"(?P<hex>[0-9a-f]{64})[ \t]+\*?(?P<path>\S.*)")
_ELSEWHERE = "get the archive again from where it was published"


@frozen
class Bag:
    """A bag's payload, checked and laid out in `folder`.

    digests: of each file, by its path in the payload. sha256: of the zip file, or of the manifest
    of an unpacked bag, which names every file.
    """

    folder: Path
    digests: Mapping[str, str]
    sha256: str


@frozen
class _Member:
    """A file of the bag. `size` is what it claims."""

    size: int
    executable: bool
    open: Callable[[], AbstractContextManager[IO[bytes]]]


def is_bag(source: Path) -> bool:
    """Whether a folder says that it is a bag."""
    return (source / DECLARATION).is_file()


def unpack(source: Path, target: Path, reporter: Reporter, limits: Limits = LIMITS) -> Bag:
    """Check the bag and copy its payload into the empty folder `target`.

    Raises BadRequest for what is damaged, dangerous or not as its manifest says; then, and when
    interrupted, nothing is left in `target`.
    """
    try:
        with ExitStack() as stack:
            if source.is_dir():
                # What lies unpacked on a disk is as large as it says.
                limits = replace(limits, ratio=math.inf)
                members = _of_folder(source, limits)
            else:
                members = _of_zip(source, stack, limits)
            meter = Meter(source, limits, reporter, next=_ELSEWHERE)
            with _explained(source):
                return _checked(source, members, target, meter)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise BadRequest(
            f"is damaged or no archive that can be read: {error}",
            where=str(source),
            next=_ELSEWHERE,
        ) from error


def _of_zip(source: Path, stack: ExitStack, limits: Limits) -> dict[str, _Member]:
    with _explained(source):
        archive = stack.enter_context(zipfile.ZipFile(source))
        infos = archive.infolist()
    if len(infos) > limits.most_files:
        raise _refused(source, f"holds {len(infos)} files, more than {limits.most_files}")
    names = Names(source, next=_ELSEWHERE)
    found: dict[str, _Member] = {}
    for info in infos:
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise names.refused(info.orig_filename, "is a link or device")
        path = _printable(names.checked(info.orig_filename, info.is_dir()), source)
        if not info.is_dir():
            found[path] = _Member(
                size=info.file_size,
                executable=bool(mode & 0o100),
                open=partial(archive.open, info),
            )
    return found


def _of_folder(source: Path, limits: Limits) -> dict[str, _Member]:
    names = Names(source, next=_ELSEWHERE)
    found: dict[str, _Member] = {}

    def refuse(error: OSError) -> None:
        raise BadRequest(f"cannot be read: {error.strerror}", where=error.filename) from error

    for parent, folders, here in os.walk(source, onerror=refuse):
        if Path(parent) == source / PAYLOAD and NEW_RESULTS in folders:
            folders.remove(NEW_RESULTS)  # of somebody who followed the README
        for name in sorted((*folders, *here)):
            place = Path(parent) / name
            status = place.lstat()
            relative = place.relative_to(source).as_posix()
            if stat.S_ISDIR(status.st_mode):
                continue
            if not stat.S_ISREG(status.st_mode):
                raise names.refused(relative, "is a link or device")
            path = _printable(names.checked(relative, False), source)
            found[path] = _Member(
                size=status.st_size,
                executable=bool(status.st_mode & 0o100),
                open=partial(_opened, place),
            )
            if len(found) > limits.most_files:
                raise _refused(source, f"holds more than {limits.most_files} files")
    return found


def _opened(place: Path) -> IO[bytes]:
    """The file itself: a link that has taken its place meanwhile is not followed."""
    try:
        return os.fdopen(os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
    except OSError as error:
        raise BadRequest(f"cannot be read: {error.strerror}", where=str(place)) from error


def _printable(path: str, source: Path) -> str:
    return refuse_control_characters(path, where=printable(str(source)))


def _checked(source: Path, members: dict[str, _Member], target: Path, meter: Meter) -> Bag:
    top = _top(source, members)
    inside = {path.removeprefix(top): member for path, member in members.items()}
    manifest = _text(source, inside, MANIFEST)
    if "fetch.txt" in inside:
        raise _refused(source, "is a bag that leaves files to be downloaded (fetch.txt)")
    wanted = _listed(source, manifest, MANIFEST)
    _check_tags(source, inside)
    payload = {path: member for path, member in inside.items() if path.startswith(PAYLOAD)}
    _same_names(source, set(payload), set(wanted))
    _check_space(source, payload, target, meter)
    digests: dict[str, str] = {}
    for path in sorted(payload):
        place = target / path.removeprefix(PAYLOAD)
        digest = _copy(payload[path], place, meter)
        if digest != wanted[path]:
            raise _refused(source, f"holds another {path!r} than its manifest says")
        digests[path.removeprefix(PAYLOAD)] = f"sha256:{digest}"
    whole = files.sha256_text(manifest) if source.is_dir() else files.sha256(source)
    return Bag(folder=target, digests=digests, sha256=whole)


def _top(source: Path, members: Mapping[str, _Member]) -> str:
    """The one folder that all lies in, with a "/"; empty where the bag has none around it."""
    if DECLARATION in members:
        return ""
    first = next(iter(members), "").partition("/")[0]
    top = f"{first}/"
    if f"{top}{DECLARATION}" not in members:
        raise BadRequest(
            "is no archive of `reprokit publish`: it is no BagIt bag",
            where=str(source),
            next="unpack it, look at what it is, and rerun the folder of the project in it",
        )
    beside = next((path for path in members if not path.startswith(top)), None)
    if beside is not None:
        raise _refused(source, f"holds {beside!r} beside its bag")
    return top


def _text(source: Path, members: Mapping[str, _Member], name: str) -> str:
    """A file that says what the bag holds."""
    member = members.get(name)
    if member is None:
        raise _refused(source, f"is a bag without {name}")
    if member.size > _TAG_LIMIT:
        raise _refused(source, f"has a {name} of {size(member.size)}")
    with member.open() as stream:
        content = stream.read(_TAG_LIMIT)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(source, f"has a {name} that is no UTF-8") from error


def _listed(source: Path, manifest: str, name: str) -> dict[str, str]:
    """What a manifest says: SHA-256 in hexadecimal by path."""
    found: dict[str, str] = {}
    for number, line in enumerate(manifest.split("\n"), start=1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None or match["path"] in found:
            why = "is no line of a manifest" if match is None else "names a file twice"
            raise BadRequest(
                f"{name}:{number} {why}: {line[:80]!r}", where=str(source), next=_ELSEWHERE
            )
        found[match["path"]] = match["hex"]
    return found


def _check_tags(source: Path, members: Mapping[str, _Member]) -> None:
    """The files that describe the bag, where it says what they are."""
    if TAG_MANIFEST not in members:
        return
    for path, wanted in _listed(source, _text(source, members, TAG_MANIFEST), TAG_MANIFEST).items():
        content = _text(source, members, path).encode()
        if hashlib.sha256(content).hexdigest() != wanted:
            raise _refused(source, f"holds another {path!r} than {TAG_MANIFEST} says")


def _same_names(source: Path, there: set[str], wanted: set[str]) -> None:
    unnamed, missing = sorted(there - wanted), sorted(wanted - there)
    if unnamed:
        raise _refused(source, f"holds {unnamed[0]!r}, which its manifest does not name")
    if missing:
        raise _refused(source, f"lacks {missing[0]!r}, which its manifest names")


def _check_space(source: Path, payload: Mapping[str, _Member], target: Path, meter: Meter) -> None:
    """What the files claim must be allowed and fit; what they really are is counted later."""
    claimed = sum(member.size for member in payload.values())
    meter.check(claimed)
    free = shutil.disk_usage(target).free
    if claimed > free:
        raise StorageFailed(
            f"unpacks to {size(claimed)}, and {size(free)} are free",
            where=str(source),
            next="free some space (`reprokit clean` removes old runs and images), then try again",
        )


def _copy(member: _Member, place: Path, meter: Meter) -> str:
    """Write a member, and return its SHA-256 in hexadecimal."""
    meter.file()
    digest = hashlib.sha256()
    with member.open() as stream, _new_file(place, executable=member.executable) as write:
        while chunk := stream.read(_CHUNK):
            meter.bytes(len(chunk))
            digest.update(chunk)
            write(chunk)
    return digest.hexdigest()


@contextmanager
def _new_file(place: Path, *, executable: bool) -> Iterator[Callable[[bytes], None]]:
    """What writes to a new file. Its errors are told from those of reading."""

    def write(chunk: bytes) -> None:
        with _stored(place):
            out.write(chunk)

    with _stored(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        out = place.open("xb")
    try:
        yield write
    finally:
        with _stored(place):
            out.close()
    place.chmod(0o755 if executable else 0o644)


@contextmanager
def _stored(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise files.storage_failed(error, place) from error


def _refused(source: Path, what: str) -> BadRequest:
    return BadRequest(what, where=str(source), next=_ELSEWHERE)
