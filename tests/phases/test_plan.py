"""What a plan puts together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from reprokit.bases.debian import DebianFamily
from reprokit.bases.official import OfficialFamily
from reprokit.configuration import Configuration, load
from reprokit.errors import BadRequest
from reprokit.model import (
    BaseCandidate,
    Plan,
    Reason,
    Runtime,
    Step,
)
from reprokit.phases import plan_bases
from reprokit.phases.plan import Given, inputs_digest, plan
from reprokit.project import Project
from tests.phases.planned import ECOSYSTEMS, FAMILIES, planned
from tests.projects import BASE


@dataclass(frozen=True)
class _Bases:
    """The one part of a plan that matters when a base is kept."""

    bases: tuple[BaseCandidate, ...]


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


@pytest.mark.parametrize("folder", ["codecheck", "CODECHECK"])
def test_the_report_of_a_checker_asks_for_nothing(tmp_path: Path, folder: str) -> None:
    report = {
        f"{folder}/Makefile": "all:\n\tx\n",
        f"{folder}/requirements.txt": "",
        "codecheck.yml": "",
    }
    made = planned(tmp_path / "a", {**report, "code/main.py": "", f"{folder}/main.py": ""})
    assert made.entry is not None and made.entry.steps[0].argv == ("python", "code/main.py")
    assert f"{folder}/main.py" in made.code
    assert all(folder not in f for d in made.detections for f in d.files)
    # Where there is nothing else, it is the project.
    made = planned(tmp_path / "b", {**report, f"{folder}/main.py": ""})
    assert made.entry is not None and made.entry.steps[0].argv == ("python", f"{folder}/main.py")


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


def test_a_display_is_around_every_step_but_notebooks(tmp_path: Path) -> None:
    toml = '[[steps]]\ncommand = "python a.py"\n[[steps]]\ncommand = "repro-notebook b.ipynb"\n'
    files = {"a.py": "", "b.ipynb": "{}", "repro.toml": f"{toml}[run]\ndisplay = true\n"}
    made = planned(tmp_path, files)
    assert made.entry is not None
    assert [step.argv for step in made.entry.steps] == [
        ("xvfb-run", "-a", "python", "a.py"),
        ("repro-notebook", "b.ipynb"),
    ]
    named = {package.name: str(package.reason) for package in made.system_packages}
    assert named["xvfb"] == named["xauth"] == "repro.toml:6: a screen that nobody sees"


def test_what_builds_are_given_makes_a_lock_stale(tmp_path: Path) -> None:
    files = {"requirements.txt": "", "main.py": ""}
    plain = planned(tmp_path, files)
    toml = '[python]\nbuild_requirements = ["setuptools<58"]\n'
    made = planned(tmp_path, {**files, "repro.toml": toml})
    (python,) = made.detections
    assert python.settings["build_requirements"] == ["setuptools<58"]
    assert inputs_digest(made) != inputs_digest(plain)


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


@pytest.mark.parametrize(
    ("day", "specifier", "expected"),
    [
        ("2019-03-01", "", ["bionic", "focal", "bullseye"]),
        ("2021-03-01", "", ["focal", "bionic", "bullseye"]),
        ("2016-03-01", "", ["bionic", "focal", "bullseye"]),
        ("2022-06-01", "", ["bullseye", "jammy", "focal"]),
        ("2019-03-01", ">=3.9", ["bullseye", "jammy", "bookworm"]),
        ("2024-06-01", ">=3.12", ["noble", "trixie"]),
    ],
)
def test_a_rerun_takes_a_python_of_its_day(day: str, specifier: str, expected: list[str]) -> None:
    families = (DebianFamily("ubuntu"), OfficialFamily(), DebianFamily("debian"))
    python = Runtime(language="python", specifier=specifier, reason=Reason(text=""))

    def found(*runtimes: Runtime, lenient: bool = True) -> list[str]:
        candidates = plan_bases.chosen(
            families, runtimes, day, Configuration(), None, lenient=lenient
        )
        kinds = ["official" if c.family == "official" else "" for c in candidates]
        assert kinds == sorted(kinds, reverse=True)
        return [c.name for c in candidates if c.family != "official"]

    assert found(python)[:3] == expected
    # Elsewhere Debian is first whatever the day: its packages of R are more, the later it is.
    debian = DebianFamily().candidates((python,), day)
    assert found(python, lenient=False)[: len(debian)] == [c.name for c in debian]
    both = (python, Runtime(language="r", specifier="", reason=Reason(text="")))
    assert found(*both)[: len(debian)] == [c.name for c in debian]


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
