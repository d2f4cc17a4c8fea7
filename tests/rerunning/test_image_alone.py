"""What runs of an image alone is its record's, and a stranger's record leads nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reprokit.errors import BadRequest, InputUnavailable
from reprokit.phases import record as records
from reprokit.pipeline.earlier_code import Kept
from reprokit.progress import Silent
from reprokit.rerunning import planning
from reprokit.rerunning.origin import Published
from reprokit.rerunning.planning import Planned
from tests.phases.test_record import inputs, made
from tests.rerunning.published import data_file

DATA = b"1,2\n"


def planned(root: Path, mounts: list[dict[str, Any]] | None = None, **changes: Any) -> Planned:
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "b.csv").write_bytes(DATA)
    record = made(**{"data": (data_file("data/b.csv", DATA),), **changes})
    data = {**record["data"], "mounts": mounts or []}
    published = Published(
        record=records.sealed({**record, "data": data}),
        lock=inputs()["lock"],
        kept=Kept(dockerfile="FROM scratch\n", plan=None),
    )
    return planning.of_image(root, published, Silent())


def test_command_data_and_confinement_are_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "repro.toml").write_text("[run]\nnetwork = true\n")
    unpacked = {"source": "data/b.csv", "target": "data/c.csv", "unpack": "gzip"}
    found = planned(tmp_path, [unpacked])
    assert [step.argv for step in found.entry.steps] == [("python", "analyse.py")]
    assert [mount.target for mount in found.job.plan.data.mounts] == ["data/b.csv", "data/c.csv"]
    assert found.job.plan.options.network  # which is asked for before it runs
    assert found.prepared.context.dockerfile == "FROM scratch\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "../../etc/passwd"},
        {"source": "/etc/passwd"},
        {"source": "data/other"},
        {"target": "/etc/passwd"},
        {"target": "../bin/sh"},
        {"target": ""},
        {"unpack": "exec"},
    ],
)
def test_mounts_that_lead_elsewhere_are_refused(tmp_path: Path, changes: dict[str, str]) -> None:
    mount = {"source": "data/b.csv", "target": "data/c.csv", "unpack": None, **changes}
    with pytest.raises(BadRequest, match="mounts"):
        planned(tmp_path, [mount])


@pytest.mark.parametrize("mounts", [3, [3], [{"source": 1}], [{"evil": "x"}]])
def test_mounts_of_another_kind_are_refused(tmp_path: Path, mounts: Any) -> None:
    with pytest.raises(BadRequest):
        planned(tmp_path, mounts)


def test_other_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match="another file"):
        planned(tmp_path, data=(data_file("data/b.csv", b"3\n"),))


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "gone.csv"])
def test_data_that_is_not_there_is_told(tmp_path: Path, path: str) -> None:
    with pytest.raises((BadRequest, InputUnavailable)):
        planned(tmp_path, data=(data_file(path, DATA),))
