"""Archives of published runs: laid out as a project, refused where their parts do not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reprokit.errors import BadRequest
from reprokit.phases import record as records
from reprokit.progress import Silent
from reprokit.rerunning import archive, sources
from reprokit.rerunning.origin import Origin
from tests.phases.test_record import inputs
from tests.rerunning.bags import members, write_folder, write_zip
from tests.rerunning.published import data_file, payload, result


def opened(tmp_path: Path, files: dict[str, bytes], folder: bool = False) -> Origin:
    if folder:
        source = write_folder(tmp_path / "bag", members(files))
    else:
        source = write_zip(tmp_path / "wheat.zip", members(files))
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return archive.opened(source, workspace, Silent())


@pytest.mark.parametrize("folder", [False, True])
def test_the_project_is_laid_out_as_it_was(tmp_path: Path, folder: bool) -> None:
    found = opened(tmp_path, payload(), folder)
    there = {p.relative_to(found.root).as_posix() for p in found.root.rglob("*") if p.is_file()}
    assert there == {"analyse.py", "data/b.csv"}
    assert found.root.name == "wheat"
    published = found.published
    assert published is not None and published.results is not None
    assert (published.results / "table.csv").read_bytes() == b"x\n1\n"
    assert published.vendor is not None and (published.vendor / "a.whl").is_file()
    assert published.image is None and published.base is None
    assert published.kept.dockerfile == "FROM scratch\n"
    assert found.source.kind == "archive" and found.source.identifier is not None
    named = found.source.json(published.record)
    assert named["run"] == published.record["run"]
    assert named["record"] == published.record["digest"]


def test_baked_data_comes_from_the_context(tmp_path: Path) -> None:
    plan = inputs()["plan"]
    files = payload(plan=replace(plan, data=replace(plan.data, mode="bake")))
    files["build/data/data/b.csv"] = files.pop("inputs/data/b.csv")
    assert (opened(tmp_path, files).root / "data" / "b.csv").read_bytes() == b"1,2\n"


def altered(**changes: Any) -> bytes:
    """A record whose digest fits, with other fields."""
    record = json.loads(payload()["record.json"])
    return records.canonical(records.sealed({**record, **changes})).encode()


def broken() -> dict[str, tuple[dict[str, bytes | None], str]]:
    newer = json.dumps({"schema": 99}).encode()
    touched = payload()["record.json"].replace(b'"exit_code":0', b'"exit_code":1')
    return {
        "another result": ({"results/table.csv": b"x\n2\n"}, "results and its record.json"),
        "a result that is gone": ({"results/table.csv": None}, "results and its record.json"),
        "other data": ({"inputs/data/b.csv": b"3\n"}, "data and its record.json"),
        "another lock": ({"repro.lock": payload()["repro.lock"] + b"\n"}, "lock and its record"),
        "no lock": ({"repro.lock": None}, "no repro.lock"),
        "no record": ({"record.json": None}, "without record.json"),
        "a newer record": ({"record.json": newer}, "newer reprokit .schema 99"),
        "a touched record": ({"record.json": touched}, "changed after it was written"),
        "no JSON": ({"record.json": b"{"}, "damaged"),
        "JSON without end": ({"record.json": b"[" * 200_000}, "damaged"),
        "a list": ({"record.json": b"[]"}, "not a record"),
        "results of another kind": ({"record.json": altered(results="all")}, "'results'"),
        "results without a name": ({"record.json": altered(results=[{}])}, "'path'"),
        "no project": ({"record.json": altered(project=None)}, "'project'"),
        "data of another kind": ({"record.json": altered(data=[])}, "'data'"),
    }


@pytest.mark.parametrize("what", broken())
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, what: str) -> None:
    changes, text = broken()[what]
    files = {k: v for k, v in {**payload(), **changes}.items() if v is not None}
    with pytest.raises(BadRequest, match=text):
        opened(tmp_path, files)


@pytest.mark.parametrize("path", ["../../evil", "/etc/passwd", "a/../../b", "", ".", "x\0y"])
def test_a_record_cannot_name_files_elsewhere(tmp_path: Path, path: str) -> None:
    for changes in (
        {"data": (data_file(path, b"1,2\n"),)},
        {"results": (result(path, b"x\n1\n"),)},
    ):
        with pytest.raises(BadRequest, match="do not belong together"):
            opened(tmp_path, payload(**changes))
        assert not (tmp_path / "evil").exists()
        (tmp_path / "wheat.zip").unlink()
        shutil.rmtree(tmp_path / "workspace")


def test_code_and_data_cannot_be_one_file(tmp_path: Path) -> None:
    data = (data_file("analyse.py", b"evil"),)
    with pytest.raises(BadRequest, match="code and data at once"):
        opened(tmp_path, {**payload(data=data), "inputs/analyse.py": b"evil"})


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../evil", "evil"),
        ("", "project"),
        ("a b", "a-b"),
        ("x" * 300, "x" * 60),
        ("é", "project"),
    ],
)
def test_a_name_is_one_folder(name: str, folder: str) -> None:
    assert archive.folder_name(name) == folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "there is no nothing"),
        ("nothing.zip", "there is no nothing.zip"),
        ("20261124-000000-aaaa", "no run"),
        ("ghcr.io/a/b@sha256:abc", "there is no"),
    ],
)
def test_what_is_no_source_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadRequest, match=text) as caught, sources.opened(name, tmp_path, Silent()):
        pass
    assert caught.value.next is not None


def test_a_zip_of_something_else_is_told(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"main.py": b"print(1)\n"})
    (tmp_path / "workspace").mkdir()
    with (
        pytest.raises(BadRequest, match="no archive of `reprokit publish`"),
        sources.opened(str(path), tmp_path / "workspace", Silent()),
    ):
        pass
