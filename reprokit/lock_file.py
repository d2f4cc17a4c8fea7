"""repro.lock: JSON with one package or file a line, so that a diff reads like a list of changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from reprokit import files
from reprokit.errors import BadRequest
from reprokit.model import Lock

NAME = "repro.lock"
SCHEMA = 1
_MEND = "restore it from version control, or run `reprokit lock --upgrade`"
# Written only where they hold something, so that older locks keep their digest, which is in images.
_LATER = frozenset({"making"})
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_INSIDE = re.compile(r"(?!/)(?!(?:.*/)?\.\.(?:/|\Z)).+", re.DOTALL)
"""A path below some folder: neither absolute nor climbing."""

_LINE = json.JSONEncoder(sort_keys=True, ensure_ascii=False)

T = TypeVar("T")


_LATEST = 8**11
"""Seconds since 1970 that the header of a tar file holds."""


def undated(lock: Lock) -> tuple[str, ...]:
    """What of a lock is not of its date, in words. Debian's mirrors and registries serve what they
    have on the day of asking, whatever day the project's packages are resolved for."""
    found = tuple(text for e in lock.ecosystems for text in e.undated)
    if lock.date.source == "today":
        return found
    base = f"base {lock.base.name}"
    what = f"{base} and the distribution's packages" if lock.system else base
    return (*found, f"{what}: of the day when they were locked")


def dumps(lock: Lock) -> str:
    """The text of repro.lock: the same lock gives the same bytes."""
    return _readable(_plain(lock), 0) + "\n"


def digest(lock: Lock) -> str:
    """The SHA-256 of the lock's text."""
    return files.sha256_text(dumps(lock))


def write(lock: Lock, root: Path) -> Path:
    """Write repro.lock into the project folder, all or nothing."""
    path = root / NAME
    files.write_text(path, dumps(lock))
    files.give_to_caller(path)
    return path


def read(root: Path) -> Lock | None:
    """The project's lock, or `None` where it has none. Raises BadRequest for a damaged one."""
    path = root / NAME
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadRequest(f"cannot be read: {why}", where=NAME, next=_MEND) from error
    return loads(text)


def loads(text: str) -> Lock:
    """The lock that this text holds. Raises BadRequest with the line of what is wrong."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadRequest(f"{error.msg}", where=f"{NAME}:{error.lineno}", next=_MEND) from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        found = value.get("schema") if isinstance(value, dict) else None
        raise BadRequest(
            f"has format {found!r}; this reprokit reads format {SCHEMA}",
            where=NAME,
            next="install the reprokit that wrote it, or run `reprokit lock --upgrade`",
        )
    try:
        lock = from_plain(Lock, value)
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"is damaged: {error}", where=NAME, next=_MEND) from error
    _check(lock, text)
    return lock


def _check(lock: Lock, text: str) -> None:
    """A lock edited by hand or by a stranger is told at once, not when its files are fetched or
    laid out, and nothing of it becomes an option or another line of a Dockerfile."""
    base = lock.base
    digests = [
        base.config_digest,
        *base.layers,
        *([base.registry_digest] if base.registry_digest else []),
    ]
    _refuse_others(
        text,
        [
            ("version of reprokit", lock.reprokit, _VERSION),
            ("day", lock.date.day, _DAY),
            ("platform", lock.platform, _IMAGE),
            ("base", base.name, _IMAGE),
            ("image", base.reference, _IMAGE),
            *(("digest", digest, _DIGEST) for digest in digests),
        ],
    )
    if not 0 <= lock.epoch < _LATEST:
        raise BadRequest(f"is damaged: {lock.epoch} is no time of files", where=NAME, next=_MEND)
    parts = (lock.base.packages, lock.system, lock.build_system)
    packages = chain(*parts, *(p for e in lock.ecosystems for p in (e.packages, e.making)))
    for artifact in (a for package in packages for a in package.artifacts):
        _refuse_others(
            text, [("SHA-256", artifact.sha256, _DIGEST), ("path", artifact.path, _INSIDE)]
        )


def _refuse_others(text: str, values: Iterable[tuple[str, str, re.Pattern[str]]]) -> None:
    for what, found, pattern in values:
        if pattern.fullmatch(found) is None:
            line = text.count("\n", 0, max(text.find(json.dumps(found)), 0)) + 1
            raise BadRequest(
                f"is damaged: {found!r} is no {what}", where=f"{NAME}:{line}", next=_MEND
            )


def from_plain(kind: type[T], value: Any) -> T:
    """A frozen type of the model from its plain JSON form. Raises ValueError where it differs."""
    return _converted(kind, value)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """As dataclasses.asdict, without its copies of what is JSON already (five times faster)."""
    kind: Any = type(value)
    if is_dataclass(kind):
        return {
            name: _plain(found)
            for name in _fields(kind)
            if (found := getattr(value, name)) or name not in _LATER
        }
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _named(kind: Any) -> str:
    return str(kind.__name__)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _fields(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass with their types."""
    return _hints(kind)


def _converted(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"expected {_named(kind)}, found {type(value).__name__}")
        hints = _fields(kind)
        unknown = value.keys() - hints.keys()
        if unknown:
            raise ValueError(f"unknown key {sorted(unknown)[0]!r} in {_named(kind)}")
        made: Any = kind
        return made(**{name: _converted(hints[name], value[name]) for name in value})
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"expected a list, found {type(value).__name__}")
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_converted(inner[0], item) for item in value)
        return tuple(_converted(one, item) for one, item in zip(inner, value, strict=True))
    if kind in (str, int, bool) and not isinstance(value, kind):
        raise ValueError(f"expected {kind.__name__}, found {value!r}")
    return value


def _readable(value: Any, depth: int) -> str:
    """JSON that breaks the line only where a diff gains by it: not inside packages and files."""
    pad, inner = " " * depth, " " * (depth + 1)
    if isinstance(value, Mapping) and value and not _is_line(value):
        items = (
            f"{inner}{_LINE.encode(key)}: {_readable(value[key], depth + 1)}"
            for key in sorted(value)
        )
        return "{\n" + ",\n".join(items) + f"\n{pad}}}"
    if isinstance(value, Sequence) and not isinstance(value, str) and _has_objects(value):
        return "[\n" + ",\n".join(inner + _readable(v, depth + 1) for v in value) + f"\n{pad}]"
    return _LINE.encode(value)


def _is_line(value: Mapping[str, Any]) -> bool:
    if "sha256" in value:
        return True
    return (
        set(value) == {"name", "version", "artifacts", "requested"} and len(value["artifacts"]) < 2
    )


def _has_objects(value: Sequence[Any]) -> bool:
    return any(isinstance(item, Mapping) for item in value)
