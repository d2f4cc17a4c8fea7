"""Wheels that no index has, built in a container without a network from what a lock can name.

The same steps run while locking and when a store lacks the wheel, so the second gives the bytes of
the first: always the same folders, variables, time and packages, and nothing else.
"""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from reprokit import files
from reprokit.ecosystems.python import virtualenv
from reprokit.ecosystems.python.local_projects import DEFAULT
from reprokit.ecosystems.python.workshop import FOLDER, UV, Workshop, opened
from reprokit.errors import InputUnavailable
from reprokit.frozen import frozen
from reprokit.model import JSON, Artifact, LockedEcosystem
from reprokit.printable import redacted
from reprokit.resolving import Resolver

LEGACY = "setuptools.build_meta:__legacy__"
_AGAIN = "run `reprokit lock --upgrade`"
_SOURCE = f"{FOLDER}/source"
_PACKAGES = f"{FOLDER}/environment"
BUILDER = Path(__file__).with_name("wheel_builder.py")
_BACKEND = re.compile(r"[A-Za-z_][\w.]*(?::[A-Za-z_][\w.]*)?")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@frozen
class Tools:
    """The wheels of uv, and of virtualenv where the Python is 2.7, which uv does not know."""

    uv: Artifact
    virtualenv: Artifact | None = None

    @property
    def python(self) -> str:
        return "python3" if self.virtualenv is None else "python2.7"


@frozen
class Origin:
    """What a wheel is built from: an archive, or a repository at a full commit; `folder` is where
    in it the package lies."""

    archive: Artifact | None = None
    repository: str | None = None
    commit: str | None = None
    folder: str | None = None

    def __str__(self) -> str:
        if self.archive is not None:
            return redacted(str(self.archive.url))
        return f"{redacted(str(self.repository))} at {self.commit}"


@frozen
class BuildSystem:
    """What pyproject.toml says of building (PEP 518), and the kinds of files that there are."""

    requires: tuple[str, ...]
    backend: str
    paths: tuple[str, ...]
    suffixes: frozenset[str]


@frozen
class Built:
    """A wheel, or else what its backend asked for besides the given packages."""

    lacking: tuple[str, ...] = ()
    wheel: Artifact | None = None


class Making:
    """Builds wheels; clones are kept in `temporary` while it lasts."""

    def __init__(self, resolver: Resolver, tools: Tools, temporary: Path) -> None:
        self._resolver, self.tools, self._temporary = resolver, tools, temporary

    def build_system(self, origin: Origin) -> BuildSystem:
        """What building takes. Raises InputUnavailable where the source cannot be had or read."""
        with self._laid_out(origin) as (workshop, place):
            return _build_system(workshop, place, origin)

    def build(
        self,
        origin: Origin,
        reads: Sequence[Artifact],
        folder: str,
        *,
        satisfied: Callable[[str], bool] = lambda requirement: True,
    ) -> Built:
        """Build with exactly these wheels of build requirements. The wheel goes into the store, as
        an artifact in `folder`. `satisfied` says whether the given packages are enough for a
        requirement that only the backend knows.

        Raises InputUnavailable with the end of what the build said.
        """
        with self._laid_out(origin) as (workshop, place):
            system = _build_system(workshop, place, origin)
            environment = self._prepare(workshop, reads)
            what = f"{origin} cannot be built"

            def step(*words: str) -> None:
                argv = (f"{_PACKAGES}/bin/python", f"{FOLDER}/{BUILDER.name}", *words)
                workshop.run(argv, what=what, folder=place, environment=environment)

            answer = f"{FOLDER}/requires.json"
            step("requires", system.backend, answer, *system.paths)
            asked = json.loads(workshop.run(("cat", answer), what=what))
            lacking = tuple(str(item) for item in asked if not satisfied(str(item)))
            if lacking:
                return Built(lacking=lacking)
            step("wheel", system.backend, f"{FOLDER}/out", *system.paths)
            names = workshop.run(("ls", f"{FOLDER}/out"), what=what).split()
            return Built(wheel=self._kept(workshop, names, folder))

    def _prepare(self, workshop: Workshop, reads: Sequence[Artifact]) -> dict[str, str]:
        """An environment with the build requirements; the variables of the build."""
        what = "the build's requirements cannot be installed"
        workshop.place(reads, f"{FOLDER}/reads")
        listed = [f"{FOLDER}/reads/{read.path.rpartition('/')[2]}" for read in reads]
        old = self.tools.virtualenv
        python = f"{_PACKAGES}/bin/python"
        if old is None:
            workshop.run((UV, "venv", "--offline", "--python", "python3", _PACKAGES), what=what)
            install = (UV, "pip", "install", "--offline", "--no-index", "--no-deps")
            commands = [(*install, "--python", python, *listed)]
        else:
            workshop.place((old,), FOLDER)
            wheel = f"{FOLDER}/{old.path.rpartition('/')[2]}"
            options = ("--no-setuptools", "--no-wheel")
            commands = [*virtualenv.create(wheel, f"{FOLDER}/virtualenv", _PACKAGES, *options)]
            commands.append((*virtualenv.install(_PACKAGES), *listed))
        for command in commands if reads else commands[:-1]:
            workshop.run(command, what=what)
        return {
            "PATH": f"{_PACKAGES}/bin:{_PATH}",
            "VIRTUAL_ENV": _PACKAGES,
            "HOME": FOLDER,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "SOURCE_DATE_EPOCH": str(self._resolver.epoch),
            "CFLAGS": "-g0",
            "CXXFLAGS": "-g0",
        }

    @contextmanager
    def _laid_out(self, origin: Origin) -> Iterator[tuple[Workshop, str]]:
        """A workshop without a network that holds the source, and the package's folder in it."""
        clone = None if origin.repository is None else self._cloned(origin)
        with opened(self._resolver, self.tools.uv, network=False) as workshop:
            workshop.put(BUILDER, f"{FOLDER}/{BUILDER.name}")
            if clone is not None:
                workshop.put(clone, _SOURCE)
            else:
                assert origin.archive is not None
                workshop.place((origin.archive,), FOLDER)
                name = f"{FOLDER}/{origin.archive.path.rpartition('/')[2]}"
                unpack = ("python3", f"{FOLDER}/{BUILDER.name}", "unpack", name, _SOURCE)
                workshop.run(unpack, what=f"{origin} cannot be unpacked")
            inside = PurePosixPath(origin.folder or ".")
            if inside.is_absolute() or ".." in inside.parts:
                raise InputUnavailable(f"{origin.folder!r} points out of {origin}")
            yield workshop, str(_SOURCE / inside)

    def _cloned(self, origin: Origin) -> Path:
        """The repository at the commit, with its history (versions may come from it), as a tar."""
        clone = self._temporary / f"{files.sha256_text(str(origin))[7:23]}.tar"
        if clone.is_file():
            return clone
        self._resolver.reporter.message(f"cloning {origin}")
        with opened(self._resolver, self.tools.uv, network=True) as workshop:
            git = ("git", "-C", _SOURCE)
            fetch = ("git", "clone", "--quiet", "--no-checkout", "--", str(origin.repository))
            workshop.run((*fetch, _SOURCE), what=f"{origin.repository} cannot be cloned")
            checkout = (*git, "checkout", "--quiet", "--detach", str(origin.commit))
            workshop.run(checkout, what=f"{origin.repository} has no commit {origin.commit}")
            modules = (*git, "submodule", "--quiet", "update", "--init", "--recursive")
            workshop.run(modules, what=f"the submodules of {origin.repository} cannot be cloned")
            workshop.take(_SOURCE, clone)
        return clone

    def _kept(self, workshop: Workshop, names: Sequence[str], folder: str) -> Artifact:
        if len(names) != 1 or not _is_wheel(names[0]):
            raise InputUnavailable(f"building left {', '.join(names) or 'nothing'} and no wheel")
        wheel = self._temporary / names[0]
        workshop.take_file(f"{FOLDER}/out/{names[0]}", wheel)
        return self._resolver.keep(wheel, f"{folder}/{names[0]}", url=None)


def _build_system(workshop: Workshop, place: str, origin: Origin) -> BuildSystem:
    what = f"{origin} cannot be read"
    listed = workshop.run(("find", ".", "-type", "f", "-not", "-path", "*/.git/*"), what=what,
                          folder=place).splitlines()  # fmt: skip
    table: Any = {}
    if "./pyproject.toml" in listed:
        text = workshop.run(("cat", f"{place}/pyproject.toml"), what=what)
        try:
            table = tomllib.loads(text).get("build-system", {})
        except tomllib.TOMLDecodeError as error:
            raise InputUnavailable(f"its pyproject.toml: {error}", where=str(origin)) from error
    table = table if isinstance(table, Mapping) else {}
    backend = str(table.get("build-backend") or LEGACY)
    if _BACKEND.fullmatch(backend) is None:
        raise InputUnavailable(f"{backend!r} is no build backend", where=str(origin))
    return BuildSystem(
        requires=_texts(table.get("requires")) or (() if "requires" in table else DEFAULT),
        backend=backend,
        paths=_texts(table.get("backend-path")),
        suffixes=frozenset(PurePosixPath(name).suffix.lower() for name in listed),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()


def _is_wheel(name: str) -> bool:
    try:
        parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return True


# -- recipes in the lock --------------------------------------------------------------------------


def recipe(origin: Origin, reads: Sequence[Artifact]) -> dict[str, JSON]:
    """How the lock says what a wheel is made from; see `make`."""
    found: dict[str, JSON] = {"reads": [read.path for read in reads]}
    if origin.archive is not None:
        found["source"] = origin.archive.path
    else:
        # A password in a requirement is nobody's business but that file's.
        public = re.sub(r"^(https?://)[^/@]*@", r"\1", str(origin.repository))
        found |= {"repository": public, "commit": origin.commit}
    return found if origin.folder is None else {**found, "folder": origin.folder}


def _origin(recipe: Mapping[str, JSON], known: Mapping[str, Artifact]) -> Origin:
    source = recipe.get("source")
    parts = {key: _text(recipe.get(key)) for key in ("repository", "commit", "folder")}
    archive = None if source is None else _known(str(source), known)
    if archive is None and not (parts["repository"] and parts["commit"]):
        raise InputUnavailable("the lock does not say from what a wheel is made", next=_AGAIN)
    return Origin(archive=archive, **parts)


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def _known(path: str, known: Mapping[str, Artifact]) -> Artifact:
    if path not in known:
        raise InputUnavailable(f"the lock makes a wheel from {path}, which it lacks", next=_AGAIN)
    return known[path]


def make(locked: LockedEcosystem, artifacts: Sequence[Artifact], resolver: Resolver) -> None:
    """Make wheels of the lock again. Raises InputUnavailable naming both hashes where the bytes
    are others."""
    known = {a.path: a for p in (*locked.packages, *locked.making) for a in p.artifacts}
    recipes = locked.settings.get("made")
    old = _text(locked.settings.get("virtualenv"))
    tools = Tools(
        uv=_known(str(locked.settings.get("uv")), known),
        virtualenv=None if old is None else _known(old, known),
    )
    made = set[str]()

    def one(artifact: Artifact, making: Making, *, within: tuple[str, ...] = ()) -> None:
        if artifact.path in made or artifact.url is not None:
            return
        found = recipes.get(artifact.path) if isinstance(recipes, Mapping) else None
        if not isinstance(found, Mapping) or artifact.path in within:
            raise InputUnavailable(
                f"the lock does not say from what {artifact.path} is made",
                next=_AGAIN,
            )
        reads = tuple(_known(path, known) for path in _texts(found.get("reads")))
        for read in reads:
            one(read, making, within=(*within, artifact.path))
        origin = _origin(found, known)
        resolver.reporter.message(f"building {artifact.path.rpartition('/')[2]} from {origin}")
        again = making.build(origin, reads, artifact.path.rpartition("/")[0]).wheel
        assert again is not None
        if (again.path, again.sha256) != (artifact.path, artifact.sha256):
            raise InputUnavailable(
                f"built again, {again.path} has {again.sha256} instead of {artifact.sha256} "
                f"({artifact.path}) as the lock says",
                where=str(origin),
                next="its build reads something that the lock cannot name (the processor, perhaps):"
                " use an export that includes vendor/, or run `reprokit lock --upgrade`",
            )
        made.add(artifact.path)

    with tempfile.TemporaryDirectory(prefix="reprokit-making-") as temporary:
        making = Making(resolver, tools, Path(temporary))
        for artifact in artifacts:
            one(artifact, making)
