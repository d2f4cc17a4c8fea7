"""environment.yml and the lists that `conda list --export` writes: what they name, and whose it is.

Every ecosystem takes its own share: Python's packages, R's, and the programs in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from reprokit.ecosystems.conda.names import (
    CARRIED,
    CONDAS_OWN,
    DEBIAN,
    NOT_ON_PYPI,
    OTHER_SYSTEMS,
    PYPI,
)
from reprokit.errors import BadRequest
from reprokit.model import Reason
from reprokit.project import Project

if TYPE_CHECKING:
    import yaml

Kind = Literal["python", "pypi", "r", "java", "debian", "carried", "elsewhere", "missing"]
"""Whose a package is: the interpreter itself, PyPI's, R's, Java's, a program that Debian has, a
part that is not needed, something for another system, or one that nobody here has."""
_NAME = re.compile(r"(?:[A-Za-z0-9_.:/-]+::)?(?P<name>[A-Za-z0-9_.-]+)(?P<rest>.*)")
_PART = r"[<>=!~]*\s*[\w.+!]*[\d*][\w.*+!]*"
_CHANGED = re.compile(r"={1,2}custom(?:=\S*)?")
"""What conda writes for the package `anaconda` where something of it was changed."""
_VERSIONS = re.compile(rf"\s*(?P<versions>{_PART}(?:\s*[,|]\s*{_PART})*)(?:[\s=]+(?P<build>\S+))?")
_BRACKETS = re.compile(r"\[.*?version\s*=\s*['\"]?([^'\"\]]*)['\"]?.*\]")
# Builds of Python packages say so ("py311h64a7726_0", "pyhd8ed1ab_0"); those of packages without
# any content of their own, which only depend on others, have one of two hashes.
_PYTHON_BUILD = re.compile(r".*py.*|hd8ed1ab_\d+|hd3eb1b0_\d+")
_EXPLICIT = re.compile(
    r"https?://\S+/(?P<name>[^/\s]+)-(?P<version>[^-/\s]+)-(?P<build>[^-/\s]+)\.(?:conda|tar\.bz2)"
    r"(?:#\w+)?"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One package that an environment names. `versions` is conda's own notation, without the
    build string; `build` is `None` where none is given."""

    name: str
    versions: str
    build: str | None
    reason: Reason

    @property
    def kind(self) -> Kind:
        """Whose package this is."""
        if self.name == "python":
            return "python"
        if self.name in ("r", "r-base", "r-essentials", "r-recommended"):
            return "r"
        if self.name.startswith(("r-", "bioconductor-")):
            return "r"
        if self.name == "openjdk":
            return "java"
        if OTHER_SYSTEMS.fullmatch(self.name):
            return "elsewhere"
        if self.name in CARRIED or CONDAS_OWN.fullmatch(self.name):
            return "carried"
        if self.name in DEBIAN:
            return "debian"
        if self.name in NOT_ON_PYPI:
            return "missing"
        if self.name not in PYPI and self.build and not _PYTHON_BUILD.fullmatch(self.build):
            return "carried"
        return "pypi"


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment file: its packages, and the lines of its `pip:` part (text, line)."""

    path: str
    packages: tuple[Asked, ...]
    pip: tuple[tuple[str, int], ...]


def read(project: Project, path: str) -> Environment:
    """An environment.yml. Raises BadRequest with the line of what is not understood."""
    return _parsed(path, project.read(path))


@lru_cache(maxsize=8)
def _parsed(path: str, text: str) -> Environment:
    packages, pip = [], list[tuple[str, int]]()
    for node in _dependencies(path, text):
        line = node.start_mark.line + 1
        if isinstance(node.value, list):  # a mapping: `- pip: [...]`
            pip += _pip(node)
            continue
        reason = Reason(text=f"asks for {node.value}", file=path, line=line)
        packages.append(asked(str(node.value), reason))
    return Environment(path, tuple(packages), tuple(pip))


def _dependencies(path: str, text: str) -> list[yaml.Node]:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadRequest(
            f"is not valid YAML: {error.problem}",
            where=path if mark is None else f"{path}:{mark.line + 1}",
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadRequest("is not valid YAML", where=path) from error
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise BadRequest("is not a conda environment", where=f"{path}:1")
    listed = next((value for key, value in root.value if key.value == "dependencies"), None)
    if listed is None or (isinstance(listed, yaml.ScalarNode) and listed.value == ""):
        return []
    if not isinstance(listed, yaml.SequenceNode):
        raise BadRequest("dependencies is not a list", where=f"{path}:{listed.start_mark.line + 1}")
    for node in listed.value:
        if not isinstance(node, (yaml.ScalarNode, yaml.MappingNode)):
            raise BadRequest(
                "a dependency is neither a text nor `pip:`",
                where=f"{path}:{node.start_mark.line + 1}",
            )
    return list(listed.value)


def _pip(node: yaml.Node) -> Iterator[tuple[str, int]]:
    for key, listed in node.value:
        if key.value == "pip" and isinstance(listed.value, list):
            for item in listed.value:
                yield str(item.value), item.start_mark.line + 1


def asked(spec: str, reason: Reason) -> Asked:
    """One match specification: `name`, `name=1.2=build`, `name>=1,<2`, `channel::name`.

    Source: https://docs.conda.io/projects/conda-build/en/latest/resources/package-spec.html
    """
    match = _NAME.fullmatch(spec.strip())
    rest = match["rest"].strip() if match is not None else ""
    if bracket := _BRACKETS.fullmatch(rest):
        rest = bracket[1]
    rest = _CHANGED.sub("", rest)
    versions = _VERSIONS.fullmatch(rest)
    if match is None or (rest and versions is None):
        raise BadRequest(
            f"{spec!r} is not understood as a conda package",
            where=reason.file if reason.line is None else f"{reason.file}:{reason.line}",
            next="write each on a line of its own, all with the same indentation: "
            "`- name`, `- name=1.2` or `- name>=1.2,<2`",
        )
    stated = versions["versions"].strip() if versions is not None else ""
    build = versions["build"] if versions is not None else None
    return Asked(match["name"].lower(), stated.replace(" ", ""), build, reason)


def read_list(path: str, text: str) -> Environment:
    """The packages of such a list; lines of other forms are an error."""
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        stated = line.partition(" #")[0].strip()
        if not stated or stated.startswith("#") or stated == "@EXPLICIT":
            continue
        reason = Reason(text=f"asks for {stated}", file=path, line=number)
        explicit = _EXPLICIT.fullmatch(stated)
        if explicit is not None:
            stated = f"{explicit['name']}={explicit['version']}={explicit['build']}"
        # Without --export it is a table: name, version, build and channel.
        packages.append(asked(" ".join(stated.split()[:3]), reason))
    return Environment(path, tuple(packages), ())
