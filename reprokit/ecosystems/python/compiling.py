"""What packages a project gets: uv's answer, from wheels alone on this machine, else in a
container; and its refusals in the project's own terms."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import field, replace
from pathlib import Path

from reprokit.bases.versions import lower_bounds
from reprokit.ecosystems.python import (
    aging,
    index_pages,
    indexes,
    loosening,
    pylock,
    repairs,
    unbuilt,
    workshop,
)
from reprokit.ecosystems.python.import_names import DISTRIBUTIONS
from reprokit.ecosystems.python.imports import STANDARD
from reprokit.ecosystems.python.names import normalised, place, written
from reprokit.ecosystems.python.pylock import Resolved, Source, Target
from reprokit.ecosystems.python.repairs import Repair
from reprokit.ecosystems.python.system_packages import ask_for_compilers, ask_for_git
from reprokit.ecosystems.python.version import building_since, python_version, wheels_since
from reprokit.errors import InputUnavailable, NothingFits
from reprokit.frozen import frozen
from reprokit.model import JSON, Artifact, Requirement
from reprokit.resolving import NeedsSystemPackages, Resolver

_UNREACHED = re.compile(r"Failed to fetch: `?([^\s`]+)`?\n(?=[\s\S]*error sending request)")
_NEEDS_BUILDING = ("no usable wheels", "building from source is disabled", "no wheels with a")


@frozen
class Wish:
    """One environment to resolve: lines as pip writes them, options, allowed hashes.

    besides: what builds are given on top of what they ask for. undated: as of now. not_dated:
    projects that the date does not count for, since their index has none. indexes: what the
    project's files say of them.
    """

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    not_dated: frozenset[str] = frozenset()
    indexes: JSON = None
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: tuple[Requirement, ...] = ()
    besides: tuple[str, ...] = ()
    undated: bool = False
    since: str = ""
    """A day before which nothing can be had: packages are resolved as of it where the lock's day is
    earlier."""


def of_wheels(resolver: Resolver, fits: Target, wish: Wish) -> tuple[Resolved, ...]:
    """The packages of a wish from wheels alone, without the project's words for what fails."""
    return pylock.read(_on_this_machine(resolver, fits, wish), fits, {})


def uv_wheel(resolver: Resolver, fits: Target) -> Source:
    """The wheel of this machine's own uv version for the target. It has no date: it is a tool; and
    no Python: the program in it needs none, and installs for older ones than its wheel names."""
    version = resolver.uv(["--version"]).split()[1]
    wish = Wish(lines=(f"uv=={version}",), undated=True)
    try:
        (found,) = of_wheels(resolver, replace(fits, python=_OF_UV), wish)
    except InputUnavailable as error:
        raise explained(error.what, (), resolver.date.day) from error
    wheel = found.wheel
    if wheel is None or re.fullmatch(r"uv-[0-9.]+-[\w.]+-[\w.]+-[\w.]+\.whl", wheel.file) is None:
        raise InputUnavailable(f"uv {version} has no wheel for {fits.machine}")
    return wheel


_OF_UV = "3.12"
_UNREADABLE = re.compile(r"Metadata for `[^`]+` [^\n]*could not be parsed:?(?:\n\s+[^\n^]+)+")
_MOST_REPAIRS = 40  # an unpinned old package may be refused in one release after another


def _arguments(fits: Target, wish: Wish, resolver: Resolver) -> list[str]:
    # The end of the day, in UTC: a bare date would mean this machine's time zone.
    day = f"{max(resolver.date.day, wish.since)}T23:59:59Z"
    return [
        *("--format", "pylock.toml", "--no-header", "--no-progress"),
        *("--python-version", fits.python, "--python-platform", fits.uv_platform),
        *(() if wish.undated else ("--exclude-newer", day)),
        *indexes.undated_options(sorted(wish.not_dated)),
        *wish.options,
    ]


def _on_this_machine(
    resolver: Resolver, fits: Target, wish: Wish, mended: Iterable[Repair] = ()
) -> str:
    """uv's answer from wheels alone: no package's code runs."""
    with tempfile.TemporaryDirectory(prefix="reprokit-resolve-") as temporary:
        folder = Path(temporary)
        (folder / "requirements.in").write_text("\n".join(wish.lines) + "\n", "utf-8")
        (folder / "constraints.txt").write_text("\n".join(wish.constraints) + "\n", "utf-8")
        (folder / "uv.toml").write_text(repairs.settings(mended), "utf-8")
        argv = [
            *("pip", "compile", "requirements.in", "--constraint", "constraints.txt"),
            *("--config-file", "uv.toml"),
            *("--python", sys.executable, "--only-binary", ":all:", "--no-sources"),
            *_arguments(fits, wish, resolver),
        ]
        return resolver.uv(argv, folder=folder)


class Compiler:
    """Resolves wishes, opening one workshop when the first needs it."""

    def __init__(self, resolver: Resolver, fits: Target, uv: Artifact, stack: ExitStack) -> None:
        self._resolver, self._fits, self._uv, self._stack = resolver, fits, uv, stack
        self._opened: workshop.Workshop | None = None
        self.not_dated = frozenset[str]()
        self.later = frozenset[str]()
        """The days that stood in for the lock's, which is before any wheel of this Python."""
        self._repairs: dict[tuple[str, str], Repair | None] = {}

    def changes(self, names: Iterable[tuple[str, str | None]]) -> tuple[str, ...]:
        """In words, the repairs of the metadata of these packages (name, version)."""
        chosen = frozenset(names)
        used = (repair for repair in self._mended() if (repair.name, repair.version) in chosen)
        return tuple(sorted(change for repair in used for change in repair.changes))

    def resolved(self, wish: Wish, *, softly: bool = False) -> tuple[Resolved, ...]:
        """The packages of a wish. `softly` drops constraints that cannot be met.

        Raises InputUnavailable naming who asked for what cannot be had, and NeedsSystemPackages.
        """
        if not wish.lines:
            return ()
        try:
            return self._resolved(wish)
        except InputUnavailable:
            if not softly or not wish.constraints:
                raise
            return self._resolved(replace(wish, constraints=()))

    def _resolved(self, wish: Wish) -> tuple[Resolved, ...]:
        wish, text = self._dated_as_far_as_can_be(wish)
        try:
            found = pylock.read(text, self._fits, wish.allowed)
            return tuple(self._with_wheel(item, wish) for item in found)
        except InputUnavailable as error:
            named = [r for r in wish.asked if _mentions(error.what, r.name)]
            where = error.where or next((place(r.reason) for r in named), None)
            names = [normalised(r.name) for r in named]
            raise NothingFits(error.what, names, where=where, next=error.next) from error

    def _dated_as_far_as_can_be(self, wish: Wish) -> tuple[Wish, str]:
        """uv's answer; projects whose index has no dates are asked for without one."""
        while True:
            try:
                return wish, self._compiled(wish)
            except NothingFits:
                raise
            except InputUnavailable as error:
                found = indexes.without_dates(error.what) - wish.not_dated
                if not found or wish.undated:
                    refused = indexes.refusal(error.what, wish.indexes, self._resolver.site)
                    if refused is not None:
                        raise refused from error
                    raise explained(error.what, wish.asked, self._resolver.date.day) from error
                self.not_dated |= found
                wish = replace(wish, not_dated=wish.not_dated | found)

    def _with_wheel(self, item: Resolved, wish: Wish) -> Resolved:
        if item.wheel is not None or item.version is None or not self._fits.lists_apart:
            return item
        if item.source is not None and item.source.commit is not None:
            return item
        allowed = wish.allowed.get(f"{item.name}=={item.version}")
        listed = index_pages.wheels(self._resolver, item.name, item.version)
        wheel = pylock.best_wheel(
            [found for found in listed if not allowed or found.sha256 in allowed], self._fits
        )
        if wheel is None and item.source is None:
            raise InputUnavailable(
                f"{item.name} {item.version} has no file for Python {self._fits.python}",
                next="choose another version of it",
            )
        return replace(item, wheel=wheel, source=None if wheel is not None else item.source)

    def _compiled(self, wish: Wish) -> str:
        """uv's answer. Where it refuses a release for its metadata, that is repaired first."""
        for _ in range(_MOST_REPAIRS):
            try:
                return self._compiled_once(wish)
            except InputUnavailable as error:
                unread = self._unread(error.what)
                if not unread:
                    raise
                for name, version in unread:
                    metadata = self._metadata(name, version)
                    found = None if metadata is None else repairs.repaired(name, version, metadata)
                    self._repairs[name, version] = found
        raise InputUnavailable(f"uv refuses the metadata of more than {_MOST_REPAIRS} releases")

    def _compiled_once(self, wish: Wish) -> str:
        of_index = not any(" @ git+" in line or " @ hg+" in line for line in wish.lines)
        if of_index:
            try:
                return self._of_wheels(wish)
            except InputUnavailable as error:
                needs_building = any(sign in error.what for sign in _NEEDS_BUILDING)
                if not needs_building or self._unread(error.what):
                    raise
        if self._resolver.project.lenient:
            self._refuse_unfit(wish)
        later = self._compiled_later(wish, of_index=of_index)
        return self._in_workshop(wish) if later is None else later

    def _of_wheels(self, wish: Wish) -> str:
        """uv's answer from wheels alone, unless what has none keeps a package years behind what it
        is where that is built."""
        text = _on_this_machine(self._resolver, self._fits, wish, self._mended())
        names = frozenset() if wish.undated else aging.free(wish.asked)
        if not names:
            return text
        alone = replace(wish, options=(*wish.options, "--no-deps"))
        try:
            newest = _on_this_machine(self._resolver, self._fits, alone, self._mended())
            old = aging.aged(text, newest, names)
            built = self._in_workshop(wish) if old else text
        except (InputUnavailable, NeedsSystemPackages):
            return text
        return built if aging.aged(text, built, old) else text

    def _refuse_unfit(self, wish: Wish) -> None:
        """Raises NothingFits for packages of whose allowed releases none has a wheel for this
        Python, while a later one has a compiled one: building what was never meant for it is long
        and in vain."""
        unfit = []
        for asked in wish.asked:
            lower = lower_bounds(asked.specifier)
            if lower != asked.specifier and asked.url is None and not self._wheel_of(asked):
                found = self._wheel_of(replace(asked, specifier=lower, hashes=()))
                if found is not None and found.is_compiled:
                    unfit.append(asked)
        if unfit:
            names = [normalised(asked.name) for asked in unfit]
            said = ", ".join(f"{asked.name}{asked.specifier}" for asked in unfit)
            what = f"no wheel of {said} is for Python {self._fits.python}"
            raise NothingFits(what, names, where=place(unfit[0].reason))

    def _wheel_of(self, asked: Requirement) -> Resolved | None:
        """The newest release of one package that has a wheel, whatever else the project needs."""
        wish = Wish(lines=(written(asked),), options=("--no-deps",), undated=True)
        try:
            (found,) = of_wheels(self._resolver, self._fits, wish)
        except (InputUnavailable, ValueError):
            return None
        return found

    def _compiled_later(self, wish: Wish, *, of_index: bool) -> str | None:
        """uv's answer as of the first day with wheels for this Python, where the lock's is before
        that and compiled packages are among them: as of the lock's day they would have to be
        built for a Python that they do not know. `None` where the lock's day will do, or no other
        does."""
        days = () if wish.undated else wheels_since(self._fits.python, self._resolver.date.day)
        attempts = [(day, False) for day in days if of_index and not self._fits.lists_apart]
        # What never had a wheel is built. Which ones there are for Python 2 uv does not know.
        attempts += [(day, True) for day in (days if self._fits.lists_apart else days[-1:])]
        first: tuple[str, str] | None = None
        for day, building in attempts:
            asked = replace(wish, since=day)
            try:
                text = self._in_workshop(asked) if building else self._of_wheels(asked)
                listed = pylock.read(text, self._fits, wish.allowed)
                found = [self._with_wheel(item, asked) for item in listed]
            except InputUnavailable:
                continue
            if not any(item.is_compiled for item in found):
                return None
            first = first or (day, text)
            if not building or not any(map(self._had_wheels_elsewhere, found)):
                first = day, text
                break
        if first is None:
            return None
        self.later |= {first[0]}
        return first[1]

    def _had_wheels_elsewhere(self, item: Resolved) -> bool:
        """Whether a release that would have to be built was compiled for other machines: a later
        one is for this machine too."""
        if item.wheel is not None or item.version is None or not self._fits.lists_apart:
            return False
        listed = index_pages.wheels(self._resolver, item.name, item.version)
        return any(not wheel.file.endswith("-any.whl") for wheel in listed)

    def _unread(self, message: str) -> list[tuple[str, str]]:
        """Releases that uv refuses for their metadata and whose repair was not tried yet."""
        return [release for release in repairs.refused(message) if release not in self._repairs]

    def _mended(self) -> tuple[Repair, ...]:
        return tuple(repair for repair in self._repairs.values() if repair is not None)

    def _metadata(self, name: str, version: str) -> str | None:
        """The METADATA of a release, from its index; `None` where it has no wheel."""
        unread = Repair(name=name, version=version, requires=(), python=None, extras=(), changes=())
        wish = Wish(lines=(f"{name}=={version}",), options=("--no-deps",), undated=True)
        try:
            text = _on_this_machine(self._resolver, self._fits, wish, (unread,))
            (release,) = pylock.read(text, self._fits, {})
        except (InputUnavailable, ValueError):
            return None
        if self._fits.lists_apart:
            return self._read(release)
        return None if release.wheel is None else unbuilt.of_wheel(self._resolver, release.wheel)

    def _in_workshop(self, wish: Wish) -> str:
        if any(" @ git+" in line for line in wish.lines):
            ask_for_git(self._resolver)
        bench = self._workshop()
        bench.write(f"{workshop.FOLDER}/requirements.in", "\n".join(wish.lines) + "\n")
        bench.write(f"{workshop.FOLDER}/constraints.txt", "\n".join(wish.constraints) + "\n")
        limits = "".join(f"{line}\n" for line in wish.besides)
        bench.write(f"{workshop.FOLDER}/build-constraints.txt", limits)
        if not self._fits.lists_apart:
            return self._run_in(bench, wish, repairs.settings(self._mended()))

        def compile_with(settings: str) -> tuple[str, tuple[Resolved, ...]]:
            text = self._run_in(bench, wish, settings)
            return text, pylock.read(text, self._fits, {})

        return unbuilt.compiled(wish.lines, self._repairs, compile_with, self._read)

    def _read(self, item: Resolved) -> str | None:
        """What a chosen release asks for, from its files."""
        listed = index_pages.wheels(self._resolver, item.name, item.version or "")
        return unbuilt.metadata(self._resolver, self._fits, listed, item.source)

    def _run_in(self, bench: workshop.Workshop, wish: Wish, settings: str) -> str:
        bench.write(f"{workshop.FOLDER}/uv.toml", settings + _given_to_builds(wish))
        argv = [
            *(workshop.UV, "pip", "compile", "requirements.in", "--no-sources"),
            *("--config-file", "uv.toml"),
            *("--constraint", "constraints.txt", "--python", "python3"),
            *("--build-constraints", "build-constraints.txt"),
            *_arguments(self._fits, wish, self._resolver),
            *self._newer_tools(),
        ]
        try:
            return bench.run(argv, what="cannot be resolved", folder=workshop.FOLDER)
        except InputUnavailable as error:
            if "uild" in error.what and "Git operation failed" not in error.what:
                # Reading a source distribution's metadata may itself take a compiler.
                ask_for_compilers(self._resolver)
            raise

    def _newer_tools(self) -> Iterator[str]:
        """Reading a source distribution runs its build, for which the day may be too early."""
        since = building_since(python_version(self._resolver.base))
        if self._resolver.date.day < since:
            for name in ("setuptools", "wheel"):
                yield f"--exclude-newer-package={name}={since}T23:59:59Z"

    def _workshop(self) -> workshop.Workshop:
        if self._opened is None:
            opened = workshop.opened(self._resolver, self._uv, network=True)
            self._opened = self._stack.enter_context(opened)
        return self._opened


def _given_to_builds(wish: Wish) -> str:
    """uv's configuration that gives what builds do not ask for themselves. uv wants to know to
    which: to all that the project names."""
    if not wish.besides:
        return ""
    given = json.dumps(wish.besides)
    names = sorted({normalised(asked.name) for asked in wish.asked})
    lines = "".join(f"{json.dumps(name)} = {given}\n" for name in names)
    return f"\n[extra-build-dependencies]\n{lines}"


def explained(message: str, asked: Sequence[Requirement], day: str) -> InputUnavailable:
    """uv's explanation with the files and lines of the requirements that it speaks of."""
    message = re.sub(r"(?m)^warning: .*\n", "", message)
    if unreached := _UNREACHED.search(message):
        why = message.strip().rpartition("\n")[2].strip().removeprefix("cause: ")
        return InputUnavailable(
            f"{unreached[1]} cannot be reached: {why}",
            next="check the network, the proxy and python_index in site.toml (`reprokit doctor`)",
        )
    unread = _UNREADABLE.search(message)
    text = re.split(r"\n\s*hint:", message)[0] + (f"\n{unread[0]}" if unread else "")
    text = re.sub(r"\s*\n\s+", " ", re.sub(r"(?m)^\s*(?:error|cause|×|╰─▶):?\s*", "", text)).strip()
    text = re.sub(r"^(?:cannot be resolved:\s*)?No solution found[^\n]*\s*", "", text)
    if unreachable := re.search(r"unable to access '([^']+)': ([^\n]+)", text):
        text = f"{unreachable[1]} cannot be reached ({unreachable[2].strip()})"
    text = text.replace("we can conclude that your requirements are unsatisfiable", "that fails")
    named = [r for r in asked if _mentions(text, r.name)]
    sentence = f"packages cannot be resolved as of {day}: {text}"
    lines = [str(requirement.reason) for requirement in named[:8]]
    if "was not found" in text:
        lines += [hint for hint in map(_hint, named) if hint is not None]
    return NothingFits(
        sentence,
        loosening.named(message),
        absent=loosening.absent(message),
        where=next((place(r.reason) for r in named if place(r.reason)), None),
        next="asked for by\n    " + "\n    ".join(lines) if lines else None,
    )


def _hint(asked: Requirement) -> str | None:
    """What may be meant by a name that PyPI does not have."""
    name, file = asked.name, asked.reason.file or ""
    if file.endswith((".yml", ".yaml")):
        return (
            f"conda's {name} is not on PyPI under that name; if the distribution has it, name it "
            "in apt.txt, else a Dockerfile of your own can install it from conda"
        )
    if name in STANDARD:
        return f"{name} is a module of Python itself: take the line out"
    known = DISTRIBUTIONS.get(name)
    return f"the package that has the module {name} is called {known}" if known else None


def _mentions(text: str, name: str) -> bool:
    pattern = re.escape(normalised(name)).replace(r"\-", "[-_.]")
    return re.search(rf"(?<![A-Za-z0-9_.-]){pattern}(?![A-Za-z0-9_-])", text, re.I) is not None
