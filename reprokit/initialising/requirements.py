"""requirements.txt as it would be with every package at the version that is installed here.

What a person wrote stays: comments, order, options, markers; a line changes only where it leaves
the version open, and packages that the code imports are added at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from reprokit import git, process
from reprokit.ecosystems.python.names import normalised, without_login
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.initialising.facts import Environment, Installed, Origin
from reprokit.initialising.hidden_state import Finding
from reprokit.model import Reason

HEADING = "# added by reprokit init: imported, and not asked for above"
_SIMPLE = re.compile(
    r"(?P<before>\s*)(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?P<extras>\s*\[[^\]]*\])?"
    r"\s*(?P<specifier>(?:[<>=!~]=?=?\s*[^\s,;#<>=!~]+\s*,?\s*)*)(?P<after>\s*(?:;[^#]*)?(?:\s#.*|#.*)?)"
)


@frozen
class Wanted:
    """A package that the code needs, by the name to ask for: `what` says of the code at `place`
    why ("imports numpy")."""

    name: str
    what: str
    place: str | None = None

    @property
    def why(self) -> str:
        """Both in one."""
        return self.what if self.place is None else f"{self.place}: {self.what}"


@dataclass(slots=True)
class Lines:
    """Lines of a requirements file, and what there is to say about them."""

    lines: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def pinned(text: str, path: str, environment: Environment) -> Lines:
    """The file with open versions replaced by the installed ones."""
    found = Lines()
    continued = False
    for number, line in enumerate(text.splitlines(), start=1):
        match = None if continued else _SIMPLE.fullmatch(line)
        continued = line.rstrip().endswith("\\")
        package = None if match is None else environment.packages.get(normalised(match["name"]))
        if match is None or package is None or continued:
            found.lines.append(line)
            continue
        place = f"{path}:{number}"
        new, finding = _pinned_line(match, package, line, place)
        found.lines.append(new)
        found.findings += [] if finding is None else [finding]
    return found


def _pinned_line(
    match: re.Match[str], package: Installed, line: str, place: str
) -> tuple[str, Finding | None]:
    specifier, version = match["specifier"].strip().rstrip(","), _public(package.version)
    if specifier and not _allows(specifier, version):
        text = (
            f"asks for {match['name']}{specifier}, and {package.version} is installed here: "
            "what ran here is not what will run"
        )
        return line, Finding(kind="version", text=text, place=place)
    if re.fullmatch(r"===?\s*[^*]+", specifier) or package.origin is not None:
        return line, None
    asked = f"{match['before']}{match['name']}{match['extras'] or ''}=={version}"
    return f"{asked}  {match['after'].strip()}".rstrip(), None


def _allows(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def _public(version: str) -> str:
    """Without a local part ("2.1.0+cu121"), which an index does not know."""
    try:
        return Version(version).public
    except InvalidVersion:
        return version


def added(wanted: Iterable[Wanted], environment: Environment, root: Path) -> Lines:
    """Lines for packages that nothing asks for yet, sorted by name."""
    found = Lines()
    for item in sorted(wanted, key=lambda one: one.name.lower()):
        package = environment.packages.get(normalised(item.name))
        if package is None:
            found.lines.append(f"{item.name}  # {item.why}")
            text = f"{item.what}, and {item.name} is not installed here: its version is left open"
            found.findings.append(Finding(kind="version", text=text, place=item.place))
            continue
        for line, finding in _lines(package, item.why, root):
            found.lines += [] if line is None else [line]
            found.findings += [] if finding is None else [finding]
    return found


def _lines(package: Installed, why: str, root: Path) -> Iterator[tuple[str | None, Finding | None]]:
    origin, version = package.origin, _public(package.version)
    if origin is None:
        finding = None
        if version != package.version:
            text = (
                f"{package.name} {package.version} is a build of another index than PyPI; "
                f"{version} is asked for"
            )
            finding = Finding(kind="version", text=text)
        yield f"{package.name}=={version}  # {why}", finding
    elif origin.kind == "vcs" and origin.path is not None:
        there = _where_it_is_public(package.name, origin.path)
        where = f"a repository of this machine, {origin.path}"
        text = f"{package.name} was installed from {where}: {there}"
        yield None, Finding(kind="outside", text=text)
    elif origin.kind == "vcs" and origin.commit:
        yield _from_repository(package.name, f"{origin.vcs}+{origin.url}", origin.commit, why)
    elif origin.path is None:
        yield _checked(f"{package.name} @ {origin.url}", origin.url, package.name, why)
    else:
        yield _local(package, origin, why, root)


def _from_repository(
    name: str, url: str, commit: str, why: str
) -> tuple[str | None, Finding | None]:
    return _checked(f"{name} @ {url}@{commit}", url, name, why)


def _checked(line: str, url: str, name: str, why: str) -> tuple[str | None, Finding | None]:
    try:
        without_login(url.partition("+")[2] or url, Reason(text=why))
    except BadRequest as error:
        text = f"{name} was installed from an address with a password: {error.next}"
        return None, Finding(kind="outside", text=text)
    return f"{line}  # {why}", None


def _local(
    package: Installed, origin: Origin, why: str, root: Path
) -> tuple[str | None, Finding | None]:
    """A folder or file of this machine: one in the project is named, one outside is warned of."""
    assert origin.path is not None
    try:
        inside = origin.path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        how = "an editable install" if origin.editable else "an install"
        there = _where_it_is_public(package.name, origin.path)
        text = f"{package.name} is {how} from {origin.path}, which is outside the project: {there}"
        return None, Finding(kind="outside", text=text)
    place = "." if inside == "." else f"./{inside}"
    return f"{'-e ' if origin.editable else ''}{place}  # {why}", None


def _where_it_is_public(name: str, folder: Path) -> str:
    """How to name a clone on this machine so that others can have it."""
    try:
        remote = git.ask(folder, "config", "--get", "remote.origin.url").strip()
        commit = git.ask(folder, "rev-parse", "--verify", "HEAD").strip()
        changed = git.ask(folder, "status", "--porcelain").strip()
        address = without_login(remote, Reason(text="remote"))
    except (process.ProcessFailed, BadRequest, OSError):
        return "copy it into the project, or publish it and ask for that"
    if not address.startswith(("http://", "https://", "ssh://")):
        return "copy it into the project, or publish it and ask for that"
    first = "commit and push its changes, then ask" if changed else "push it, then ask"
    return f"{first} for `{name} @ git+{address}@{commit}`"


def text_of(pinned_lines: Lines, more: Lines) -> str:
    """The whole file."""
    lines = list(pinned_lines.lines)
    if lines and more.lines:
        lines += ["", HEADING] if HEADING not in lines else []
    return "\n".join([*lines, *more.lines]) + "\n" if lines or more.lines else ""
