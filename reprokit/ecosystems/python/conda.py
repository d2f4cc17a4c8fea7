"""Python's share of a conda environment: from PyPI, and each replacement is noted."""

from __future__ import annotations

import re

from reprokit.ecosystems.conda import environment
from reprokit.ecosystems.conda.environment import Asked, Environment
from reprokit.ecosystems.conda.names import DEBIAN, NOT_ON_PYPI, PYPI
from reprokit.ecosystems.python import requirements_txt
from reprokit.ecosystems.python.found import Found, information, merged
from reprokit.ecosystems.python.names import place, requirement
from reprokit.ecosystems.python.version import runtime
from reprokit.errors import BadRequest
from reprokit.model import Reason, SystemPackage
from reprokit.project import Project


def read(project: Project, path: str) -> Found | None:
    """What an environment.yml asks of Python; `None` where it has nothing to do with it. Raises
    BadRequest with the line of what cannot be had."""
    stated = environment.read(project, path)
    found = _found(stated)
    pip = [requirements_txt.read_line(project, path, text, line) for text, line in stated.pip]
    if not found.requirements and not found.runtimes and not pip:
        return None
    return merged(Found(files=(path,)), found, *pip)


def read_list(path: str, text: str) -> Found:
    """What `conda list --export` wrote into a requirements file."""
    stated = environment.read_list(path, text)
    programs = tuple(
        SystemPackage(name=name, reason=asked.reason)
        for asked in stated.packages
        if asked.kind == "debian"
        for name in DEBIAN[asked.name]
    )
    note = information("this list is conda's; its packages are taken from PyPI and Debian", path)
    return merged(Found(files=(path,), system_packages=programs, notes=(note,)), _found(stated))


def pythons(project: Project, path: str) -> Found:
    """Only the Python that an environment.yml asks for."""
    listed = environment.read(project, path).packages
    return merged(*(_package(asked) for asked in listed if asked.kind == "python"))


def dependency(spec: str, reason: Reason) -> Found:
    """One conda package that is named elsewhere, in `conda install`."""
    asked = environment.asked(spec, reason)
    if asked.kind == "debian":
        names = DEBIAN[asked.name]
        return Found(system_packages=tuple(SystemPackage(name=n, reason=reason) for n in names))
    return Found() if asked.kind == "python" else _package(asked)


def _found(stated: Environment) -> Found:
    return merged(*(_package(asked) for asked in stated.packages))


def _package(asked: Asked) -> Found:
    reason = asked.reason
    if asked.kind == "missing":
        raise BadRequest(
            f"{asked.name} of conda is not on PyPI",
            where=place(reason),
            next=NOT_ON_PYPI[asked.name],
        )
    if asked.kind not in ("python", "pypi"):
        return Found()
    specifier = _specifier(asked, reason)
    if asked.kind == "python":
        exact = re.fullmatch(r"==((\d+\.\d+)\.\d+)(?:\.\*)?", specifier)
        if exact is None:
            return Found(runtimes=(runtime(specifier, reason),))
        note = information(
            f"any Python {exact[2]} is taken for {exact[1]}", reason.file, reason.line
        )
        return Found(runtimes=(runtime(f"=={exact[2]}.*", reason),), notes=(note,))
    other = PYPI.get(asked.name, asked.name)
    shown = f"conda's {asked.name} is replaced by {other}{specifier} of PyPI"
    return Found(
        requirements=(requirement(f"{other}{specifier}", reason),),
        notes=(information(shown, reason.file, reason.line),),
    )


def _specifier(asked: Asked, reason: Reason) -> str:
    """conda's versions as PEP 440: one = means a prefix, or the version itself before a build."""
    versions = asked.versions
    if asked.build and re.fullmatch(r"={0,2}[^*<>!~=,|]+", versions):
        return f"=={versions.lstrip('=')}"
    if not versions or versions == "*":
        return ""
    if "|" in versions:
        raise BadRequest(
            f"{versions!r} offers alternatives, which PyPI's notation lacks",
            where=place(reason),
            next="write one range, for example `>=1.2,<2`",
        )
    return ",".join(_part(part.strip()) for part in versions.split(",") if part.strip())


def _part(part: str) -> str:
    match = re.fullmatch(r"(==|=|~=|!=|>=|<=|>|<)?\s*(\S+)", part)
    if match is None:
        return part
    operator, number = match[1] or "", match[2]
    if operator == "=" or (operator == "" and number.endswith("*")):
        return f"=={number.rstrip('.*')}.*"
    return f"{operator or '=='}{number}"
