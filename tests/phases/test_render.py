"""The whole Dockerfile, by equality; and that no text of a project can change its meaning."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprokit import lock_file
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.errors import BadRequest
from reprokit.model import (
    BuildStage,
    DataMount,
    DataPlan,
    DateChoice,
    Detection,
    Entry,
    Exclusion,
    GeneratedFile,
    Lock,
    LockedBase,
    LockedEcosystem,
    LockedPackage,
    Mount,
    Note,
    Plan,
    Reason,
    Rendering,
    Requirement,
    Run,
    RunOptions,
    Step,
    SystemPackage,
)
from reprokit.phases import self_description
from reprokit.phases.render import render
from tests import golden
from tests.test_lock_file import sample


class Sample:
    """An ecosystem whose share of the Dockerfile is given."""

    name = "python"

    def __init__(self, rendering: Rendering) -> None:
        self.rendering = rendering

    def detect(self, project: object) -> Detection | None:
        return None

    def system_packages(self, *about: object) -> tuple[SystemPackage, ...]:
        return ()

    def resolve(self, *about: object) -> LockedEcosystem:
        return LockedEcosystem(ecosystem=self.name)

    def render(self, locked: LockedEcosystem, base: LockedBase) -> Rendering:
        return self.rendering


WHOLE = Rendering(
    dependencies=(
        Run(
            comment="Python packages",
            mounts=(Mount(source="vendor/wheels", target="/mnt/wheels"),),
            commands=(("uv", "venv", "/opt/venv"), ("uv", "pip", "install", "numpy==1.26.4")),
            environment=(("UV_OFFLINE", "1"),),
        ),
    ),
    stage=BuildStage(
        name="maven",
        sources=("pom.xml", "src"),
        run=(
            Run(
                comment="Compile",
                mounts=(Mount(source="vendor/m2", target="/m2", writable=True),),
                commands=(("mvn", "-o", "package"),),
                folder="/build",
            ),
        ),
        outputs=(("/build/target/a.jar", "/app/target/a.jar"),),
    ),
    environment=(("LANG", "C.UTF-8"), ("MONEY", 'a"$b')),
    path=("/opt/venv/bin",),
    files=(GeneratedFile(path="python/requirements.txt", content="numpy==1.26.4\n"),),
)


def plan(*steps: Step) -> Plan:
    return Plan(
        name="Bees & Trees",
        detections=(),
        runtimes=(),
        bases=(),
        system_packages=(),
        date=None,
        entry=Entry(steps=steps, reason=Reason(text="t"), rank=0) if steps else None,
        alternatives=(),
        code=("analysis.py", "pom.xml"),
        data=DataPlan(mode="mount", files=("data/a.csv",), mounts=()),
        excluded=(),
        options=RunOptions(),
    )


def ecosystems(rendering: Rendering) -> dict[str, Ecosystem]:
    made: Ecosystem = Sample(rendering)
    return {"python": made}


def lock() -> Lock:
    tool = LockedPackage(name="maven", version="3.8.7", requested=True)
    return replace(sample(), build_system=(tool,))


def test_a_whole_dockerfile() -> None:
    context = render(plan(Step(argv=("python", "analysis.py"))), lock(), ecosystems(WHOLE))
    golden.check("render-whole.Dockerfile", context.dockerfile)
    assert context.code == (("app/analysis.py", "analysis.py"), ("app/pom.xml", "pom.xml"))


def test_a_folder_of_another_name_gives_the_same_bytes() -> None:
    here = plan(Step(argv=("python", "analysis.py")))
    there = replace(here, name="a-clone")
    assert render(there, lock(), ecosystems(WHOLE)) == render(here, lock(), ecosystems(WHOLE))


def test_several_steps_become_a_script() -> None:
    steps = (Step(argv=("java", "-jar", "a b.jar")), Step(argv=("python", "x.py"), folder="src"))
    context = render(plan(*steps), lock(), ecosystems(Rendering()))
    golden.check("render-steps.Dockerfile", context.dockerfile)
    script = next(f for f in context.files if f.path == "reprokit/steps")
    assert script.executable
    golden.check("render-steps.sh", script.content)


def test_wanted_folders_are_made_where_no_volume_hides_them() -> None:
    options = RunOptions(folders=("out/figures", "results/tables", "a b"))
    made = replace(plan(Step(argv=("python", "analysis.py"))), options=options)
    text = render(made, lock(), ecosystems(WHOLE)).dockerfile
    assert (
        "# Folders that the program writes into\n"
        "RUN install -d -o 1000 -g 0 -m 0775 '/app/a b' /app/out /app/out/figures"
    ) in text
    assert "/app/results/tables" not in text


def test_baked_data_is_a_layer_below_the_code() -> None:
    baked = DataPlan(mode="bake", files=("data/a.csv",), mounts=())
    made = render(replace(plan(Step(argv=("true",))), data=baked), lock(), ecosystems(Rendering()))
    lines = made.dockerfile.splitlines()
    data, code = (next(i for i, row in enumerate(lines) if s in row) for s in ('"data/"', '"app/"'))
    assert data < code
    assert ("data/data/a.csv", "data/a.csv") in made.code


def test_baked_data_that_the_program_sees_unpacked_is_baked_unpacked() -> None:
    unpacked = DataMount(source="data/a.csv.gz", target="data/a.csv", unpack="gzip")
    mounts = (DataMount(source="data/a.csv.gz", target="data/a.csv.gz"), unpacked)
    data = DataPlan(mode="bake", files=("data/a.csv.gz",), mounts=mounts)
    baked = replace(plan(Step(argv=("true",))), data=data)
    made = render(baked, lock(), ecosystems(Rendering()))
    assert made.unpacked == (("data/data/a.csv", unpacked),)
    assert "!data" in made.dockerignore
    mounted = replace(baked, data=replace(data, mode="mount"))
    made = render(mounted, lock(), ecosystems(Rendering()))
    assert made.unpacked == () and "data" not in made.dockerignore


def test_what_no_edit_changes_lies_below_the_code_and_is_tried_there() -> None:
    check = Run(comment="Try it", commands=(("try-it",),))
    stage = BuildStage(
        name="r", run=(check,), outputs=(("/lib/", "/lib/"),), reads_code=False, checks=(check,)
    )
    made = render(plan(Step(argv=("true",))), lock(), ecosystems(Rendering(stage=stage)))
    final = made.dockerfile.rpartition("FROM system")[2].splitlines()
    copied, tried, code = (
        next(i for i, row in enumerate(final) if text in row)
        for text in ("--from=build-r", "try-it", '"app/"')
    )
    assert copied < tried < code


def test_the_same_lock_gives_the_same_bytes() -> None:
    steps = Step(argv=("python", "analysis.py"))
    assert render(plan(steps), lock(), ecosystems(WHOLE)) == render(
        plan(steps), lock(), ecosystems(WHOLE)
    )


def test_a_missing_plugin_is_named() -> None:
    with pytest.raises(BadRequest, match="python"):
        render(plan(), lock(), {})


@pytest.mark.parametrize("name", ["render-whole.Dockerfile", "render-steps.Dockerfile"])
def test_hadolint_has_nothing_to_say(name: str) -> None:
    hadolint = shutil.which("hadolint") or str(Path(sys.executable).parent / "hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", str(golden.FOLDER / name)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


INSTRUCTIONS = {"FROM", "ARG", "RUN", "ENV", "COPY", "LABEL", "USER", "WORKDIR", "VOLUME"}


def instructions(text: str) -> list[str]:
    """The instructions of a Dockerfile, with lines joined, as the builder sees them."""
    logical = text.replace("\\\n", " ").splitlines()
    return [row.split()[0] for row in logical if row.strip() and not row.startswith("#")]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3), st.text(), st.text(min_size=1))
def test_no_text_adds_an_instruction(argv: list[str], value: str, name: str) -> None:
    """A command, a value or a project name either is refused or changes no instruction."""
    calm = Rendering(
        dependencies=(Run(comment="c", commands=(("a",),)),), environment=(("X", "v"),)
    )
    hostile = replace(
        calm,
        dependencies=(Run(comment="c", commands=(tuple(argv),)),),
        environment=(("X", value),),
    )
    expected = render(plan(Step(argv=("a",))), lock(), ecosystems(calm))
    try:
        wild = replace(plan(Step(argv=tuple(argv))), name=name)
        context = render(wild, lock(), ecosystems(hostile))
    except BadRequest:
        return
    assert instructions(context.dockerfile) == instructions(expected.dockerfile)
    entry = context.dockerfile.strip().splitlines()[-1]
    assert json.loads(entry.removeprefix("ENTRYPOINT ")) == argv


def test_an_image_holds_its_lock_and_plan_but_no_words_of_this_version() -> None:
    found = Detection(
        ecosystem="python",
        files=("requirements.txt",),
        requirements=(
            Requirement(
                name="numpy",
                url="https://user:secret@example.org/n.whl",
                reason=Reason(text="some words", file="requirements.txt", line=3),
            ),
        ),
        notes=(Note(level="warning", text="a note"),),
    )
    planned = replace(plan(Step(argv=("python", "a b.py"))), detections=(found,))
    context = render(planned, lock(), ecosystems(WHOLE))
    held = {file.path: file.content for file in context.files}
    assert held["reprokit/repro.lock"] == lock_file.dumps(lock())
    document = json.loads(held["reprokit/plan.json"])
    assert document["command"]["steps"] == [{"argv": ["python", "a b.py"], "folder": "."}]
    assert document["ecosystems"][0]["requirements"][0]["file"] == "requirements.txt"
    for text in ("some words", "a note", "secret", "Bees", "data/a.csv"):
        assert text not in held["reprokit/plan.json"]
    assert "!Dockerfile\n" in context.dockerignore


def test_what_moves_without_code_or_lock_stays_out_of_the_image() -> None:
    here = plan(Step(argv=("python", "analysis.py")))
    there = replace(
        here,
        date=DateChoice(day="2031-01-01", source="lock"),
        options=RunOptions(memory=5, network=True),
        data=DataPlan(mode="mount", files=("data/b.csv",), mounts=()),
        excluded=(Exclusion(path=".env", why="secret"),),
    )
    assert render(there, lock(), ecosystems(WHOLE)) == render(here, lock(), ecosystems(WHOLE))


def test_an_earlier_runs_dockerfile_and_plan_take_the_place_of_new_ones() -> None:
    context = render(plan(Step(argv=("python", "a.py"))), lock(), ecosystems(WHOLE))
    kept = self_description.as_kept(context, context.dockerfile + "# other\n", "{}\n")
    assert kept.dockerfile.endswith("# other\n") and self_description.plan_text(kept) == "{}\n"
    assert self_description.as_kept(context, context.dockerfile, None) == context
    before = self_description.as_kept(context, "FROM scratch\n", None)
    assert {file.path for file in before.files} == {"python/requirements.txt"}
