"""The build context: exactly the files of this build, with modes and times of its own."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit import files
from reprokit.errors import BadRequest
from reprokit.model import Artifact, BuildContext, DataMount, GeneratedFile
from reprokit.phases.build import Prepared, lay_out, prepare, tag_for
from reprokit.store import Store

EPOCH = 1717200000


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project with ünïcode"
    root.mkdir()
    (root / "run.py").write_text("print(1)\n")
    (root / "tool.sh").write_text("#!/bin/sh\n")
    (root / "tool.sh").chmod(0o700)
    return root


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def prepared(project: Path, store: Store, wheel: bytes = b"wheel") -> Prepared:
    source = project.parent / "wheel"
    source.write_bytes(wheel)
    artifact = Artifact(
        path="wheels/a.whl", sha256=store.add(source), size=len(wheel), url="http://x/a.whl"
    )
    context = BuildContext(
        dockerfile="FROM scratch\n",
        dockerignore="*\n!app\n",
        files=(GeneratedFile(path="reprokit/steps", content="#!/bin/sh\n", executable=True),),
        artifacts=(artifact,),
        code=(("app/run.py", "run.py"), ("app/tool.sh", "tool.sh")),
    )
    digests = {name: files.sha256(project / name) for name in ("run.py", "tool.sh")}
    return prepare(context, digests, project, "p", EPOCH)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_the_context_holds_exactly_its_files(project: Path, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    (folder / "app" / "old").mkdir(parents=True)
    (folder / "app" / "old" / "gone.py").write_text("x")
    lay_out(prepared(project, store), project, folder, store, epoch=EPOCH)
    assert contents(folder) == {
        "Dockerfile": b"FROM scratch\n",
        ".dockerignore": b"*\n!app\n",
        "vendor/reprokit/steps": b"#!/bin/sh\n",
        "vendor/wheels/a.whl": b"wheel",
        "app/run.py": b"print(1)\n",
        "app/tool.sh": b"#!/bin/sh\n",
    }
    assert not (folder / "app" / "old").exists()


def test_modes_and_times_do_not_come_from_the_checkout(
    project: Path, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "context"
    before = os.umask(0o077)
    try:
        lay_out(prepared(project, store), project, folder, store, epoch=EPOCH)
    finally:
        os.umask(before)
    assert (folder / "app/run.py").stat().st_mode & 0o777 == 0o664
    assert (folder / "app/tool.sh").stat().st_mode & 0o777 == 0o775
    assert (folder / "app").stat().st_mode & 0o777 == 0o775
    assert {int(p.stat().st_mtime) for p in folder.rglob("*")} == {EPOCH}


def test_an_edit_of_the_same_size_is_written(project: Path, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    lay_out(prepared(project, store), project, folder, store, epoch=EPOCH)
    old = (project / "run.py").stat()
    (project / "run.py").write_text("print(2)\n")
    os.utime(project / "run.py", ns=(old.st_atime_ns, old.st_mtime_ns - 10**9))
    before = (folder / "app/run.py").stat().st_mtime_ns
    lay_out(prepared(project, store), project, folder, store, epoch=EPOCH)
    assert (folder / "app/run.py").read_text() == "print(2)\n"
    # BuildKit's client compares size and time only.
    assert (folder / "app/run.py").stat().st_mtime_ns != before


def test_a_tampered_context_is_mended(project: Path, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    lay_out(prepared(project, store), project, folder, store, epoch=EPOCH)
    (folder / "vendor/wheels/a.whl").write_bytes(b"evil!")
    lay_out(prepared(project, store), project, folder, store, epoch=EPOCH)
    assert (folder / "vendor/wheels/a.whl").read_bytes() == b"wheel"


def test_unpacked_data_becomes_a_part_of_the_context(
    project: Path, store: Store, tmp_path: Path
) -> None:
    made = prepared(project, store)
    mounts = {
        "data/a.csv": DataMount(source="a.csv.gz", target="a.csv", unpack="gzip"),
        "data/b": DataMount(source="b.zip", target="b", unpack="zip"),
    }
    context = replace(made.context, unpacked=tuple(mounts.items()))
    for name in ("a.csv.gz", "b.zip"):
        (project / name).write_text(name)
    digests = {**made.digests, **{n: files.sha256(project / n) for n in ("a.csv.gz", "b.zip")}}
    one = prepare(context, digests, project, "p", EPOCH)
    assert one.key != made.key
    other = prepare(context, {**digests, "b.zip": "sha256:" + "0" * 64}, project, "p", EPOCH)
    assert other.key != one.key
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "b" / "c" / "d.csv").write_text("d")
    (tmp_path / "file").write_text("a")
    (tmp_path / "file").chmod(0o444)
    places = {"data/a.csv": tmp_path / "file", "data/b": tmp_path / "b"}
    folder = tmp_path / "context"
    for _ in range(2):
        lay_out(one, project, folder, store, epoch=EPOCH, unpacked=places)
        held = {k: v for k, v in contents(folder).items() if k.startswith("data/")}
        assert held == {"data/a.csv": b"a", "data/b/c/d.csv": b"d"}
    assert (folder / "data/a.csv").stat().st_mode & 0o777 == 0o664


def test_the_build_key_depends_on_everything_the_build_reads(project: Path, store: Store) -> None:
    keys = {prepared(project, store).key, prepared(project, store, b"other").key}
    (project / "run.py").write_text("print(3)\n")
    keys.add(prepared(project, store).key)
    (project / "tool.sh").chmod(0o600)
    keys.add(prepared(project, store).key)
    assert len(keys) == 4


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "wheels/../../x", "a//b", "."])
def test_no_path_leaves_the_context(project: Path, store: Store, tmp_path: Path, path: str) -> None:
    made = prepared(project, store)
    artifact = replace(made.context.artifacts[0], path=path)
    context = replace(made.context, artifacts=(artifact,))
    with pytest.raises(BadRequest, match="leave the build context"):
        lay_out(replace(made, context=context), project, tmp_path / "c", store, epoch=EPOCH)


@pytest.mark.parametrize("name", ["Ünïcode Projekt", "../../x", "", "a" * 300])
def test_a_tag_is_always_a_name_engines_take(name: str) -> None:
    tag = tag_for(name, "sha256:" + "ab" * 32)
    repository, _, version = tag.partition(":")
    assert version == "ab" * 6
    assert repository.startswith("localhost/reprokit/")
    assert all(c.isascii() and (c.isalnum() or c in "-/") for c in repository)
