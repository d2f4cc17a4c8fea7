"""environment.yml of conda: what PyPI has comes from PyPI, and each replacement is noted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprokit.ecosystems.python import requirements_txt
from reprokit.ecosystems.python.conda_names import CARRIED, DEBIAN, NOT_ON_PYPI, PYPI
from reprokit.ecosystems.python.found import Found, information, merged
from reprokit.ecosystems.python.names import place, requirement
from reprokit.ecosystems.python.version import runtime
from reprokit.errors import BadRequest
from reprokit.model import Reason, Runtime, SystemPackage
from reprokit.project import Project

if TYPE_CHECKING:
    import yaml

_SPEC = re.compile(
    r"(?:(?P<channel>[A-Za-z0-9_./:-]+)::)?(?P<name>[A-Za-z0-9_.-]+)\s*(?P<version>[^\s\[][^\[]*)?"
)


def read(project: Project, path: str) -> Found:
    """An environment.yml. Raises BadRequest with the line of what cannot be had."""
    parts = [Found(files=(path,))]
    left_out = []
    for node in _dependencies(project, path):
        line = node.start_mark.line + 1
        if isinstance(node.value, list):  # a mapping: `- pip: [...]`
            parts.append(_pip(project, path, node))
            continue
        reason = Reason(text=f"asks for {node.value}", file=path, line=line)
        name, version = _split(str(node.value), reason)
        if name in CARRIED:
            left_out.append(name)
            continue
        parts.append(_dependency(name, version, reason))
    if left_out:
        sentence = f"conda's own parts are not needed: {', '.join(sorted(left_out))}"
        parts.append(Found(notes=(information(sentence, path),)))
    return merged(*parts)


def _dependencies(project: Project, path: str) -> list[yaml.Node]:
    import yaml

    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        root = yaml.compose(project.read(path), Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadRequest(
            f"is not valid YAML: {error.problem}",
            where=path if mark is None else f"{path}:{mark.line + 1}",
        ) from error
    except yaml.YAMLError as error:
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


def _pip(project: Project, path: str, node: yaml.Node) -> Found:
    parts = []
    for key, listed in node.value:
        if key.value != "pip" or not isinstance(listed.value, list):
            continue
        for item in listed.value:
            line = item.start_mark.line + 1
            parts.append(requirements_txt.read_line(project, path, str(item.value), line))
    return merged(*parts)


def _split(spec: str, reason: Reason) -> tuple[str, str]:
    match = _SPEC.fullmatch(spec.strip())
    if match is None:
        raise BadRequest(
            f"{spec!r} is not understood as a conda package",
            where=place(reason),
            next="write it as `name`, `name=1.2` or `name>=1.2,<2`",
        )
    return match["name"].lower(), (match["version"] or "").strip()


def _dependency(name: str, version: str, reason: Reason) -> Found:
    specifier = _specifier(version, reason)
    if name == "python":
        return Found(runtimes=(runtime(specifier, reason),))
    if name in ("r-base", "r", "openjdk"):
        language = "java" if name == "openjdk" else "r"
        wanted = Runtime(
            language=language,
            specifier=str(specifier),
            reason=reason,
            development=language == "java",
        )
        return Found(runtimes=(wanted,))
    if name.startswith(("r-", "bioconductor-")):
        return _debian(name, (_r_package(name),), reason)
    if name in DEBIAN:
        return _debian(name, DEBIAN[name], reason)
    if name in NOT_ON_PYPI:
        raise BadRequest(
            f"{name} of conda is not on PyPI", where=place(reason), next=NOT_ON_PYPI[name]
        )
    other = PYPI.get(name, name)
    shown = f"conda's {name} is replaced by {other}{specifier} of PyPI"
    return Found(
        requirements=(requirement(f"{other}{specifier}", reason),),
        notes=(information(shown, reason.file, reason.line),),
    )


def _r_package(name: str) -> str:
    if name.startswith("bioconductor-"):
        return f"r-bioc-{name.removeprefix('bioconductor-')}"
    return f"r-cran-{name.removeprefix('r-')}"


def _debian(name: str, packages: tuple[str, ...], reason: Reason) -> Found:
    shown = f"conda's {name} is replaced by the system package {', '.join(packages)}"
    return Found(
        system_packages=tuple(SystemPackage(name=p, reason=reason) for p in packages),
        notes=(information(shown, reason.file, reason.line),),
    )


def _specifier(version: str, reason: Reason) -> str:
    """conda's match specification as PEP 440: one = means a prefix, a build string is dropped.

    Source: https://docs.conda.io/projects/conda-build/en/latest/resources/package-spec.html
    """
    if not version or version == "*":
        return ""
    if "|" in version:
        raise BadRequest(
            f"{version!r} offers alternatives, which PyPI's notation lacks",
            where=place(reason),
            next="write one range, for example `>=1.2,<2`",
        )
    if match := re.fullmatch(r"={0,2}([^=<>!~,\s*]+)[=\s]+[A-Za-z0-9_.*]+", version):
        return f"=={match[1]}"
    return ",".join(_part(part.strip()) for part in version.split(",") if part.strip())


def _part(part: str) -> str:
    match = re.fullmatch(r"(==|=|~=|!=|>=|<=|>|<)?\s*(\S+)", part)
    if match is None:
        return part
    operator, number = match[1] or "", match[2]
    if operator == "=" or (operator == "" and number.endswith("*")):
        return f"=={number.rstrip('.*')}.*"
    return f"{operator or '=='}{number}"
