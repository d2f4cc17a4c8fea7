from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from reprokit.errors import BadRequest, StorageFailed
from reprokit.history import database, living, run_folder
from reprokit.history import index as indexes
from reprokit.history.index import Entry, Index
from tests.history.made import NOW, digest, entry, finished


def test_newest_first_and_by_project_and_status(index: Index, project: Path) -> None:
    here = str(project)
    made = [entry(0, here), entry(1), entry(2, here, "failed"), entry(3)]
    for one in made:
        index.add(one)
    assert index.list() == tuple(reversed(made))
    assert index.list(2) == (made[3], made[2])
    assert index.list(project=project) == (made[2], made[0])
    assert index.list(status="failed") == (made[2],)
    with pytest.raises(BadRequest, match="not a status"):
        index.list(status="happy")


def test_a_project_that_was_moved_or_copied_brings_its_runs(
    index: Index, project: Path, tmp_path: Path
) -> None:
    folder, _ = finished(project, index)
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    assert [(one.id, one.project) for one in index.list(project=copy)] == [(folder.id, str(copy))]
    moved = tmp_path / "moved"
    copy.rename(moved)
    assert index.find("last", moved).project == str(moved)
    assert index.find(folder.id[:8], moved).folder.record.exists()


def test_adding_again_overwrites_but_keeps_the_durations(index: Index, project: Path) -> None:
    first = entry(0, str(project), "running")
    index.add(first, {"build": 2.5})
    index.add(first._replace(status="succeeded"))
    assert [one.status for one in index.list()] == ["succeeded"]
    assert index.last_durations(project) == {"build": 2.5}


def test_durations_are_the_latest_of_each_phase(index: Index, project: Path) -> None:
    index.add(entry(0, str(project)), {"build": 60.0, "run": 9.0})
    index.add(entry(1, str(project)), {"run": 3.0})
    index.add(entry(2, "/other"), {"run": 77.0})
    assert index.last_durations(project) == {"build": 60.0, "run": 3.0}
    assert index.last_durations(project / "none") == {}


def test_the_entry_of_a_record(index: Index, project: Path) -> None:
    folder, record = finished(project, index, image="7")
    (found,) = index.list()
    assert found == indexes.entry_of(record, project)
    assert found == Entry(
        id=folder.id,
        project=str(project),
        name="wheat",
        status="succeeded",
        started=NOW.isoformat(),
        exit_code=0,
        seconds=1.5,
        command="python analyse.py",
        image=digest("7"),
        base=digest("0"),
    )
    assert index.images() == {digest("7")}
    index.remove([found])
    assert index.list() == () and index.images() == {digest("7")}


def test_find(index: Index, project: Path) -> None:
    one = entry(0, id="20261123-201530-abcd")
    two = entry(1, id="20261124-101112-efgh", project=str(project))
    index.add(one)
    index.add(two)
    assert index.find("20261123") == one
    assert index.find("20261124-101112-efgh") == two
    assert index.find("abcd") == one, "the letters alone are easier to type"
    assert index.find("last") == two
    assert index.find("2026", project) == two, "a run of this project is meant"
    assert index.find("20261123", project) == one, "else one of another"


def test_find_says_what_there_is(index: Index, project: Path) -> None:
    with pytest.raises(BadRequest, match="no run yet") as none:
        index.find("last", project)
    assert "reprokit run" in str(none.value)
    for number in range(12):
        index.add(entry(number))
    with pytest.raises(BadRequest, match="beginning of 12 runs") as ambiguous:
        index.find("2026")
    assert "20261123-201541-aaaa" in str(ambiguous.value) and "and 2 more" in str(ambiguous.value)
    with pytest.raises(BadRequest, match="there is no run") as unknown:
        index.find("20261123-201539-aaab")
    assert "20261123-201539-aaaa" in str(unknown.value)
    for hostile in ("%", "_", "' OR 1=1 --", "", "é", "\0"):
        with pytest.raises(BadRequest, match="there is no run"):
            index.find(hostile)


def test_a_copied_project_has_the_same_ids(index: Index, project: Path, tmp_path: Path) -> None:
    folder, record = finished(project, index)
    copy = tmp_path / "copy"
    index.add(indexes.entry_of(record, copy))
    assert index.find(folder.id, project).project == str(project)
    assert index.find(folder.id, copy).project == str(copy)
    with pytest.raises(BadRequest, match="beginning of 2 runs"):
        index.find(folder.id)


def test_running_then_interrupted(index: Index, project: Path) -> None:
    started = indexes.running("20261123-201530-abcd", project, "wheat", NOW, "make")
    index.add(started)
    assert index.list(status="running") == (started,)
    assert index.list(status="lost") == ()
    index.mark(started, "interrupted")
    (marked,) = index.list()
    assert (marked.status, marked.process) == ("interrupted", None)


def test_a_killed_run_is_lost(index: Index, project: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from datetime import datetime, UTC\n"
        "from reprokit.history import index\n"
        "index.Index().add(index.running('20261123-201530-abcd', Path(sys.argv[1]), 'wheat', "
        "datetime.now(UTC), 'make'))\n"
        "print('added', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(project)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "added\n"
        assert [one.status for one in index.list()] == ["running"]
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert [one.status for one in index.list(status="lost")] == ["lost"]
    assert index.list(status="running") == ()
    assert index.find("abcd").status == "lost"


def test_a_process_number_given_again_is_another_process() -> None:
    token = living.this_process()
    assert living.is_alive(token)
    host, number, start = token.rsplit("/", 2)
    assert living.is_alive(f"elsewhere/{number}/{start}"), "nothing is known of other hosts"
    assert not living.is_alive("") and not living.is_alive(f"{host}/x/{start}")
    if start:
        assert not living.is_alive(f"{host}/{number}/12@boot")


ADDER = """
import sys
from pathlib import Path
from reprokit.history.index import Index
from tests.history.made import entry
index = Index()
for number in range(25):
    index.add(entry(number, project=f"/p/{sys.argv[1]}"), {"run": 1.0})
    index.list(5)
"""


def test_several_processes_at_once(index: Index) -> None:
    root = Path(__file__).parents[2]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", ADDER, str(number)],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for number in range(5)
    ]
    assert [child.wait(120) for child in children] == [0] * 5
    assert len(index.list()) == 125
    assert len(index.projects()) == 5


@pytest.mark.parametrize("damage", ["garbage", "middle", "truncated"])
def test_a_damaged_file_is_made_anew(
    home: Path, index: Index, project: Path, tmp_path: Path, damage: str
) -> None:
    folder, record = finished(project, index)
    other = tmp_path / "other"
    other.mkdir()
    killed = run_folder.create(other, NOW + timedelta(seconds=5))
    index.add(indexes.running(killed.id, other, "other", NOW + timedelta(seconds=5), "make"))
    for number in range(300):
        index.add(entry(number, project=str(tmp_path / "deleted")))
    _damage(index.path, damage)
    said: list[str] = []
    mended = Index(warn=said.append)
    found = mended.list()
    assert [(one.id, one.status) for one in found] == [
        (killed.id, "lost"),
        (folder.id, "succeeded"),
    ]
    assert found[1] == indexes.entry_of(record, project)
    assert len(said) == 1 and "made anew with 2 runs" in said[0]
    assert len(list(index.path.parent.glob("runs-damaged-*.sqlite"))) == 1, "nothing is lost"
    assert mended.images() == {digest("0")}
    assert index.list() == found, "and only once"


def _damage(path: Path, how: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    size = path.stat().st_size
    if how == "garbage":
        path.write_bytes(os.urandom(size))
    elif how == "truncated":
        os.truncate(path, 4096 * 3)
    else:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xa5" * (size - 4096))


def test_an_index_of_a_newer_reprokit_is_left_alone(index: Index) -> None:
    index.add(entry(0))
    with sqlite3.connect(index.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(BadRequest, match="newer reprokit"):
        index.list()


def test_an_index_of_the_first_schema_is_brought_up_to_date(index: Index) -> None:
    index.add(entry(0))
    with sqlite3.connect(index.path) as connection:
        connection.execute("DROP TABLE images")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    assert index.images() == frozenset()
    assert index.list() == (entry(0),)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageFailed, match="index of runs cannot be used"):
        Index(path=blocked / "runs.sqlite").list()
    folder = tmp_path / "runs.sqlite"
    folder.mkdir()
    with pytest.raises(StorageFailed, match="index of runs cannot be used"):
        Index(path=folder).list()


def test_a_file_kept_busy(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.add(entry(0))
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(index.path, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="busy"):
            index.add(entry(1))
        assert index.list() == (entry(0),), "reading does not wait for a writer"
    finally:
        holder.close()


def test_a_project_path_that_is_no_text(index: Index) -> None:
    with pytest.raises(BadRequest, match="UTF-8"):
        index.add(entry(0, project="/p/\udcff"))


def fill(path: Path, count: int) -> None:
    """An index of `count` runs in 50 projects, written the short way."""
    with database.opened(path) as connection:
        rows = [entry(n, f"/projects/{n % 50}") for n in range(count)]
        places = ", ".join("?" * len(Entry._fields))
        columns = ", ".join(Entry._fields)
        database.write(connection, f"INSERT INTO runs ({columns}) VALUES ({places})", rows)


def test_a_hundred_thousand_runs_are_listed_at_once(index: Index) -> None:
    fill(index.path, 100_000)

    def seconds(**arguments: object) -> float:
        start = time.perf_counter()
        index.list(**arguments)  # type: ignore[arg-type]
        return time.perf_counter() - start

    project = Path("/projects/7")
    asked: list[dict[str, object]] = [
        {"limit": 20},
        {"limit": 20, "project": project},
        {"limit": 20, "status": "failed"},
    ]
    for arguments in asked:
        assert min(seconds(**arguments) for _ in range(3)) < 0.1
    start = time.perf_counter()
    assert index.find("20261123-201530").id == "20261123-201530-aaaa"
    assert time.perf_counter() - start < 0.1


def test_a_vanished_project_is_still_listed(index: Index, project: Path) -> None:
    finished(project, index)
    shutil.rmtree(project)
    assert len(index.list()) == 1
