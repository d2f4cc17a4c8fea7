"""From a source to a verdict, on an engine in memory: what is told, kept and left behind."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import files, folders
from reprokit.engines.fake import Box, FakeEngine, OutOfMemory
from reprokit.errors import BadRequest, CommandFailed, ReprokitError
from reprokit.history import listing
from reprokit.history.index import Index
from reprokit.identity import POLICY
from reprokit.model import Step
from reprokit.progress import Silent
from reprokit.rerunning import consent
from reprokit.rerunning import rerun as rerunning
from reprokit.rerunning.limits import Limits
from reprokit.rerunning.origin import Origin
from reprokit.rerunning.result import RerunResult
from reprokit.schemas import schema
from tests.identity import made
from tests.phases.test_record import inputs
from tests.rerunning.bags import members, rezipped, write_folder, write_zip
from tests.rerunning.published import payload

LAYER = made.tar([made.folder("app"), made.file("app/analyse.py", b"print(1)\n")])
Program = Callable[[Box], int]


def writes(**results: bytes) -> Program:
    def program(box: Box) -> int:
        for name, content in results.items():
            box.write(f"/app/results/{name.replace('_', '.')}", content)
        return 0

    return program


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """An engine without images; commands begin with "python"."""
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    found = FakeEngine({("python",): writes(table_csv=b"x\n1\n")})

    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[FakeEngine]:
        yield found

    monkeypatch.setattr(rerunning, "connect", connect)
    return found


def image(folder: Path, layer: bytes = LAYER) -> tuple[bytes, str]:
    """An exported image and its config digest."""
    archive = made.image(folder / "image.tar", [layer])
    with tarfile.open(archive) as tar:
        config = tar.extractfile("config.json")
        assert config is not None
        return archive.read_bytes(), made.digest(config.read())


def archive(folder: Path, *, extra: Mapping[str, bytes] | None = None, **changes: Any) -> Path:
    """A published run with its image."""
    content, digest = image(folder)
    given = inputs()
    lock = replace(given["lock"], ecosystems=())
    changes = {
        "lock": lock,
        "image": replace(given["image"], config_digest=digest),
        "environment_digest": digest,
        "environment_policy": POLICY,
        **changes,
    }
    parts = {**payload(**changes), "image.tar": content, **(extra or {})}
    return write_zip(folder / "wheat.zip", members(parts))


def rerun(source: Path | str, **wanted: Any) -> RerunResult:
    found = rerunning.rerun(str(source), rerunning.Wanted(**wanted), Silent())
    Draft202012Validator(schema("rerun-1")).validate(found.json())
    if found.record is not None:
        Draft202012Validator(schema("record-1")).validate(dict(found.record))
    kept = json.loads((found.folder / rerunning.DOCUMENT).read_text())
    assert kept == json.loads(files.canonical_json(found.json()))
    return found


def nothing_left(engine: FakeEngine) -> bool:
    return not list(folders.workspaces().iterdir()) and not engine.leftovers()


def test_the_same_results_are_the_same(engine: FakeEngine, tmp_path: Path) -> None:
    source = archive(tmp_path)
    found = rerun(source)
    assert found.failure is None and found.status == "identical"
    assert found.environment is not None
    assert found.environment.rung == "same environment digest"
    assert found.environment.how == "the archive's image"
    assert "identical: of 1 file" in found.text()
    assert found.record is not None
    assert found.record["rerun_of"] == {
        "kind": "archive",
        "name": "wheat.zip",
        "identifier": files.sha256(source),
        "run": json.loads(payload()["record.json"])["run"],
        "record": found.origin.source.json(found.origin.published.record)["record"]  # type: ignore[union-attr]
    }  # fmt: skip
    assert nothing_left(engine)
    # As any run it is in the history.
    assert [entry.id for entry in Index().list()] == [found.run]
    assert listing.show(found.run).json() == found.record
    again = rerun(source)
    assert again.environment is not None and "very image" in again.environment.how


def test_an_unpacked_archive_is_one_and_stays_as_it_was(engine: FakeEngine, tmp_path: Path) -> None:
    source = archive(tmp_path)
    with zipfile.ZipFile(source) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    bag = next((tmp_path / "unpacked").iterdir())
    before = {p: files.sha256(p) for p in bag.rglob("*") if p.is_file()}
    assert rerun(bag).status == "identical"
    assert {p: files.sha256(p) for p in bag.rglob("*") if p.is_file()} == before


def test_other_results_are_told_and_end_with_four(engine: FakeEngine, tmp_path: Path) -> None:
    engine.programs = {("python",): writes(table_csv=b"x\n2\n", more_txt=b"x")}
    found = rerun(archive(tmp_path), report=tmp_path / "report.html")
    assert found.failure is not None and found.failure.exit_code == 4
    assert found.verdict is not None
    assert {f.path: f.grade.value for f in found.verdict.files} == {
        "table.csv": "different",
        "more.txt": "extra",
    }
    assert "table.csv" in (tmp_path / "report.html").read_text()


def test_a_program_that_fails_is_a_result(engine: FakeEngine, tmp_path: Path) -> None:
    source = archive(tmp_path)

    def fails(box: Box) -> int:
        return 7

    def too_large(box: Box) -> int:
        raise OutOfMemory

    for program, status in ((fails, "failed"), (too_large, "out-of-memory")):
        engine.programs = {("python",): program}
        found = rerun(source, report=tmp_path / "report.html")
        assert found.status == status and found.phase == "run"
        assert isinstance(found.failure, CommandFailed)
        assert found.verdict is not None and found.verdict.files[0].grade.value == "missing"
        assert status in (tmp_path / "report.html").read_text()


def test_what_comes_to_no_container_is_a_result_too(engine: FakeEngine, tmp_path: Path) -> None:
    """No image, no packages, a registry that is dead: phase and cause are kept."""
    engine.registry = None
    official = {"build/app/repro.toml": b'base = "official"\n'}
    whole = archive(tmp_path, extra=official)
    source = rezipped(whole, tmp_path / "bare.zip", {"image.tar": None})
    found = rerun(source, report=tmp_path / "report.html")
    assert found.record is None and found.failure is not None
    assert found.failure.exit_code == 6
    assert found.status == f"failed in {found.phase}" and found.phase != "run"
    document: Any = found.json()
    assert document["cause"]["what"] and document["cause"]["class"]
    assert found.phase in (found.folder / "log.txt").read_text()
    assert [entry.status for entry in Index().list()] == ["failed"]
    assert "It did not run" in (tmp_path / "report.html").read_text()
    assert nothing_left(engine)


def test_a_folder_that_says_nothing_is_told(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = rerun(tmp_path / "empty")
    assert isinstance(found.failure, BadRequest) and found.phase == "plan"
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    "toml",
    ["[run]\nnetwork = true\n", "[run]\npids = 100000\n", '[run]\nshared_memory = "8g"\n'],
)
def test_loosened_isolation_is_not_granted_unasked(
    engine: FakeEngine, tmp_path: Path, toml: str
) -> None:
    source = archive(tmp_path, extra={"build/app/repro.toml": toml.encode()})
    ran = []

    def program(box: Box) -> int:
        ran.append(box.request)
        box.write("/app/results/table.csv", b"x\n1\n")
        return 0

    engine.programs = {("python",): program}
    with pytest.raises(consent.NotAllowed):
        rerun(source)
    assert ran == [] and not Index().list() and nothing_left(engine)
    found = rerun(source, yes=True)
    assert found.status == "identical" and len(found.allowed) == 1 and len(ran) == 1
    assert found.allowed[0] in found.text()


def test_a_malicious_command_stays_a_command(engine: FakeEngine, tmp_path: Path) -> None:
    """It reaches the container word by word, confined as ever, and no shell of ours."""
    evil = ("python", "-c", "$(touch evil); `touch evil`\n--privileged", "--network=host")
    seen = []

    def program(box: Box) -> int:
        seen.append(box)
        return 0

    engine.programs = {("python",): program}
    found = rerun(archive(tmp_path, steps=(Step(argv=evil),)))
    assert found.record is not None
    request = seen[0].request
    assert request.command == evil
    assert (request.network, request.privileged_setup) == ("none", False)
    assert {bind.target for bind in request.binds if bind.writable} == {"/app/results"}
    assert not list(tmp_path.rglob("evil"))


def test_nothing_compared_is_not_called_identical(engine: FakeEngine, tmp_path: Path) -> None:
    toml = b'[compare]\nignore = ["*"]\n'
    found = rerun(archive(tmp_path, extra={"build/app/repro.toml": toml}))
    assert (found.failure, found.status) == (None, "nothing to compare with")
    assert any("leaves every result out" in note for note in found.notes)


def test_an_image_under_a_false_name_takes_no_other_s_place(
    engine: FakeEngine, tmp_path: Path
) -> None:
    """Only the names in the archive's own tar say "python:3.11-slim"."""
    rerun(archive(tmp_path))
    names = {found.reference for found in engine.images()}
    assert len(names) == 1 and all(n.startswith("localhost/reprokit/rerun:") for n in names)


def with_gzip_layer(folder: Path) -> bytes:
    packed = gzip.compress(LAYER)
    document = {"architecture": "amd64", "os": "linux", "config": {},
                "rootfs": {"type": "layers", "diff_ids": [made.digest(LAYER)]}}  # fmt: skip
    manifest = [{"Config": "config.json", "Layers": ["0/layer.tar"], "RepoTags": ["x:1"]}]
    parts = [("0/layer.tar", packed), ("config.json", json.dumps(document).encode()),
             ("manifest.json", json.dumps(manifest).encode())]  # fmt: skip
    return made.tar([made.file(name, content) for name, content in parts])


def bad_images(folder: Path) -> dict[str, bytes]:
    content = image(folder)[0]
    other = made.tar([made.file("evil", b"evil")])
    return {
        "another image": image(folder, other)[0],
        "another layer": content.replace(b"print(1)", b"print(2)"),
        "compressed layers": with_gzip_layer(folder),
        "no tar": b"no tar at all",
        "no manifest": made.tar([made.file("x")]),
        "a manifest of another kind": made.tar([made.file("manifest.json", b'[{"Config": 1}]')]),
        "a deep manifest": made.tar([made.file("manifest.json", b"[" * 100_000)]),
        "cut": content[:2000],
    }


@pytest.mark.parametrize("what", ["another image", "another layer", "compressed layers", "no tar",
                                  "no manifest", "a manifest of another kind", "a deep manifest",
                                  "cut"])  # fmt: skip
def test_an_image_that_is_not_the_record_s_never_runs(
    engine: FakeEngine, tmp_path: Path, what: str
) -> None:
    engine.programs = {}
    content = bad_images(tmp_path)[what]
    found = rerun(archive(tmp_path, extra={"image.tar": content}))
    assert found.record is None and isinstance(found.failure, BadRequest)
    assert found.phase == "load" and engine.images() == ()
    assert nothing_left(engine) and not list(folders.layers().glob("loading-*"))


def test_a_variation_of_another_form_is_told(engine: FakeEngine, tmp_path: Path) -> None:
    found = rerun(archive(tmp_path, variation={"runs": "many", "files": 3}))
    assert found.phase == "compare" and isinstance(found.failure, BadRequest)


def test_an_interrupted_rerun_leaves_nothing(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reprokit.rerunning.planning.as_published", interrupt)
    with pytest.raises(KeyboardInterrupt):
        rerun(archive(tmp_path))
    assert nothing_left(engine)


def test_a_report_that_cannot_be_written_is_told_before(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReprokitError, match="folder"):
        rerun(archive(tmp_path), report=tmp_path / "file" / "report.html")


def test_a_damaged_archive_is_no_rerun(engine: FakeEngine, tmp_path: Path) -> None:
    source = write_folder(tmp_path / "bag", {**members(payload()), "data/evil": b"x"})
    with pytest.raises(BadRequest, match="does not name"):
        rerun(source)
    assert not Index().list() and nothing_left(engine)


def test_limits_of_time_and_memory_confine_the_program(engine: FakeEngine, tmp_path: Path) -> None:
    seen = []

    def waits(box: Box) -> int:
        seen.append(box.request.memory)
        box.sleep(100)
        return 0

    engine.programs = {("python",): waits}
    found = rerun(archive(tmp_path), limits=Limits(memory=1000, timeout=0.5))
    assert found.status == "timed-out" and seen == [1000]
    assert found.record is not None and found.record["options"]["memory"] == 1000  # type: ignore[index, call-overload]
    assert nothing_left(engine)


def test_the_source_is_shown_before_anything_is_done_with_it(
    engine: FakeEngine, tmp_path: Path
) -> None:
    seen = []

    def look(origin: Origin) -> None:
        assert origin.root.is_dir() and not engine.leftovers()
        seen.append(str(origin.source))

    rerun(archive(tmp_path), look=look)
    assert seen == ["archive wheat.zip"]
