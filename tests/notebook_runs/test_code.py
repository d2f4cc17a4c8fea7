"""What of a notebook goes into an image: its cells, and not what running and saving it leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

import reprokit
from reprokit.citing.facts import source_identifier
from reprokit.data_hashes import hash_files
from reprokit.errors import BadRequest
from reprokit.model import BuildContext
from reprokit.notebook_runs import code
from reprokit.phases import record as records
from reprokit.phases.build import Prepared, lay_out
from reprokit.pipeline.job import Job, Wishes, prepare, prepare_build
from reprokit.pipeline.running import settled
from reprokit.progress import Silent
from reprokit.project import Project
from reprokit.store import Store
from tests.publishing import made

OWN = ("%load_ext reprokit", "%repro run")


def notebook(*cells: str, **metadata: Any) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": source.splitlines(keepends=True),
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(cells)
    ]
    about = {
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python", "version": "3.11.2"},
        **metadata,
    }
    return {"cells": listed, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def ran(book: dict[str, Any]) -> dict[str, Any]:
    """A notebook as it is once it was run, looked at and saved."""
    after: dict[str, Any] = json.loads(json.dumps(book))
    for number, cell in enumerate(after["cells"]):
        cell["execution_count"] = number
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1\n"}]
        cell["metadata"] |= {"collapsed": True, "execution": {"iopub.execute_input": "today"}}
        cell["source"] = "".join(cell["source"])
    language = {"name": "python", "version": "3.11.9", "file_extension": ".py"}
    after["metadata"] |= {"language_info": language}
    after["metadata"] |= {"reprokit": {"run": "1"}, "widgets": {}, "vscode": {"hash": "1"}}
    after["metadata"]["kernelspec"]["display_name"] = ".venv"
    return after


def write(place: Path, book: dict[str, Any]) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(book))
    return place


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "a study"
    folder.mkdir()
    (folder / "repro.toml").write_text('[python]\nversion = "3.11"\n')
    return folder


def build(root: Path, **wishes: Any) -> tuple[Job, Prepared]:
    """What would be built, with a lock that needs no package."""
    job = prepare(root, Wishes(**wishes))
    digests = {f.path: f.sha256 for f in hash_files(root, job.plan.code, Silent())}
    return job, prepare_build(job, made.lock(), digests)


def laid_out(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    lay_out(build(root)[1], root, folder, Store(tmp_path / "store"), epoch=1717200000)
    return folder


def test_a_notebook_that_was_run_is_the_same_code(root: Path, tmp_path: Path) -> None:
    book = notebook("x = 1\nx", *OWN)
    after = ran(book)
    place = write(root / "analysis.ipynb", book)
    assert "  analysis.ipynb without outputs" in reprokit.plan(root).text()
    job, before = build(root)
    swhid = source_identifier(job)
    write(place, after)
    job, then = build(root)
    assert then.key == before.key and source_identifier(job) == swhid
    there = laid_out(root, tmp_path) / "app" / "analysis.ipynb"
    assert there.stat().st_mode & 0o777 == 0o664
    read: Any = nbformat.reads(there.read_text(), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(read)
    assert [cell.source for cell in read.cells] == ["x = 1\nx", *OWN]
    assert not any(cell.outputs or cell.execution_count for cell in read.cells)
    # What is in an archive gives the same image as the project it was made of.
    place.write_text(there.read_text())
    assert build(root)[1].key == before.key
    book["cells"][0]["source"] = ["x = 2"]
    write(place, book)
    assert build(root)[1].key != before.key


def test_tags_and_attachments_are_part_of_the_code() -> None:
    book = notebook("x = 1", slides={"a": 1})
    book["cells"][0]["metadata"]["tags"] = ["parameters"]
    book["cells"].append(
        {"cell_type": "markdown", "id": "m", "metadata": {"hidden": True}, "source": "*ü*",
         "attachments": {"a.png": {"image/png": "aGk="}}}
    )  # fmt: skip
    text = code.plain(json.dumps(book).encode())
    assert text is not None
    kept = json.loads(text)
    assert kept["cells"][0]["metadata"] == {"tags": ["parameters"]}
    assert kept["cells"][1]["attachments"] and kept["cells"][1]["metadata"] == {}
    assert kept["metadata"]["slides"] == {"a": 1} and "ü" in text
    assert code.plain(text.encode()) == text


def test_half_a_character_stays_an_escape() -> None:
    content = json.dumps(notebook("x = '\ud800'")).encode()
    text = code.plain(content)
    assert text is not None and "\\ud800" in text and text.encode("utf-8")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"\xff", b'{"nbformat": 3, "metadata": {}, "worksheets": []}', b"[" * 100_000,
     b'{"nbformat": 4, "metadata": {}, "cells": [1]}', b'{"nbformat": 4, "cells": []}'],
)  # fmt: skip
def test_what_is_no_notebook_of_format_4_stays_as_it_is(content: bytes) -> None:
    assert code.plain(content) is None


def test_which_notebooks_lose_their_outputs(root: Path) -> None:
    (root / "main.py").write_text("print(1)\n")
    write(root / "corpus" / "one.ipynb", ran(notebook("x = 1")))
    written = ran(notebook("y = 1"))
    write(root / "written.ipynb", written)
    write(root / "calling.ipynb", notebook("import sys", "r = %repro run"))
    write(root / "mention.ipynb", notebook("# see reprokit\nx = 1"))
    del (book := ran(notebook("x = 1")))["metadata"]["reprokit"]
    write(root / "corpus" / "one.ipynb", book)
    (root / "broken.ipynb").write_text('{"cells": "%repro run"')
    found = code.calling(Project(root))
    assert found == code.Calling(others=("calling.ipynb", "written.ipynb"))


def test_naming_a_notebook_does_not_change_the_image(root: Path) -> None:
    (root / "main.py").write_text("print(1)\n")
    place = write(root / "other.ipynb", notebook("x = 1"))
    whole = prepare(root, Wishes()).plan
    named = prepare(place, Wishes()).plan
    assert whole.notebooks == named.notebooks == ()
    (root / "main.py").unlink()
    assert prepare(root, Wishes()).plan.notebooks == ("other.ipynb",)
    assert prepare(place, Wishes()).plan.notebooks == ("other.ipynb",)


def test_a_notebook_that_only_calls_reprokit_is_no_part_of_the_experiment(root: Path) -> None:
    (root / "repro.toml").unlink()
    (root / "DESCRIPTION").write_text("Type: Compendium\nTitle: A\nVersion: 1\n")
    (root / "analysis.R").write_text("x <- 1\n")
    before = prepare(root, Wishes()).plan
    skipped = notebook(*OWN, "# what came out", "r = %repro run", "r.results")
    skipped["cells"][-1]["metadata"]["tags"] = ["skip-execution"]
    place = write(root / "runs.ipynb", skipped)
    after = prepare(root, Wishes()).plan
    assert after.code == before.code and after.runtimes == before.runtimes
    assert after.entry == before.entry and after.alternatives == ()
    assert [(e.path, e.why) for e in after.excluded] == [("runs.ipynb", "only calls reprokit")]
    with pytest.raises(BadRequest, match="nothing in it to run"):
        prepare(place, Wishes())


def test_cells_that_run_in_the_container_make_a_notebook_part_of_the_project(root: Path) -> None:
    (root / "repro.toml").unlink()
    cells = ("%load_ext reprokit", "%%repro py -o x --memory 1g\nimport toolz\nx = 1")
    write(root / "study.ipynb", notebook(*cells, "%%repro R\nlibrary(dplyr)"))
    plan = prepare(root, Wishes()).plan
    assert [(d.ecosystem, [r.name for r in d.requirements]) for d in plan.detections] == [
        ("python", ["toolz"])
    ]
    assert plan.entry is not None and plan.entry.steps[0].argv == ("repro-notebook", "study.ipynb")
    assert plan.code == plan.notebooks == ("study.ipynb",)
    write(root / "runs.ipynb", notebook("%load_ext reprokit", "%%repro R\nlibrary(dplyr)"))
    assert [e.path for e in prepare(root, Wishes()).plan.excluded] == ["runs.ipynb"]


def test_beside_a_dockerfile_of_its_own_every_notebook_is_a_file(root: Path) -> None:
    (root / "Dockerfile").write_text('FROM scratch\nCOPY . /app/\nCMD ["a"]\n')
    write(root / "runs.ipynb", notebook(*OWN))
    write(root / "calling.ipynb", notebook("x = 1", *OWN))
    plan = prepare(root, Wishes()).plan
    assert {"runs.ipynb", "calling.ipynb"} <= {*plan.code} and plan.notebooks == ()


def test_a_saved_notebook_leaves_the_commit_what_it_was(root: Path) -> None:
    (root / "main.py").write_text("print(1)\n")
    book, other = notebook("x = 1", *OWN), notebook("y = 1")
    after = ran(book)
    place = write(root / "notes" / "analysis ü.ipynb", book)
    write(root / "other.ipynb", other)
    made.commit(root)
    write(root / "runs.ipynb", notebook(*OWN))

    def dirty() -> bool:
        job = prepare(root, Wishes())
        return settled(records.project_state(root), job).dirty

    write(place, after)
    assert records.project_state(root).dirty and not dirty()
    write(root / "other.ipynb", ran(other))
    (root / "other.ipynb").write_text(
        (root / "other.ipynb").read_text().replace('"reprokit"', '"else"')
    )
    assert dirty(), "a program may read the outputs of this one"
    write(root / "other.ipynb", other)
    assert not dirty()
    after["cells"][0]["source"] = "x = 2"
    write(place, after)
    assert dirty()


def test_an_executable_notebook_stays_one(root: Path, tmp_path: Path) -> None:
    write(root / "analysis.ipynb", notebook("x = 1", *OWN)).chmod(0o755)
    there = laid_out(root, tmp_path) / "app" / "analysis.ipynb"
    assert there.stat().st_mode & 0o777 == 0o775
    context = build(root)[1].context
    assert isinstance(context, BuildContext) and replace(context, rewritten=()) != context


@pytest.mark.parametrize(("name", "goes_on"), [("NameError", True), ("KeyboardInterrupt", False)])
def test_an_error_that_a_notebook_shows(root: Path, name: str, goes_on: bool) -> None:
    """In a rerun alone, and not where somebody stopped the cell."""
    book = notebook("x", "y = 1")
    error = {"output_type": "error", "ename": name, "evalue": "", "traceback": []}
    book["cells"][0] |= {"outputs": [error], "metadata": {"tags": ["intro"]}}
    write(root / "shows.ipynb", book)
    own = code.plain_texts(Project(root), ("shows.ipynb",))
    again = code.plain_texts(Project(root, lenient=True), ("shows.ipynb",))
    tags = [cell["metadata"].get("tags") for cell in json.loads(again["shows.ipynb"])["cells"]]
    assert tags == [["intro", "raises-exception"] if goes_on else ["intro"], None]
    assert "raises-exception" not in own["shows.ipynb"]


def test_a_cell_that_was_not_run_with_the_others(root: Path) -> None:
    book = notebook("exercise", "y = 1")
    write(root / "never.ipynb", book)
    book["cells"][1]["execution_count"] = 1
    write(root / "exercise.ipynb", book)
    texts = code.plain_texts(Project(root, lenient=True), ("exercise.ipynb", "never.ipynb"))
    exercise, other = json.loads(texts["exercise.ipynb"])["cells"]
    assert exercise["metadata"]["tags"] == ["raises-exception"] and "tags" not in other["metadata"]
    assert "raises-exception" not in texts["never.ipynb"]
