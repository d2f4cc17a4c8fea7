"""What a plan puts together, and what makes a lock stale."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from reprokit.bases.protocol import BaseFamily
from reprokit.configuration import load
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.errors import BadRequest
from reprokit.model import (
    BaseCandidate,
    DateChoice,
    Detection,
    Entry,
    Lock,
    LockedBase,
    Note,
    Plan,
    Reason,
    Requirement,
    Runtime,
    Step,
    SystemPackage,
)
from reprokit.phases import plan_bases
from reprokit.phases.plan import Given, inputs_digest, plan, why_stale
from reprokit.phases.plan_report import PlanReport
from reprokit.project import Project

BASE = LockedBase(
    family="debian",
    name="bookworm",
    reference="localhost/base",
    config_digest="sha256:" + "0" * 64,
    layers=(),
    registry_digest=None,
    provides={},
)


@dataclass(frozen=True)
class _Bases:
    """The one part of a plan that matters when a base is kept."""

    bases: tuple[BaseCandidate, ...]


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


def test_a_plan(tmp_path: Path) -> None:
    files = {"requirements.txt": "", "a.ipynb": "", "main.py": "", "data/x": "", ".env": ""}
    made = planned(tmp_path / "My Größe!", files)
    assert made.name == "my-grosse"
    assert [d.ecosystem for d in made.detections] == ["notebooks", "python"]
    (runtime,) = made.runtimes
    assert (runtime.language, runtime.specifier) == ("python", "<3.12,>=3.9")
    assert str(runtime.reason) == "a.ipynb:1: says so; setup.cfg:4: says so"
    assert [base.name for base in made.bases] == ["official-None", "debian-None"]
    assert [(p.name, p.stage) for p in made.system_packages] == [("libx", "run")]
    assert made.entry is not None
    assert made.entry.steps == (Step(argv=("python", "main.py")),)
    assert made.code == ("a.ipynb", "main.py", "requirements.txt")
    assert made.data.files == ("data/x",)
    assert {e.path for e in made.excluded} == {".env", "data/"}
    assert made.notes[0].text == "a note"
    assert [note.level for note in made.notes] == ["information", "warning"]
    assert made.date is None
    assert made.dockerfile is None
    assert made.base_choice == "auto"


def test_the_order_of_plugins_does_not_matter(tmp_path: Path) -> None:
    first = planned(tmp_path, {"requirements.txt": "", "a.ipynb": "", "main.py": ""})
    second = plan(
        Project(tmp_path),
        ECOSYSTEMS[::-1],
        FAMILIES[::-1],
        load(tmp_path),
        commit_day=None,
        locked_day=None,
    )
    assert first == second


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (("1", "2", "3", "4"), ("1", "given")),
        ((None, "2000-01-02", "3", "4"), ("2000-01-02", "configuration")),
        ((None, None, "3", "4"), ("3", "lock")),
        ((None, None, None, "4"), ("4", "commit")),
        ((None, None, None, None), None),
    ],
)
def test_the_date(
    tmp_path: Path, days: tuple[str | None, ...], wanted: tuple[str, str] | None
) -> None:
    given, configured, locked, commit = days
    files = {"main.py": "", "requirements.txt": ""}
    if configured is not None:
        files["repro.toml"] = "date = 2000-01-02"
    made = planned(tmp_path, files, commit_day=commit, locked_day=locked, given=Given(date=given))
    found = None if made.date is None else (made.date.day, made.date.source)
    assert found == wanted


CONFIGURED = """\
name = "other"
base = "debian:x"
command = "make all"
[python]
version = "3.11"
requirements = ["scipy[x]>=1; python_version > '3'"]
[r]
packages = ["nlme (>= 3.1)", "x@1.0"]
[system]
packages = ["libz"]
[run]
network = true
"""


def test_the_configuration_wins(tmp_path: Path) -> None:
    files = {"requirements.txt": "", "DESCRIPTION": "", "Makefile": "x:\n"}
    made = planned(tmp_path, files | {"repro.toml": CONFIGURED})
    assert made.name == "other"
    assert [base.name for base in made.bases] == ["debian:x"]
    assert str(made.bases[0].reason) == "repro.toml:2: the base named here"
    assert made.base_choice == "debian:x"
    assert made.entry is not None
    assert made.entry.reason.line == 3
    assert [(r.specifier, str(r.reason)) for r in made.runtimes] == [
        ("==3.11.*", "repro.toml:5: the configured version")
    ]
    found = {d.ecosystem: d for d in made.detections}
    assert found["python"].runtimes == made.runtimes
    added = found["python"].requirements[-1]
    assert (added.name, added.specifier, added.extras) == ("scipy", ">=1", ("x",))
    assert added.marker == 'python_version > "3"'
    assert added.reason.line == 6
    assert [(r.name, r.specifier) for r in found["r"].requirements] == [
        ("nlme", ">= 3.1"),
        ("x", "1.0"),
    ]
    assert [p.name for p in made.system_packages] == ["libx", "libz", "make"]
    assert made.options.network


def test_packages_of_a_language_that_nothing_else_asks_for(tmp_path: Path) -> None:
    made = planned(tmp_path, {"run.sh": "", "repro.toml": '[r]\npackages = ["nlme"]'})
    assert [d.ecosystem for d in made.detections] == ["r"]
    assert [r.language for r in made.runtimes] == ["r"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("", "maven"), ('[java]\nbuild = "ant"', "ant"), ('[java]\nbuild = "maven"', "maven")],
)
def test_maven_or_ant(tmp_path: Path, text: str, wanted: str) -> None:
    made = planned(tmp_path, {"pom.xml": "", "build.xml": "", "repro.toml": text})
    assert [d.ecosystem for d in made.detections] == [wanted]
    assert bool(made.notes) is (text == "")


def test_a_build_tool_without_a_build_file(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"no build\.xml") as caught:
        planned(tmp_path, {"pom.xml": "", "repro.toml": '[java]\nbuild = "ant"'})
    assert caught.value.where == "repro.toml:2"


def test_the_main_class_is_passed_on(tmp_path: Path) -> None:
    made = planned(tmp_path, {"pom.xml": "", "repro.toml": '[java]\nmain_class = "Main"'})
    assert made.detections[0].settings["main_class"] == "Main"
    assert made.entry is not None
    assert made.entry.rank == 1


def test_no_base_has_the_version(tmp_path: Path) -> None:
    files = {"requirements.txt": "", "repro.toml": '\n[python]\nversion = ">=3.13"'}
    with pytest.raises(BadRequest) as caught:
        planned(tmp_path, files)
    error = caught.value
    assert error.what == "no base image offers Python >=3.13"
    assert error.where == "repro.toml:3"
    assert error.next is not None
    assert "official has python 3.11.9." in error.next
    assert "debian has python 3.11.2, java 17, r 4.2.2." in error.next


def test_a_family_alone(tmp_path: Path) -> None:
    files = {"requirements.txt": "", "repro.toml": 'base = "debian"'}
    assert [b.family for b in planned(tmp_path, files).bases] == ["debian"]
    made = planned(tmp_path, files, given=Given(base="official"))
    assert [b.family for b in made.bases] == ["official"]
    assert made.base_choice == "debian"
    (tmp_path / "pom.xml").touch()
    with pytest.raises(BadRequest, match=r"no base image offers Java >=11 with Python >=3\.9"):
        planned(tmp_path, files, given=Given(base="official"))


def test_a_stale_lock_keeps_its_base_where_that_still_suits(tmp_path: Path) -> None:
    def candidate(family: str, name: str) -> BaseCandidate:
        reason = Reason(text="")
        return BaseCandidate(family=family, name=name, provides={}, offers={}, reason=reason)

    bases = (candidate("official", "a"), candidate("debian", "b"), candidate("debian", "c"))
    made = cast(Plan, _Bases(bases))
    base = replace(BASE, family="debian", name="c")
    assert [b.name for b in plan_bases.keeping(made, base).bases] == ["c", "a", "b"]
    gone = replace(BASE, family="debian", name="d")
    assert [b.name for b in plan_bases.keeping(made, gone).bases] == ["a", "b", "c"]


def test_a_base_that_nobody_knows_or_that_does_not_fit(tmp_path: Path) -> None:
    files = {"requirements.txt": "", "repro.toml": 'base = "slackware"'}
    with pytest.raises(BadRequest, match="no base family knows 'slackware'") as caught:
        planned(tmp_path, files)
    assert caught.value.where == "repro.toml:1"
    files |= {"pom.xml": "", "repro.toml": 'base = "official:x"'}
    with pytest.raises(BadRequest, match="Java >=11 is asked for, but official:x has none"):
        planned(tmp_path, files)


@pytest.mark.parametrize("files", [{}, {"notes.txt": ""}, {"data/x.csv": ""}])
def test_nothing_to_run(tmp_path: Path, files: dict[str, str]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadRequest, match="No dependency file and no code"):
        planned(tmp_path / "empty", files)


def test_the_projects_own_dockerfile(tmp_path: Path) -> None:
    files = {"Dockerfile": "# x\nFROM a\nCMD x\n", "requirements.txt": "malformed", "main.py": ""}
    made = planned(tmp_path, files)
    assert made.dockerfile == "Dockerfile"
    assert (made.detections, made.runtimes, made.bases, made.system_packages) == ((), (), (), ())
    assert (made.entry, made.alternatives) == (None, ())
    assert "requirements.txt:1: is malformed" in made.notes[0].text
    assert made.notes[-1].reason is not None
    assert made.notes[-1].reason.line == 2
    steps = (Step(argv=("x",)),)
    given = planned(tmp_path, files, given=Given(steps=steps))
    assert given.entry is not None
    assert given.entry.steps == steps


def test_an_own_dockerfile_without_a_command(tmp_path: Path) -> None:
    made = planned(tmp_path, {"binder/Dockerfile": "FROM a\n", "main.py": ""})
    assert made.dockerfile == "binder/Dockerfile"
    assert made.entry is not None
    assert made.entry.steps == (Step(argv=("python", "main.py")),)


def test_which_dockerfile(tmp_path: Path) -> None:
    files = {"Dockerfile": "FROM a\n", "x/D": "FROM b\n", "main.py": "", "requirements.txt": ""}
    generate = {"repro.toml": 'dockerfile = "generate"'}
    assert planned(tmp_path, files | generate).dockerfile is None
    assert planned(tmp_path, files | {"repro.toml": 'dockerfile = "x/D"'}).dockerfile == "x/D"
    with pytest.raises(BadRequest, match="does not exist") as caught:
        planned(tmp_path, files | {"repro.toml": '\ndockerfile = "y"'})
    assert caught.value.where == "repro.toml:2"


def test_a_malformed_declaration_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        planned(tmp_path, {"requirements.txt": "malformed", "main.py": ""})
    assert caught.value.where == "requirements.txt:1"


BASIC = {"requirements.txt": "", "main.py": "", "data/x": ""}


@pytest.mark.parametrize(
    "change",
    [
        {"main.py": "changed"},
        {"data/y": ""},
        {"README.md": "```\npython main.py --fast\n```"},
        {"repro.toml": 'command = "python main.py 2"'},
        {"repro.toml": "[run]\nnetwork = true"},
        {"repro.toml": '[exclude]\npaths = ["x"]'},
    ],
)
def test_what_leaves_a_lock_current(tmp_path: Path, change: dict[str, str]) -> None:
    before = inputs_digest(planned(tmp_path, BASIC, commit_day="2024-01-01"))
    after = inputs_digest(planned(tmp_path, BASIC | change, commit_day="2024-02-02"))
    assert before == after


@pytest.mark.parametrize(
    "change",
    [
        {"a.ipynb": ""},
        {"repro.toml": '[python]\nversion = "3.11"'},
        {"repro.toml": '[python]\nrequirements = ["x"]'},
        {"repro.toml": '[system]\npackages = ["liby"]'},
        {"repro.toml": 'base = "debian"'},
        {"repro.toml": "date = 2024-01-01"},
        {"Makefile": "all:\n\techo\n"},
        {"Dockerfile": "FROM a\n"},
    ],
)
def test_what_makes_a_lock_stale(tmp_path: Path, change: dict[str, str]) -> None:
    before = inputs_digest(planned(tmp_path, BASIC, locked_day="2024-01-01"))
    after = inputs_digest(planned(tmp_path, BASIC | change, locked_day="2024-01-01"))
    assert before != after


def test_reasons_do_not_make_a_lock_stale(tmp_path: Path) -> None:
    made = planned(tmp_path, BASIC)
    elsewhere = tuple(
        replace(
            d,
            requirements=tuple(replace(r, reason=reason("x", 99)) for r in d.requirements),
            notes=(),
        )
        for d in made.detections
    )
    assert inputs_digest(made) == inputs_digest(replace(made, detections=elsewhere))


class FakeLock:
    """As much of a lock as staleness looks at."""

    def __init__(self, of: Plan, day: str) -> None:
        self.inputs = inputs_digest(of)
        self.date = DateChoice(day=day, source="lock")


def test_a_given_date_asks_for_another_lock(tmp_path: Path) -> None:
    made = planned(tmp_path, BASIC, locked_day="2024-01-01")
    lock = cast(Lock, FakeLock(made, "2024-01-01"))
    assert why_stale(made, lock) is None
    same = planned(tmp_path, BASIC, given=Given(date="2024-01-01"))
    assert why_stale(same, lock) is None
    other = planned(tmp_path, BASIC, given=Given(date="2020-01-01"))
    assert why_stale(other, lock) == "it is of 2024-01-01, not of 2020-01-01"
    changed = planned(tmp_path, BASIC | {"a.ipynb": ""}, locked_day="2024-01-01")
    assert why_stale(changed, lock) == "what the project asks for has changed"


REPORT = """\
project   food
date      2024-01-01  (of the last commit)
needs     python: requirements.txt
            numpy  (requirements.txt:1: says so)
runtimes  python >=3.9  (setup.cfg:4: says so)
base      official-2024-01-01 (official)  (it has all)
          else debian-2024-01-01 (debian)  (it has all)
packages  libx  (apt.txt:1: says so)
command   python main.py  (main.py:1: a script of that name is the main one)
data      1 files, mounted read-only
            data
code      2 files
left out  .env  (secret)
          data/  (data (mount))
looser    writable /app and /tmp inside the container
notes     a note
          warning: .env looks like a secret and stays out of every image  \
(.env: its name is one that secrets have)

FROM x
"""


def test_the_report_shows_everything_with_its_reason(tmp_path: Path) -> None:
    made = planned(tmp_path / "food", BASIC | {".env": ""}, commit_day="2024-01-01")
    assert PlanReport(plan=made, dockerfile="FROM x\n").text() == REPORT


def test_the_report_as_json(tmp_path: Path) -> None:
    made = planned(tmp_path / "food", BASIC | {"a.py": ""})
    found = json.loads(json.dumps(PlanReport(plan=made).json()))
    assert found["name"] == "food"
    assert found["ecosystems"][0]["requirements"][0] == {
        "name": "numpy",
        "specifier": "",
        "extras": [],
        "marker": None,
        "url": None,
        "reason": {"text": "says so", "file": "requirements.txt", "line": 1},
    }
    assert found["entry"]["steps"] == [{"command": ["python", "main.py"], "folder": "."}]
    assert found["data"]["mounts"] == [{"source": "data", "target": "data", "unpack": None}]
    assert found["dockerfile"] is None


def test_the_report_lists_the_choices(tmp_path: Path) -> None:
    made = planned(tmp_path, {"main.py": "", "run.py": "", "requirements.txt": ""})
    text = PlanReport(plan=made).text()
    assert "several commands are equally likely" in text
    assert "python main.py" in text
    assert "python run.py" in text


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    made = planned(tmp_path, {"main.py": "", "\x1b[2Jx.env": "", "requirements.txt": ""})
    text = PlanReport(plan=made).text()
    assert "\x1b" not in text
    assert "\\x1b[2Jx.env" in text


def test_what_a_run_wrote_changes_no_plan(tmp_path: Path) -> None:
    from reprokit.bases.debian import DebianFamily
    from reprokit.ecosystems.python import PythonEcosystem
    from reprokit.phases.self_description import document

    def planned() -> Plan:
        return plan(
            Project(tmp_path),
            [PythonEcosystem()],
            [DebianFamily()],
            load(tmp_path),
            commit_day=None,
            locked_day="2024-06-01",
        )

    notebook = {"cells": [], "metadata": {"language_info": {"name": "python", "version": "3.11"}}}
    text = json.dumps({**notebook, "nbformat": 4, "nbformat_minor": 5})
    (tmp_path / "zebra.ipynb").write_text(text)
    (tmp_path / "repro.toml").write_text('base = "bookworm"\n')
    first = planned()
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "zebra.ipynb").write_text(text)
    (tmp_path / "results" / "requirements.txt").write_text("numpy\n")
    second = planned()
    assert second.detections == first.detections
    assert (second.entry, document(second)) == (first.entry, document(first))
