"""What a run wrote beside /app/results is collected; nothing hostile gets out of the container."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from reprokit.engines.protocol import Change, Container
from reprokit.errors import BadRequest
from reprokit.model import DataMount, DataPlan, Plan, ResultFile, RunOptions
from reprokit.phases.collect import collect, deliver, listing


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
    container = box({"/app/__pycache__/m.pyc": b"x", "/app/data/raw/d.csv": b"x"})
    assert collect(container, plan("data"), tmp_path) == ()


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


def test_links_in_the_results_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    results = tmp_path / "results"
    results.mkdir()
    (results / "link").symlink_to(outside / "secret")
    (results / "folder").symlink_to(outside)
    (results / "real.txt").write_text("r")
    assert [file.path for file in listing(results, ())] == ["real.txt"]


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
