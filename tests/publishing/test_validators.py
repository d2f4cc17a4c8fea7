"""Archives before the validators that repositories use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import reprokit
from reprokit.history.run_folder import RunFolder
from reprokit.publishing import published_image, pushed
from tests.history.made import digest
from tests.publishing import made
from tests.publishing.conftest import unpacked
from tests.publishing.fake_registry import FakeRegistry

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("billed")]

CITATION = """\
cff-version: 1.2.0
message: Please cite it.
title: Wheat and weather
abstract: Yields.
version: 1.0.2
license: [MIT, Apache-2.0]
doi: 10.5281/zenodo.1
repository-code: https://example.org/wheat
authors:
  - {given-names: Jane, family-names: Doe, affiliation: An Institute,
     orcid: "https://orcid.org/0000-0002-1825-0097"}
  - {given-names: Ann, family-names: Other}
  - {name: The wheat group}
"""

# The validator asks for the context of RO-Crate 1.1 by its address; offline it takes what its
# cache has, and the context lies in an older release of the rocrate library.
SEED = """\
import io, sys
from pathlib import Path
import requests, urllib3
from requests_cache import CachedSession
import rocrate
body = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()
address = "https://w3id.org/ro/crate/1.1/context"
response = requests.Response()
response.status_code, response.url, response._content = 200, address, body
response.headers["Content-Type"] = "application/ld+json"
response.request = requests.Request("GET", address).prepare()
response.raw = urllib3.HTTPResponse(
    body=io.BytesIO(body), headers=dict(response.headers), status=200, preload_content=False
)
CachedSession(sys.argv[1], expire_after=-1).cache.save_response(response)
"""


def environment(folder: Path, *packages: str) -> Path:
    """A virtual environment of its own: the validators' requirements do not fit ours."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), *packages]
    subprocess.run(install, check=True)
    return folder / "bin"


@pytest.fixture(scope="module")
def crates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the RO-Crate validator's programs, with the context in its cache."""
    folder = tmp_path_factory.mktemp("crates")
    programs = environment(folder / "venv", "roc-validator==0.13.0", "rocrate==0.13.0")
    seed = [str(programs / "python"), "-c", SEED, str(folder / "cache")]
    subprocess.run(seed, check=True)
    return programs


@pytest.fixture(scope="module")
def citations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("citations") / "venv", "cffconvert==2.0.0")


def issues(crate: Path, programs: Path) -> list[tuple[str, str]]:
    """What the validator finds at the recommended level, which holds the required one."""
    report = crate.parent.parent / "report.json"
    subprocess.run(
        [
            str(programs / "rocrate-validator"), "--no-interactive", "validate", "--offline",
            "--cache-path", str(programs.parents[1] / "cache"), "--no-paging",
            "-p", "process-run-crate", "-l", "recommended",
            "-f", "json", "-o", str(report), str(crate),
        ],
        capture_output=True,
    )  # fmt: skip
    found = json.loads(report.read_text())
    assert found["statistics"]["total_checks"] > 90
    return [(issue["violatingEntity"], issue["message"]) for issue in found["issues"]]


@pytest.mark.parametrize("citation", [None, CITATION])
@pytest.mark.parametrize("is_pushed", [False, True])
def test_an_archive_is_valid(
    project: Path,
    tmp_path: Path,
    crates: Path,
    citations: Path,
    citation: str | None,
    is_pushed: bool,
) -> None:
    if citation is not None:
        (project / "CITATION.cff").write_text(citation)
        made.commit(project)
    folder, _ = made.run(project)
    if is_pushed:
        push = pushed.Pushed(repository="registry.example.org/me/wheat", digest=digest("d"))
        pushed.add(folder, push)
    reprokit.publish(folder.id, archive=tmp_path / "a.zip")
    place = unpacked(tmp_path / "a.zip", tmp_path / "out")
    assert issues(place / "data", crates) == []
    for command in (
        [sys.executable, "-m", "bagit", "--quiet", "--validate", str(place)],
        [str(citations / "cffconvert"), "--validate", "-i", str(place / "data" / "CITATION.cff")],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("pushing_engine")
@pytest.mark.parametrize("citation", [None, CITATION])
def test_what_is_attached_to_an_image_is_valid(
    there: FakeRegistry,
    run: RunFolder,
    project: Path,
    tmp_path: Path,
    crates: Path,
    citation: str | None,
) -> None:
    if citation is not None:
        (project / "CITATION.cff").write_text(citation)
        (project / "main.py").write_text("print('the code that ran is nowhere any more')\n")
    done = reprokit.publish(run.id, push=f"{there.address}/me/wheat:1")
    assert done.pushed is not None
    image = published_image.resolve(done.pushed.reference)
    (found,) = published_image.records(image, pytest.fail)
    place = tmp_path / "attached" / "crate"
    place.mkdir(parents=True)
    for name in found.files:
        (place / name).write_bytes(found.content(name))
    assert len(found.files) == 5
    assert issues(place, crates) == []
