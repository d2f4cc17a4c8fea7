"""What uv resolved, as it writes it down (pylock.toml, PEP 751), for one target."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reprokit.ecosystems.python.names import normalised
from reprokit.errors import BadRequest, InputUnavailable

_MACHINES = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}
# The C library of each release, which bounds the wheels that run on it. trixie's is 2.41; uv knows
# none beyond 2.40.
_GLIBC = {
    **{"bullseye": 31, "bookworm": 36, "trixie": 40},
    **{"bionic": 27, "focal": 31, "jammy": 35, "noble": 39},
}
_OLDEST = 28
_UNFIT = 1_000_000
_FILE = re.compile(r"[A-Za-z0-9_.+!-]+")


@dataclass(frozen=True, slots=True)
class Target:
    """The Python ("3.11") and machine ("x86_64") that wheels must fit, with its glibc 2.x."""

    python: str
    machine: str
    glibc: int

    @property
    def uv_platform(self) -> str:
        """As uv names it, which knows none between 2.17 and 2.28."""
        return f"{self.machine}-manylinux_2_{self.glibc if self.glibc >= 28 else 17}"

    @property
    def lists_apart(self) -> bool:
        """Whether the index has to be asked for wheels: uv leaves those of Python 2 out."""
        return self.python.startswith("2.")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to install from, or (`commit` set) a repository to build at that commit.

    direct: the project itself names its URL; no index was asked.
    """

    url: str
    sha256: str | None = None
    size: int | None = None
    commit: str | None = None
    subdirectory: str | None = None
    direct: bool = False

    @property
    def file(self) -> str:
        """The file's own name. Raises InputUnavailable for one that cannot be a file's name."""
        name = unquote(self.url.partition("#")[0].partition("?")[0].rpartition("/")[2])
        if _FILE.fullmatch(name) is None or name in (".", ".."):
            raise InputUnavailable(f"{name!r} is not the name of a package's file", where=self.url)
        return name


@dataclass(frozen=True, slots=True)
class Resolved:
    """One package: a wheel that fits, or else what a wheel must be built from."""

    name: str
    version: str | None
    wheel: Source | None
    source: Source | None

    @property
    def is_compiled(self) -> bool:
        """Whether its wheel is one for a certain machine."""
        return self.wheel is not None and not self.wheel.file.endswith("-any.whl")


def target(python: str, platform: str, base: str) -> Target:
    """The target of a lock. Raises BadRequest for a platform without wheels."""
    if platform not in _MACHINES:
        raise BadRequest(
            f"Python packages cannot be locked for {platform}",
            next=f"choose one of {', '.join(sorted(_MACHINES))}",
        )
    glibc = next((number for name, number in _GLIBC.items() if name in base), _OLDEST)
    return Target(".".join(python.split(".")[:2]), _MACHINES[platform], glibc)


def read(text: str, fits: Target, allowed: Mapping[str, Iterable[str]]) -> tuple[Resolved, ...]:
    """uv's answer; of several wheels the one that suits best. `allowed` limits the hashes of a
    package ("name==version" -> "sha256:…") to those that a lock file or requirement names."""
    packages = tomllib.loads(text).get("packages", [])
    found = [_package(package, fits, allowed) for package in packages]
    return tuple(sorted(found, key=lambda item: item.name))


def _package(
    package: dict[str, Any], fits: Target, allowed: Mapping[str, Iterable[str]]
) -> Resolved:
    name, version = normalised(package["name"]), package.get("version")
    limit = frozenset(allowed.get(f"{name}=={version}", ()))
    if "vcs" in package:
        vcs = package["vcs"]
        commit, below = vcs["commit-id"], vcs.get("subdirectory")
        source = Source(vcs["url"], commit=commit, subdirectory=below)
        return Resolved(name, version, None, source)
    if "archive" in package:
        archive = replace(_file(package["archive"]), direct=True)
        is_wheel = archive.file.endswith(".whl")
        return Resolved(name, version, archive if is_wheel else None, None if is_wheel else archive)
    wheels = [_file(entry) for entry in package.get("wheels", [])]
    sdist = _file(package["sdist"]) if "sdist" in package else None
    best = best_wheel([w for w in wheels if not limit or w.sha256 in limit], fits)
    if best is None and sdist is not None and limit and sdist.sha256 not in limit:
        sdist = None
    if best is None and sdist is None and not fits.lists_apart:
        raise InputUnavailable(
            f"{name} {version} has no file for Python {fits.python} on {fits.machine}"
            + (" among those whose hashes the project allows" if limit and wheels else ""),
            next="choose another version of it, or of Python; or write the lock file again",
        )
    return Resolved(name, version, best, sdist)


def best_wheel(wheels: Iterable[Source], fits: Target) -> Source | None:
    """The wheel that suits best; `None` where none does."""
    ranked = ((_rank(wheel.file, fits), wheel) for wheel in wheels)
    rank, best = min(ranked, key=lambda pair: pair[0], default=(_UNFIT, None))
    return None if rank == _UNFIT else best


def _file(entry: dict[str, Any]) -> Source:
    digest = entry.get("hashes", {}).get("sha256")
    return Source(
        entry["url"],
        sha256=f"sha256:{digest}" if digest else None,
        size=entry.get("size"),
        subdirectory=entry.get("subdirectory"),
    )


def _rank(file: str, fits: Target) -> int:
    """How well a wheel suits: 0 is best, `_UNFIT` not at all."""
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return _UNFIT
    order = _order(fits)
    return min((order[tag] for tag in tags if tag in order), default=_UNFIT)


@lru_cache
def _order(fits: Target) -> dict[Tag, int]:
    major, minor = (int(part) for part in fits.python.split("."))
    legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
    platforms = []
    for number in range(fits.glibc, 4, -1):
        platforms.append(f"manylinux_2_{number}_{fits.machine}")
        if number in legacy:
            platforms.append(f"{legacy[number]}_{fits.machine}")
    platforms.append(f"linux_{fits.machine}")
    # Debian's Python 2 has four bytes a character; packaging asks the Python it runs on. Before
    # 3.8 the letter for its memory allocator was part of the name.
    letters = "mu" if major == 2 else "m" if (major, minor) < (3, 8) else ""
    abis = [f"cp{major}{minor}{letters}"]
    tags = [
        *cpython_tags((major, minor), abis, platforms=platforms),
        *compatible_tags((major, minor), f"cp{major}{minor}", platforms),
    ]
    return {tag: position for position, tag in reversed(list(enumerate(tags)))}
