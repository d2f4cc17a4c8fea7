"""An archive of a run: complete, sealed, the same every time, and all or nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import bagit  # type: ignore[import-untyped,unused-ignore]
import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

import reprokit
from reprokit.errors import BadRequest, InputUnavailable, ReprokitError, ResultsDiffer
from reprokit.history.index import Index
from reprokit.phases import render
from reprokit.pipeline.bill import Bill
from reprokit.pipeline.earlier_code import same_build
from reprokit.progress import Silent
from reprokit.publishing import archive
from reprokit.publishing.archive import Published
from reprokit.publishing.publish import Publication
from reprokit.rerunning.archive import opened
from reprokit.schemas import schema
from tests.history.made import digest
from tests.phases.test_record import inputs
from tests.publishing import made
from tests.publishing.conftest import names, unpacked
from tests.rerunning.said import Said

pytestmark = pytest.mark.usefixtures("billed")


def publish(run: str, target: Path) -> Published:
    return archived(reprokit.publish(run, archive=target))


def archived(done: Publication) -> Published:
    assert done.archive is not None
    return done.archive


def test_an_archive_holds_what_ran_and_no_secret(project: Path, tmp_path: Path) -> None:
    folder, _ = made.run(project)
    done = reprokit.publish(folder.id, archive=tmp_path / "a.zip")
    Draft202012Validator(schema("publish-1")).validate(done.json())
    assert names(tmp_path / "a.zip") == {
        "CITATION.cff",
        "README.md",
        "build/.dockerignore",
        "build/Dockerfile",
        "build/app/.gitignore",
        "build/app/main.py",
        "build/app/tools/50% of it.sh",
        "build/vendor/reprokit/plan.json",
        "build/vendor/reprokit/repro.lock",
        "codecheck.yml",
        "inputs/data/sites.csv",
        "inputs/data/yield.csv",
        "inputs/data/yield.csv.gz",
        "log.txt",
        "record.json",
        "repro.lock",
        "results.sha256",
        "results/answer.txt",
        "results/metrics.json",
        "results/table.csv",
        "ro-crate-metadata.json",
        "sbom.cdx.json",
    }
    assert b"secret" not in (tmp_path / "a.zip").read_bytes()


def test_an_archive_is_a_bag_in_one_folder(project: Path, tmp_path: Path) -> None:
    folder, record = made.run(project)
    publish(folder.id, tmp_path / "a.zip")
    place = unpacked(tmp_path / "a.zip", tmp_path / "out")
    assert place.name == f"wheat-{folder.id}"
    bag = bagit.Bag(str(place))
    bag.validate()
    assert bag.info["External-Identifier"] == folder.id
    for name, content in made.RESULTS.items():
        assert (place / "data" / "results" / name).read_bytes() == content
    assert json.loads((place / "data" / "record.json").read_text()) == record
    assert (place / "data" / "inputs" / "data" / "yield.csv").read_text() == "a,b\n1,2\n"
    assert os.access(place / "data" / "build" / "app" / "tools" / "50% of it.sh", os.X_OK)
    check = ["sha256sum", "--check", "--quiet", "../results.sha256"]
    subprocess.run(check, cwd=place / "data" / "results", check=True)
    (place / "data" / "results" / "answer.txt").write_text("forty-three\n")
    with pytest.raises(bagit.BagValidationError):
        bag.validate()


def test_a_dockerfile_of_its_own_gives_the_same_build_again(project: Path, tmp_path: Path) -> None:
    (project / "Dockerfile").write_text('FROM debian:12\nCOPY . /app\nCMD ["true"]\n')
    pin = f"debian:12@{digest('b')}"
    base = replace(
        made.lock().base, family="own", reference=pin, settings={"pinned": {"debian:12": pin}}
    )
    folder, _ = made.run(project, locked=replace(made.lock(), base=base, system=()))
    reporter = Said()
    wanted = archive.Wanted(vendor=True, image=False, engine=None)
    archive.archive(Index().find(folder.id), tmp_path / "a.zip", wanted, reporter)
    assert any("--image" in text for text in reporter.warnings)
    found = opened(tmp_path / "a.zip", tmp_path, Silent()).published
    (root,) = (tmp_path / "project").iterdir()
    assert found is not None and f"FROM {pin}\n" in (root / "Dockerfile").read_text()
    assert same_build(root, found.kept, found.record, found.lock, found.key) is not None


def test_the_same_run_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    folder, _ = made.run(project)
    first = publish(folder.id, tmp_path / "a.zip")
    for path in project.rglob("*"):
        if path.is_file() and ".reprokit" not in path.parts:
            os.utime(path, (1, 1))
    before = os.umask(0o077)
    try:
        second = publish(folder.id, tmp_path / "b.zip")
    finally:
        os.umask(before)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert first.sha256 == second.sha256


def test_the_source_is_the_one_that_is_cited(project: Path, tmp_path: Path) -> None:
    folder, _ = made.run(project)
    publish(folder.id, tmp_path / "a.zip")
    code = unpacked(tmp_path / "a.zip", tmp_path / "out") / "data" / "build" / "app"
    made.git(code, "init", "-q")
    made.git(code, "add", "--all", "--force")
    tree = made.git(code, "write-tree")
    assert reprokit.cite(folder.id).facts.source == f"swh:1:dir:{tree}"


def test_an_earlier_commit_is_published_with_its_data(project: Path, tmp_path: Path) -> None:
    (project / ".gitignore").write_text(".env\ndata/sites.csv\n")
    made.commit(project)
    folder, _ = made.run(project)
    (project / "main.py").write_text("print('other')\n")
    (project / "data" / "yield.csv.gz").unlink()
    made.commit(project)
    publish(folder.id, tmp_path / "a.zip")
    place = unpacked(tmp_path / "a.zip", tmp_path / "out") / "data"
    assert "yield.csv" in (place / "build" / "app" / "main.py").read_text()
    assert (place / "inputs" / "data" / "sites.csv").read_text() == "x\n"
    assert (place / "inputs" / "data" / "yield.csv").is_file()
    readme = (place / "README.md").read_text()
    assert all(f"/app/data/{name}:ro" in readme for name in ("sites.csv", "yield.csv"))
    assert not list((project / ".reprokit").glob("code-*"))


def test_another_reprokit_takes_the_dockerfile_that_the_run_kept(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.commit(project)
    folder, _ = made.run(project)
    kept = folder.dockerfile.read_text()
    monkeypatch.setattr(render, "USER", "1001:0")
    publish(folder.id, tmp_path / "a.zip")
    place = unpacked(tmp_path / "a.zip", tmp_path / "out") / "data"
    assert (place / "build" / "Dockerfile").read_text() == kept
    folder.dockerfile.unlink()
    with pytest.raises(BadRequest, match="no longer those of this run"):
        publish(folder.id, tmp_path / "b.zip")


def test_code_of_a_changed_tree_is_published_while_it_is_there(
    project: Path, tmp_path: Path
) -> None:
    made.commit(project)
    (project / "main.py").write_text("print('not committed')\n")
    folder, _ = made.run(project)
    publish(folder.id, tmp_path / "a.zip")
    (project / "main.py").write_text("print('later')\n")
    with pytest.raises(BadRequest, match="no longer those of this run"):
        publish(folder.id, tmp_path / "b.zip")
    assert [path.name for path in tmp_path.glob("*.zip")] == ["a.zip"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ("data/sites.csv", InputUnavailable),
        (".reprokit/runs/{run}/results/answer.txt", InputUnavailable),
        (".reprokit/runs/{run}/results/answer.txt -", ResultsDiffer),
    ],
)
def test_what_is_not_as_it_was_is_refused(
    project: Path, tmp_path: Path, changed: str, error: type[ReprokitError]
) -> None:
    folder, _ = made.run(project)
    path, _, gone = changed.format(run=folder.id).partition(" ")
    if gone:
        (project / path).unlink()
    else:
        (project / path).write_text("forty-2wo\n")
    (tmp_path / "target").mkdir()
    with pytest.raises(error):
        publish(folder.id, tmp_path / "target" / "a.zip")
    assert not list((tmp_path / "target").iterdir())


def test_a_failed_run_is_not_published(project: Path, tmp_path: Path) -> None:
    failed = replace(inputs()["outcome"], status="failed", exit_code=1)
    folder, _ = made.finished_with(project, failed, timedelta())
    with pytest.raises(BadRequest, match="failed"):
        publish(folder.id, tmp_path / "a.zip")


def test_a_run_without_its_lock_is_refused(project: Path, tmp_path: Path) -> None:
    folder, _ = made.run(project)
    folder.lock.unlink()
    with pytest.raises(BadRequest, match="lock cannot be read"):
        publish(folder.id, tmp_path / "a.zip")
    with pytest.raises(BadRequest, match="lock cannot be read"):
        reprokit.cite(folder.id)


def test_a_target_that_would_do_harm_is_refused(project: Path, tmp_path: Path) -> None:
    folder, _ = made.run(project)
    with pytest.raises(BadRequest, match="next image"):
        publish(folder.id, project / "a.zip")
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(BadRequest, match="exists already"):
        publish(folder.id, tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_text() == "mine"
    with pytest.raises(BadRequest, match="where to"):
        reprokit.publish(folder.id)


def test_an_interrupt_leaves_nothing(project: Path, tmp_path: Path) -> None:
    folder, _ = made.run(project)

    class Impatient(Silent):
        def advance(self, done: int, total: int | None, unit: str = "B") -> None:
            if unit == "B" and total is not None and done > total // 2:
                raise KeyboardInterrupt

    (tmp_path / "target").mkdir()
    with pytest.raises(KeyboardInterrupt):
        reprokit.publish(folder.id, archive=tmp_path / "target" / "a.zip", reporter=Impatient())
    assert not list((tmp_path / "target").iterdir())


def test_large_data_stream_through(project: Path, tmp_path: Path) -> None:
    large = project / "data" / "large.bin.gz"
    with large.open("wb") as file:
        file.truncate(500 * 1024**2)
    (project / "repro.toml").write_text("[data]\nunpack = false\n")
    folder, _ = made.run(project)
    program = (
        "import pathlib, sys, reprokit\n"
        "reprokit.publish(sys.argv[1], archive=sys.argv[2])\n"
        # Not ru_maxrss: that begins with what the parent had before it started this program.
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(int(status.partition('VmHWM:')[2].split()[0]) // 1024)\n"
    )
    command = [sys.executable, "-c", program, folder.id, str(tmp_path / "a.zip")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200
    with zipfile.ZipFile(tmp_path / "a.zip") as opened:
        assert any(info.file_size == 500 * 1024**2 for info in opened.infolist())


def test_the_crate_names_every_file_and_the_run(project: Path, tmp_path: Path) -> None:
    (project / "CITATION.cff").write_text(
        "cff-version: 1.2.0\nmessage: m\ntitle: Wheat\nlicense: MIT\n"
        "authors: [{given-names: Jane, family-names: Doe, affiliation: An Institute}]\n"
    )
    folder, record = made.run(project)
    publish(folder.id, tmp_path / "a.zip")
    place = unpacked(tmp_path / "a.zip", tmp_path / "out") / "data"
    crate = json.loads((place / "ro-crate-metadata.json").read_text())
    graph = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(graph) == len(crate["@graph"])
    action = graph["#run"]
    assert [ref["@id"] for ref in action["result"]] == [
        "results/answer.txt",
        "results/metrics.json",
        "results/table.csv",
    ]
    assert len(action["object"]) == 3 and "containerImage" not in action
    assert graph["#environment"]["value"] == record["environment_digest"]
    assert graph["./"]["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    assert graph[graph["./"]["author"]["@id"]]["affiliation"] == {"@id": "#An%20Institute"}
    for entity in graph.values():
        if entity["@type"] == "File":
            assert (place / entity["name"]).stat().st_size == int(entity["contentSize"])
    assert yaml.safe_load((place / "CITATION.cff").read_text())["license"] == "MIT"


def test_an_archive_of_an_image_that_is_gone_says_what_it_lacks(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(run: str, *, project: Path) -> Bill:
        raise BadRequest("the run's image is gone")

    monkeypatch.setattr(archive, "bill", gone)
    warnings: list[str] = []

    class Told(Silent):
        def warning(self, text: str) -> None:
            warnings.append(text)

    folder, _ = made.run(project)
    reprokit.publish(folder.id, archive=tmp_path / "a.zip", reporter=Told())
    assert "sbom.cdx.json" not in names(tmp_path / "a.zip")
    assert any("image is gone" in text for text in warnings)
