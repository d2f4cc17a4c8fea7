"""From what uv chose to what a lock names: a wheel of the index, or one built here with all that
went into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import parse_wheel_filename

from reprokit.ecosystems.python import indexes
from reprokit.ecosystems.python.compiling import Compiler, Wish
from reprokit.ecosystems.python.making import Built, Making, Origin, recipe
from reprokit.ecosystems.python.names import normalised, place
from reprokit.ecosystems.python.pylock import Resolved, Target
from reprokit.ecosystems.python.system_packages import ask_for_compilers
from reprokit.ecosystems.python.version import building_since
from reprokit.errors import InputUnavailable, NothingFits
from reprokit.model import JSON, Artifact, LockedPackage
from reprokit.resolving import Resolver

_C = frozenset({".c", ".cc", ".cpp", ".cxx", ".pyx"})
_FORTRAN = frozenset({".f", ".f77", ".f90", ".f95"})
_FOLDER = "making"


class Builder:
    """Locks packages. `recipes` says by a wheel's path how it was built, `read` is what building
    read, `undated` what could not be resolved as of the lock's day. besides: what every build is
    given on top of what it asks for."""

    def __init__(
        self,
        resolver: Resolver,
        compiler: Compiler,
        making: Making,
        fits: Target,
        wish: Wish,
        besides: tuple[str, ...] = (),
    ) -> None:
        self._resolver, self._compiler, self._making = resolver, compiler, making
        self._fits, self._wish, self._besides = fits, wish, besides
        self._read: dict[str, LockedPackage] = {}
        self._wheels: dict[Resolved, Artifact] = {}
        self._under_way: list[str] = []
        self.recipes: dict[str, JSON] = {}
        self.undated: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[LockedPackage, ...]:
        return tuple(self._read[path] for path in sorted(self._read))

    def locked(
        self, items: Iterable[Resolved], folder: str, requested: frozenset[str] = frozenset()
    ) -> tuple[LockedPackage, ...]:
        """Each package with its one wheel in `folder`."""
        return tuple(self._locked(item, folder, requested) for item in items)

    def _locked(self, item: Resolved, folder: str, requested: frozenset[str]) -> LockedPackage:
        if item.wheel is not None:
            path = f"{folder}/{item.wheel.file}"
            artifact = indexes.artifact(self._resolver, item.wheel, path, self._wish.indexes)
        else:
            artifact = self._built(item, folder)
        name, version, *_ = parse_wheel_filename(artifact.path.rpartition("/")[2])
        if name != item.name:
            raise InputUnavailable(f"{artifact.path} is not a wheel of {item.name}")
        return LockedPackage(
            name=name, version=str(version), artifacts=(artifact,), requested=name in requested
        )

    def _built(self, item: Resolved, folder: str) -> Artifact:
        """A package's wheel, built once however many ask for it."""
        before = self._wheels.get(item)
        if before is not None:
            moved = replace(before, path=f"{folder}/{before.path.rpartition('/')[2]}")
            self.recipes[moved.path] = self.recipes[before.path]
            return moved
        if item.name in self._under_way:
            circle = " needs ".join((*self._under_way, item.name))
            raise InputUnavailable(f"{circle} to be built from source")
        self._under_way.append(item.name)
        self._resolver.reporter.message(f"building a wheel of {item.name}")
        try:
            artifact = self._wheels[item] = self._build(item, folder)
        except InputUnavailable as error:
            raise self._explained(item, error) from error
        finally:
            self._under_way.pop()
        return artifact

    def _build(self, item: Resolved, folder: str) -> Artifact:
        origin = self._origin(item)
        system = self._making.build_system(origin)
        if system.suffixes & (_C | _FORTRAN):
            fortran = bool(system.suffixes & _FORTRAN)
            ask_for_compilers(self._resolver, python=self._making.tools.python, fortran=fortran)
        asked = (*system.requires, *self._besides)
        built, files = self._tried(origin, folder, asked)
        if built.wheel is None:
            # The backend itself wants more than pyproject.toml says.
            built, files = self._tried(origin, folder, (*asked, *built.lacking))
        if built.wheel is None:
            raise InputUnavailable(f"its build goes on asking for {', '.join(built.lacking)}")
        self.recipes[built.wheel.path] = recipe(origin, files)
        return built.wheel

    def _tried(
        self, origin: Origin, folder: str, lines: tuple[str, ...]
    ) -> tuple[Built, tuple[Artifact, ...]]:
        """A build with what satisfies these requirements, and the files of that."""
        reads = self._requirements(lines)
        files = tuple(a for package in reads for a in package.artifacts)

        def satisfied(line: str) -> bool:
            return line in lines or _satisfied(line, reads)

        try:
            built = self._making.build(origin, files, folder, satisfied=satisfied)
        except InputUnavailable:
            ask_for_compilers(self._resolver, python=self._making.tools.python)
            raise
        if built.wheel is not None:
            self._read |= {a.path: p for p in reads for a in p.artifacts}
        return built, files

    def _origin(self, item: Resolved) -> Origin:
        source = item.source
        assert source is not None
        if source.commit is not None:
            return Origin(repository=source.url, commit=source.commit, folder=source.subdirectory)
        path = f"{_FOLDER}/{source.file}"
        archive = indexes.artifact(self._resolver, source, path, self._wish.indexes)
        version = item.version or "unknown"
        source_package = LockedPackage(name=item.name, version=version, artifacts=(archive,))
        self._read[archive.path] = source_package
        return Origin(archive=archive, folder=source.subdirectory)

    def _requirements(self, lines: tuple[str, ...]) -> tuple[LockedPackage, ...]:
        since = building_since(self._fits.python)
        declared = self._wish.indexes
        found = indexes.options(declared, self._resolver)
        options = tuple(option for option in found if not option.startswith("--prerelease"))
        wish = Wish(lines=lines, options=options, indexes=declared, since=since)
        if lines and self._resolver.date.day < since:
            self.undated = (f"what builds packages from source (as of {since})",)
        return self.locked(self._compiler.resolved(wish), _FOLDER)

    def _explained(self, item: Resolved, error: InputUnavailable) -> NothingFits:
        asked = [r.reason for r in self._wish.asked if normalised(r.name) == item.name]
        return NothingFits(
            f"{item.name} {item.version or ''} has no wheel for this Python and cannot be "
            f"built from source: {error.what}",
            [normalised(item.name)],
            where=next((place(reason) for reason in asked if reason.file), None),
            next=f"ask for a version of {item.name} that has a wheel for Python "
            f"{self._fits.python}, or for a Python that this version has wheels for "
            "(.python-version), or list what the build misses in apt.txt; nothing can be "
            "downloaded while a wheel is built",
        )


def _satisfied(line: str, reads: Sequence[LockedPackage]) -> bool:
    """Whether a requirement of a build backend is met by one of these packages."""
    try:
        asked = ParsedRequirement(line)
    except InvalidRequirement as error:
        raise InputUnavailable(f"its build asks for {line!r}: {error}") from error
    return any(
        package.name == normalised(asked.name)
        and asked.specifier.contains(package.version, prereleases=True)
        for package in reads
    )
