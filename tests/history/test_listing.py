from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit.errors import BadRequest
from reprokit.history import index as indexes
from reprokit.history import listing, run_folder
from reprokit.history.index import Index
from reprokit.notebook import card
from reprokit.publishing import pushed
from reprokit.schemas import names, schema
from tests.history.made import NOW, entry, finished


def valid(name: str, document: Any) -> Any:
    Draft202012Validator(schema(name)).validate(document)
    return document


def test_every_schema_is_one_and_allows_nothing_unnamed() -> None:
    assert {"clean-1", "diff-1", "logs-1", "record-1", "runs-1"} <= set(names())
    assert {"error-1", "export-1", "lock-1"} <= set(names())
    for name in names():
        found = schema(name)
        Draft202012Validator.check_schema(found)
        assert found["additionalProperties"] is False and found["description"]
    with pytest.raises(BadRequest, match="no schema"):
        schema("../record-1")


def test_the_table_of_runs(index: Index, project: Path) -> None:
    _, record = finished(project, index)
    index.add(entry(60, "/elsewhere", "failed", exit_code=2, name="rye\x1b[31m", image=None))
    here = listing.runs(project=project, index=index)
    assert here.text().splitlines() == [
        "RUN                   STATUS     STARTED               TOOK   IMAGE         COMMAND",
        f"{record['run']}  succeeded  2026-11-23 20:15 UTC  1.5 s  000000000000  python analyse.py",
    ]
    everywhere = listing.runs(project=project, all=True, index=index)
    assert "rye\\x1b[31m" in everywhere.text() and "\x1b" not in everywhere.text()
    assert "failed (2)" in everywhere.text()
    document = valid("runs-1", everywhere.json())
    assert [row["project"]["name"] for row in document["runs"]] == ["rye\x1b[31m", "wheat"]
    assert document["more"] is False


def test_a_limit_says_that_there_is_more(index: Index) -> None:
    for number in range(3):
        index.add(entry(number))
    shown = listing.runs(limit=2, index=index)
    assert len(shown.entries) == 2 and valid("runs-1", shown.json())["more"] is True
    assert "older ones" in shown.text()
    assert listing.runs(limit=3, index=index).more is False
    assert listing.runs(limit=None, index=index).more is False
    with pytest.raises(BadRequest, match="shows nothing"):
        listing.runs(limit=0, index=index)


def test_no_run_yet(index: Index, project: Path) -> None:
    empty = listing.runs(project=project, index=index)
    assert "Start one: reprokit run" in empty.text()
    assert valid("runs-1", empty.json())["runs"] == []


def test_show(index: Index, project: Path) -> None:
    results = {f"table-{number:02}.csv": b"1\n" for number in range(20)}
    folder, record = finished(project, index, results=results, parameters={"seed": 3})
    shown = listing.show("last", project=project, index=index)
    assert valid("record-1", shown.json()) == record
    text = shown.text()
    for part in (
        folder.id,
        "succeeded",
        f"commit {'c' * 40}",
        "seed=3",
        "sha256:" + "0" * 64,
        "(not pushed)",
        "bookworm (debian)",
        "base 1, python 1",
        "network access at run time",
        str(folder.path),
        "results      20 files, 40 B",
        "table-14.csv",
        "and 5 more",
    ):
        assert part in text, part
    assert "table-15.csv" not in text


def test_show_says_where_the_image_can_be_pulled(index: Index, project: Path) -> None:
    folder, record = finished(project, index)
    pushed.add(folder, pushed.Pushed(repository="ghcr.io/me/wheat", digest=f"sha256:{'5' * 64}"))
    shown = listing.show("last", project=project, index=index)
    assert f"ghcr.io/me/wheat@sha256:{'5' * 64}" in shown.text()
    assert shown.json() == record
    assert f"ghcr.io/me/wheat@sha256:{'5' * 64}" in card.shown(shown)


def test_what_is_said_after_a_run(index: Index, project: Path) -> None:
    folder, record = finished(project, index, results={"a.csv": b"1,2\n"})
    text = listing.run_text(record, folder=folder.path, results=project / "results")
    assert text.startswith(f"Run {folder.id} succeeded, took 1.5 s.\n")
    assert "sha256:" + "0" * 64 in text and str(folder.record) in text and "a.csv" in text


def test_show_says_why_there_is_no_record(index: Index, project: Path) -> None:
    folder = run_folder.create(project, NOW)
    started = indexes.running(folder.id, project, "wheat", NOW, "make")
    index.add(started)
    with pytest.raises(BadRequest, match="still running") as running:
        listing.show(index=index)
    assert f"reprokit logs {folder.id}" in str(running.value)
    index.add(started._replace(process=None))
    with pytest.raises(BadRequest, match="was killed"):
        listing.show(index=index)
    index.mark(started, "interrupted")
    with pytest.raises(BadRequest, match="interrupted"):
        listing.show(index=index)
    folder.results.rmdir()
    folder.path.rmdir()
    with pytest.raises(BadRequest, match="is gone") as gone:
        listing.show(index=index)
    assert "reprokit clean" in str(gone.value)


def test_logs(index: Index, project: Path) -> None:
    folder, _ = finished(project, index)
    assert listing.logs(index=index).text() == "", "a program that printed nothing"
    folder.log.write_bytes("eins\r\nzwei\n\xff drei".encode("latin-1"))
    log = listing.logs(folder.id, index=index)
    assert log.text() == "eins\nzwei\n� drei"
    document = valid("logs-1", log.json())
    assert document["lines"] == ["eins", "zwei", "� drei"]
    assert document["status"] == "succeeded"


@pytest.mark.parametrize("ending", ["", "\n"])
@pytest.mark.parametrize("block", [1, 3, 64 * 1024])
def test_the_last_lines(
    index: Index, project: Path, monkeypatch: pytest.MonkeyPatch, ending: str, block: int
) -> None:
    monkeypatch.setattr(listing, "_BLOCK", block)
    folder, _ = finished(project, index)
    lines = ["a", "", "bb", "ccc", "", "d"]
    folder.log.write_text("\n".join(lines) + ending)
    for count in range(9):
        wanted = lines[max(0, len(lines) - count) :] if count else []
        assert list(listing.logs(tail=count, index=index).lines()) == wanted, count
    with pytest.raises(BadRequest, match="last -1 lines"):
        listing.logs(tail=-1, index=index)


def test_the_last_lines_of_a_large_log_are_there_at_once(index: Index, project: Path) -> None:
    folder, _ = finished(project, index)
    with folder.log.open("wb") as file:
        file.seek(2**31)  # a hole: takes no room
        file.write(b"\nlast\n")
    start = time.perf_counter()
    assert list(listing.logs(tail=1, index=index).lines()) == ["last"]
    assert time.perf_counter() - start < 1


def test_the_log_of_a_run_whose_folder_is_gone(index: Index) -> None:
    index.add(entry(0, "/nowhere"))
    with pytest.raises(BadRequest, match="is gone"):
        listing.logs(index=index).text()


def test_a_record_of_hostile_names_stays_on_its_lines(index: Index, project: Path) -> None:
    evil = "a\nstatus  succeeded\x1b[2J\u202e.csv"
    finished(project, index, results={evil: b"1"}, after=timedelta(seconds=1))
    text = listing.show(index=index).text()
    assert "\x1b" not in text and "\u202e" not in text
    assert "a\\nstatus  succeeded\\x1b[2J\\u202e.csv" in text
