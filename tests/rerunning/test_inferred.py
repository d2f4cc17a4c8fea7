"""What a rerun takes for granted, how sure that is, and the repro.toml that says so."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit import configuration
from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.protocol import Cause
from reprokit.errors import BadRequest
from reprokit.model import DateChoice, LockedBase, LockedEcosystem
from reprokit.pipeline.entry_choice import unattended_entry
from reprokit.pipeline.job import Wishes, prepare
from reprokit.rerunning.inferred import Inference, configuration_text, inferred
from reprokit.rerunning.mending import Mended
from reprokit.verbs import rerun
from tests.mending.test_loop import Machine, imports, machine
from tests.projects import write
from tests.test_lock_file import sample

__all__ = ["machine"]

BASE = LockedBase(
    family="debian",
    name="bullseye",
    reference="localhost/reprokit/bullseye:1",
    config_digest=sample().base.config_digest,
    layers=(),
    registry_digest=None,
    provides={},
    settings={"offers": {"python": ["3.9", "2.7"], "r": ["4.0.4"], "java": ["17", "11"]}},
)


def found(root: Path, source: str = "today", *, own: bool = False) -> dict[str, Inference]:
    """By what each is about; every line is one that repro.toml can have."""
    job = prepare(root, Wishes(), lenient=True)
    entry, _ = unattended_entry(job.plan)
    lock = replace(sample(), base=BASE, date=DateChoice(day="2019-04-02", source=source))  # type: ignore[arg-type]
    listed = inferred(job.plan, lock, entry, job.configuration, own=own)
    for item in listed:
        assert tomllib.loads(item.line)
    return {item.about: item for item in listed}


def test_a_folder_of_code_says_nothing_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"fit.py": "import numpy, yaml\n", "data/a.csv": "1\n", "plot.R": "library(lattice)\n"},
    )
    write(tmp_path, {"README.md": "```\npython fit.py\n```\n"})
    by = found(tmp_path)
    assert (by["date"].value, by["date"].confidence) == ("2019-04-02", "low")
    assert by["python"].line == 'python.version = "3.9"' and by["python"].confidence == "medium"
    assert by["r"].value == "4.0.4"
    assert by["python packages"].line == 'python.requirements = ["numpy", "pyyaml"]'
    assert by["python packages"].reason == "fit.py:1: imports numpy; no file declares them"
    assert by["data"].line == 'data.paths = ["data"]'
    assert by["command"].line == 'command = ["python", "fit.py"]'
    assert by["command"].confidence == "high" and "README.md:2" in by["command"].reason


@pytest.mark.parametrize(("level", "release"), [("1.8", "11"), ("11", "11"), ("17", "17")])
def test_the_java_that_suits_is_named(tmp_path: Path, level: str, release: str) -> None:
    level = f"<maven.compiler.source>{level}</maven.compiler.source>"
    text = "<artifactId>a</artifactId><groupId>b</groupId><version>1</version>"
    write(tmp_path, {"pom.xml": f"<project>{text}<properties>{level}</properties></project>"})
    write(tmp_path, {"README.md": "```\nbash go.sh\n```\n", "go.sh": "java -version\n"})
    assert found(tmp_path)["java"].value == release


@pytest.mark.parametrize(
    ("sentence", "release", "confidence"),
    [
        ("You need **JDK 17** or later.", "17", "low"),
        ("Tested with Java 1.8.0_222", "11", "low"),
        ("openjdk 17.0.9 2023-10-17", "17", "low"),
        ("Requires OpenJDK version 17, and make", "17", "low"),
        ("It does not run with Java 17.", "11", "medium"),
        (
            "JavaScript 17, Java 3D, Java-8-like and Java 17.0.1-x of https://a.b/java-17",
            "11",
            "medium",
        ),
    ],
)
def test_a_java_that_only_the_readme_names(
    tmp_path: Path, sentence: str, release: str, confidence: str
) -> None:
    text = "<artifactId>a</artifactId><groupId>b</groupId><version>1</version>"
    write(tmp_path, {"pom.xml": f"<project>{text}</project>", "go.sh": "java -version\n"})
    write(tmp_path, {"README.md": f"{sentence}\n```\nbash go.sh\n```\n"})
    java = found(tmp_path)["java"]
    assert (java.value, java.confidence) == (release, confidence)
    if confidence == "low":
        assert java.reason.startswith("README.md:1: names Java")
    write(tmp_path, {"pom.xml": f"<project>{text}{LEVEL_11}</project>"})
    assert found(tmp_path)["java"].confidence == "high"


LEVEL_11 = "<properties><maven.compiler.release>11</maven.compiler.release></properties>"


def test_what_is_said_is_not_inferred(tmp_path: Path) -> None:
    said = 'date = "2019-04-02"\ncommand = "python fit.py"\npython.version = "3.9"\n'
    write(tmp_path, {"fit.py": "import numpy\n", "requirements.txt": "numpy\n", "repro.toml": said})
    assert found(tmp_path, "configuration") == {}


def test_what_the_projects_lock_says_is_not_inferred(tmp_path: Path) -> None:
    write(tmp_path, {"fit.py": "import numpy\n"})
    assert set(found(tmp_path, own=True)) == {"python packages", "command"}


def test_a_script_that_installs_declares(tmp_path: Path) -> None:
    code = {"plot.R": "library(lattice)\nlibrary(dplyr)\n", "install.R": ""}
    code["install.R"] = 'install.packages("dplyr")\n'
    write(tmp_path, code)
    assert found(tmp_path)["r packages"].line == 'r.packages = ["lattice"]'


def test_several_equal_commands_are_a_guess(tmp_path: Path) -> None:
    blocks = "```\npython a.py\n```\nor\n```\npython b.py\n```\n"
    write(tmp_path, {"a.py": "", "b.py": "", "README.md": blocks})
    command = found(tmp_path, "commit")["command"]
    assert command.confidence == "low"
    assert [step["command"] for step in tomllib.loads(command.line)["steps"]] == [
        ["python", "a.py"],
        ["python", "b.py"],
    ]


def test_hostile_names_stay_texts(tmp_path: Path) -> None:
    name = 'a"\n]\x7f\nname = "x" #.py'
    write(tmp_path, {name: "import numpy\n"})
    by = found(tmp_path)
    text = configuration_text([*by.values()], [])
    (tmp_path / "repro.toml").write_text(text, "utf-8")
    read = configuration.load(tmp_path)
    assert read.name is None and read.steps[0].argv == ("python", name)


def test_what_was_mended_stands_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"fit.py": "import numpy\n"})

    def mended(**settings: object) -> Mended:
        named = {key.replace("_", "."): value for key, value in settings.items()}
        cause = Cause(name="x", phase="run", text="no\nmodule", line=1, evidence=(), next="")
        return Mended(cause=cause, mend=Mend(settings=named))  # type: ignore[arg-type]

    text = configuration_text(
        [*found(tmp_path).values()],
        [
            mended(python_requirements=("six",), python_version="2.7"),
            mended(run_environment={"A": "1"}),
        ],
        "2015-01-01",
    )
    (tmp_path / "repro.toml").write_text(text.replace('date = "2019-04-02"', ""), "utf-8")
    read = configuration.load(tmp_path)
    assert read.python_requirements == ("numpy", "six")
    assert read.python_version == "==2.7.*"
    assert read.options.environment == (("A", "1"),)
    assert read.date == "2015-01-01"


def test_it_is_written_where_that_is_asked_for(machine: Machine, tmp_path: Path) -> None:
    imports(machine, "six")
    study = tmp_path / "study"
    result = rerun(study, write=True)
    assert result.failure is None
    assert result.written == study / "repro.toml"
    read = configuration.load(study)
    assert read.python_requirements == ("six",) and read.steps[0].argv == ("python", "main.py")
    assert "inferred     command python main.py  (medium:" in result.text()

    # What is there is not written over, and that is told before anything runs.
    before, locks = (study / "repro.toml").read_text(), machine.locks
    with pytest.raises(BadRequest, match="has a configuration"):
        rerun(study, write=True)
    assert (study / "repro.toml").read_text() == before and machine.locks == locks


def test_what_r_code_asks_of_its_authors_desk(tmp_path: Path) -> None:
    write(tmp_path, {"fit.R": 'setwd("C:/me")\nplot(1)\ndev.copy(png, "a.png")\n'})
    item = found(tmp_path)["r desktop"]
    assert (item.value, item.confidence) == ("setwd(), dev.copy()", "high")
    assert item.line == "r.desktop = true" and item.reason.startswith("fit.R:1: setwd(C:/me)")
    write(tmp_path, {"repro.toml": "r.desktop = true\n"})
    assert "r desktop" not in found(tmp_path)


def test_an_older_r_counts_where_the_r_here_has_other_defaults(tmp_path: Path) -> None:
    write(tmp_path, {"fit.R": "set.seed(1)\n"})
    plan = prepare(tmp_path, Wishes(date="2018-01-01"), lenient=True).plan
    entry, _ = unattended_entry(plan)
    by_lock = {}
    for here, settings in (("later", {"defaults": "3.5"}), ("no later", {})):
        ecosystem = LockedEcosystem(ecosystem="r", settings=dict(settings))
        lock = replace(sample(), base=BASE, ecosystems=(ecosystem,))
        listed = inferred(plan, lock, entry, configuration.Configuration())
        by_lock[here] = [item for item in listed if item.about == "r defaults"]
    (item,) = by_lock["later"]
    assert (item.line, item.confidence) == ('r.defaults = "3.5"', "medium")
    assert "fit.R:1: set.seed()" in item.reason and by_lock["no later"] == []
    said = configuration.Configuration(r_defaults="3.5")
    lock = replace(sample(), ecosystems=(LockedEcosystem(ecosystem="r", settings={"defaults": 1}),))
    assert "r defaults" not in {item.about for item in inferred(plan, lock, entry, said)}
