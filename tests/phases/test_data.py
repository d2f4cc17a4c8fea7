"""Which files are data, and how the program gets to see them."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from reprokit.configuration import Configuration
from reprokit.errors import BadRequest
from reprokit.model import DataMount, DataPlan, Entry, Reason, Step
from reprokit.phases.data import LARGE, data_plan
from reprokit.project import Project


def make(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(gzip.compress(b"x") if path.endswith(".gz") else b"x")
    return folder


def planned(folder: Path, configuration: Configuration = Configuration()) -> DataPlan:  # noqa: B008
    return data_plan(Project(folder), configuration)


def seen(plan: DataPlan) -> list[str]:
    return [f"{m.target}" + (f" from {m.source}" if m.unpack else "") for m in plan.mounts]


def test_folders_called_data(tmp_path: Path) -> None:
    make(tmp_path, "data/a.csv", "data/sub/b.csv", "x/Dataset/c", "inputs/d", "datafile", "main.py")
    plan = planned(tmp_path)
    assert plan.files == ("data/a.csv", "data/sub/b.csv", "inputs/d", "x/Dataset/c")
    assert seen(plan) == ["data", "inputs", "x/Dataset"]
    assert plan.mode == "mount"


@pytest.mark.parametrize(
    "path",
    [
        "data/load.py",
        "src/main/resources/data/x.csv",
        "results/data/x.csv",
        "package/data/x.csv",
    ],
)
def test_folders_that_are_code_or_results(tmp_path: Path, path: str) -> None:
    make(tmp_path, path, "main.py", "package/__init__.py")
    assert planned(tmp_path) == DataPlan(mode="mount", files=(), mounts=())


def test_data_that_git_ignores(tmp_path: Path) -> None:
    make(tmp_path, "data/a.csv", "code/data/b.csv", "code/main.py", "data/.cache/x")
    (tmp_path / ".gitignore").write_text("data/\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    plan = planned(tmp_path)
    assert plan.files == ("code/data/b.csv", "data/.cache/x", "data/a.csv")
    assert seen(plan) == ["code/data", "data"]


def test_a_large_file_is_data_wherever_it_lies(tmp_path: Path) -> None:
    make(tmp_path, "main.py", "models/small.bin", "results/old.bin")
    for name in ("models/weights.bin", "results/old.bin"):
        os.truncate(make(tmp_path, name) / name, LARGE + 1)
    assert seen(planned(tmp_path)) == ["models/weights.bin"]


def test_configured_paths(tmp_path: Path) -> None:
    make(tmp_path, "corpus/a.txt", "x/b.nt", "x/c.nt", "data/d", "data/work/e")
    wished = Configuration(data_paths=("corpus", "x/*.nt", "!data/work"), data_mode="bake")
    plan = planned(tmp_path, wished)
    assert plan.files == ("corpus/a.txt", "data/d", "x/b.nt", "x/c.nt")
    assert seen(plan) == ["corpus", "data/d", "x/b.nt", "x/c.nt"]
    assert plan.mode == "bake"


def test_a_configured_path_that_is_missing(tmp_path: Path) -> None:
    wished = Configuration(file="repro.toml", lines={"data.paths": 4}, data_paths=("corpsu",))
    with pytest.raises(BadRequest) as caught:
        planned(make(tmp_path, "corpus/a"), wished)
    assert caught.value.where == "repro.toml:4"
    assert "'corpsu'" in caught.value.what


def test_secrets_are_not_seen(tmp_path: Path) -> None:
    make(tmp_path, "data/a.csv", "data/sub/b", "data/.env")
    plan = planned(tmp_path)
    assert plan.files == ("data/a.csv", "data/sub/b")
    assert seen(plan) == ["data/a.csv", "data/sub"]


def test_links_out_of_the_project_are_no_data(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", "secret.csv")
    root = make(tmp_path / "project", "data/a.csv")
    (root / "data" / "b.csv").symlink_to(outside / "secret.csv")
    (root / "data" / "all").symlink_to(outside)
    (root / "inputs").symlink_to(outside)
    assert planned(root).files == ("data/a.csv",)
    with pytest.raises(BadRequest, match="points out of the project"):
        planned(root, Configuration(data_paths=("inputs",)))


def with_code(folder: Path, code: str) -> Path:
    make(folder, "data/food.nq.gz", "data/other.csv", "data/deep/er/x")
    (folder / "main.py").write_text(code)
    return folder


def test_unpacked_where_the_code_names_the_unpacked_file(tmp_path: Path) -> None:
    plan = planned(with_code(tmp_path, "open('data/food.nq')"))
    assert plan.mounts == (
        DataMount(source="data/deep", target="data/deep"),
        DataMount(source="data/food.nq.gz", target="data/food.nq", unpack="gzip"),
        DataMount(source="data/food.nq.gz", target="data/food.nq.gz"),
        DataMount(source="data/other.csv", target="data/other.csv"),
    )


@pytest.mark.parametrize(
    "code",
    [
        "gzip.open('data/food.nq.gz')",
        "open('data/food.nq'); open('data/food.nq.gz')",
        "open('data/seafood.nq'), open('data/food.nq2'), open('data/food.nq.txt')",
        "",
    ],
)
def test_not_unpacked_otherwise(tmp_path: Path, code: str) -> None:
    assert seen(planned(with_code(tmp_path, code))) == ["data"]


def test_not_unpacked_where_it_lies_unpacked_already(tmp_path: Path) -> None:
    make(with_code(tmp_path, "open('data/food.nq')"), "data/food.nq")
    assert seen(planned(tmp_path)) == ["data"]


def test_a_command_names_the_unpacked_file(tmp_path: Path) -> None:
    steps = (Step(argv=("java", "-jar", "a.jar", "data/food.nq")),)
    entry = Entry(steps=steps, reason=Reason(text="x"), rank=0)
    plan = data_plan(Project(with_code(tmp_path, "")), Configuration(), [entry])
    assert "data/food.nq from data/food.nq.gz" in seen(plan)


@pytest.mark.parametrize(
    ("unpack", "wanted"),
    [
        (True, ["data/a.xz", "data/a from data/a.xz", "data/b.gz", "data/b from data/b.gz"]),
        (("*.xz",), ["data/a.xz", "data/a from data/a.xz", "data/b.gz"]),
        (("data/b.gz",), ["data/a.xz", "data/b.gz", "data/b from data/b.gz"]),
        (False, ["data"]),
    ],
)
def test_the_configuration_decides(
    tmp_path: Path, unpack: bool | tuple[str, ...], wanted: list[str]
) -> None:
    make(tmp_path, "data/a.xz", "data/b.gz")
    (tmp_path / "main.py").write_text("open('data/b')")
    assert sorted(seen(planned(tmp_path, Configuration(data_unpack=unpack)))) == sorted(wanted)


def test_only_the_branch_with_the_compressed_file_is_split(tmp_path: Path) -> None:
    make(tmp_path, "data/a/x/1.gz", "data/a/x/2", "data/a/y/3", "data/b/4")
    plan = planned(tmp_path, Configuration(data_unpack=True))
    assert seen(plan) == [
        "data/a/x/1 from data/a/x/1.gz",
        "data/a/x/1.gz",
        "data/a/x/2",
        "data/a/y",
        "data/b",
    ]


def test_archives_appear_as_if_unpacked_in_place(tmp_path: Path) -> None:
    folder = make(tmp_path, "data/x") / "data"
    with zipfile.ZipFile(folder / "many.zip", "w") as archive:
        archive.writestr("one.csv", "1")
        archive.writestr("two/three.csv", "3")
    with tarfile.open(folder / "corpus.tar.gz", "w:gz") as opened:
        member = tarfile.TarInfo("corpus/a.txt")
        opened.addfile(member, io.BytesIO(b""))
    (tmp_path / "main.py").write_text("open('data/one.csv'); os.listdir('data/corpus')")
    plan = planned(tmp_path)
    assert [(m.source, m.target, m.unpack) for m in plan.mounts if m.unpack] == [
        ("data/corpus.tar.gz", "data/corpus", "tar"),
        ("data/many.zip", "data/one.csv", "zip"),
        ("data/many.zip", "data/two", "zip"),
    ]


def test_a_damaged_archive_does_not_stop_the_plan(tmp_path: Path) -> None:
    make(tmp_path, "data/a.zip", "data/b.tar.xz")
    plan = planned(tmp_path, Configuration(data_unpack=True))
    assert [m.target for m in plan.mounts if m.unpack] == ["data/a", "data/b"]


def test_too_many_mounts(tmp_path: Path) -> None:
    make(tmp_path, "data/a.gz", *(f"data/{number}" for number in range(1001)))
    wished = Configuration(file="repro.toml", lines={"data.unpack": 2}, data_unpack=True)
    with pytest.raises(BadRequest, match="1003 mounts") as caught:
        planned(tmp_path, wished)
    assert caught.value.where == "repro.toml:2"
    assert caught.value.next is not None
