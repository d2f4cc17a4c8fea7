"""Building wheels: the steps inside a container, tried here on sources that need no package."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from reprokit.ecosystems.python import making
from reprokit.ecosystems.python.making import Origin, recipe
from reprokit.errors import InputUnavailable
from reprokit.model import Artifact, LockedEcosystem, LockedPackage
from reprokit.project import Project
from tests.ecosystems.python.python_resolving import DIGEST, OnlineResolver

BACKEND = """
import time, zipfile

class Own:
    def get_requires_for_build_wheel(self, settings):
        print("chatter")
        return ["more>=1"]

    def build_wheel(self, folder):
        with zipfile.ZipFile(folder + "/x-1-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as made:
            for name in ("x-1.dist-info/RECORD", "x.py", "a/run"):
                entry = zipfile.ZipInfo(name, time.localtime()[:6])
                entry.external_attr = (0o100775 if name == "a/run" else 0o100600) << 16
                made.writestr(entry, name)
        return "x-1-py3-none-any.whl"

own = Own()
"""


def step(*words: str, folder: Path) -> None:
    subprocess.run(
        [sys.executable, str(making.BUILDER), *words],
        check=True,
        cwd=folder,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1717200000"},
    )


@pytest.mark.parametrize("kind", ["tar.gz", "zip"])
def test_a_source_distribution_becomes_a_canonical_wheel(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x-1" / "inner").mkdir(parents=True)
    (tmp_path / "x-1" / "inner" / "mine.py").write_text(BACKEND)
    (tmp_path / "x-1" / "setup.py").write_text("")
    archive = tmp_path / f"x-1.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as made:
            for path in ("inner/mine.py", "setup.py"):
                made.write(tmp_path / "x-1" / path, f"x-1/{path}")
    else:
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(tmp_path / "x-1", "x-1")
    step("unpack", str(archive), str(tmp_path / "source"), folder=tmp_path)
    source = tmp_path / "source"
    assert (source / "setup.py").is_file()

    answer = tmp_path / "answer.json"
    step("requires", "mine:own", str(answer), "inner", folder=source)
    assert json.loads(answer.read_text()) == ["more>=1"]

    step("wheel", "mine:own", str(tmp_path / "out"), "inner", folder=source)
    wheel = tmp_path / "out" / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as read:
        entries = [(e.filename, e.date_time, e.external_attr >> 16) for e in read.infolist()]
    day = (2024, 6, 1, 0, 0, 0)
    assert entries == [
        ("a/run", day, 0o100755),
        ("x.py", day, 0o100644),
        ("x-1.dist-info/RECORD", day, 0o100644),
    ]
    # These very bytes on any machine: nothing is compressed, so no zlib has a say.
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == (
        "482efc0e3cd468a6be809d42d4470ef75640574f62381afc60cc5b8d272a548c"
    )


def test_a_password_of_a_repository_stays_out_of_the_lock() -> None:
    origin = Origin(repository="https://me:secret@e.example/a.git", commit="c" * 40)
    assert recipe(origin, ())["repository"] == "https://e.example/a.git"
    assert "secret" not in str(origin)


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"wheels/x-1-py3-none-any.whl": {"source": "making/gone.tar.gz", "reads": []}},
        {"wheels/x-1-py3-none-any.whl": {"reads": ["making/gone.whl"]}},
        {"wheels/x-1-py3-none-any.whl": {"reads": []}},
    ],
)
def test_a_lock_that_does_not_say_how_is_told(tmp_path: Path, made: dict[str, object]) -> None:
    wheel = Artifact(path="wheels/x-1-py3-none-any.whl", sha256=DIGEST, size=1, url=None)
    uv = Artifact(path="tools/uv.whl", sha256=DIGEST, size=1, url="https://e.example/uv.whl")
    locked = LockedEcosystem(
        ecosystem="python",
        packages=(
            LockedPackage(name="x", version="1", artifacts=(wheel,)),
            LockedPackage(name="uv", version="1", artifacts=(uv,)),
        ),
        settings={"uv": uv.path, "made": made},  # type: ignore[dict-item]
    )
    with pytest.raises(InputUnavailable) as caught:
        making.make(locked, (wheel,), OnlineResolver(Project(tmp_path)))
    assert "lock --upgrade" in str(caught.value.next)
