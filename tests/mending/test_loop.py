"""After a failure that says how, a rerun tries again: on an engine in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit.engines.fake import Box, FakeEngine
from reprokit.errors import BuildFailed, InputUnavailable, NoBase, NoSuchBase, NothingFits
from reprokit.model import JSON, Image, Lock
from reprokit.phases import own_images
from reprokit.phases.plan import inputs_digest
from reprokit.pipeline.job import Job
from reprokit.progress import Silent
from reprokit.rerunning import consent, planning
from reprokit.rerunning import rerun as rerunning
from reprokit.rerunning.mending import MOST
from reprokit.rerunning.result import RerunResult
from reprokit.schemas import schema
from tests.identity import made
from tests.projects import write
from tests.test_lock_file import sample

LAYER = made.tar([made.folder("app")])
MISSING = "ModuleNotFoundError: No module named {!r}"


class Machine:
    """An engine whose images come from nowhere. `has` are the packages of the present image,
    `unhad` what no index has, `tries` what each try asked for."""

    def __init__(self, folder: Path) -> None:
        self.engine = FakeEngine({})
        self.image = self.engine.load(made.image(folder / "image.tar", [LAYER]))
        self.has: list[str] = []
        self.unhad: dict[str, Exception] = {}
        self.tries: list[list[str]] = []
        self.locks = 0
        self.build: Callable[[], None] = lambda: None

    def lock(self, job: Job, *_: object, **__: object) -> Lock:
        self.locks += 1
        asked = [f"{r.name}{r.specifier}" for d in job.plan.detections for r in d.requirements]
        asked += [package.name for package in job.plan.system_packages]
        self.tries.append(asked)
        for name in asked:
            if name in self.unhad and not job.project.loose:
                raise self.unhad[name]
        self.has = asked
        base = sample().base
        if job.plan.dockerfile is not None:
            settings: dict[str, JSON] = {"pinned": {"python": base.reference}}
            base = replace(base, family=own_images.FAMILY, settings=settings)
        return replace(
            sample(), base=base, inputs=inputs_digest(job.plan), ecosystems=(), system=()
        )

    def rebuilt(self, *given: Any) -> Image:
        watch = given[-1]
        with watch.phase("build"):
            self.build()
        return self.image


def in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine on which every rerun of the test takes place."""
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    found = Machine(tmp_path)

    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[FakeEngine]:
        yield found.engine

    monkeypatch.setattr(rerunning, "connect", connect)
    monkeypatch.setattr(planning, "current_lock", found.lock)
    monkeypatch.setattr("reprokit.rerunning.environment.rebuilt", found.rebuilt)
    return found


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = in_place(tmp_path, monkeypatch)
    write(tmp_path / "study", {"main.py": "import sys\n"})
    return found


def imports(machine: Machine, *modules: str) -> None:
    """The program wants these modules, one after the other."""

    def program(box: Box) -> int:
        for module in modules:
            if module not in machine.has:
                box.print(MISSING.format(module))
                return 1
        box.write("/app/results/a.txt", b"1")
        return 0

    machine.engine.programs = {("python",): program}


def rerun(folder: Path, **wanted: Any) -> RerunResult:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = rerunning.rerun(str(folder), rerunning.Wanted(**wanted), Silent())
    Draft202012Validator(schema("rerun-1")).validate(found.json())
    if found.record is not None:
        Draft202012Validator(schema("record-1")).validate(dict(found.record))
    # A rerun writes nothing into its source.
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return found


def test_a_missing_module_is_installed_and_told(machine: Machine, tmp_path: Path) -> None:
    imports(machine, "tabulate", "toolz")
    found = rerun(tmp_path / "study", report=tmp_path / "page.html")
    assert found.failure is None
    assert machine.tries == [[], ["tabulate"], ["tabulate", "toolz"]]
    assert found.record is not None
    mends: Any = found.record["mends"]
    assert [mend["toml"] for mend in mends] == [
        ['python.requirements = ["tabulate"]'],
        ['python.requirements = ["toolz"]'],
    ]
    assert mends[0]["cause"] == "missing-module"
    assert mends[0]["evidence"] == [MISSING.format("tabulate")]
    whole = 'write into repro.toml: python.requirements = ["tabulate", "toolz"]'
    assert whole in found.text()
    assert "The Python module" not in found.text() and "module toolz" in found.text()
    assert "python.requirements" in (tmp_path / "page.html").read_text()
    kept: Any = json.loads((found.folder / rerunning.DOCUMENT).read_text())
    assert [mend["refused"] for mend in kept["mends"]] == [None, None]


def test_each_try_is_a_run_with_what_it_had(machine: Machine, tmp_path: Path) -> None:
    imports(machine, "tabulate")
    rerun(tmp_path / "study")
    runs = sorted((tmp_path / "home").rglob("record.json"))
    first, second = (json.loads(path.read_text()) for path in runs)
    first, second = sorted((first, second), key=lambda record: record["started"])
    assert (first["status"], second["status"]) == ("failed", "succeeded")
    assert "mends" not in first and len(second["mends"]) == 1
    # A plain run reads there what it may write into repro.toml.
    assert first["failure"]["toml"] == ['python.requirements = ["tabulate"]']


def test_without_leave_for_its_own_dockerfile_reprokit_writes_one(
    machine: Machine, tmp_path: Path
) -> None:
    files = {"Dockerfile": "FROM python\nRUN pip install toolz\n", "requirements.txt": "toolz\n"}
    write(tmp_path / "study", files)
    imports(machine, "toolz")
    found = rerun(tmp_path / "study")
    assert found.failure is None and not found.allowed
    assert [mended.mend.lines for mended in found.mended] == [('dockerfile = "generate"',)]
    assert found.mended[0].cause.name == "own-dockerfile"
    with pytest.raises(consent.NotAllowed):
        rerun(tmp_path / "study", mend=False)
    # Where it is allowed, its own is built.
    found = rerun(tmp_path / "study", yes=True)
    assert found.allowed and not found.mended


def test_nothing_beside_an_own_dockerfile_is_refused_as_before(
    machine: Machine, tmp_path: Path
) -> None:
    write(tmp_path / "bare", {"Dockerfile": 'FROM python\nCMD ["true"]\n'})
    with pytest.raises(consent.NotAllowed):
        rerun(tmp_path / "bare")


def test_where_its_own_dockerfile_fails_reprokit_writes_one(
    machine: Machine, tmp_path: Path
) -> None:
    files = {"Dockerfile": "FROM python\n", "requirements.txt": "toolz\n"}
    write(tmp_path / "study", files)
    imports(machine, "toolz")
    builds: list[int] = []

    def build() -> None:
        builds.append(1)
        if len(builds) == 1:
            raise BuildFailed("RUN apt-get update fails", where="Dockerfile:2")

    machine.build = build
    found = rerun(tmp_path / "study", yes=True)
    assert found.failure is None and len(builds) == 2
    assert found.mended[0].cause.evidence == ("Dockerfile:2: RUN apt-get update fails",)


def test_what_does_not_help_is_not_tried_twice(machine: Machine, tmp_path: Path) -> None:
    def program(box: Box) -> int:
        box.print(MISSING.format("tabulate"))
        return 1

    machine.engine.programs = {("python",): program}
    found = rerun(tmp_path / "study")
    assert machine.tries == [[], ["tabulate"]]
    assert found.status == "failed" and len(found.mended) == 1


def test_after_some_mends_it_is_enough(machine: Machine, tmp_path: Path) -> None:
    imports(machine, *(f"module{number}" for number in range(20)))
    found = rerun(tmp_path / "study")
    assert found.status == "failed" and len(found.mended) == MOST
    assert len(machine.tries) == MOST + 1


@pytest.mark.parametrize("wanted", [{"mend": False}, {}])
def test_no_mend_is_one_try(machine: Machine, tmp_path: Path, wanted: dict[str, Any]) -> None:
    imports(machine, "tabulate")
    found = rerun(tmp_path / "study", **wanted)
    assert (found.status == "failed") == bool(wanted)
    assert len(machine.tries) == (1 if wanted else 2)


def test_what_cannot_be_had_is_told_with_the_first_failure(
    machine: Machine, tmp_path: Path
) -> None:
    imports(machine, "tabulate")
    machine.unhad = {"tabulate": InputUnavailable("there is no tabulate as of then")}
    found = rerun(tmp_path / "study")
    assert found.status == "failed" and found.failure is not None
    assert "tabulate is not installed" in found.failure.what
    assert [mended.refused for mended in found.mended] == ["there is no tabulate as of then"]
    assert "not mended" in found.text() and "to keep" not in found.text()
    assert found.record is not None and "mends" not in found.record


def test_a_variable_needs_no_other_lock(machine: Machine, tmp_path: Path) -> None:
    write(tmp_path / "study", {"lib/helper.py": ""})

    def program(box: Box) -> int:
        if box.environment.get("PYTHONPATH") == "/app/lib":
            return 0
        box.print(MISSING.format("helper"))
        return 1

    machine.engine.programs = {("python",): program}
    found = rerun(tmp_path / "study")
    assert found.failure is None and machine.locks == 1
    assert found.mended[0].mend.lines == ('run.environment = { PYTHONPATH = "/app/lib" }',)


def test_the_project_s_own_settings_stay(machine: Machine, tmp_path: Path) -> None:
    toml = 'python.requirements = ["attrs"]\nrun.environment = { SEED = "1" }\n'
    write(tmp_path / "study", {"repro.toml": toml})
    imports(machine, "tabulate")
    found = rerun(tmp_path / "study")
    assert found.failure is None and machine.tries[-1] == ["attrs", "tabulate"]
    assert found.record is not None
    options: Any = found.record["options"]
    assert options["environment_names"] == ["SEED"]


def test_a_build_is_mended_before_anything_runs(machine: Machine, tmp_path: Path) -> None:
    def build() -> None:
        if "libgsl-dev" not in machine.has:
            raise BuildFailed("it fails:\nfatal error: gsl/gsl_rng.h: No such file or directory")

    machine.build = build
    imports(machine, "tabulate")
    found = rerun(tmp_path / "study")
    assert found.failure is None and found.record is not None
    assert machine.tries == [[], ["libgsl-dev"], ["tabulate", "libgsl-dev"]]
    mends: Any = found.record["mends"]
    assert [(mend["phase"], mend["cause"]) for mend in mends] == [
        ("build", "missing-header"),
        ("run", "missing-module"),
    ]


def test_of_a_lock_that_fails_again_the_first_error_counts(
    machine: Machine, tmp_path: Path
) -> None:
    """What a mend ends in says less than what it was to mend."""
    first = "foo 1.0 has no wheel for this Python and cannot be built from source: it fails"
    machine.unhad = {"foo": InputUnavailable(first)}
    write(tmp_path / "study", {"requirements.txt": "foo\n", "repro.toml": 'base = "debian"\n'})
    found = rerun(tmp_path / "study")
    assert found.record is None and found.failure is not None
    assert found.failure.what == first
    diagnosis: Any = found.json()
    assert diagnosis["diagnosis"]["cause"] == "no-wheel"
    assert diagnosis["diagnosis"]["phase"] == "lock" and diagnosis["diagnosis"]["evidence"]
    assert [mended.mend.lines for mended in found.mended] == [
        ('python.version = "<3.10"',),
        ('python.version = "<3.8"',),
    ]
    # Debian has no Python before 3.9 but 2.7, which nobody means by "<3.8".
    assert found.mended[1].refused is not None and "3.8" in found.mended[1].refused


def test_a_pin_that_no_python_fits_is_read_as_a_lower_bound_at_last(
    machine: Machine, tmp_path: Path
) -> None:
    imports(machine, "foo==1")
    machine.unhad = {"foo==1": NothingFits("no wheel of foo==1 is for Python 3.11", ["foo"])}
    write(tmp_path / "study", {"requirements.txt": "foo==1\n", "repro.toml": 'base = "debian"\n'})
    found = rerun(tmp_path / "study")
    assert found.failure is None and found.record is not None
    # Other Pythons come first, and what was tried in vain is told.
    assert [mended.mend.lines for mended in found.mended] == [
        ('python.version = "<3.10"',),
        ('python.version = "<3.8"',),
    ]
    assert machine.tries == [["foo==1"], ["foo==1"], ["foo==1"]]

    # With one try, and for what is no matter of versions, it stays an error.
    assert rerun(tmp_path / "study", mend=False).record is None
    machine.unhad = {"foo==1": InputUnavailable("no index answers")}
    assert rerun(tmp_path / "study").record is None


def test_a_version_that_no_base_here_has_is_read_as_a_lower_bound(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At planning, and where the one base that has it cannot be had."""
    imports(machine)
    project, lock = tmp_path / "study", machine.lock
    write(project, {"runtime.txt": "python-3.6\n"})

    def unreached(job: Job, *given: object, **options: object) -> Lock:
        if not job.project.later:
            raise NoBase("no base image can be had: no registry answers")
        return lock(job, *given, **options)

    monkeypatch.setattr(planning, "current_lock", unreached)
    assert isinstance(rerun(project, mend=False).failure, NoBase)
    found = rerun(project)
    assert found.failure is None
    (python,) = (item for item in found.inferred if item.about == "python")
    assert python.confidence == "low" and "as no base here has that" in python.reason
    write(project, {"runtime.txt": "python-3.5\n"})
    assert isinstance(rerun(project, mend=False).failure, NoSuchBase)
    assert rerun(project).failure is None


def test_python_2_is_no_earlier_version_of_python_3(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "print 1\n"})
    job = planning.plain_job(tmp_path, None, later=True)
    assert [runtime.specifier for runtime in job.plan.runtimes] == ["==2.7.*"]


def test_a_build_that_fails_otherwise_is_a_result_as_ever(machine: Machine, tmp_path: Path) -> None:
    def build() -> None:
        raise BuildFailed("the image could not be built: something")

    machine.build = build
    found = rerun(tmp_path / "study")
    assert found.record is None and found.mended == ()
    assert found.failure is not None and found.failure.exit_code == 7
