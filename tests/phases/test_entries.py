"""Which command is chosen for which project, and what is only listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.configuration import Configuration
from reprokit.model import Argv, Detection, Entry, Reason, Requirement, Step
from reprokit.phases.entries import PROGRAM, Choice, choose
from reprokit.project import Project

MAVEN = Detection(
    ecosystem="maven",
    entries=(
        Entry(
            steps=(Step(argv=("java", "-jar", "/opt/a.jar")),),
            reason=Reason(text="jar plugin", file="pom.xml", line=9),
            rank=30,
        ),
    ),
)


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return Project(folder)


def chosen(folder: Path, files: dict[str, str], *detections: Detection) -> Choice:
    return choose(project(folder, files), detections, Configuration())


def steps(entry: Entry | None) -> list[tuple[str, Argv]]:
    assert entry is not None
    return [(step.folder, step.argv) for step in entry.steps]


def commands(choice: Choice) -> list[str]:
    return [" && ".join(" ".join(s.argv) for s in entry.steps) for entry in choice.alternatives]


def readme(*lines: str) -> str:
    return "\n".join(["# Experiment", "", "```bash", *lines, "```", ""])


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (("$ pip install -r requirements.txt", "$ python main.py"), [("python", "main.py")]),
        (("pip install . && python3 main.py --n 3",), [("python3", "main.py", "--n", "3")]),
        (("python main.py \\", "  --n 3"), [("python", "main.py", "--n", "3")]),
        (("PYTHONPATH=. python main.py",), [("env", "PYTHONPATH=.", "python", "main.py")]),
        (("time python -u main.py",), [("python", "-u", "main.py")]),
        (("python -m package.tool",), [("python", "-m", "package.tool")]),
        (("Rscript plot.R; python main.py",), [("Rscript", "plot.R"), ("python", "main.py")]),
        (("python main.py > out.txt 2>&1",), [("sh", "-c", "python main.py > out.txt 2>&1")]),
        (("python main.py | tee log",), [("sh", "-c", "python main.py | tee log")]),
        (("jupyter nbconvert --execute a.ipynb",), [("repro-notebook", "a.ipynb")]),
        (("./all.sh fast",), [("bash", "./all.sh", "fast")]),
        (("python 'two words.py'",), [("python", "two words.py")]),
        (("R CMD BATCH plot.R",), [("R", "CMD", "BATCH", "plot.R")]),
    ],
)
def test_commands_of_a_readme(tmp_path: Path, lines: tuple[str, ...], wanted: list[Argv]) -> None:
    names = ("main.py", "plot.R", "a.ipynb", "all.sh", "two words.py", "package/tool.py")
    files = dict.fromkeys(names, "") | {"README.md": readme(*lines)}
    choice = chosen(tmp_path, files)
    assert [argv for _, argv in steps(choice.entry)] == wanted
    assert choice.entry is not None
    assert choice.entry.rank == 20
    assert choice.entry.reason.file == "README.md"


@pytest.mark.parametrize(
    "line",
    [
        "python missing.py",
        "python main.py <input>",
        "python main.py [options]",
        "python main.py $DATA",
        "python main.py `date`",
        "python main.py --help",
        "python ../other/main.py",
        "python /home/me/main.py",
        "python main.py &",
        "python main.py || exit",
        "python main.py | sh",
        "(python main.py)",
        "python 'main.py",
        "curl http://example.org | python main.py",
        "sudo python main.py",
        "docker run x python main.py",
        "git clone x",
        "python setup.py install",
        "python",
        "./verify results",
        "make install",
        "jupyter kernelspec list",
    ],
)
def test_lines_of_a_readme_that_are_no_experiment(tmp_path: Path, line: str) -> None:
    files = {"main.py": "", "other.py": "", "setup.py": "", "verify": "", "Makefile": "x = 1\n"}
    choice = chosen(tmp_path, files | {"README.md": readme(line)})
    assert [entry.rank for entry in choice.alternatives if entry.rank == 20] == []
    assert choice.entry is None or choice.entry.rank == 40


def test_the_line_of_a_readme_is_the_reason(tmp_path: Path) -> None:
    files = {"main.py": "", "README.md": readme("pip install x", "", "python main.py")}
    entry = chosen(tmp_path, files).entry
    assert entry is not None
    assert str(entry.reason) == "README.md:6: commands of the README"


def test_cd_in_a_readme(tmp_path: Path) -> None:
    files = {"code/main.py": "", "README.md": readme("cd repository", "cd code", "python main.py")}
    assert steps(chosen(tmp_path, files).entry) == [("code", ("python", "main.py"))]


def test_indented_commands_and_sentences(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rst = "Run::\n\n    $ python main.py\n\nDone.\n"
    first = chosen(tmp_path / "a", {"main.py": "", "x.py": "", "README.rst": rst})
    assert steps(first.entry) == [(".", ("python", "main.py"))]
    sentence = "To reproduce, type `python tool.py --all`."
    second = chosen(tmp_path / "b", {"tool.py": "", "x.py": "", "README.md": sentence})
    assert steps(second.entry) == [(".", ("python", "tool.py", "--all"))]


def test_blocks_of_other_languages_are_no_commands(tmp_path: Path) -> None:
    text = "```python\npython main.py\n```\n"
    choice = chosen(tmp_path, {"main.py": "", "README.md": text})
    assert choice.entry is not None
    assert choice.entry.rank == 40


def test_several_blocks_are_a_choice(tmp_path: Path) -> None:
    text = readme("python a.py") + readme("python b.py")
    choice = chosen(tmp_path, {"a.py": "", "b.py": "", "README.md": text})
    assert choice.entry is None
    assert commands(choice)[:3] == ["python a.py", "python b.py", "python a.py && python b.py"]


def test_a_jar_that_the_build_makes(tmp_path: Path) -> None:
    text = readme("mvn package", "java -jar target/a-1.0.jar data/x.nq")
    choice = chosen(tmp_path, {"pom.xml": "", "README.md": text}, MAVEN)
    assert steps(choice.entry) == [(".", ("java", "-jar", "/opt/a.jar", "data/x.nq"))]


def test_a_makefile(tmp_path: Path) -> None:
    makefile = "CC = x\n.PHONY: all\nall: fig.png\n\nfig.png:\n\tpython main.py\n"
    choice = chosen(tmp_path, {"Makefile": makefile, "main.py": "", "README.md": "x"})
    assert steps(choice.entry) == [(".", ("make",))]
    assert choice.entry is not None
    assert str(choice.entry.reason) == "Makefile:3: the target all"
    assert commands(choice) == ["python main.py"]


def test_the_targets_of_a_makefile(tmp_path: Path) -> None:
    makefile = "build:\n\tjavac x\nrun: build\n\tjava x\nresults:\n\tjava y\n"
    choice = chosen(tmp_path, {"Makefile": makefile})
    assert choice.entry is None
    assert commands(choice) == ["make --eval=.PHONY: results results", "make run"]


@pytest.mark.parametrize(
    ("makefile", "option"),
    [
        ("results: main.py\n\tpython main.py\n", "--eval=.PHONY: results"),
        ("all: x results\nresults:\n\tpython main.py\n", "--eval=.PHONY: results"),
        (".PHONY: all results\nresults:\n\tpython main.py\n", None),
        ("all: results a\nresults:\n\t@mkdir -p results\na:\n\tpython main.py\n", None),
        ("all: results/a\nresults/a:\n\tpython main.py\n", None),
    ],
)
def test_a_target_named_like_the_results_folder_is_not_up_to_date(
    tmp_path: Path, makefile: str, option: str | None
) -> None:
    """The folder is there in every run; make would say "'results' is up to date"."""
    choice = chosen(tmp_path, {"Makefile": makefile, "main.py": ""})
    words = ("make",) if option is None else ("make", option)
    assert steps(choice.entry) == [(".", words)]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("fig.pdf: main.py\n\tpython main.py\n", ("make", "--always-make")),
        ("other.pdf: main.py\n\tpython main.py\n", ("make",)),
        ("fig.pdf:\n\tcurl -O https://example.org/fig.pdf\n", ("make",)),
    ],
)
def test_what_the_project_holds_already_is_made_anew(
    tmp_path: Path, rule: str, words: Argv
) -> None:
    """In an image all files are of one age: make would say that there is nothing to be done."""
    choice = chosen(tmp_path, {"Makefile": f"all: fig.pdf\n{rule}", "main.py": "", "fig.pdf": ""})
    assert steps(choice.entry) == [(".", words)]


def test_a_makefile_that_starts_containers(tmp_path: Path) -> None:
    choice = chosen(tmp_path, {"Makefile": "all:\n\tdocker run x\n"})
    assert choice.entry is None
    assert [(n.reason and n.reason.line) for n in choice.notes] == [1]


def test_a_makefile_for_something_else(tmp_path: Path) -> None:
    choice = chosen(tmp_path, {"Makefile": "help:\n\techo x\ntest:\n\tpytest\n", "main.py": ""})
    assert steps(choice.entry) == [(".", ("python", "main.py"))]


def test_run_scripts(tmp_path: Path) -> None:
    choice = chosen(tmp_path, {"run_all.sh": "#!/bin/sh\npython a.py\n", "a.py": ""})
    assert steps(choice.entry) == [(".", ("sh", "run_all.sh"))]


def test_a_script_that_calls_the_other(tmp_path: Path) -> None:
    choice = chosen(tmp_path, {"run.sh": "bash main.sh\n", "main.sh": "echo 1\n"})
    assert steps(choice.entry) == [(".", ("bash", "run.sh"))]


def test_two_run_scripts_are_a_choice(tmp_path: Path) -> None:
    choice = chosen(tmp_path, {"run.sh": "", "main.sh": ""})
    assert choice.entry is None
    assert commands(choice) == ["bash run.sh", "bash main.sh"]


@pytest.mark.parametrize(
    "text",
    [
        "sbatch job.sh\n",
        "PID=$(qsub a.job | tail -n1)\n",
        "read -p 'which? ' x\n",
        "  docker run x\n",
    ],
)
def test_run_scripts_that_cannot_run_inside(tmp_path: Path, text: str) -> None:
    commands = readme("sh run.sh a.job", "./run.sh b.job")
    choice = chosen(tmp_path, {"run.sh": f"#!/bin/bash\n{text}", "README.md": commands})
    assert choice.entry is None
    assert [(n.reason and n.reason.line) for n in choice.notes] == [2]


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({"main.py": "", "lib.py": ""}, [(".", ("python", "main.py"))]),
        ({"x.py": "", "setup.py": "", "test_x.py": ""}, [(".", ("python", "x.py"))]),
        (
            {"x.py": "if __name__ == '__main__':\n  f()", "y.py": ""},
            [(".", ("python", "x.py"))],
        ),
        ({"run.py": "from analysis import f", "analysis.py": ""}, [(".", ("python", "run.py"))]),
        ({"code/main.py": ""}, [(".", ("python", "code/main.py"))]),
        ({"code/main.py": "open('../data/x')"}, [("code", ("python", "main.py"))]),
        (
            {"10_c.py": "", "2_b.R": "", "01_a.py": ""},
            [
                (".", ("python", "01_a.py")),
                (".", ("Rscript", "2_b.R")),
                (".", ("python", "10_c.py")),
            ],
        ),
        ({"notebooks/a.ipynb": ""}, [("notebooks", ("repro-notebook", "a.ipynb"))]),
        (
            {"1-x.ipynb": "", "02-y.ipynb": ""},
            [(".", ("repro-notebook", "1-x.ipynb")), (".", ("repro-notebook", "02-y.ipynb"))],
        ),
    ],
)
def test_scripts_and_notebooks(
    tmp_path: Path, files: dict[str, str], wanted: list[tuple[str, Argv]]
) -> None:
    assert steps(chosen(tmp_path, files).entry) == wanted


@pytest.mark.parametrize(
    "files",
    [
        {"main.py": "", "analysis.py": ""},
        {"a.ipynb": "", "b.ipynb": ""},
        dict.fromkeys(("a.py", "b.py"), "if __name__ == '__main__':\n  f()\n"),
    ],
)
def test_nothing_is_guessed(tmp_path: Path, files: dict[str, str]) -> None:
    choice = chosen(tmp_path, files)
    assert choice.entry is None
    assert len(choice.alternatives) >= 2


def test_scripts_without_any_evidence_are_choices(tmp_path: Path) -> None:
    choice = chosen(tmp_path, {"a.py": "", "b.py": ""})
    assert choice.entry is None
    assert [entry.steps[0].argv for entry in choice.alternatives] == [
        ("python", "a.py"),
        ("python", "b.py"),
    ]


def test_the_script_that_no_other_imports_is_the_one(tmp_path: Path) -> None:
    choice = chosen(tmp_path, {"a.py": "import b\n", "b.py": ""})
    assert choice.entry is not None
    assert choice.entry.steps[0].argv == ("python", "a.py")


def test_no_evidence_at_all(tmp_path: Path) -> None:
    assert chosen(tmp_path, {"a.txt": ""}) == Choice(entry=None, alternatives=(), own=None)


def test_the_user_wins(tmp_path: Path) -> None:
    here = project(tmp_path, {"Makefile": "all:\n\techo\n"})
    wished = Configuration(file="repro.toml", lines={"command": 3}, steps=(Step(argv=("a",)),))
    configured = choose(here, (), wished)
    assert configured.entry is not None
    assert (configured.entry.rank, str(configured.entry.reason)[:12]) == (0, "repro.toml:3")
    assert commands(configured) == ["make"]
    given = choose(here, (), wished, (Step(argv=("b",)),))
    assert steps(given.entry) == [(".", ("b",))]


def test_the_configured_main_class(tmp_path: Path) -> None:
    found = tuple(
        Entry(steps=(Step(argv=("java", name)),), reason=Reason(text=name), rank=30)
        for name in ("org.A", "org.B")
    )
    java = Detection(ecosystem="maven", entries=found)
    here = project(tmp_path, {"pom.xml": ""})
    assert choose(here, (java,), Configuration()).entry is None
    wished = Configuration(java_main_class="org.B")
    assert steps(choose(here, (java,), wished).entry) == [(".", ("java", "org.B"))]


def test_scripts_of_an_ecosystem_that_a_sequence_runs_anyway(tmp_path: Path) -> None:
    single = Entry(steps=(Step(argv=("Rscript", "1_a.R")),), reason=Reason(text="x"), rank=40)
    r = Detection(ecosystem="r", entries=(single,))
    choice = chosen(tmp_path, {"1_a.R": "", "2_b.R": ""}, r)
    assert steps(choice.entry) == [(".", ("Rscript", "1_a.R")), (".", ("Rscript", "2_b.R"))]


def test_make_in_the_folder_of_the_article_is_not_the_experiment(tmp_path: Path) -> None:
    files = {
        "README.md": readme("cd article", "make"),
        "article/Makefile": "all:\n\tlatexmk\n",
        "run.py": "",
    }
    assert chosen(tmp_path, files).entry == chosen(tmp_path, {}).entry
    assert steps(chosen(tmp_path, {}).entry) == [(".", ("python", "run.py"))]


def test_programs_that_the_project_installs(tmp_path: Path) -> None:
    program = Entry(
        steps=(Step(argv=("simulate",)),), reason=Reason(text="installs it"), rank=PROGRAM
    )
    python = Detection(ecosystem="python", files=(), entries=(program,))
    alone = chosen(tmp_path / "a", {"src/m/__init__.py": ""}, python)
    assert steps(alone.entry) == [(".", ("simulate",))]
    files = {"README.md": readme("pip install .", "simulate --seed 1")}
    assert steps(chosen(tmp_path / "b", files, python).entry) == [
        (".", ("simulate", "--seed", "1"))
    ]
    assert chosen(tmp_path / "c", files).entry is None
    scripts = chosen(tmp_path / "d", {"main.py": ""}, python)
    assert steps(scripts.entry) == [(".", ("python", "main.py"))]


def test_a_workflow_where_snakemake_is_asked_for(tmp_path: Path) -> None:
    asked = Requirement(name="snakemake", reason=Reason(text="asks"))
    python = Detection(ecosystem="python", files=(), requirements=(asked,))
    files = {"Snakefile": "rule all: pass\n", "main.py": ""}
    found = chosen(tmp_path, files, python)
    assert steps(found.entry) == [(".", ("snakemake", "--cores", "all"))]
    assert steps(chosen(tmp_path, {}).entry) == [(".", ("python", "main.py"))]


def test_the_only_folder_with_notebooks_or_scripts(tmp_path: Path) -> None:
    found = chosen(tmp_path / "a", {"lessons/1_a.ipynb": "{}", "lessons/2_b.ipynb": "{}"})
    assert steps(found.entry) == [
        ("lessons", ("repro-notebook", "1_a.ipynb")),
        ("lessons", ("repro-notebook", "2_b.ipynb")),
    ]
    assert steps(chosen(tmp_path / "b", {"sim/go.py": ""}).entry) == [
        (".", ("python", "sim/go.py"))
    ]
    none = ({"docs/a.py": ""}, {"m/__init__.py": "", "m/a.py": ""}, {"x/a.py": "", "y/b.py": ""})
    for number, files in enumerate(none):
        assert chosen(tmp_path / str(number), files).entry is None


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ('savefig("output/a.pdf")', "my code"),
        ('savefig("./output/a.pdf")', "my code"),
        ('open("table.csv")', "my code"),
        ('open("../table.csv")', "my code"),
        ('open("my code/table.csv")', "."),
        ('open("data/b.csv"); savefig("new/a.pdf")', "."),
        ('open("data/b.csv"); savefig("output/a.pdf")', "."),
        ('system(python + " ./other.py ../b.csv --x")', "my code"),
        ("# see ../README.md", "."),
        ("", "."),
    ],
)
def test_a_script_starts_where_what_it_names_lies(tmp_path: Path, text: str, folder: str) -> None:
    files = {"my code/main.py": text, "my code/output/a.pdf": "", "my code/table.csv": ""}
    choice = chosen(tmp_path, {**files, "data/b.csv": ""})
    name = "main.py" if folder != "." else "my code/main.py"
    assert steps(choice.entry) == [(folder, ("python", name))]


def test_numbered_scripts_of_a_folder_start_together_and_in_the_order_of_their_numbers(
    tmp_path: Path,
) -> None:
    files = {"code/02_b.R": 'read.csv("../b.csv")', "code/02.1_c.R": "", "code/10_d.r": ""}
    choice = chosen(tmp_path, {**files, "code/1_a.R": "", "b.csv": ""})
    names = ("1_a.R", "02_b.R", "02.1_c.R", "10_d.r")
    assert steps(choice.entry) == [("code", ("Rscript", name)) for name in names]


def test_notebooks_in_several_folders_come_after_all_else(tmp_path: Path) -> None:
    notebook = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    names = ("docs/10/10_z.ipynb", "docs/10/2_y.ipynb", "docs/2/x.ipynb")
    files = dict.fromkeys(names, notebook)
    choice = chosen(tmp_path / "a", files)
    assert steps(choice.entry) == [
        ("docs/2", ("repro-notebook", "x.ipynb")),
        ("docs/10", ("repro-notebook", "2_y.ipynb")),
        ("docs/10", ("repro-notebook", "10_z.ipynb")),
    ]
    choice = chosen(tmp_path / "b", {**files, "main.py": ""})
    assert steps(choice.entry) == [(".", ("python", "main.py"))]


def test_what_makes_the_data_is_not_the_experiment(tmp_path: Path) -> None:
    notebook = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    files = {"analysis.ipynb": notebook, "data-raw/simulate.py": "print(1)\n"}
    assert steps(chosen(tmp_path / "a", files).entry) == [
        (".", ("repro-notebook", "analysis.ipynb"))
    ]
    files = {"analysis.ipynb": notebook, "unusual/simulate.py": "print(1)\n"}
    assert steps(chosen(tmp_path / "b", files).entry) == [
        (".", ("repro-notebook", "analysis.ipynb"))
    ]
