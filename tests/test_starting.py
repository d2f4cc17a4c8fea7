"""`new` and `notebook-template`: what they write, and that they write over nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

import reprokit
from reprokit import files, starting
from reprokit.ecosystems.python import notebooks
from reprokit.engines.engine import SocketEngine
from reprokit.errors import BadRequest, StorageFailed
from reprokit.pipeline.job import Wishes, prepare
from reprokit.project import Project
from reprokit.quoting import printable_command
from reprokit.schemas import schema
from tests.notebook import kernels

COMMANDS = {
    "python": "python analysis.py",
    "r": "Rscript analysis.R",
    "java": "java -cp 'target/study-0.1.0.jar:target/dependency/*' study.Main",
}
RESULTS = {
    "python": {"rates.csv", "growth.png"},
    "r": {"effects.csv", "comparison.csv", "roots.png"},
    "java": {"waiting.csv", "waiting.png"},
}
CITED = {"python": "pandas", "r": "ggplot2", "java": "jfreechart"}
NEXT_TO_NOTHING = [".gitignore", "CITATION.cff", "README.md"]


def command(project: Path) -> str:
    """What `reprokit run` would start there."""
    entry = prepare(project, Wishes()).plan.entry
    assert entry is not None
    return " && ".join(printable_command(step.argv) for step in entry.steps)


@pytest.mark.parametrize("language", starting.LANGUAGES)
def test_a_starter_is_whole_and_its_plan_is_clear(language: str, tmp_path: Path) -> None:
    made = reprokit.new(tmp_path / "my study", language=language)
    project = tmp_path / "my study"
    there = sorted(p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file())
    assert list(made.files) == there and set(NEXT_TO_NOTHING) <= set(there)
    assert [p.name for p in tmp_path.iterdir()] == ["my study"]
    Draft202012Validator(schema("new-1")).validate(made.json())
    assert made.text().endswith(f"\n\n    reprokit run '{project}'")
    plan = prepare(project, Wishes()).plan
    assert command(project) == COMMANDS[language]
    assert plan.alternatives == () and not [n for n in plan.notes if n.level == "warning"]
    assert [mount.source for mount in plan.data.mounts] == ["data"]


@pytest.mark.parametrize("language", starting.LANGUAGES)
def test_a_notebook_comes_with_it_where_wanted(language: str, tmp_path: Path) -> None:
    reprokit.new(tmp_path / "study", language=language, notebook=True)
    name = "analysis.ipynb" if language == "python" else starting.DRIVER
    book = notebooks.read(Project(tmp_path / "study"), name)
    cells = [source for _, source in book.cells]
    assert cells[0] == "%load_ext reprokit"
    own = [cell for cell in cells if cell.startswith("%repro")]
    assert own == ["%repro run", "%repro run", "%repro diff", "%repro cite"]
    if language == "python":
        assert command(tmp_path / "study") == "repro-notebook analysis.ipynb"
    assert not (tmp_path / "study" / "analysis.py").exists()


def test_the_notebook_computes_what_the_script_does() -> None:
    """Each line of the script that computes or draws is in the notebook too."""
    script = starting._template("python", "analysis.py").read_text()
    book = json.loads(starting._template("python", "analysis.ipynb").read_text())
    cells = "".join("".join(cell["source"]) + "\n" for cell in book["cells"])
    starts = ("rows", "    ", "table", "figure", "axes")
    lines = [line for line in script.splitlines() if line.startswith(starts)]
    assert len(lines) > 15
    for line in lines:
        assert line.replace("RESAMPLES", "resamples") in cells


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    reprokit.new(tmp_path / "empty")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadRequest, match="holds files already") as refused:
        reprokit.new(tmp_path / "empty", language="r")
    assert refused.value.next is not None and "reprokit init" in refused.value.next
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for name in ("file", "link"):
        with pytest.raises(BadRequest, match="is no folder"):
            reprokit.new(tmp_path / name)
    assert len(sorted(tmp_path.rglob("*"))) == len(before) + 2


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/..", "-rf", " a", "a ", "a.", ".hidden", "a\nb", "a\x1b[2J", "$(id)", "`id`",
     "a;b", "a:b", "a\\b", "a'b", 'a"b', "<b>", "{{a}}", "con", "LPT1.x", "a\u202eb", "x" * 101,
     "\ud800"],
)  # fmt: skip
def test_a_hostile_name_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadRequest, match="cannot be used as a name"):
        reprokit.new(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["étude 2", "soil-ph_v1.2", "研究", "a/b/c"])
def test_other_names_are_taken(name: str, tmp_path: Path) -> None:
    assert reprokit.new(tmp_path / name).place.is_dir()


def test_nothing_is_left_where_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*paths: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "give_to_caller", full)
    with pytest.raises(StorageFailed, match="the disk is full"):
        reprokit.new(tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no starter in 'perl'"):
        reprokit.new(tmp_path / "study", language="Perl")


def test_a_notebook_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = reprokit.notebook_template()
    assert made.text() == "runs.ipynb: run its cells from top to bottom.\n\n    reprokit plan"
    Draft202012Validator(schema("new-1")).validate(made.json())
    reprokit.notebook_template("other.ipynb")
    for path, what in (
        (".", "exists already"),
        ("other.ipynb", "exists already"),
        ("$(id).ipynb", "cannot be used as a name"),
        ("a.txt", "neither a folder nor"),
        ("nowhere/a.ipynb", "no such folder"),
    ):
        with pytest.raises(BadRequest, match=what):
            reprokit.notebook_template(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other.ipynb", "runs.ipynb"]


def test_in_a_notebook_the_way_on_is_a_magic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.at_home(tmp_path, monkeypatch)
    folder = tmp_path / "work"
    folder.mkdir()
    _, (made,), (alone,) = kernels.execute(
        folder,
        "%load_ext reprokit",
        "%repro new 'my study' --language r --notebook",
        "%repro notebook-template",
    )
    assert made["data"]["text/plain"].endswith("\n\n    %repro run 'my study'")
    assert "%repro run &#x27;my study&#x27;" in made["data"]["text/html"]
    assert "%repro plan" in alone["data"]["text/plain"]
    assert (folder / "my study" / "runs.ipynb").is_file() and (folder / "runs.ipynb").is_file()


def test_the_command_line_writes_one_too(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "reprokit", "new", "study", "--language", "java", "--json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["name"] == "study"
    assert (tmp_path / "study" / "pom.xml").is_file()


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.parametrize("language", starting.LANGUAGES)
def test_a_starter_runs_and_runs_the_same_again(
    language: str, engine: SocketEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reprokit.new("study", language=language)
    wanted: dict[str, Any] = {"base": "debian", "engine": engine.information().socket}
    first, second = (reprokit.run("study", **wanted) for _ in range(2))
    assert first.failure is None and second.failure is None
    names = {path.name for path in (tmp_path / "study" / "results").iterdir()}
    assert names == RESULTS[language]
    monkeypatch.chdir("study")
    assert "Nothing differs but the times." in reprokit.diff().text()
    assert "results      as recorded" in reprokit.verify().text()
    assert CITED[language] in reprokit.cite().content
