"""Stand-ins for ecosystems and base families, and a plan made with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from reprokit.bases.protocol import BaseFamily
from reprokit.configuration import load
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.errors import BadRequest
from reprokit.model import (
    BaseCandidate,
    Detection,
    Entry,
    Note,
    Plan,
    Reason,
    Requirement,
    Runtime,
    Step,
    SystemPackage,
)
from reprokit.phases.plan import Given, plan
from reprokit.project import Project


class FakeEcosystem:
    """Finds what it is told to, where the project has its file."""

    def __init__(self, name: str, file: str, **found: Any) -> None:
        self.name = name
        self.found = Detection(ecosystem=name, files=(file,), **found)

    def detect(self, project: Project) -> Detection | None:
        file = self.found.files[0]
        if not project.has(file):
            return None
        if project.read(file) == "malformed":
            raise BadRequest("is malformed", where=f"{file}:1")
        return self.found


class FakeFamily:
    """Has one version of each language."""

    def __init__(self, name: str, **versions: str) -> None:
        self.name = name
        self._versions = versions

    def _candidate(self, name: str) -> BaseCandidate:
        return BaseCandidate(
            family=self.name,
            name=name,
            provides=self._versions,
            offers={},
            reason=Reason(text="it has all"),
        )

    def candidates(
        self, runtimes: tuple[Runtime, ...], day: str | None
    ) -> tuple[BaseCandidate, ...]:
        from packaging.specifiers import SpecifierSet

        fits = all(
            r.language in self._versions
            and SpecifierSet(r.specifier).contains(self._versions[r.language])
            for r in runtimes
        )
        return (self._candidate(f"{self.name}-{day}"),) if fits else ()

    def offer(self, runtimes: tuple[Runtime, ...]) -> str:
        return f"{self.name} has {', '.join(f'{k} {v}' for k, v in self._versions.items())}."

    def named(self, name: str) -> BaseCandidate | None:
        return self._candidate(name) if name.startswith(f"{self.name}:") else None


def reason(file: str, line: int) -> Reason:
    return Reason(text="says so", file=file, line=line)


PYTHON = FakeEcosystem(
    "python",
    "requirements.txt",
    requirements=(Requirement(name="numpy", reason=reason("requirements.txt", 1)),),
    runtimes=(Runtime(language="python", specifier=">=3.9", reason=reason("setup.cfg", 4)),),
    system_packages=(SystemPackage(name="libx", stage="build", reason=reason("apt.txt", 1)),),
    notes=(Note(level="information", text="a note"),),
    settings={"index": None},
)
NOTEBOOKS = FakeEcosystem(
    "notebooks",
    "a.ipynb",
    runtimes=(Runtime(language="python", specifier="<3.12", reason=reason("a.ipynb", 1)),),
    system_packages=(SystemPackage(name="libx", reason=reason("a.ipynb", 1)),),
)
JAVA = Runtime(language="java", specifier=">=11", reason=reason("pom.xml", 7), development=True)
MAIN = Entry(steps=(Step(argv=("java", "Main")),), reason=reason("pom.xml", 9), rank=30)
MAVEN = FakeEcosystem("maven", "pom.xml", runtimes=(JAVA,), entries=(MAIN,))
ANT = FakeEcosystem("ant", "build.xml", runtimes=(JAVA,))
R = FakeEcosystem("r", "DESCRIPTION")
ECOSYSTEMS = cast(list[Ecosystem], [R, PYTHON, NOTEBOOKS, MAVEN, ANT])
DEBIAN = FakeFamily("debian", python="3.11.2", java="17", r="4.2.2")
OFFICIAL = FakeFamily("official", python="3.11.9")
FAMILIES = cast(list[BaseFamily], [DEBIAN, OFFICIAL])
NOTHING = Given()
BASIC = {"requirements.txt": "", "main.py": "", "data/x": ""}


def planned(
    folder: Path,
    files: Mapping[str, str],
    *,
    commit_day: str | None = None,
    locked_day: str | None = None,
    given: Given = NOTHING,
) -> Plan:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return plan(
        Project(folder),
        ECOSYSTEMS,
        FAMILIES,
        load(folder),
        commit_day=commit_day,
        locked_day=locked_day,
        given=given,
    )
