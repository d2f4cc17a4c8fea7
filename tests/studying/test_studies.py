"""Whole studies: real processes, an engine in memory."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import verbs
from reprokit.engines.fake import FakeEngine
from reprokit.errors import BadRequest, Interrupted, NoEngine, StorageFailed
from reprokit.history import living as processes
from reprokit.progress import Silent
from reprokit.schemas import schema
from reprokit.studying import study as studying
from reprokit.studying import working
from reprokit.studying.study import StudyResult
from reprokit.studying.working import seconds_left
from tests.studying import program

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


class Told(Silent):
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.lines: list[str] = []
        self.amounts: set[tuple[int, int | None]] = set()

    def message(self, text: str) -> None:
        self.messages.append(text)

    def log(self, line: str) -> None:
        self.lines.append(line)

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        self.amounts.add((done, total))


class Folder:
    """A folder with sources and a list of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.list = root / "list.toml"

    def source(self, name: str, does: str, expected: str = "1") -> None:
        place = self.root / name
        (place / "results").mkdir(parents=True, exist_ok=True)
        (place / "Dockerfile").write_text(program.DOCKERFILE)
        (place / "does").write_text(does)
        (place / "results" / "a.txt").write_text(expected)

    def write(self, *names: str, more: str = "") -> None:
        listed = ", ".join(json.dumps(name) for name in names)
        self.list.write_text(f"yes = true\nsources = [{listed}]\n{more}")

    def begun(self) -> list[str]:
        """The sources whose processes were started, one for each time."""
        found = (path.name.rpartition("-")[0] for path in (self.root / "begun").glob("*"))
        return sorted(found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[FakeEngine]:
        yield FakeEngine()

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(working, "PROGRAM", ("-P", program.__file__))
    monkeypatch.setattr(working, "PAUSE", 0.05)
    monkeypatch.setattr(working, "SOON", 0.0)
    monkeypatch.setattr(studying, "connect", connect)
    root = tmp_path / "sources, é & $(touch evil)"
    root.mkdir()
    return Folder(root)


def study(folder: Folder, **wishes: Any) -> StudyResult:
    found = verbs.study(folder.list, **wishes)
    document = json.loads(found.folder.document.read_text())
    assert document == found.json()
    Draft202012Validator(schema("study-1")).validate(document)
    return found


def outcomes(found: StudyResult) -> dict[str, str]:
    document: Any = found.json()
    return {row["name"]: row["outcome"] for row in document["sources"]}


def cause(found: StudyResult, name: str) -> Any:
    return next(row for row in found.rows if row["name"] == name)["cause"]


def eventually(true: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, f"{what}: not within {PATIENCE} s"
        time.sleep(0.02)


def test_one_broken_source_stops_no_other(folder: Folder) -> None:
    folder.source("same", "write 1")
    folder.source("other", "write 2")
    folder.source("fails", "say it went wrong\nexit 3")
    folder.source("defect", "defect")
    folder.source("killed", "killed")
    folder.write("defect", "killed", "fails", "nowhere", "other", "same")
    told = Told()
    found = study(folder, jobs=2, reporter=told)
    assert outcomes(found) == {
        "defect": "not built",
        "killed": "not built",
        "fails": "failed",
        "nowhere": "not found",
        "other": "not the same",
        "same": "same",
    }
    assert found.failure is None
    assert cause(found, "defect")["name"] == "defect"
    assert "a defect of ours" in "\n".join(cause(found, "defect")["evidence"])
    assert cause(found, "killed")["name"] == "killed"
    assert cause(found, "fails")["name"] == "unknown" and cause(found, "fails")["evidence"]
    assert cause(found, "nowhere")["name"] == "not-found"
    assert cause(found, "same") is None and cause(found, "other") is None
    # What is said while it goes on.
    assert "now: " in told.lines[0] and "defect (" in told.lines[0]
    assert len(told.messages) == 6 and told.messages[-1].endswith("6 of 6 done")
    for said in (told.messages, told.lines):
        assert any(" left, until " in text for text in said)
    assert (6, 6) in told.amounts
    # The table and the page say the same.
    with found.folder.table.open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert rows["same"]["outcome"] == "same" and rows["fails"]["cause"] == "unknown"
    assert float(rows["same"]["run_seconds"]) >= 0 and rows["other"]["files"] == "1"
    page = found.folder.page.read_text()
    assert all(name in page for name in rows) and "http" not in page.replace("http-equiv", "")
    text = found.text()
    assert "6 of 6 sources rerun" in text and str(found.folder.page) in text


def test_the_time_left_counts_what_runs_already() -> None:
    assert seconds_left([], [30.0], 5, 2) is None
    assert seconds_left([60.0, 60.0], [0.0, 0.0], 6, 2) == 240.0
    # Two that failed at once say little of those that have run for ten minutes.
    assert seconds_left([0.1, 0.1], [600.0, 600.0], 24, 2) == pytest.approx(600.1 * 26 / 2)
    assert seconds_left([60.0], [], 0, 2) == 0.0


def test_what_is_done_is_not_done_again(folder: Folder) -> None:
    folder.source("a", "write 1")
    folder.source("b", "exit 1")
    folder.write("a", "b")
    first = study(folder)
    assert study(folder).json() == first.json() and folder.begun() == ["a", "b"]
    folder.source("b", "write 1")
    assert outcomes(study(folder))["b"] == "failed" and folder.begun() == ["a", "b"]
    assert outcomes(study(folder, again=["failed"]))["b"] == "same"
    assert folder.begun() == ["a", "b", "b"]
    study(folder, again=["a"])
    assert folder.begun() == ["a", "a", "b", "b"]
    folder.source("a", "write 2")
    study(folder, again=["all"])
    assert folder.begun() == ["a", "a", "a", "b", "b", "b"]
    assert study(folder, again=["different"]).rows[0]["same"] is False
    assert folder.begun() == ["a", "a", "a", "a", "b", "b", "b"]
    with pytest.raises(BadRequest, match="no source is called 'c'"):
        study(folder, again=["c"])


def test_a_source_that_became_another_is_rerun(folder: Folder) -> None:
    folder.source("a", "write 1")
    folder.source("b", "write 2")
    folder.list.write_text('yes = true\n[[source]]\nname = "x"\nsource = "a"\n')
    assert outcomes(study(folder)) == {"x": "same"}
    folder.list.write_text('yes = true\n[[source]]\nname = "x"\nsource = "b"\n')
    assert outcomes(study(folder)) == {"x": "not the same"}


def test_isolation_is_loosened_only_when_that_is_said(folder: Folder) -> None:
    folder.source("a", "write 1")
    folder.list.write_text('sources = ["a"]\n')
    found = study(folder)
    assert cause(found, "a")["name"] == "not-allowed"
    assert outcomes(study(folder, yes=True)) == {"a": "same"}


def test_limits_of_time_and_memory(folder: Folder) -> None:
    folder.source("endless", "write 1\nwait")
    folder.source("quick", "write 1")
    folder.write("endless", "quick")
    found = study(folder, timeout=15.0, memory="2g", jobs=2)
    assert cause(found, "endless")["name"] == "timed-out"
    assert outcomes(found) == {"endless": "failed", "quick": "same"}
    assert (folder.root / "quick" / "options").read_text() == str(1024**3)


def test_no_program_gets_more_memory_than_its_share_of_the_machine(folder: Folder) -> None:
    folder.source("a", "write 1")
    folder.source("b", "write 1")
    folder.write("a", "b")
    study(folder, jobs=2)
    assert (folder.root / "a" / "options").read_text() == str(4 * 1024**3)


def test_a_process_that_does_not_heed_its_limit_is_stopped(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does whose build hangs: the limit of the program alone would not end it."""
    monkeypatch.setattr(working, "GRACE", -4.0)
    folder.source("endless", "wait")
    folder.write("endless")
    found = study(folder, timeout=12.0)
    assert cause(found, "endless")["name"] == "timed-out"
    assert "within 12.0 s" in cause(found, "endless")["text"]
    took: Any = found.rows[0]["seconds"]
    assert 1 < took < PATIENCE
    assert not living(folder, "endless")


def test_no_engine_ends_the_study_and_spoils_no_result(folder: Folder) -> None:
    folder.source("a", "write 1")
    folder.source("b", "no engine")
    folder.source("c", "wait")
    folder.write("a", "b", "c")
    with pytest.raises(NoEngine, match="no engine answers"):
        study(folder, jobs=1)
    assert folder.begun() == ["a", "b"]
    folder.source("b", "write 1")
    folder.source("c", "write 1")
    assert set(outcomes(study(folder)).values()) == {"same"}
    assert folder.begun() == ["a", "b", "b", "c"]


def test_a_full_disk_is_no_result_of_a_source(folder: Folder) -> None:
    folder.source("a", "full")
    folder.source("b", "write 1")
    folder.write("a", "b")
    found = study(folder)
    assert isinstance(found.failure, StorageFailed)
    assert outcomes(found)["b"] == "same"
    folder.source("a", "write 1")
    again = study(folder)
    assert again.failure is None and outcomes(again)["a"] == "same"


def test_a_result_that_cannot_be_written_is_none(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = ("-c", "import sys; print('the disk is full'); sys.exit(8)")
    monkeypatch.setattr(working, "PROGRAM", full)
    folder.source("a", "write 1")
    folder.write("a")
    found = study(folder)
    assert isinstance(found.failure, StorageFailed) and "the disk is full" in found.failure.what
    monkeypatch.setattr(working, "PROGRAM", ("-P", program.__file__))
    assert outcomes(study(folder)) == {"a": "same"}


def test_what_somebody_else_stops_is_told(folder: Folder) -> None:
    folder.source("a", "stopped")
    folder.write("a")
    told = cause(study(folder), "a")
    assert told["name"] == "killed" and "by somebody else" in told["text"]


def test_ctrl_c_stops_all_and_says_how_to_go_on(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.source("a", "write 1")
    folder.source("b", "write 1\nwait")
    folder.write("a", "b")

    class Impatient(Told):
        def log(self, line: str) -> None:
            if "b (run)" in line:
                threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,)).start()

    with pytest.raises(Interrupted, match="1 of 2 sources are done") as stopped:
        study(folder, jobs=1, reporter=Impatient())
    assert "goes on where it was: `reprokit study '" in (stopped.value.next or "")
    assert not living(folder, "b")
    assert json.loads((folder.root / "list-study" / "study.json").read_text())["listed"] == 2
    (folder.root / "b" / "go").touch()
    assert set(outcomes(study(folder)).values()) == {"same"}
    assert folder.begun() == ["a", "b", "b"]


KILLED = """\
import sys
from contextlib import contextmanager
from pathlib import Path
from reprokit import verbs
from reprokit.engines.fake import FakeEngine
from reprokit.studying import study, working
@contextmanager
def connect(preferred=None):
    yield FakeEngine()
working.PROGRAM, study.connect = ("-P", sys.argv[2]), connect
verbs.study(sys.argv[1], jobs=1)
"""


def test_a_study_that_was_killed_goes_on_where_it_was(folder: Folder) -> None:
    folder.source("a", "write 1")
    folder.source("b", "write 1\nwait")
    folder.source("c", "write 1")
    folder.write("a", "b", "c")
    words = [sys.executable, "-c", KILLED, str(folder.list), program.__file__]
    first = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        eventually(lambda: "b" in folder.begun(), "the second source")
        [number] = [int(p.name.rpartition("-")[2]) for p in (folder.root / "begun").glob("b-*")]
    finally:
        first.kill()
        first.wait()
    # The second study waits for what the first one left, which stops by itself.
    (folder.root / "b" / "go").touch()
    assert set(outcomes(study(folder, jobs=2)).values()) == {"same"}
    assert folder.begun().count("a") == 1 and folder.begun().count("c") == 1
    assert not alive(number)


def test_two_studies_do_not_share_a_folder(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    from reprokit.studying import state

    monkeypatch.setattr(studying, "ORPHANS", 0.1)
    folder.source("a", "write 1")
    folder.write("a")
    with state.alone(folder.root / "list-study"), pytest.raises(BadRequest, match="another study"):
        study(folder)
    assert set(outcomes(study(folder, output=folder.root / "elsewhere")).values()) == {"same"}


def living(folder: Folder, name: str) -> bool:
    """Whether a process of the source still runs."""
    begun = (folder.root / "begun").glob(f"{name}-*")
    return any(alive(int(path.name.rpartition("-")[2])) for path in begun)


def alive(number: int) -> bool:
    """Whether a process lives. One that ended, and whose parent did not ask how, does not."""
    return processes.is_alive(processes.token(number))


def test_reports_are_written_where_wanted_and_linked(folder: Folder) -> None:
    folder.source("a", "write 2")
    folder.write("a")
    found = study(folder, reports=True)
    [report] = (found.folder.root / "reports").iterdir()
    assert f'href="reports/{report.name}"' in found.folder.page.read_text()
    assert "The results are not the same" in report.read_text()
