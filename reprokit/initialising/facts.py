"""What an interpreter has installed, and what a live kernel knows. Nothing is run or imported."""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement

from reprokit.ecosystems.python.names import normalised
from reprokit.frozen import frozen
from reprokit.model import JSON


@frozen
class Origin:
    """Where a package came from that is of no index, as direct_url.json says.

    `kind` is "vcs", "folder" or "archive"; `commit` and `vcs` are set for the first, `editable`
    may be for the second. https://packaging.python.org/en/latest/specifications/direct-url/
    """

    kind: str
    url: str
    vcs: str | None = None
    commit: str | None = None
    editable: bool = False

    @property
    def path(self) -> Path | None:
        """The folder or file of this machine, where it is one."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None


@frozen
class Installed:
    """One installed distribution."""

    name: str
    version: str
    origin: Origin | None = None
    requires: tuple[str, ...] = ()


@frozen
class Environment:
    """An interpreter's packages, by normalised name and by the modules that they bring.

    `python` is its version, `None` where only its packages are known.
    """

    said: str
    python: str | None
    packages: Mapping[str, Installed]
    by_module: Mapping[str, tuple[str, ...]]

    def of_module(self, module: str, expected: str) -> Installed | None:
        """The distribution that `module` is imported from; `expected` is the name that tables
        know, which decides where several bring the same module."""
        names = self.by_module.get(module.partition(".")[0], ())
        known = normalised(expected)
        if known in names or not names:
            return self.packages.get(known)
        return self.packages.get(names[0]) if len(names) == 1 else None

    def closure(self, names: Iterable[str]) -> frozenset[str]:
        """These packages and all that they require, by normalised name."""
        found: set[str] = set()
        waiting = [normalised(name) for name in names]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            package = self.packages.get(name)
            waiting += [] if package is None else _required(package.requires)
        return frozenset(found)


@frozen
class LiveKernel:
    """What the kernel that asks knows: the modules it loaded, what it ran (number, source), the
    names of its variables with what they are, and its notebook."""

    modules: frozenset[str]
    history: tuple[tuple[int, str], ...]
    names: Mapping[str, str]
    notebook: Path | None
    notebook_said: str
    environment: Environment = field(repr=False)


def this_interpreter(said: str) -> Environment:
    """The packages that this very process can import."""
    return _environment(metadata.distributions(), said, ".".join(map(str, sys.version_info[:3])))


def of_the_shell(project: Path, environment: Mapping[str, str] | None = None) -> Environment:
    """The packages of the environment that a person works in: the active one, else the project's
    .venv, else that of reprokit itself."""
    variables = os.environ if environment is None else environment
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = variables.get(variable)
        if (
            prefix
            and Path(prefix) != Path(sys.prefix)
            and (found := _at(Path(prefix), f"${variable}"))
        ):
            return found
    if not variables.get("VIRTUAL_ENV") and (
        found := _at(project / ".venv", "the project's .venv")
    ):
        return found
    return this_interpreter("the Python that runs reprokit")


def _at(prefix: Path, said: str) -> Environment | None:
    places = [*prefix.glob("lib/python3*/site-packages"), prefix / "Lib" / "site-packages"]
    paths = [str(place) for place in places if place.is_dir()]
    if not paths:
        return None
    return _environment(metadata.distributions(path=paths), said, _python_of(prefix, paths))


def _python_of(prefix: Path, paths: Sequence[str]) -> str | None:
    """From pyvenv.cfg, else from the folder's name; nothing is started."""
    try:
        text = (prefix / "pyvenv.cfg").read_text("utf-8", "replace")
    except OSError:
        text = ""
    stated = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+(?:\.\d+)?)", text, re.MULTILINE)
    named = re.search(r"python(3\.\d+)", paths[0])
    match = stated or named
    return None if match is None else match[1]


def _environment(
    distributions: Iterable[metadata.Distribution], said: str, python: str | None
) -> Environment:
    packages: dict[str, Installed] = {}
    modules: dict[str, list[str]] = defaultdict(list)
    for distribution in distributions:
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        if not name or not version or normalised(name) in packages:
            continue  # The first on the path is the one that is imported.
        key = normalised(name)
        packages[key] = Installed(
            name=name,
            version=version,
            origin=_origin(distribution),
            requires=tuple(distribution.requires or ()),
        )
        for module in _modules(distribution):
            modules[module].append(key)
    by_module = {module: tuple(names) for module, names in modules.items()}
    return Environment(said=said, python=python, packages=packages, by_module=by_module)


def _modules(distribution: metadata.Distribution) -> frozenset[str]:
    listed = distribution.read_text("top_level.txt")
    if listed:
        return frozenset(listed.split())
    found = set()
    for file in distribution.files or ():
        top, _, rest = file.as_posix().partition("/")
        stem = top.partition(".")[0]
        if stem.isidentifier() and (rest or top.endswith((".py", ".so", ".pyd"))):
            found.add(stem)
    return frozenset(found - {"__pycache__"})


def _origin(distribution: metadata.Distribution) -> Origin | None:
    try:
        said: JSON = json.loads(distribution.read_text("direct_url.json") or "null")
    except ValueError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("url"), str):
        return None
    url, vcs, folder = str(said["url"]), said.get("vcs_info"), said.get("dir_info")
    if isinstance(vcs, dict):
        return Origin(
            kind="vcs", url=url, vcs=str(vcs.get("vcs")), commit=str(vcs.get("commit_id"))
        )
    kind = "folder" if isinstance(folder, dict) else "archive"
    editable = isinstance(folder, dict) and folder.get("editable") is True
    found = Origin(kind=kind, url=url, editable=editable)
    # conda writes where its build machine had the sources: a place that is nowhere here.
    return None if found.path is not None and not found.path.exists() else found


def _required(lines: Iterable[str]) -> list[str]:
    found = []
    for line in lines:
        try:
            asked = Requirement(line)
        except InvalidRequirement:
            continue
        if asked.marker is None or asked.marker.evaluate({"extra": ""}):
            found.append(normalised(asked.name))
    return found
