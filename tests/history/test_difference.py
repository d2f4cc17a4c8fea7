from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit.errors import BadRequest
from reprokit.history import contents, difference, run_folder
from reprokit.history.difference import Difference
from reprokit.history.difference_text import SCREEN
from reprokit.history.index import Index
from reprokit.model import DataFile, LockedEcosystem, LockedPackage, RunOptions, Step
from reprokit.phases import record as records
from reprokit.phases.record import ProjectState
from reprokit.schemas import schema
from tests.history.made import digest, finished
from tests.phases.test_record import inputs

LATER = timedelta(hours=1)
VALIDATOR = Draft202012Validator(schema("diff-1"))


def compared(index: Index, project: Path, first: Any, second: Any) -> tuple[Difference, Any]:
    one, _ = finished(project, index, **first)
    two, _ = finished(project, index, after=LATER, **second)
    found = difference.diff(one.id, two.id, project=project, index=index)
    document: Any = found.json()
    VALIDATOR.validate(document)
    assert len(found.text().splitlines()) <= SCREEN
    return found, document


def test_the_same_twice(index: Index, project: Path) -> None:
    results = {"results": {"a.csv": b"x\n1\n", "b.png": b"\0"}}
    found, document = compared(index, project, results, results)
    assert found.same and document["same"] is True
    assert [row["status"] for row in document["results"]] == ["identical", "identical"]
    assert found.text().splitlines()[1:] == [
        "results: 2 of 2 files identical",
        "Nothing differs but the times.",
    ]


def test_without_a_run_the_last_two_that_succeeded(index: Index, project: Path) -> None:
    only, _ = finished(project, index)
    with pytest.raises(BadRequest, match="no earlier run of this project succeeded"):
        difference.diff(None, project=project, index=index)
    failed = replace(inputs()["outcome"], status="failed", exit_code=1)
    finished(project, index, after=LATER, outcome=failed)
    last, _ = finished(project, index, after=2 * LATER)
    document: Any = difference.diff(None, project=project, index=index).json()
    assert document["before"]["run"] == only.id and document["after"]["run"] == last.id


def test_everything_that_can_change(index: Index, project: Path) -> None:
    given_inputs = inputs()
    python = LockedEcosystem(
        ecosystem="python",
        packages=(
            LockedPackage(name="numpy", version="2.1"),
            LockedPackage(name="scipy", version="1.0"),
        ),
    )
    base = replace(given_inputs["lock"].base, packages=())
    changes = {
        "state": ProjectState(name="wheat", root_name="Wheat", commit="d" * 40, dirty=True),
        "lock": replace(given_inputs["lock"], base=base, ecosystems=(python,)),
        "lock_digest": digest("1"),
        "context_digest": digest("2"),
        "environment_digest": digest("3"),
        "steps": (Step(argv=("python", "analyse.py", "--fast")),),
        "parameters": {"seed": 4},
        "plan": replace(given_inputs["plan"], options=RunOptions(network=True)),
        "outcome": replace(given_inputs["outcome"], status="failed", exit_code=2),
        "data": (DataFile(path="data/b.gz", size=3, sha256=digest("4")),),
        "image": "5",
    }
    found, document = compared(index, project, {}, changes)
    assert document["same"] is False
    changed = {
        section: {row["name"]: (row["before"], row["after"]) for row in document[section]}
        for section in ("code", "environment", "command", "outcome")
    }
    assert changed == {
        "code": {
            "commit": ("c" * 40, "d" * 40),
            "dirty": (False, True),
            "context": (digest("0"), digest("2")),
        },
        "environment": {
            "environment_digest": (None, digest("3")),
            "image": (digest("0"), digest("5")),
            "lock": (digest("0"), digest("1")),
        },
        "command": {
            "command": ("python analyse.py", "python analyse.py --fast"),
            "parameters.seed": (3, 4),
            "options.network": (False, True),
            "options.environment_names": (["API_TOKEN"], []),
        },
        "outcome": {"status": ("succeeded", "failed"), "exit_code": (0, 2)},
    }
    assert document["packages"] == [
        {"source": "base", "name": "libc6", "before": ["2.36-9"], "after": []},
        {"source": "python", "name": "numpy", "before": ["2.0"], "after": ["2.1"]},
        {"source": "python", "name": "scipy", "before": [], "after": ["1.0"]},
    ]
    assert [(row["path"], row["status"]) for row in document["data"]] == [
        ("data/b.gz", "different")
    ]
    for line in (
        "  commit: cccccccccccc → dddddddddddd",
        "  dirty: no → yes",
        "  environment_digest: none → 333333333333",
        "  - libc6 (base) 2.36-9",
        "    numpy (python) 2.0 → 2.1",
        "  + scipy (python) 1.0",
        "  parameters.seed: 3 → 4",
        "  exit_code: 0 → 2",
        "  data/b.gz: different, 2 B → 3 B",
    ):
        assert line in found.text().splitlines(), line


def test_long_commands_are_shown_where_they_differ(index: Index, project: Path) -> None:
    long = ("java", "-cp", "target/tool-1.0-SNAPSHOT.jar:target/dependency/*:lib/more.jar")
    found, _ = compared(
        index,
        project,
        {"steps": (Step(argv=(*long, "org.x.Main")),)},
        {"steps": (Step(argv=(*long, "org.x.Eval")),)},
    )
    (line,) = (line for line in found.text().splitlines() if "command:" in line)
    assert "org.x.Main → …" in line and line.endswith("org.x.Eval")


def test_results_file_by_file(index: Index, project: Path) -> None:
    found, document = compared(
        index,
        project,
        {"results": {"a.txt": b"one\ntwo\nthree\n", "gone": b"12", "p.png": b"\0ab", "s": b"s"}},
        {"results": {"a.txt": b"one\n2\nthree\n", "new": b"123", "p.png": b"\0aX", "s": b"s"}},
    )
    rows = {row["path"]: row for row in document["results"]}
    assert {path: row["status"] for path, row in rows.items()} == {
        "a.txt": "different",
        "gone": "missing",
        "new": "extra",
        "p.png": "different",
        "s": "identical",
    }
    assert rows["a.txt"]["detail"] == {
        "kind": "text",
        "added": 1,
        "removed": 1,
        "diff": ["@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"],
        "cut": False,
    }
    assert rows["p.png"]["detail"] == {"kind": "binary", "first": 2}
    assert rows["gone"]["after"] is None and rows["new"]["before"] is None
    for part in (
        "1 of 5 files identical",
        "+2",
        "bytes differ from offset 2",
        "gone: missing, 2 B",
    ):
        assert part in found.text()


def test_cells_of_a_table(index: Index, project: Path) -> None:
    found, document = compared(
        index,
        project,
        {"results": {"t.csv": b"name,score,old\na,1.0,x\nb,2.5,x\nc,nan,x\n"}},
        {"results": {"t.csv": b"new,name,score\n,a,1.25\n,B,2.25\n,c,nan\n"}},
    )
    (row,) = document["results"]
    assert row["detail"] == {
        "kind": "table",
        "rows": 3,
        "columns": [
            {"name": "name", "cells": 1, "largest": None},
            {"name": "score", "cells": 2, "largest": 0.25},
        ],
        "added": ["new"],
        "removed": ["old"],
        "cells": [
            {"row": 3, "column": "name", "before": "b", "after": "B"},
            {"row": 2, "column": "score", "before": "1.0", "after": "1.25"},
            {"row": 3, "column": "score", "before": "2.5", "after": "2.25"},
        ],
    }
    for part in ("column score: 2 cells of 3 differ, by at most 0.25", "removed columns: old"):
        assert part in found.text()


def detail(tmp_path: Path, before: bytes, after: bytes, suffix: str = ".txt") -> Any:
    paths = tmp_path / f"before{suffix}", tmp_path / f"after{suffix}"
    for path, content in zip(paths, (before, after), strict=True):
        path.write_bytes(content)
    return contents.detail(*paths)


def test_a_table_with_another_number_of_rows_is_compared_as_text(tmp_path: Path) -> None:
    found = detail(tmp_path, b"a;b\n1;2\n", b"a;b\n0;0\n1;2\n", ".csv")
    assert (found["kind"], found["added"], found["removed"]) == ("text", 1, 0)


def test_a_table_that_differs_only_in_writing_is_compared_as_text(tmp_path: Path) -> None:
    assert detail(tmp_path, b'a\tb\n1\t"2"\n', b"a\tb\n1\t2\n", ".tsv")["kind"] == "text"


def test_infinite_numbers_stay_out_of_the_json(tmp_path: Path) -> None:
    found = detail(tmp_path, b"a\n1\n2\n", b"a\ninf\nnan\n", ".csv")
    assert found["columns"] == [{"name": "a", "cells": 2, "largest": None}]


def test_repeated_and_missing_columns(tmp_path: Path) -> None:
    found = detail(tmp_path, b"a,a\n1,2\n", b"a,a\n1\n", ".csv")
    assert found["columns"] == [{"name": "a (2)", "cells": 1, "largest": None}]


def test_of_notebooks_the_cells_are_compared_and_not_the_json(tmp_path: Path) -> None:
    def book(name: str, source: str, *outputs: dict[str, Any], **more: Any) -> Path:
        cell = {"cell_type": "code", "source": [source], "outputs": [*outputs], "metadata": {}}
        place = tmp_path / name
        place.write_text(json.dumps({"cells": [cell], "nbformat": 4, "metadata": more}, indent=1))
        return place

    figure = {"image/png": "AAAA", "text/plain": ["<Figure>"], "text/html": "<b>"}
    before = book("a.ipynb", "x = 1\nx", {"text": ["1\n", "2\n"]}, {"data": figure})
    other = {**figure, "image/png": "BBBB", "text/html": "<i>"}
    after = book("b.ipynb", "x = 1\nx", {"text": "1\n3\n"}, {"data": other}, kernel=1)
    found: Any = contents.detail(before, after)
    assert (found["kind"], found["added"], found["removed"]) == ("text", 2, 2)
    assert found["diff"][:5] == [
        "@@ -4,4 +4,4 @@", "   > 1", "-  > 2", "-  > [image/png 63c1dd951ffe]", "+  > 3",
    ]  # fmt: skip
    # Where only what is around the cells differs, that is shown, and of no notebook its text.
    same = book("c.ipynb", "x = 1\nx", {"text": "1\n2\n"}, {"data": figure}, around=1)
    around: Any = contents.detail(before, same)
    assert any('"around": 1' in line for line in around["diff"])
    (tmp_path / "d.ipynb").write_text("[1]")
    none: Any = contents.detail(before, tmp_path / "d.ipynb")
    assert "+[1]" in none["diff"]


def test_one_file_is_the_beginning_of_the_other(tmp_path: Path) -> None:
    assert detail(tmp_path, b"\0a", b"\0ab") == {"kind": "binary", "first": None}


@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_large_texts_do_not_take_long(tmp_path: Path, suffix: str) -> None:
    before = "".join(f"{number},{number * 7 % 1000}\n" for number in range(100_000)).encode()
    after = "".join(f"{number},{number * 7 % 999}\n" for number in range(100_000)).encode()
    start = time.perf_counter()
    found = detail(tmp_path, before, after, suffix)
    assert time.perf_counter() - start < 3
    if suffix == ".txt":
        assert found["cut"] is True and len(found["diff"]) <= contents.DIFF_LINES + 1
    else:
        assert found["rows"] == 99_999 and len(found["cells"]) == contents.CELLS


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    before=st.lists(st.sampled_from("abcde"), max_size=12),
    after=st.lists(st.sampled_from("abcde"), max_size=12),
)
def test_the_counts_of_a_text_agree_with_its_lines(
    tmp_path: Path, before: list[str], after: list[str]
) -> None:
    found = detail(
        tmp_path,
        "".join(f"{line}\n" for line in before).encode(),
        "".join(f"{line}\n" for line in after).encode(),
    )
    assert len(after) - len(before) == found["added"] - found["removed"]
    assert sum(line.startswith("+") for line in found["diff"]) == found["added"]
    assert sum(line.startswith("-") for line in found["diff"]) == found["removed"]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=st.binary(max_size=60), after=st.binary(max_size=60), name=st.sampled_from("ab"))
def test_any_two_files_have_a_valid_detail(
    tmp_path: Path, before: bytes, after: bytes, name: str
) -> None:
    found = detail(tmp_path, before, after, ".csv" if name == "a" else ".dat")
    wrapped = {**schema("diff-1"), **{"$ref": "#/$defs/detail"}}
    for key in ("type", "properties", "required", "additionalProperties"):
        wrapped.pop(key)
    Draft202012Validator(wrapped).validate(found)
    assert all(
        column["largest"] is None or math.isfinite(column["largest"])
        for column in found.get("columns", [])
    )


def test_names_that_lead_out_of_the_results_are_not_read(tmp_path: Path) -> None:
    results = tmp_path / "results"
    (results / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("s")
    (results / "link").symlink_to(tmp_path / "secret")
    (results / "folder").symlink_to(tmp_path)
    (results / "fine.txt").write_text("f")
    for name in ("../secret", str(tmp_path / "secret"), "link", "folder/secret", "sub", "", "a\0b"):
        assert contents.inside(results, name) is None, name
    assert contents.inside(results, "fine.txt") == results / "fine.txt"


def test_a_result_that_is_no_longer_there(index: Index, project: Path) -> None:
    one, _ = finished(project, index, results={"a": b"1"})
    two, _ = finished(project, index, results={"a": b"2"}, after=LATER)
    (two.results / "a").unlink()
    found: Any = difference.diff(one.id, two.id, index=index).json()
    VALIDATOR.validate(found)
    assert found["results"][0]["status"] == "different"
    assert found["results"][0]["detail"] is None


def test_a_run_without_a_record(index: Index, project: Path) -> None:
    one, _ = finished(project, index)
    two, record = finished(project, index, after=LATER)
    changed = records.sealed({**record, "schema": 2})
    run_folder.write_record(two, changed)
    with pytest.raises(BadRequest, match="newer reprokit"):
        difference.diff(one.id, two.id, index=index)


def test_the_text_is_one_screen_however_much_differs(index: Index, project: Path) -> None:
    lots = {f"{number:03}.csv": b"a,b\n" * 9 for number in range(60)}
    other = {name: f"a,b\n{name}\n".encode() * 5 for name in lots}
    packages = tuple(LockedPackage(name=f"p{n}", version="1") for n in range(50))
    lock = replace(
        inputs()["lock"], ecosystems=(LockedEcosystem(ecosystem="r", packages=packages),)
    )
    parameters = {f"name {n}": "x" * 500 for n in range(30)}
    found, _ = compared(
        index,
        project,
        {"results": lots},
        {"results": other, "lock": lock, "parameters": parameters, "version": "9"},
    )
    assert max(map(len, found.text().splitlines())) < 160
    assert "and 46 more" in found.text() or "--json shows all" in found.text()
