"""Notebooks as experiments: parameters, stored outputs, and the mark of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reprokit.ecosystems.python import notebook_runner
from reprokit.errors import BadRequest
from reprokit.model import JSON, Entry, Reason, Step
from reprokit.notebook_runs import marking, outputs, parameters
from reprokit.notebook_runs.fit import refuse_unfit
from reprokit.notebook_runs.stored import Stored, check_writable, parameters_of, stored
from reprokit.pipeline.job import Wishes, folder_of, prepare
from reprokit.project import Project
from reprokit.tolerance import CompareOptions

Cell = dict[str, Any]


def code(source: str, said: str | None = None, *, tags: tuple[str, ...] = ()) -> Cell:
    written = {"output_type": "stream", "name": "stdout", "text": said}
    return {
        "cell_type": "code",
        "id": "".join(letter for letter in source if letter.isalnum())[:60] or "x",
        "metadata": {"tags": [*tags]} if tags else {},
        "source": source,
        "outputs": [] if said is None else [written],
        "execution_count": None,
    }


def notebook(path: Path, *cells: Cell, language: str = "python") -> Path:
    metadata = {"language_info": {"name": language}}
    content = {"cells": [*cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def entry(*argv: str, folder: str = ".") -> Entry:
    return Entry(steps=(Step(argv=argv, folder=folder),), reason=Reason(text="x"), rank=0)


RUN = entry("repro-notebook", "a.ipynb")


# -- parameters ---------------------------------------------------------------------------------


def test_values_are_typed_as_papermill_types_them() -> None:
    words = ["a=1", "b=2.5", "c=True", "d=None", "e=x=y", "f=", "g=1e-3", "h=true"]
    assert parameters.parsed(words) == {
        "a": 1, "b": 2.5, "c": True, "d": None, "e": "x=y", "f": "", "g": 0.001, "h": "true",
    }  # fmt: skip


@pytest.mark.parametrize("words", [["a"], ["=1"], ["a=1", "a=2"]])
def test_what_is_no_parameter_is_refused(words: list[str]) -> None:
    with pytest.raises(BadRequest):
        parameters.parsed(words)


@pytest.mark.parametrize(
    ("name", "value", "language"),
    [
        ("1a", 1, "python"),
        ("class", 1, "python"),
        ("a; import os", 1, "python"),
        ("a.b", 1, "python"),
        ("_a", 1, "r"),
        ("TRUE", 1, "r"),
        (".1a", 1, "r"),
        ("a", float("nan"), "python"),
        ("a", [float("inf")], "python"),
        ("a", "\0", "r"),
        ("a", "\udcff", "python"),
    ],
)
def test_names_and_values_that_no_cell_can_hold(
    tmp_path: Path, name: str, value: JSON, language: str
) -> None:
    notebook(tmp_path / "a.ipynb", code("x"), language=language)
    with pytest.raises(BadRequest):
        parameters.given(RUN, {name: value}, Project(tmp_path))


def test_parameters_go_to_the_one_notebook_and_are_warned_of(tmp_path: Path) -> None:
    project = Project(tmp_path)
    notebook(tmp_path / "sub" / "a.ipynb", code("alpha = 1\nb: int = 2", tags=("parameters",)))
    run = entry("repro-notebook", "a.ipynb", folder="sub")
    found = parameters.given(run, {"alpha": 2, "beta": "x"}, project)
    argv = ("repro-notebook", "a.ipynb", "--parameters", '{"alpha":2,"beta":"x"}')
    assert found.entry.steps == (Step(argv=argv, folder="sub"),)
    assert parameters_of(found.entry.steps) == {"alpha": 2, "beta": "x"}
    assert parameters_of((*run.steps, Step(argv=(*argv[:3], "{")))) == {}
    (note,) = found.notes
    assert "sets no beta" in note.text and "alpha, b" in note.text
    notebook(tmp_path / "sub" / "a.ipynb", code("alpha = 1"))
    (note,) = parameters.given(run, {"alpha": 2}, project).notes
    assert "no cell is tagged" in note.text
    assert parameters.given(run, {}, project).entry == run
    for other in (entry("python", "a.py"), Entry(steps=run.steps * 2, reason=run.reason, rank=0)):
        with pytest.raises(BadRequest, match="-p gives a notebook"):
            parameters.given(other, {"alpha": 2}, project)


def injected(
    values: dict[str, JSON], *cells: Cell, language: str = "python"
) -> list[tuple[str, list[str]]]:
    import nbformat

    document = {"cells": [*cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    read: Any = nbformat.from_dict(document)  # type: ignore[no-untyped-call]
    notebook_runner.inject(read, values, language)
    nbformat.validate(read)
    return [(cell.source, cell.metadata.get("tags", [])) for cell in read.cells]


def test_a_cell_with_the_parameters_comes_after_the_one_with_the_defaults() -> None:
    own = ('# Parameters\na = 1\nb = "it\'s"', ["injected-parameters"])
    values: dict[str, JSON] = {"a": 1, "b": "it's"}
    first, defaults = code("first"), code("a = 0", tags=("parameters",))
    assert injected(values, first, defaults)[2] == own
    assert injected(values, first)[0] == own
    earlier = code("a = 9", tags=("injected-parameters",))
    assert [cell[0] for cell in injected(values, defaults, first, earlier)] == [
        "a = 0", "first", own[0],
    ]  # fmt: skip


def test_values_in_r() -> None:
    values: dict[str, JSON] = {
        "a": True, "b": None, "c": 'q"\\\n', "d": [1, 2.5], "e": {"k": False}, "f": 1e-7,
    }  # fmt: skip
    (source, _), *_ = injected(values, language="r")
    assert source.splitlines()[1:] == [
        "a = TRUE",
        "b = NULL",
        r'c = "q\"\\\n"',
        "d = list(1, 2.5)",
        'e = list("k" = FALSE)',
        "f = 1e-07",
    ]


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("%load_ext reprokit\n%repro run a.ipynb", ""),
        ("# run it\nresult = %repro run .", ""),
        ("%%repro -o x\nx = 1", ""),
        ("y = 1\nr = %repro run .\nr.record", ""),
        ("if True:\n    %repro run\nx = 1", "if True:\n    pass\nx = 1"),
        ("%load_ext autoreload\n%reproduce", None),
        ("x = '%repro'", None),
    ],
)
def test_lines_that_call_reprokit_are_left_out(source: str, left: str | None) -> None:
    assert notebook_runner.without_own(source) == (source if left is None else left)


class Shell:
    """As much of IPython's shell as a cell in place needs."""

    def __init__(self, **variables: Any) -> None:
        self.variables = variables

    def push(self, found: dict[str, Any]) -> None:
        self.variables |= found


def test_a_cell_of_the_container_runs_in_place_with_a_namespace_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shell = Shell(x=[1], y=2, z=3)
    text = "%%repro python -i x,y --memory 4g -o total\nx.append(y)\ntotal = {'%s': sum(x)}\ntotal"
    source = notebook_runner.in_place(text)
    assert source is not None
    exec(source, {**shell.variables, "get_ipython": lambda: shell})
    assert shell.variables == {"x": [1], "y": 2, "z": 3, "total": {"%s": 3}}
    assert capsys.readouterr().out == "{'%s': 3}\n"


@pytest.mark.parametrize("text", ["y = z", "q = 1", "def f():\n  return z\ny = f()"])
def test_a_cell_in_place_sees_and_gives_only_what_is_named(text: str) -> None:
    shell = Shell(z=1)
    source = notebook_runner.in_place(f"%%repro -o y\n{text}")
    assert source is not None
    with pytest.raises(NameError):
        exec(source, {**shell.variables, "get_ipython": lambda: shell})
    assert shell.variables == {"z": 1}


@pytest.mark.parametrize("source", ["%%repro R -o x\nx <- 1", "%%repro bash\nls", "x = 1"])
def test_cells_in_other_languages_do_not_run_in_place(source: str) -> None:
    assert notebook_runner.in_place(source) is None


# -- outputs ------------------------------------------------------------------------------------


def checked(tmp_path: Path, old: list[Cell], new: list[Cell] | None) -> dict[str, Any]:
    book = notebook(tmp_path / "a.ipynb", *old)
    results = tmp_path / "results"
    if new is not None:
        notebook(results / "a.ipynb", *new)
    given = Stored(path="a.ipynb", content=book.read_bytes())
    (found,) = outputs.checked([given], results, options=CompareOptions())
    assert isinstance(found, dict)
    return found


def test_outputs_are_compared_cell_by_cell(tmp_path: Path) -> None:
    old = [code("1", "a\n"), code("22", "value 1.0\n"), code("333"), code("4444", "b\n")]
    new = [code("1", "a\n"), code("22", "value 1.0000000001\n"), code("333"), code("4444", "c\n")]
    found = checked(tmp_path, old, new)
    assert [cell["grade"] for cell in found["cells"]] == [
        "identical", "within tolerance", "identical", "different",
    ]  # fmt: skip
    assert found["grade"] == "different"
    assert found["summary"] == "outputs of 1 cell of 4 are not those stored"
    said = outputs.lines({"notebooks": [found]})
    assert said[0].startswith("a.ipynb: ") and said[1].startswith("  code cell 4: different")
    same = checked(tmp_path, old[:2], new[:2])
    assert "all 2 code cells are those stored (1 within tolerance)" in same["summary"]
    assert outputs.lines({}) == []


def test_injected_cells_and_calls_of_reprokit_are_no_difference(tmp_path: Path) -> None:
    skipped = code("r.record", "{}", tags=("skip-execution",))
    old = [code("%repro run a.ipynb", "Run 1 succeeded"), code("22", "a\n"), skipped]
    new = [
        code("x = 1", tags=("injected-parameters",)),
        code("%repro run a.ipynb"),
        code("22", "a\n"),
        {**skipped, "outputs": []},
    ]
    found = checked(tmp_path, old, new)
    assert [cell["cell"] for cell in found["cells"]] == [1, 2, 3]
    assert found["grade"] == "identical"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ([code("1")], [code("1", "a")], "holds no outputs"),
        ([code("1", "a")], None, "left no executed notebook"),
        ([{"cell_type": "code", "outputs": [5], "source": "x"}], [code("1")], "cannot be compared"),
        (
            [{"cell_type": "code", "outputs": 5, "source": "x", "metadata": {}}],
            [code("1")],
            "no outputs",
        ),
        ([{"cell_type": "code", "source": "x", "metadata": {}}], [code("1")], "no outputs"),
    ],
)
def test_where_there_is_nothing_to_compare(
    tmp_path: Path, old: list[Cell], new: list[Cell] | None, why: str
) -> None:
    found = checked(tmp_path, old, new)
    assert found["grade"] is None and why in found["summary"]


def test_the_notebooks_of_an_entry(tmp_path: Path) -> None:
    book = notebook(tmp_path / "sub" / "a.ipynb", code("1"))
    steps = (
        Step(argv=("repro-notebook", "a.ipynb", "--parameters", "{}"), folder="sub"),
        Step(argv=("repro-notebook", "gone.ipynb")),
        Step(argv=("python", "a.ipynb")),
    )
    several = Entry(steps=steps, reason=Reason(text="x"), rank=0)
    assert stored(several, Project(tmp_path)) == (
        Stored(path="sub/a.ipynb", content=book.read_bytes()),
    )


CELL = b'"cell_type": "code", "metadata": {}, "source": []'
NOTEBOOK = b'{"nbformat": 4, "metadata": {%b}, "cells": [{%b}]}'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xe9", "not in UTF-8"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "it is no JSON object"),
        (b'{"nbformat": 5}', "its format is not 4"),
        (b'{"nbformat": 4, "cells": []}', "it has no metadata"),
        (b'{"nbformat": 4, "metadata": {}}', "no list of cells"),
        (NOTEBOOK % (b"", b""), "its cell 1 is none"),
        (NOTEBOOK % (b"", b'"cell_type": "code"'), "its cell 1 has no metadata"),
        (NOTEBOOK % (b"", CELL.replace(b"[]", rb'"\ud800"')), "cell 1 holds half a character"),
        (NOTEBOOK % (rb'"a": "\ud800"', CELL), "it holds half a character"),
        (NOTEBOOK % (b'"kernelspec": {"name": "julia-1.10"}', CELL), "a kernel for julia-1.10"),
    ],
)
def test_what_no_kernel_can_run_is_refused_before_anything_is_built(
    content: bytes, said: str
) -> None:
    with pytest.raises(BadRequest, match=f"^a.ipynb: .*{said}") as caught:
        refuse_unfit(Stored(path="a.ipynb", content=content))
    assert caught.value.next


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b'"kernelspec": null, "language_info": 5',
        b'"kernelspec": {"name": "own", "display_name": "Python 3 (own)"}',
        b'"language_info": {"name": 5}, "kernelspec": {"name": "ir"}',
    ],
)
def test_odd_metadata_is_no_reason_to_refuse_a_notebook(metadata: bytes) -> None:
    refuse_unfit(Stored(path="a.ipynb", content=b"\xef\xbb\xbf" + NOTEBOOK % (metadata, CELL)))
    refuse_unfit(Stored(path="a.ipynb", content=b'{"nbformat": 3, "worksheets": []}'))


# -- the mark -----------------------------------------------------------------------------------

RECORD: dict[str, JSON] = {"run": "R", "digest": "sha256:d", "environment_digest": "sha256:e"}


def test_outputs_and_the_run_are_written_into_the_notebook(tmp_path: Path) -> None:
    book = notebook(tmp_path / "a.ipynb", code("%repro run", "kept"), code("print(1)", "old"))
    book.chmod(0o600)
    notebook(tmp_path / "results" / "a.ipynb", code("%repro run"), code("print(1)", "new"))
    given = Stored(path="a.ipynb", content=book.read_bytes())
    marking.mark(given, Project(tmp_path), tmp_path / "results", RECORD)
    written = json.loads(book.read_text())
    assert written["metadata"]["reprokit"] == {
        "run": "R", "record": "sha256:d", "environment": "sha256:e",
    }  # fmt: skip
    assert [cell["outputs"][0]["text"] for cell in written["cells"]] == ["kept", "new"]
    assert book.stat().st_mode & 0o777 == 0o600


def test_a_notebook_that_was_saved_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    book = notebook(tmp_path / "a.ipynb", code("print(1)"))
    given = Stored(path="a.ipynb", content=book.read_bytes())
    notebook(tmp_path / "results" / "a.ipynb", code("print(2)", "2"))
    with pytest.raises(BadRequest, match="other cells"):
        marking.mark(given, Project(tmp_path), tmp_path / "results", RECORD)
    notebook(book, code("print(3)"))
    before = book.read_bytes()
    with pytest.raises(BadRequest, match="saved while it ran"):
        marking.mark(given, Project(tmp_path), tmp_path / "results", RECORD)
    assert book.read_bytes() == before


def test_what_is_not_written_back() -> None:
    with pytest.raises(BadRequest, match="none runs here"):
        check_writable((), with_parameters=False)
    book = Stored(path="a.ipynb", content=b"")
    with pytest.raises(BadRequest, match="parameters"):
        check_writable((book,), with_parameters=True)
    check_writable((book,), with_parameters=False)


# -- the project of a notebook ------------------------------------------------------------------


def test_a_notebook_belongs_to_the_project_around_it(tmp_path: Path) -> None:
    book = notebook(tmp_path / "notebooks" / "first" / "a.ipynb", code("1"))
    (tmp_path / "requirements.txt").write_text("")
    # Without a repository nothing says that the list above is the notebook's.
    assert folder_of(book) == book.parent
    assert folder_of(book.parent) == book.parent
    (tmp_path / ".git").mkdir()
    assert folder_of(book) == tmp_path
    (tmp_path / "notebooks" / "repro.toml").write_text("")
    assert folder_of(book) == tmp_path / "notebooks"
    (tmp_path / ".git").rmdir()
    assert folder_of(book) == tmp_path / "notebooks"


def test_a_notebook_below_the_project_runs_in_its_own_folder(tmp_path: Path) -> None:
    book = notebook(tmp_path / "notebooks" / "a.ipynb", code("1"))
    (tmp_path / "repro.toml").write_text("")
    job = prepare(book, Wishes())
    assert job.project.root == tmp_path.resolve()
    assert job.plan.entry is not None
    assert job.plan.entry.steps == (Step(argv=("repro-notebook", "a.ipynb"), folder="notebooks"),)


def test_a_notebook_that_is_not_there_is_asked_after(tmp_path: Path) -> None:
    notebook(tmp_path / "analysis.ipynb", code("1"))
    with pytest.raises(BadRequest) as caught:
        prepare(tmp_path / "analyse.ipynb", Wishes())
    assert caught.value.next == f"is {tmp_path / 'analysis.ipynb'} meant?"
    with pytest.raises(BadRequest) as caught:
        prepare(tmp_path / "elsewhere", Wishes())
    assert caught.value.next == "name a project folder or a notebook"
