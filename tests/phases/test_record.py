"""The record: canonical, complete to its schema, and silent about the machine."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import files, process
from reprokit.engines.protocol import EngineInformation
from reprokit.errors import BadRequest
from reprokit.model import (
    DataFile,
    DataMount,
    DataPlan,
    DateChoice,
    Entry,
    Image,
    Lock,
    LockedBase,
    LockedEcosystem,
    LockedPackage,
    Note,
    Outcome,
    Plan,
    Reason,
    ResultFile,
    RunOptions,
    Step,
)
from reprokit.phases import record
from reprokit.publishing.data_in_registry import mounts
from reprokit.schemas import schema

VALIDATOR = Draft202012Validator(schema("record-1"))
DIGEST = "sha256:" + "0" * 64


def inputs() -> dict[str, Any]:
    step = Step(argv=("python", "analyse.py"))
    reason = Reason(text="the one main script", file="analyse.py", line=3)
    return {
        "run": "20261123-201530-k3f9".replace("9", "a"),
        "state": record.ProjectState(name="wheat", root_name="Wheat", commit="c" * 40, dirty=False),
        "plan": Plan(
            name="wheat",
            detections=(),
            runtimes=(),
            bases=(),
            system_packages=(),
            date=None,
            entry=Entry(steps=(step,), reason=reason, rank=40),
            alternatives=(),
            code=("analyse.py",),
            data=DataPlan(mode="mount", files=(), mounts=()),
            excluded=(),
            options=RunOptions(environment=(("API_TOKEN", "hunter2"),)),
        ),
        "lock": Lock(
            schema=1,
            reprokit="0.1.0",
            platform="linux/amd64",
            inputs=DIGEST,
            date=DateChoice(day="2026-11-01", source="commit"),
            epoch=1,
            base=LockedBase(
                family="debian",
                name="bookworm",
                reference="localhost/reprokit/base:1",
                config_digest=DIGEST,
                layers=(DIGEST,),
                registry_digest=DIGEST,
                provides={},
                packages=(LockedPackage(name="libc6", version="2.36-9"),),
            ),
            system=(),
            build_system=(LockedPackage(name="gcc", version="12"),),
            ecosystems=(
                LockedEcosystem(
                    ecosystem="python", packages=(LockedPackage(name="numpy", version="2.0"),)
                ),
            ),
        ),
        "image": Image(
            reference="localhost/reprokit/wheat:1",
            config_digest=DIGEST,
            layers=(DIGEST,),
            registry_digests=(),
            platform="linux/amd64",
            size=1,
        ),
        "engine": EngineInformation(
            name="docker",
            version="20.10",
            api="1.41",
            platform="linux/amd64",
            rootless=False,
            builder="buildkit",
            socket="unix:///home/ann/.docker/docker.sock",
        ),
        "steps": (step,),
        "parameters": {"seed": 3},
        "outcome": Outcome(
            status="succeeded",
            exit_code=0,
            started="2026-11-23T20:15:30+00:00",
            finished="2026-11-23T20:15:31.500000+00:00",
            seconds=1.50049,
            peak_memory=None,
        ),
        "data": (DataFile(path="data/b.gz", size=2, sha256=DIGEST),),
        "results": (
            ResultFile(path="b.csv", size=1, sha256=DIGEST),
            ResultFile(path="a.csv", size=1, sha256=DIGEST, origin="collected"),
        ),
        "dockerfile": "FROM scratch\n",
        "lock_digest": DIGEST,
        "context_digest": DIGEST,
        "environment_digest": None,
        "environment_policy": None,
        "version": "0.1.0",
        "plugins": ("r", "python"),
        "loosenings": ("network access at run time",),
        "notes": (Note(level="warning", text="no date", reason=reason),),
        "undated": ("mirror https://ann:secret@mirror.example/",),
    }


def made(**changes: Any) -> dict[str, Any]:
    return record.compose(**{**inputs(), **changes})


def test_the_whole_record() -> None:
    composed = made()
    VALIDATOR.validate(composed)
    assert {key: composed[key] for key in ("exit_code", "environment_digest", "seconds")} == {
        "exit_code": 0,
        "environment_digest": None,
        "seconds": 1.5,
    }
    assert composed["image"]["config_digest"] == DIGEST
    assert composed["image"]["layers"] == [DIGEST]
    assert composed["image"]["registry_digest"] is None
    assert composed["base"]["registry_digest"] == DIGEST
    assert composed["command_reason"] == "analyse.py:3: the one main script"
    assert composed["dockerfile"] == {"sha256": files.sha256_text("FROM scratch\n")}
    assert composed["reprokit"] == {"version": "0.1.0", "plugins": ["python", "r"]}
    assert composed["packages"] == [
        {"source": "base", "name": "libc6", "version": "2.36-9"},
        {"source": "python", "name": "numpy", "version": "2.0"},
    ]
    assert composed["results"] == [
        {"path": "a.csv", "size": 1, "sha256": DIGEST, "origin": "collected"},
        {"path": "b.csv", "size": 1, "sha256": DIGEST, "origin": "results"},
    ]


def test_the_registry_digest_is_the_bare_one() -> None:
    pushed = replace(inputs()["image"], registry_digests=(f"localhost:5000/wheat@{DIGEST}",))
    assert made(image=pushed)["image"]["registry_digest"] == DIGEST


def test_the_digest_covers_everything_else() -> None:
    composed = made()
    plain = {key: value for key, value in composed.items() if key != "digest"}
    assert composed["digest"] == files.sha256_text(files.canonical_json(plain))
    assert record.digest(composed) == composed["digest"]
    assert made(lock_digest="sha256:" + "1" * 64)["digest"] != composed["digest"]
    assert record.canonical(composed) == files.canonical_json(composed) + "\n"


def test_a_command_that_the_plan_did_not_choose_has_no_reason() -> None:
    assert made(steps=(Step(argv=("true",)),))["command_reason"] is None


def test_nothing_of_the_machine_and_no_secret_is_in_it() -> None:
    step = Step(argv=("git", "clone", "https://ann:secret@example.org/x.git"))
    text = record.canonical(made(steps=(step,)))
    for hidden in ("hunter2", "secret", "/home/ann", socket.gethostname(), str(Path.cwd())):
        assert hidden not in text
    assert "API_TOKEN" in text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, {"a": -float("inf")}]])
def test_a_parameter_that_json_lacks_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest, match="not finite"):
        made(parameters={"rate": value})


names = st.text(max_size=12)
any_text = st.text(st.characters(), max_size=12)  # lone surrogates too
digests = st.binary(min_size=32, max_size=32).map(lambda raw: "sha256:" + raw.hex())
sizes = st.integers(0, 2**63)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    parameters=st.dictionaries(any_text, values, max_size=4),
    steps=st.lists(
        st.builds(Step, argv=st.lists(any_text, max_size=4).map(tuple), folder=any_text), max_size=3
    ).map(tuple),
    results=st.lists(
        st.builds(ResultFile, path=any_text, size=sizes, sha256=digests), max_size=4
    ).map(tuple),
    data=st.lists(st.builds(DataFile, path=any_text, size=sizes, sha256=digests), max_size=4).map(
        tuple
    ),
    notes=st.lists(
        st.builds(
            Note,
            level=st.sampled_from(["information", "warning"]),
            text=any_text,
            reason=st.none() | st.builds(Reason, text=any_text, file=st.none() | any_text),
        ),
        max_size=3,
    ).map(tuple),
    outcome=st.builds(
        Outcome,
        status=st.sampled_from(["succeeded", "failed", "out-of-memory", "timed-out"]),
        exit_code=st.none() | st.integers(0, 255),
        started=st.just("2026-11-23T20:15:30+00:00"),
        finished=st.just("2026-11-23T20:15:30+00:00"),
        seconds=st.floats(0, 1e9),
        peak_memory=st.none() | sizes,
    ),
    state=st.builds(
        record.ProjectState,
        name=any_text,
        root_name=any_text,
        commit=st.none() | st.just("c" * 40),
        dirty=st.booleans(),
    ),
    environment_digest=st.none() | digests,
    undated=st.lists(any_text, max_size=3).map(tuple),
    dockerfile=any_text,
)
def test_any_inputs_give_a_valid_record_that_survives_its_file(**changes: Any) -> None:
    composed = made(**changes)
    VALIDATOR.validate(composed)
    read_again = json.loads(record.canonical(composed).encode())
    assert read_again == composed
    assert record.digest(read_again) == composed["digest"]
    assert record.canonical(read_again) == record.canonical(composed)


def _git(root: Path, *arguments: str) -> str:
    author = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    environment = {**author, "GIT_COMMITTER_EMAIL": "a@b"}
    return process.run(["git", "-C", str(root), *arguments], environment=environment).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "Über projekt"
    root.mkdir()
    _git(root, "init", "-q")
    (root / "a.py").write_text("1\n")
    _git(root, "add", ".")
    _git(root, "commit", "-q", "-m", "first")
    return root


def test_a_clean_checkout(repository: Path) -> None:
    (repository / "results").mkdir()
    (repository / "results" / "out.csv").write_text("1")
    (repository / "repro.lock").write_text("{}")
    state = record.project_state(repository, "wheat")
    assert state == record.ProjectState(
        name="wheat",
        root_name="Über projekt",
        commit=_git(repository, "rev-parse", "HEAD").strip(),
        dirty=False,
    )


@pytest.mark.parametrize("name", ["a.py", "new.py", "results.py"])
def test_changed_and_untracked_code_makes_it_dirty(repository: Path, name: str) -> None:
    (repository / name).write_text("2\n")
    assert record.project_state(repository).dirty


def test_a_part_of_a_repository(repository: Path) -> None:
    part = repository / "part"
    (part / "results").mkdir(parents=True)
    (part / "b.py").write_text("1\n")
    assert record.project_state(part).commit is None, "not committed yet"
    _git(repository, "add", ".")
    _git(repository, "commit", "-q", "-m", "second")
    (part / "results" / "x").write_text("1")
    (repository / "a.py").write_text("changed outside the part\n")
    state = record.project_state(part)
    assert (state.commit is not None, state.dirty) == (True, False)


def test_no_repository_and_no_commit(tmp_path: Path) -> None:
    expected = record.ProjectState(
        name=tmp_path.name, root_name=tmp_path.name, commit=None, dirty=False
    )
    assert record.project_state(tmp_path) == expected
    _git(tmp_path, "init", "-q")
    assert record.project_state(tmp_path) == expected


@pytest.mark.skipif(os.name != "posix", reason="the monitor is a shell script")
def test_a_file_system_monitor_of_the_repository_is_never_run(
    repository: Path, tmp_path: Path
) -> None:
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    monitor.chmod(0o755)
    _git(repository, "config", "core.fsmonitor", str(monitor))
    record.project_state(repository)
    assert not (tmp_path / "ran").exists()
    _git(repository, "status")
    assert (tmp_path / "ran").exists(), "the trap itself works"


def test_the_record_says_what_data_looked_like_inside() -> None:
    base = inputs()
    data = DataPlan(
        mode="mount",
        files=("data/b.gz",),
        mounts=(
            DataMount(source="data/b.gz", target="data/b.gz"),
            DataMount(source="data/b.gz", target="data/b", unpack="gzip"),
        ),
    )
    made: Any = record.compose(**{**base, "plan": replace(base["plan"], data=data)})
    row: Any = {"source": "data/b.gz", "target": "data/b", "unpack": "gzip"}
    assert made["data"]["mounts"] == [row]
    VALIDATOR.validate(made)
    assert mounts(made) == (
        DataMount(source="data/b.gz", target="data/b.gz"),
        DataMount(**row),
    )
    assert mounts({"data": {"mode": "mount", "files": []}}) == ()  # as of an earlier reprokit
    with pytest.raises(BadRequest):
        mounts({"data": {"mode": "mount", "files": [], "mounts": [{"source": 1}]}})
