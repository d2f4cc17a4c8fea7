"""What a run wrote beside /app/results is collected; nothing hostile gets out of the container."""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from reprokit.engines.protocol import Change, Container
from reprokit.errors import BadRequest, StorageFailed
from reprokit.model import DataMount, DataPlan, Plan, ResultFile, RunOptions
from reprokit.phases import collect as collecting
from reprokit.phases.collect import check_writable, deliver, listing, results_folder


class Box:
    """A container that changed some paths."""

    def __init__(self, members: dict[str, tarfile.TarInfo | bytes]) -> None:
        self.members = members

    def changes(self) -> tuple[Change, ...]:
        return tuple(Change(path=path, kind="added") for path in self.members)

    def read(self, path: str) -> Iterator[bytes]:
        member = self.members[path]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            if isinstance(member, bytes):
                info = tarfile.TarInfo(path.rpartition("/")[2])
                info.size = len(member)
                archive.addfile(info, io.BytesIO(member))
            else:
                archive.addfile(member)
        content = buffer.getvalue()
        for start in range(0, len(content), 100):  # chunks that do not fit tar's blocks
            yield content[start : start + 100]


def box(members: dict[str, Any]) -> Container:
    return cast(Container, Box(members))


def collect(container: Container, plan: Plan, results: Path) -> tuple[str, ...]:
    return tuple(collecting.collect(container, plan, results, pytest.fail))


def plan(*mounts: str) -> Plan:
    return Plan(
        name="p",
        detections=(),
        runtimes=(),
        bases=(),
        system_packages=(),
        date=None,
        entry=None,
        alternatives=(),
        code=(),
        data=DataPlan(
            mode="mount",
            files=(),
            mounts=tuple(DataMount(source=m, target=m) for m in mounts),
        ),
        excluded=(),
        options=RunOptions(),
    )


def test_files_beside_the_results_folder_are_collected(tmp_path: Path) -> None:
    container = box({"/app/figures/a.png": b"png" * 200, "/tmp/x": b"no", "/app/results/r": b"no"})
    assert collect(container, plan(), tmp_path) == ("figures/a.png",)
    assert (tmp_path / "figures" / "a.png").read_bytes() == b"png" * 200


def test_caches_and_mounted_data_are_not_results(tmp_path: Path) -> None:
    container = box(
        {"/app/__pycache__/m.pyc": b"x", "/app/data/raw/d.csv": b"x", "/app/old.pyc": b"x"}
    )
    assert collect(container, plan("data"), tmp_path) == ()


def test_data_that_the_image_carries_may_be_written_over(tmp_path: Path) -> None:
    mounted = plan("data")
    baked = replace(mounted, data=replace(mounted.data, mode="bake"))
    container = box({"/app/data/raw.txt": b"anew"})
    assert collect(container, baked, tmp_path) == ("data/raw.txt",)


def test_a_name_used_in_results_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"result")
    assert collect(box({"/app/a.csv": b"beside"}), plan(), tmp_path) == ("app/a.csv",)
    assert (tmp_path / "a.csv").read_bytes() == b"result"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_stay_in_the_container(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("evil")
    info.type = kind
    info.linkname = "/etc/passwd"
    assert collect(box({"/app/evil": info}), plan(), tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_links_in_the_results_are_told_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    results = tmp_path / "results"
    results.mkdir()
    (results / "link").symlink_to(outside / "secret")
    (results / "folder").symlink_to(outside)
    (results / "real.txt").write_text("r")
    said: list[str] = []
    assert [file.path for file in listing(results, (), said.append)] == ["real.txt"]
    assert len(said) == 1 and said[0].startswith("folder, link: not recorded")
    for number in range(4):
        (results / f"a{number}").symlink_to("real.txt")
    listing(results, (), said.append)
    assert said[1].startswith("a0, a1, a2 and 3 more: not recorded")


def test_delivery_never_writes_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "results"
    target.mkdir()
    (target / "figures").symlink_to(outside)
    source = tmp_path / "run"
    (source / "figures").mkdir(parents=True)
    (source / "figures" / "a.png").write_bytes(b"x")
    file = ResultFile(path="figures/a.png", size=1, sha256="sha256:" + "0" * 64)
    with pytest.raises(BadRequest, match="points out"):
        deliver((file,), source, target)
    assert list(outside.iterdir()) == []


def test_a_link_in_place_of_a_result_is_replaced(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    source, target = tmp_path / "run", tmp_path / "results"
    source.mkdir()
    target.mkdir()
    (source / "a").write_text("new")
    (target / "a").symlink_to(victim)
    deliver((ResultFile(path="a", size=3, sha256="sha256:" + "0" * 64),), source, target)
    assert victim.read_text() == "mine"
    assert (target / "a").read_text() == "new" and not (target / "a").is_symlink()


def test_a_collected_file_is_not_written_through_a_link_that_the_program_left(
    tmp_path: Path,
) -> None:
    outside, results = tmp_path / "outside", tmp_path / "results"
    outside.mkdir()
    results.mkdir()
    (results / "figures").symlink_to(outside)
    (results / "app").symlink_to(outside)
    found = collect(box({"/app/figures/a.png": b"x"}), plan(), results)
    assert found == ("app-2/figures/a.png",)
    assert list(outside.iterdir()) == []


def test_a_file_stands_where_a_collected_folder_would(tmp_path: Path) -> None:
    (tmp_path / "figures").write_bytes(b"result")
    found = collect(box({"/app/figures/a.png": b"x"}), plan(), tmp_path)
    assert found == ("app/figures/a.png",)


def test_a_new_folder_is_read_at_once(tmp_path: Path) -> None:
    names = ["out", "out/a", "out/\udce9", "out/__pycache__", "out/__pycache__/x", "out/../../b"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE if name in ("out", "out/__pycache__") else tarfile.REGTYPE
            archive.addfile(info)

    class Folder(Box):
        reads = 0

        def changes(self) -> tuple[Change, ...]:
            listed = [Change(path=f"/app/{name}", kind="added") for name in names[:-1]]
            return (Change(path="/app", kind="changed"), *listed)

        def read(self, path: str) -> Iterator[bytes]:
            self.reads += 1
            assert path == "/app/out"
            yield buffer.getvalue()

    container = Folder({})
    assert collect(cast(Container, container), plan(), tmp_path) == ("out/a", "out/\udce9")
    assert container.reads == 1
    said: list[str] = []
    assert [f.path for f in listing(tmp_path, (), said.append)] == ["out/a"]
    assert len(said) == 1 and "out/\\xe9" in said[0]


def test_what_cannot_be_read_is_told_and_the_rest_is_collected(tmp_path: Path) -> None:
    class Broken(Box):
        def read(self, path: str) -> Iterator[bytes]:
            if path == "/app/a":
                raise BadRequest("is not in the container", where=path)
            yield from super().read(path)

    said: list[str] = []
    container = cast(Container, Broken({"/app/a": b"1", "/app/b": b"2"}))
    assert list(collecting.collect(container, plan(), tmp_path, said.append)) == ["b"]
    assert len(said) == 1 and "/app/a" in said[0]


def test_a_results_folder_that_leads_out_of_the_project_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    assert results_folder(project, "results") == project / "results"
    (project / "results").symlink_to(tmp_path)
    with pytest.raises(BadRequest, match="points out of the project"):
        results_folder(project, "results")


def test_a_results_folder_that_is_none_is_told_before_the_run(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "results")
    (tmp_path / "results").write_text("a file")
    with pytest.raises(StorageFailed, match="not a folder"):
        check_writable(tmp_path / "results")


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    name = "n" * 255
    source, target = tmp_path / "run", tmp_path / "results"
    source.mkdir()
    (source / name).write_text("new")
    deliver((ResultFile(path=name, size=3, sha256="sha256:" + "0" * 64),), source, target)
    assert (target / name).read_text() == "new"


def test_results_that_cannot_be_delivered_are_still_in_the_run(tmp_path: Path) -> None:
    source, target = tmp_path / "run", tmp_path / "results"
    source.mkdir()
    (source / "a").write_text("new")
    (target / "a" / "in the way").mkdir(parents=True)
    with pytest.raises(StorageFailed) as caught:
        deliver((ResultFile(path="a", size=3, sha256="sha256:" + "0" * 64),), source, target)
    assert str(source) in str(caught.value)
