"""repro.lock: what is written is read back, and damage is told by line."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import lock_file
from reprokit.errors import BadRequest, NoEngine
from reprokit.model import (
    Artifact,
    DateChoice,
    Lock,
    LockedBase,
    LockedEcosystem,
    LockedPackage,
)
from reprokit.pipeline import locked
from reprokit.pipeline.exporting import ExportResult
from reprokit.pipeline.job import Wishes
from reprokit.pipeline.locked import LockResult
from reprokit.progress import Silent
from reprokit.schemas import schema


def sample() -> Lock:
    wheel = Artifact(
        path="wheels/numpy-1.26.4-cp311.whl",
        sha256="sha256:" + "a" * 64,
        size=18,
        url="https://files.example/numpy-1.26.4-cp311.whl",
    )
    deb = Artifact(path="debs/r-base.deb", sha256="sha256:" + "b" * 64, size=4, url=None)
    return Lock(
        schema=1,
        reprokit="0.1.0",
        platform="linux/amd64",
        inputs="sha256:" + "c" * 64,
        date=DateChoice(day="2024-06-01", source="configuration"),
        epoch=1717200000,
        base=LockedBase(
            family="debian",
            name="bookworm",
            reference="localhost/reprokit/debian:bookworm-0123456789ab",
            config_digest="sha256:" + "d" * 64,
            layers=("sha256:" + "e" * 64,),
            registry_digest=None,
            provides={},
            settings={"offers": {"python": ["3.11"]}},
        ),
        system=(LockedPackage(name="r-base", version="4.2.2", artifacts=(deb,)),),
        build_system=(),
        ecosystems=(
            LockedEcosystem(
                ecosystem="python",
                packages=(LockedPackage(name="numpy", version="1.26.4", artifacts=(wheel,)),),
                settings={"notebook": False},
            ),
        ),
    )


def test_round_trip() -> None:
    lock = sample()
    assert lock_file.loads(lock_file.dumps(lock)) == lock


def test_what_is_not_of_the_date_is_named() -> None:
    lock = sample()
    own = replace(lock.ecosystems[0], undated=("numpy",))
    lock = replace(lock, ecosystems=(own,))
    base = "base bookworm and the distribution's packages: of the day when they were locked"
    assert lock_file.undated(lock) == ("numpy", base)
    alone = lock_file.undated(replace(lock, system=()))[-1]
    assert alone == "base bookworm: of the day when they were locked"
    today = replace(lock, date=DateChoice(day="2024-06-01", source="today"))
    assert lock_file.undated(today) == ("numpy",)
    text = LockResult(lock=lock, path=Path(), current=True, written=True).text()
    assert f"not dated: {base}" in text


def test_a_stale_lock_says_why(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print(1)\n")
    lock_file.write(sample(), tmp_path)
    found = locked.lock(tmp_path, Wishes(), Silent(), check=True)
    assert not found.current and found.failure is not None
    assert "what the project asks for has changed" in found.failure.what


def test_one_package_is_one_line() -> None:
    lines = lock_file.dumps(sample()).splitlines()
    assert sum('"numpy"' in line for line in lines) == 1
    line = next(line for line in lines if '"numpy"' in line)
    assert "1.26.4" in line and "a" * 64 in line


def test_a_changed_version_changes_one_line() -> None:
    lock = sample()
    package = replace(lock.ecosystems[0].packages[0], version="2.0.0")
    other = replace(lock, ecosystems=(replace(lock.ecosystems[0], packages=(package,)),))
    before = set(lock_file.dumps(lock).splitlines())
    after = set(lock_file.dumps(other).splitlines())
    assert len(before - after) == 1 and len(after - before) == 1


def test_damage_is_told_with_its_line() -> None:
    text = lock_file.dumps(sample()).replace('"epoch": 1717200000', '"epoch": ,')
    with pytest.raises(BadRequest) as caught:
        lock_file.loads(text)
    line = next(i for i, row in enumerate(text.splitlines(), 1) if '"epoch"' in row)
    assert caught.value.where == f"repro.lock:{line}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epoch", "soon"),
        ("epoch", -1),
        ("epoch", 10**30),
        ("base", None),
        ("system", {}),
        ("unknown", 1),
        ("schema", 99),
        ("reprokit", "1\nRUN id"),
        ("date", {"day": "2024-06-01\nRUN id", "source": "lock"}),
        ("platform", "--setup-hook=id"),
    ],
)
def test_a_lock_of_another_form_is_refused(key: str, value: object) -> None:
    plain = json.loads(lock_file.dumps(sample()))
    plain[key] = value
    with pytest.raises(BadRequest):
        lock_file.loads(json.dumps(plain))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("sha256:" + "a" * 64, "sha256:" + "a" * 63),
        ("sha256:" + "b" * 64, "md5:" + "b" * 64),
        ("debs/r-base.deb", "../../debs/r-base.deb"),
        ("debs/r-base.deb", "/etc/passwd"),
    ],
)
def test_a_file_that_was_edited_by_hand_is_told_with_its_line(right: str, wrong: str) -> None:
    text = lock_file.dumps(sample()).replace(right, wrong)
    with pytest.raises(BadRequest, match="is damaged") as caught:
        lock_file.loads(text)
    line = next(i for i, row in enumerate(text.splitlines(), 1) if wrong in row)
    assert caught.value.where == f"repro.lock:{line}"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", None])
def test_what_is_no_lock_at_all_says_what_to_do(tmp_path: Path, content: bytes | None) -> None:
    place = tmp_path / lock_file.NAME
    place.mkdir() if content is None else place.write_bytes(content)
    with pytest.raises(BadRequest) as caught:
        lock_file.read(tmp_path)
    assert caught.value.next is not None


@pytest.mark.parametrize("failure", [None, BadRequest("stale")])
def test_what_the_verb_prints_follows_its_schema(failure: BadRequest | None) -> None:
    result = LockResult(
        lock=sample(), path=Path("repro.lock"), current=failure is None, written=False,
        failure=failure,
    )  # fmt: skip
    Draft202012Validator(schema("lock-1")).validate(result.json())


def test_a_current_lock_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text("print(1)\n")
    lock_file.write(sample(), tmp_path)
    wishes = Wishes(engine=f"unix://{tmp_path}/none.sock", base="bookworm")
    with pytest.raises(NoEngine):
        locked.lock(tmp_path, wishes, Silent())
    monkeypatch.setattr(locked, "is_current", lambda lock, plan, engine: True)
    result = locked.lock(tmp_path, wishes, Silent())
    assert (result.lock, result.current, result.written) == (sample(), True, False)
    with pytest.raises(NoEngine):
        locked.lock(tmp_path, wishes, Silent(), upgrade=True)


def test_an_export_follows_its_schema(tmp_path: Path) -> None:
    result = ExportResult(folder=tmp_path, files=3, size=10)
    Draft202012Validator(schema("export-1")).validate(result.json())
