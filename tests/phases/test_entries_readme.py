"""Which of a README's commands count, and the order of scripts that nothing else orders."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.pipeline.job import Wishes, prepare
from tests.phases.test_entries import chosen, commands, readme, steps
from tests.projects import write

SCRIPTS = {"run.py": "print(1)\n", "other.py": "print(2)\n"}


def fenced(command: str) -> str:
    return f"```\n{command}\n```\n"


def test_one_command_that_makes_all(tmp_path: Path) -> None:
    text = (
        "One figure: `python run.py f1`\n\nAll of them: `python run.py all`\n\nor `python run.py`"
    )
    choice = chosen(tmp_path, {"README.md": text, **SCRIPTS})
    assert steps(choice.entry) == [(".", ("python", "run.py", "all"))]
    text += "\n\nThen `python other.py f1`\n"
    choice = chosen(tmp_path, {"README.md": text, **SCRIPTS})
    assert choice.entry is None
    assert commands(choice)[:2] == ["python run.py all", "python other.py f1"]


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("To make other figures, e.g. the second, run", ["python run.py 1"]),
        ("For instance, to see more:", ["python run.py 1"]),
        ("And then", None),
    ],
)
def test_an_example_is_weaker_than_the_command(
    tmp_path: Path, sentence: str, wanted: list[str] | None
) -> None:
    text = f"Run\n\n{fenced('python run.py 1')}\n{sentence}\n\n{fenced('python run.py 2')}"
    choice = chosen(tmp_path, {"README.md": text, **SCRIPTS})
    entry = choice.entry
    assert (None if entry is None else [" ".join(s.argv) for s in entry.steps]) == wanted
    assert "python run.py 2" in commands(choice)


def test_commands_that_are_all_examples_count(tmp_path: Path) -> None:
    text = f"For example:\n\n{fenced('python run.py 1')}"
    choice = chosen(tmp_path, {"README.md": text, **SCRIPTS})
    assert steps(choice.entry) == [(".", ("python", "run.py", "1"))]


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("python go.py all", True),
        ("  python go.py", True),
        ("python go.py makes all figures of it.", False),
        ("Start go.py", False),
    ],
)
def test_a_line_that_is_nothing_but_a_command(tmp_path: Path, line: str, counts: bool) -> None:
    files = {"README.md": f"To make them\n{line}\nand wait.\n", "go.py": "", "other.py": ""}
    choice = chosen(tmp_path, files)
    assert (choice.entry is not None) == counts


def test_the_readme_beside_the_scripts(tmp_path: Path) -> None:
    text = readme("python fit.py --all")
    files = {"code/fit.py": "", "code/plot.py": "", "code/README.md": text}
    choice = chosen(tmp_path, {**files, "README.md": "# A paper\n"})
    assert steps(choice.entry) == [("code", ("python", "fit.py", "--all"))]
    assert choice.entry is not None and choice.entry.reason.file == "code/README.md"
    # The project's own comes first.
    choice = chosen(tmp_path, {**files, "README.md": readme("python code/plot.py")})
    assert steps(choice.entry) == [(".", ("python", "code/plot.py"))]


def test_scripts_that_make_data_come_before_those_that_show_it(tmp_path: Path) -> None:
    names = ["plot_results.py", "fit.py", "simulate.py", "bands.py"]
    files = dict.fromkeys(names, "print(1)\n")
    choice = chosen(tmp_path, {**files, "README.md": "First fit.py, and then bands.py.\n"})
    wanted = ["simulate.py", "fit.py", "bands.py", "plot_results.py"]
    assert commands(choice) == [f"python {name}" for name in wanted]


def test_a_script_without_a_main_part_that_the_readme_names(tmp_path: Path) -> None:
    main = "import shared\nif __name__ == '__main__':\n    print(1)\n"
    files = {"plot.py": main, "simulation.py": "print(1)\n", "shared.py": "", "old.py": ""}
    text = "`simulation.py` makes it, `plot.py` shows it, both by shared.py\n"
    choice = chosen(tmp_path, {**files, "README.md": text})
    assert commands(choice) == ["python simulation.py", "python plot.py"]
    choice = chosen(tmp_path, {**files, "README.md": "# A model\n"})
    assert steps(choice.entry) == [(".", ("python", "plot.py"))]


def test_a_script_starts_where_the_files_of_its_modules_lie(tmp_path: Path) -> None:
    files = {"code/run.py": "import model\n", "code/figures/1.pdf": ""}
    saves = {"code/model.py": "savefig('figures/1.pdf')\n"}
    assert steps(chosen(tmp_path, {**files, **saves}).entry) == [("code", ("python", "run.py"))]
    saves = {"code/model.py": "savefig('1.pdf')\n"}
    assert steps(chosen(tmp_path, {**files, **saves}).entry) == [(".", ("python", "code/run.py"))]


MAKEFILE = """build:
\tmvn package
download:
ifeq ($(OS),Windows_NT)
\tif not exist target mkdir target
else
\tmkdir -p target
endif
\tcd target && curl -O https://repo.example/tool.jar
run:
\tjava -jar target/tool.jar > data/raw.txt
analyze:
\tpython3 analyze.py data/raw.txt
"""
STEPS = "".join(f"```\nmake {name}\n```\nthen\n" for name in ("build", "download", "run"))


def test_what_the_readme_does_after_make_run_belongs_to_it(tmp_path: Path) -> None:
    files = {"Makefile": MAKEFILE, "analyze.py": "", "README.md": STEPS}
    # The program is built from its sources: it need not be downloaded.
    assert steps(chosen(tmp_path / "a", files).entry) == [(".", ("make", "run"))]
    files["README.md"] += "```\nmake analyze\n```\n"
    both = [(".", ("make", "run")), (".", ("make", "analyze"))]
    assert steps(chosen(tmp_path / "b", files).entry) == both
    # A target for all is more than the README's examples of it.
    files["Makefile"] = "all: run analyze\n" + MAKEFILE
    assert steps(chosen(tmp_path / "c", files).entry) == [(".", ("make",))]


MAVEN = """build:
\tmvn clean compile
download:
\tmvn -f pom-get-from-central.xml clean dependency:copy-dependencies
fetch:
\tcurl -O https://repo.example/a.csv
\tmvn -q exec:java -Dexec.mainClass=org.x.Main
experiments:
\tmvn -q exec:java > out.txt
"""


def test_what_maven_only_fetches_is_left_out_and_told(tmp_path: Path) -> None:
    text = "".join(fenced(f"make {name}") for name in ("download", "fetch", "experiments"))
    choice = chosen(tmp_path, {"Makefile": MAVEN, "README.md": text})
    both = ["make fetch", "make experiments", "make fetch && make experiments"]
    assert commands(choice) == both
    (note,) = choice.notes
    assert note.level == "warning" and note.text.startswith("`make download` is left out")


def test_programs_that_a_readme_starts_with_maven_are_commands_of_a_rerun(tmp_path: Path) -> None:
    line = "mvn exec:java -Dexec.mainClass=org.x.Main -Dexec.args='5 6' > out.txt"
    text = fenced(f"mvn clean package\n{line}") + fenced("./mvnw exec:java@all")
    pom = "<project><groupId>a</groupId><artifactId>b</artifactId><version>1</version></project>"
    write(tmp_path, {"pom.xml": pom, "README.md": text, "mvnw": ""})
    for lenient, wanted in ((True, [("sh", "-c", line), ("./mvnw", "exec:java@all")]), (False, [])):
        plan = prepare(tmp_path, Wishes(), lenient=lenient).plan
        found = dict.fromkeys(step.argv for entry in plan.alternatives for step in entry.steps)
        assert list(found) == wanted
