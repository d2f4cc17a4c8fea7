"""What a project itself says its results are."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from reprokit.errors import BadRequest
from reprokit.files import sha256
from reprokit.model import ResultFile, Step
from reprokit.project import Project
from reprokit.rerunning.expected import Expectation, lists, of_project

AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@example.org")


def written(path: str, origin: str = "results") -> ResultFile:
    found = "collected" if origin == "collected" else "results"
    return ResultFile(path=path, size=1, sha256="sha256:" + "0" * 64, origin=found)  # type: ignore[arg-type]


def project(root: Path, files: dict[str, str], *, commit: bool = False) -> Path:
    for name, text in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    if commit:
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run(["git", "-C", str(root), *AUTHOR, *words], check=True)
    return root


def expected(
    root: Path, found: list[ResultFile], steps: tuple[Step, ...] = (), folder: str = "results"
) -> Expectation:
    scratch = root.parent / f"{root.name}-scratch"
    scratch.mkdir()
    return of_project(Project(root), folder, found, steps, scratch)


def contents(found: Expectation) -> dict[str, str]:
    for file in found.files:
        assert file.content is not None and file.sha256 == sha256(file.content)
    return {f.path: f.content.read_text() for f in found.files if f.content is not None}


def test_committed_files_that_are_written_again(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        {"results/a.csv": "1\n", "figures/b.txt": "b\n", "out/c.txt": "c\n", "results/old": "o"},
        commit=True,
    )
    # An earlier run here wrote over what was committed.
    (root / "results" / "a.csv").write_text("2\n")
    runs = [
        written("a.csv"),
        written("figures/b.txt", "collected"),
        written("c.txt"),
        written("new.txt"),
    ]
    found = expected(root, runs, folder="out")
    assert found.basis == "tracked files" and not found.complete
    assert contents(found) == {"a.csv": "1\n", "figures/b.txt": "b\n", "c.txt": "c\n"}


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    names = [":(top)x", "*.txt", "-x", "a b"]
    root = project(tmp_path / "p", {f"results/{name}": name for name in names}, commit=True)
    found = expected(root, [written(name) for name in names])
    assert contents(found) == {name: name for name in names}


def test_a_folder_that_is_no_repository(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"results/a.csv": "1\n", "main.py": ""})
    found = expected(root, [written("a.csv"), written("b.csv")])
    assert (found.basis, contents(found)) == ("project files", {"a.csv": "1\n"})


def test_what_is_not_committed_is_only_there(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"main.py": ""}, commit=True)
    (root / "results").mkdir()
    (root / "results" / "a.csv").write_text("1\n")
    found = expected(root, [written("a.csv")])
    assert (found.basis, contents(found)) == ("project files", {"a.csv": "1\n"})


def test_the_manifest_of_a_codecheck_comes_first(tmp_path: Path) -> None:
    manifest = (
        "---\nmanifest:\n  - file: results/a.csv\n    comment: x\n"
        "  - file: fig/b.txt\n  - file: ../../etc/passwd\n  - file: gone.txt\n"
    )
    root = project(
        tmp_path / "p",
        {"codecheck.yml": manifest, "results/a.csv": "1\n", "fig/b.txt": "b", "results/c": "c"},
    )
    found = expected(root, [written("a.csv"), written("c")])
    assert found.basis == "codecheck.yml"
    assert contents(found) == {"a.csv": "1\n", "fig/b.txt": "b"}
    assert len(found.notes) == 2 and "gone.txt" in " ".join(found.notes)


def test_what_was_copied_into_the_check_is_meant_by_its_name(tmp_path: Path) -> None:
    manifest = "manifest:\n" + "".join(
        f"  - file: codecheck/outputs/{name}\n" for name in ("a.csv", "x/b.csv", "y/b.csv", "c.csv")
    )
    files = {f"codecheck/outputs/{n}": n for n in ("a.csv", "x/b.csv", "y/b.csv", "c.csv")}
    root = project(tmp_path / "p", {"codecheck.yml": manifest, **files}, commit=True)
    runs = [written(n, "collected") for n in ("figs/a.csv", "b.csv", "1/c.csv", "2/c.csv")]
    found = expected(root, runs)
    assert contents(found) == {
        "figs/a.csv": "a.csv",
        "codecheck/outputs/x/b.csv": "x/b.csv",
        "codecheck/outputs/y/b.csv": "y/b.csv",
        "codecheck/outputs/c.csv": "c.csv",
    }
    assert len(lists(Project(root))) == 4


def test_figures_that_people_moved_are_known_by_their_names(tmp_path: Path) -> None:
    held = ("paper/fig1.pdf", "a/twice.png", "b/twice.png", "tests/t.csv", "lib/x.py")
    root = project(tmp_path / "p", {name: name for name in held}, commit=True)
    runs = [written(n, "collected") for n in ("out/fig1.pdf", "twice.png", "t.csv", "o/x.py")]
    found = expected(root, runs)
    assert (found.basis, contents(found)) == ("same names", {"out/fig1.pdf": "paper/fig1.pdf"})
    (root / "results").mkdir()
    (root / "results" / "own.csv").write_text("1")
    found = of_project(Project(root), "results", [*runs, written("own.csv")], (), tmp_path)
    assert (found.basis, contents(found)) == ("project files", {"own.csv": "1"})


def test_what_a_codecheck_lists_counts_as_it_was_committed(tmp_path: Path) -> None:
    manifest = "manifest:\n  - file: results/a.csv\n  - file: results/later.csv\n"
    files = {"codecheck.yml": manifest, "results/a.csv": "1\n"}
    root = project(tmp_path / "p", files, commit=True)
    # An earlier run here wrote over the one, and wrote the other.
    (root / "results" / "a.csv").write_text("2\n")
    (root / "results" / "later.csv").write_text("3\n")
    found = expected(root, [written("a.csv"), written("later.csv")])
    assert found.basis == "codecheck.yml"
    assert contents(found) == {"a.csv": "1\n", "later.csv": "3\n"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "manifest: 3\n",
        "a: [",
        "- x\n",
        "manifest:\n  - comment: x\n",
        "!!python/object:os.x {}",
    ],
)
def test_a_codecheck_without_manifest_is_told(tmp_path: Path, text: str) -> None:
    root = project(tmp_path / "p", {"codecheck.yml": text})
    with pytest.raises(BadRequest, match="manifest"):
        expected(root, [])


def notebook(*, outputs: bool) -> str:
    output = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    cell = {"cell_type": "code", "source": "1", "outputs": [output] if outputs else []}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})


def test_the_stored_outputs_of_notebooks(tmp_path: Path) -> None:
    root = project(
        tmp_path / "p",
        {"nb/a.ipynb": notebook(outputs=True), "b.ipynb": notebook(outputs=False), "c.ipynb": "{"},
    )
    steps = (
        Step(argv=("repro-notebook", "a.ipynb"), folder="nb"),
        Step(argv=("repro-notebook", "b.ipynb")),
        Step(argv=("repro-notebook", "c.ipynb")),
        Step(argv=("python", "x.py")),
    )
    found = expected(root, [written("a.ipynb"), written("b.ipynb"), written("c.ipynb")], steps)
    assert found.basis == "notebooks"
    assert set(contents(found)) == {"a.ipynb"}


def test_nothing_is_nothing(tmp_path: Path) -> None:
    root = project(tmp_path / "p", {"main.py": ""}, commit=True)
    found = expected(root, [written("a.csv")], (Step(argv=("python", "main.py")),))
    assert (found.basis, found.files) == ("nothing", ())
