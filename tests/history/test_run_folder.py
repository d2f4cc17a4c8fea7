from __future__ import annotations

import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from reprokit import files
from reprokit.errors import BadRequest, StorageFailed
from reprokit.history import run_folder
from reprokit.history.index import Index
from reprokit.phases import record as records
from tests.history.made import NOW, finished


def test_a_new_folder(project: Path) -> None:
    folder = run_folder.create(project, NOW)
    assert folder.path.parent == project / ".reprokit" / "runs"
    assert folder.id.startswith("20261123-201530-")
    assert run_folder.IDENTIFIER.fullmatch(folder.id)
    assert [path.name for path in folder.path.iterdir()] == ["results"]
    assert (project / ".reprokit" / ".gitignore").read_text() == "*\n"
    assert run_folder.started(folder.id) == NOW.isoformat()


def test_ids_are_in_utc_and_need_a_time_zone() -> None:
    far = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=9)))
    assert run_folder.new_id(far).startswith("20251231-180000-")
    with pytest.raises(ValueError, match="time zone"):
        run_folder.new_id(datetime(2026, 1, 1))


def test_many_at_the_same_moment_get_folders_of_their_own(project: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: run_folder.create(project, NOW).id, range(100)))
    assert len(set(made)) == 100
    assert [folder.id for folder in run_folder.existing(project)] == sorted(made)


def test_a_taken_id_is_never_used_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.choice", lambda letters: "a")
    run_folder.create(project, NOW)
    with pytest.raises(StorageFailed, match="no free run id"):
        run_folder.create(project, NOW)


@pytest.mark.parametrize("name", [".reprokit", ".reprokit/runs"])
@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_in_the_way_is_refused(
    project: Path, tmp_path: Path, name: str, dangling: bool
) -> None:
    outside = tmp_path / "outside"
    if not dangling:
        outside.mkdir()
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).symlink_to(outside)
    with pytest.raises(BadRequest, match="is a link") as caught:
        run_folder.create(project, NOW)
    assert caught.value.where == str(project / name)
    assert not outside.exists() or list(outside.iterdir()) == []


def test_a_link_among_the_runs_is_not_a_run(project: Path, tmp_path: Path) -> None:
    folder = run_folder.create(project, NOW)
    (folder.path.parent / "20200101-000000-aaaa").symlink_to(tmp_path)
    (folder.path.parent / "notes").mkdir()
    assert run_folder.existing(project) == (folder,)


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_project_that_is_not_writable() -> None:
    root = os.geteuid() == 0  # to whom nothing is refused
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        project.chmod(0o555)
        try:
            if root:
                os.seteuid(65534)
            assert list(project.iterdir()) == []
            with pytest.raises(StorageFailed, match="cannot be written"):
                run_folder.create(project, NOW)
        finally:
            if root:
                os.seteuid(0)
            project.chmod(0o700)


def test_a_disk_that_is_full(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(StorageFailed, match="disk is full"):
        run_folder.create(project, NOW)


def test_a_record_is_read_as_it_was_written(project: Path, index: Index) -> None:
    folder, record = finished(project, index)
    assert folder.record.read_text() == records.canonical(record)
    assert run_folder.read_record(folder.record) == record
    assert {path.name for path in folder.path.iterdir()} == {"results", "record.json"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b'{"schema": 1,\n"run"', "damaged"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[1]", "not a record"),
        (b'{"schema": "1"}', "not a record"),
        (b'{"schema": true}', "not a record"),
        (b'{"schema": 99}', "newer reprokit"),
        (b'{"schema": 1, "digest": "sha256:0"}', "changed after"),
        (b'{"schema": 1, "a": NaN}', "changed after"),
        (b'{"schema": 1, "a": "\\ud800"}', "changed after"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_damaged_records(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(BadRequest, match=message) as caught:
        run_folder.read_record(path)
    assert caught.value.where is not None and caught.value.where.startswith(str(path))


def test_a_missing_record(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no record"):
        run_folder.read_record(tmp_path / "record.json")


def test_one_changed_digit_is_noticed(project: Path, index: Index) -> None:
    folder, record = finished(project, index, results={"a.csv": b"1"})
    changed = {**record, "exit_code": 1}
    folder.record.write_text(files.canonical_json(changed))
    with pytest.raises(BadRequest, match="changed after it was written"):
        run_folder.read_record(folder.record)
    folder.record.write_text(json.dumps(record, indent=4))
    assert run_folder.read_record(folder.record) == record, "layout is not content"


def test_a_killed_writer_leaves_the_old_record(
    project: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, record = finished(project, index)

    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        run_folder.write_record(folder, {**record, "exit_code": 1})
    monkeypatch.undo()
    assert run_folder.read_record(folder.record) == record
    assert {path.name for path in folder.path.iterdir()} == {"results", "record.json"}


def test_local_time_does_not_matter(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    if hasattr(time, "tzset"):
        time.tzset()
    try:
        folder = run_folder.create(project, datetime(2026, 1, 1, tzinfo=UTC))
        assert folder.id.startswith("20260101-000000-")
        assert run_folder.started(folder.id) == "2026-01-01T00:00:00+00:00"
    finally:
        monkeypatch.undo()
        if hasattr(time, "tzset"):
            time.tzset()
