"""Every example, run as a user would and checked by its own `verify`, on every real engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import certifi
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from reprokit import lock_file
from reprokit.identity import keystore
from reprokit.truststore import certificates, java_truststore
from tests import hostile_locks

EXAMPLES = Path(__file__).parent.parent / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/verify"))
ENGINES = os.environ.get("REPROKIT_TEST_ENGINES", "docker").split(",")


def reprokit(*words: str, engine: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "reprokit", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "REPROKIT_ENGINE": engine},
    )


def dockerfile(project: Path, record: dict[str, str]) -> str:
    """The Dockerfile that a run keeps."""
    return str(project / ".reprokit" / "runs" / record["run"] / "Dockerfile")


def test_there_are_examples() -> None:
    assert {"align-tool", "mixed", "notebook-project", "python-analysis", "r-analysis"} <= set(
        NAMES
    )


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_and_verifies(name: str, engine: str, tmp_path: Path) -> None:
    project = tmp_path / "a project with spaces, ü" / name
    shutil.copytree(
        EXAMPLES / name, project, ignore=shutil.ignore_patterns(".reprokit", "results", "target")
    )
    first = reprokit("run", str(project), "--base", "debian", "--json", engine=engine)
    assert first.returncode == 0, first.stderr[-4000:]
    record = json.loads(first.stdout)
    assert record["exit_code"] == 0
    assert record["results"]
    assert record["image"]["config_digest"].startswith("sha256:")
    check = subprocess.run(
        [str(project / "verify"), str(project / "results")], capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr

    lint = subprocess.run(
        [str(Path(sys.executable).parent / "hadolint"), "--no-color", dockerfile(project, record)],
        capture_output=True,
        text=True,
    )
    assert (lint.returncode, lint.stdout) == (0, "")

    check_bill(project, record)
    assert hostile_locks.attack(project) > 50

    second = reprokit("run", str(project), "--base", "debian", "--json", engine=engine)
    assert second.returncode == 0, second.stderr[-4000:]
    again = json.loads(second.stdout)
    assert again["image"]["config_digest"] == record["image"]["config_digest"]
    assert again["environment_digest"] == record["environment_digest"]
    assert "reprokit: build" not in second.stderr
    assert "reprokit: lock" not in second.stderr
    if name == "align-tool":
        check_certificates(project, engine)


def check_certificates(project: Path, engine: str) -> None:
    """Java reads the image's own store of certificates, which got the lock's date, and the store
    that resolver containers get for a site's bundle."""
    bundle = Path(certifi.where()).read_bytes()
    (project / "data" / "site.store").write_bytes(java_truststore(bundle))
    commands = (
        "cp /etc/ssl/certs/java/cacerts results/image.store",
        "keytool -list -cacerts -storepass changeit > results/image.txt",
        "keytool -list -keystore data/site.store -storepass changeit > results/site.txt",
    )
    given = ("--", "sh", "-c", " && ".join(commands))
    done = reprokit("run", str(project), "--base", "debian", "--json", *given, engine=engine)
    assert done.returncode == 0, done.stderr[-4000:]
    results = project / "results"
    store = (results / "image.store").read_bytes()
    lock = lock_file.loads((project / "repro.lock").read_text("utf-8"))
    assert keystore.dated(store, lock.epoch) == store != keystore.dated(store, lock.epoch + 1)
    day = f"{datetime.fromtimestamp(lock.epoch, UTC):%b %-d, %Y}"
    listed = (results / "image.txt").read_text()
    assert listed.count(f", {day}, trustedCertEntry") > 100
    site = (results / "site.txt").read_text()
    assert f"contains {len(certificates(bundle))} entries" in site


def check_bill(project: Path, record: dict[str, str]) -> None:
    """The run's bill of materials is valid, and names each package and file of the lock."""
    done = reprokit("show", record["run"], "--sbom", engine="docker")
    assert done.returncode == 0, done.stderr
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(done.stdout) is None
    bill = json.loads(done.stdout)
    assert bill["metadata"]["component"]["version"] == record["environment_digest"]
    named = {
        (f"{part['group']}:{part['name']}" if "group" in part else part["name"], part["version"])
        for part in bill["components"]
    }
    hashes = {
        found["content"]
        for part in bill["components"]
        for reference in part.get("externalReferences", ())
        for found in reference["hashes"]
    }
    lock = lock_file.loads((project / "repro.lock").read_text("utf-8"))
    ecosystems = [package for e in lock.ecosystems for package in e.packages]
    for package in (*lock.base.packages, *lock.system, *lock.build_system, *ecosystems):
        assert (package.name, package.version) in named
        for artifact in package.artifacts:
            assert artifact.sha256.removeprefix("sha256:") in hashes
    # What only build stages had may be absent from the image, what it runs with may not.
    for part in bill["components"]:
        said = {(p["name"], p["value"]) for p in part["properties"]}
        if ("reprokit:locked", "system") in said:
            assert ("reprokit:image", "installed") in said, part


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.parametrize("engine", ENGINES)
def test_the_aligner_gives_the_same_results_with_ant(engine: str, tmp_path: Path) -> None:
    project = tmp_path / "align-tool"
    shutil.copytree(
        EXAMPLES / "align-tool",
        project,
        ignore=shutil.ignore_patterns(".reprokit", "results", "target", "repro.lock"),
    )
    with (project / "repro.toml").open("a") as configuration:
        configuration.write('[java]\nbuild = "ant"\n')
    done = reprokit("run", str(project), "--base", "debian", "--json", engine=engine)
    assert done.returncode == 0, done.stderr[-4000:]
    command = json.loads(done.stdout)["command"]
    assert "build/" in json.dumps(command)
    check = subprocess.run(
        [str(project / "verify"), str(project / "results")], capture_output=True, text=True
    )
    assert check.returncode == 0, check.stdout + check.stderr
