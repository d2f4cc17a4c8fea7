"""Locking: every wheel by version, URL and SHA-256, as of the lock's day.

uv resolves on this machine, from wheels only, so no package's code runs here. What has no wheel
is resolved again and built inside the workshop container, and its wheel is kept.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.utils import parse_wheel_filename

from reprokit.ecosystems.python import indexes, pylock, workshop
from reprokit.ecosystems.python.import_names import DISTRIBUTIONS
from reprokit.ecosystems.python.imports import STANDARD
from reprokit.ecosystems.python.names import is_local, normalised, place, written
from reprokit.ecosystems.python.pylock import Resolved, Source, Target
from reprokit.ecosystems.python.system_packages import ask_for_needs
from reprokit.ecosystems.python.version import python_version
from reprokit.errors import InputUnavailable
from reprokit.model import (
    JSON,
    Artifact,
    Detection,
    LockedEcosystem,
    LockedPackage,
    Reason,
    Requirement,
)
from reprokit.resolving import Resolver

_UNREACHED = re.compile(r"Failed to fetch: `?([^\s`]+)`?\n(?=[\s\S]*error sending request)")
_NEEDS_BUILDING = ("no usable wheels", "building from source is disabled", "no wheels with a")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """One environment to resolve: lines as pip writes them, options, allowed hashes.

    undated: as of now. not_dated: projects that the date does not count for, since their index
    has none. indexes: what the project's files say of them.
    """

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    allowed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: tuple[Requirement, ...] = ()
    undated: bool = False
    not_dated: frozenset[str] = frozenset()
    indexes: JSON = None


def resolve(detection: Detection, resolver: Resolver) -> LockedEcosystem:
    """See `Ecosystem.resolve`."""
    fits = pylock.target(python_version(resolver.base), resolver.platform, resolver.base.name)
    uv = _uv(resolver, fits)
    requested = frozenset(normalised(r.name) for r in detection.requirements)
    with ExitStack() as stack:
        bench = _Bench(resolver, fits, uv, stack)
        project = bench.packages(_project_wish(detection, resolver), requested)
        tools = bench.packages(_tools_wish(detection, project), frozenset(), softly=True)
        building = bench.packages(_building_wish(detection), frozenset(), folder="wheels-build")
    ask_for_needs(project, resolver)
    tool = indexes.artifact(resolver, uv, f"tools/{uv.file}")
    version = str(parse_wheel_filename(uv.file)[1])
    unique = {(p.name, p.version, p.artifacts): p for p in (*tools, *building, *project)}
    packages = sorted(unique.values(), key=lambda p: (p.name, p.version, p.artifacts[0].path))
    settings: dict[str, JSON] = {
        "uv": tool.path,
        "project": _names(project),
        "tools": _names(tools),
        "build": _names(building),
        "local": detection.settings.get("local", []),
    }
    return LockedEcosystem(
        ecosystem="python",
        packages=(*packages, LockedPackage(name="uv", version=version, artifacts=(tool,))),
        settings=settings,
        undated=tuple(r.name for r in detection.requirements if _is_undated(r))
        + tuple(p.name for p in project if p.name in bench.not_dated),
    )


def _is_undated(asked: Requirement) -> bool:
    """A repository's branch or a URL has no date; a full commit needs none."""
    if asked.url is None or is_local(asked):
        return False
    return re.search(r"@[0-9a-f]{40}(#|$)", asked.url) is None


def _names(packages: Iterable[LockedPackage]) -> list[JSON]:
    return [f"{package.name}=={package.version}" for package in packages]


def _project_wish(detection: Detection, resolver: Resolver) -> _Wish:
    settings = detection.settings
    remote = tuple(r for r in detection.requirements if not is_local(r))
    allowed: dict[str, frozenset[str]] = {}
    pins = settings.get("pins")
    for name, releases in (pins if isinstance(pins, Mapping) else {}).items():
        for release, hashes in (releases if isinstance(releases, Mapping) else {}).items():
            if isinstance(hashes, (list, tuple)) and hashes:
                allowed[f"{name}=={release}"] = frozenset(map(str, hashes))
    for asked in remote:
        exact = re.fullmatch(r"==([^=*,]+)", asked.specifier)
        if exact is not None and asked.hashes:
            digests = frozenset(h for h in asked.hashes if h.startswith("sha256:"))
            allowed[f"{normalised(asked.name)}=={exact[1]}"] = digests
    listed = settings.get("constraints")
    constraints = tuple(
        str(item["text"])
        for item in (listed if isinstance(listed, (list, tuple)) else ())
        if isinstance(item, Mapping)
    )
    return _Wish(
        lines=tuple(written(asked) for asked in remote),
        constraints=constraints,
        options=(*indexes.options(settings.get("indexes"), resolver), *_complete(settings)),
        allowed=allowed,
        asked=(*remote, *_constraint_reasons(listed)),
        indexes=settings.get("indexes"),
    )


def _constraint_reasons(listed: JSON) -> tuple[Requirement, ...]:
    found = []
    for item in listed if isinstance(listed, (list, tuple)) else ():
        if isinstance(item, Mapping) and (match := re.match(r"[A-Za-z0-9._-]+", str(item["text"]))):
            file, line = item.get("file"), item.get("line")
            reason = Reason(
                text=f"limits {item['text']}",
                file=file if isinstance(file, str) else None,
                line=line if isinstance(line, int) else None,
            )
            found.append(Requirement(name=match[0], reason=reason))
    return tuple(found)


def _complete(settings: Mapping[str, JSON]) -> tuple[str, ...]:
    return ("--no-deps",) if settings.get("complete") else ()


def _tools_wish(detection: Detection, project: Sequence[LockedPackage]) -> _Wish:
    """The notebook runner's packages. The kernel sees the project's packages first, so they must
    agree with these versions."""
    tools = detection.settings.get("tools")
    lines = tuple(map(str, tools)) if isinstance(tools, (list, tuple)) else ()
    return _Wish(lines=lines, constraints=tuple(f"{p.name}=={p.version}" for p in project))


def _building_wish(detection: Detection) -> _Wish:
    local = detection.settings.get("local")
    lines = [
        str(line)
        for item in (local if isinstance(local, (list, tuple)) else ())
        if isinstance(item, Mapping)
        for line in (item.get("build") or ())  # type: ignore[union-attr]
    ]
    return _Wish(lines=tuple(dict.fromkeys(lines)))


def _uv(resolver: Resolver, fits: Target) -> Source:
    """The wheel of this machine's own uv version for the target. It has no date: it is a tool."""
    version = resolver.uv(["--version"]).split()[1]
    wish = _Wish(lines=(f"uv=={version}",), undated=True)
    try:
        text = _compiled(resolver, fits, wish)
    except InputUnavailable as error:
        refused = indexes.refusal(error.what, None, resolver.site)
        raise refused or explained(error.what, (), resolver.date.day) from error
    wheel = pylock.read(text, fits, {})[0].wheel
    if wheel is None or re.fullmatch(r"uv-[0-9.]+-[\w.]+-[\w.]+-[\w.]+\.whl", wheel.file) is None:
        raise InputUnavailable(f"uv {version} has no wheel for {fits.machine}")
    return wheel


def _arguments(fits: Target, wish: _Wish, day: str) -> list[str]:
    return [
        *("--format", "pylock.toml", "--no-header", "--no-progress"),
        *("--python-version", fits.python, "--python-platform", fits.uv_platform),
        *(() if wish.undated else ("--exclude-newer", day)),
        *indexes.undated_options(sorted(wish.not_dated)),
        *wish.options,
    ]


def _compiled(resolver: Resolver, fits: Target, wish: _Wish) -> str:
    """uv's answer from wheels alone, on this machine."""
    with tempfile.TemporaryDirectory(prefix="reprokit-resolve-") as temporary:
        folder = Path(temporary)
        (folder / "requirements.in").write_text("\n".join(wish.lines) + "\n", "utf-8")
        (folder / "constraints.txt").write_text("\n".join(wish.constraints) + "\n", "utf-8")
        argv = [
            *("pip", "compile", "requirements.in", "--constraint", "constraints.txt"),
            *("--python", sys.executable, "--only-binary", ":all:", "--no-sources"),
            *_arguments(fits, wish, workshop.moment(resolver)),
        ]
        return resolver.uv(argv, folder=folder)


class _Bench:
    """Resolves environments, opening one workshop when the first needs it."""

    def __init__(self, resolver: Resolver, fits: Target, uv: Source, stack: ExitStack) -> None:
        self._resolver, self._fits, self._uv, self._stack = resolver, fits, uv, stack
        self._opened: workshop.Workshop | None = None
        self.not_dated = frozenset[str]()

    def packages(
        self,
        wish: _Wish,
        requested: frozenset[str],
        *,
        folder: str = "wheels",
        softly: bool = False,
    ) -> tuple[LockedPackage, ...]:
        """The locked packages of a wish. `softly` drops constraints that cannot be met."""
        if not wish.lines:
            return ()
        try:
            resolved = self._resolved(wish)
        except InputUnavailable:
            if not softly or not wish.constraints:
                raise
            resolved = self._resolved(replace(wish, constraints=()))
        return tuple(self._locked(item, wish, requested, folder) for item in resolved)

    def _resolved(self, wish: _Wish) -> tuple[Resolved, ...]:
        wish, text = self._dated_as_far_as_can_be(wish)
        try:
            return pylock.read(text, self._fits, wish.allowed)
        except InputUnavailable as error:
            reasons = [r.reason for r in wish.asked if _mentions(error.what, r.name)]
            where = error.where or next((place(reason) for reason in reasons), None)
            raise InputUnavailable(error.what, where=where, next=error.next) from error

    def _dated_as_far_as_can_be(self, wish: _Wish) -> tuple[_Wish, str]:
        """uv's answer; projects whose index has no dates are asked for without one."""
        while True:
            try:
                return wish, self._compiled(wish)
            except InputUnavailable as error:
                found = indexes.without_dates(error.what) - wish.not_dated
                if not found or wish.undated:
                    refused = indexes.refusal(error.what, wish.indexes, self._resolver.site)
                    if refused is not None:
                        raise refused from error
                    raise explained(error.what, wish.asked, self._resolver.date.day) from error
                self.not_dated |= found
                wish = replace(wish, not_dated=wish.not_dated | found)

    def _compiled(self, wish: _Wish) -> str:
        if not any(" @ git+" in line or " @ hg+" in line for line in wish.lines):
            try:
                return _compiled(self._resolver, self._fits, wish)
            except InputUnavailable as error:
                if not any(sign in error.what for sign in _NEEDS_BUILDING):
                    raise
        return self._compiled_in_workshop(wish)

    def _compiled_in_workshop(self, wish: _Wish) -> str:
        bench = self._workshop()
        if any(" @ git+" in line for line in wish.lines):
            bench.install_git()
        bench.write("/tmp/reprokit/requirements.in", "\n".join(wish.lines) + "\n")
        bench.write("/tmp/reprokit/constraints.txt", "\n".join(wish.constraints) + "\n")
        argv = [
            *(workshop.UV, "pip", "compile", "/tmp/reprokit/requirements.in", "--no-sources"),
            *("--constraint", "/tmp/reprokit/constraints.txt", "--python", "python3"),
            *_arguments(self._fits, wish, workshop.moment(self._resolver)),
        ]
        try:
            return bench.run(argv, what="cannot be resolved")
        except InputUnavailable as error:
            if "uild" not in error.what or "Git operation failed" in error.what:
                raise
            # Reading a source distribution's metadata may itself take a compiler.
            bench.install_compilers()
            return bench.run(argv, what="cannot be resolved")

    def _built(self, item: Resolved, wish: _Wish) -> Artifact:
        try:
            return self._workshop().wheel(item)
        except InputUnavailable as error:
            reasons = [r.reason for r in wish.asked if normalised(r.name) == item.name]
            raise InputUnavailable(
                error.what,
                where=next((place(reason) for reason in reasons if reason.file), None),
                next=f"ask for a version of {item.name} that has a wheel for Python "
                f"{self._fits.python}, or for a Python that this version has wheels for "
                "(.python-version), or list what the build misses in apt.txt",
            ) from error

    def _workshop(self) -> workshop.Workshop:
        if self._opened is None:
            self._opened = self._stack.enter_context(workshop.opened(self._resolver, self._uv))
        return self._opened

    def _locked(
        self, item: Resolved, wish: _Wish, requested: frozenset[str], folder: str
    ) -> LockedPackage:
        if item.wheel is not None:
            path = f"{folder}/{item.wheel.file}"
            artifact = indexes.artifact(self._resolver, item.wheel, path, wish.indexes)
        else:
            built = self._built(item, wish)
            artifact = replace(built, path=f"{folder}/{built.path.rpartition('/')[2]}")
        name, version, *_ = parse_wheel_filename(artifact.path.rpartition("/")[2])
        if name != item.name:
            raise InputUnavailable(f"{artifact.path} is not a wheel of {item.name}")
        return LockedPackage(
            name=name,
            version=str(version),
            artifacts=(artifact,),
            requested=name in requested,
        )


def explained(message: str, asked: Sequence[Requirement], day: str) -> InputUnavailable:
    """uv's explanation with the files and lines of the requirements that it speaks of."""
    message = re.sub(r"(?m)^warning: .*\n", "", message)
    if unreached := _UNREACHED.search(message):
        why = message.strip().rpartition("\n")[2].strip().removeprefix("cause: ")
        return InputUnavailable(
            f"{unreached[1]} cannot be reached: {why}",
            next="check the network, the proxy and python_index in site.toml (`reprokit doctor`)",
        )
    text = re.split(r"\n\s*hint:", message)[0]
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
    return InputUnavailable(
        sentence,
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
