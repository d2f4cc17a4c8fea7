"""The commands in an archive's README: they run under plain docker, and give the same results."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import reprokit
from reprokit.engines.podman import settings_for_this_machine
from reprokit.history.reading import mapping
from reprokit.history.run_folder import RunFolder
from reprokit.publishing import powershell, pushed
from tests.conftest import engines
from tests.publishing import made
from tests.publishing.conftest import unpacked

PROGRAM = """\
import os, pathlib
pathlib.Path("results").mkdir(exist_ok=True)
text = pathlib.Path("data/in put.txt").read_text() + os.environ["WORD"]
pathlib.Path("results/a.txt").write_text(text.upper())
pathlib.Path("figures").mkdir(exist_ok=True)
pathlib.Path("figures/b.txt").write_text("beside")
"""
CONFIGURATION = 'base = "bookworm"\n[run]\nenvironment = { WORD = "it\'s $HOME \\"q\\"" }\n'

ELSEWHERE = pushed.Pushed(repository="registry.example.org/me/wheat", digest=f"sha256:{'d' * 64}")


def sections(readme: str) -> dict[str, str]:
    """The commands for each system."""
    return dict(re.findall(r"### ([^\n]+)\n\n```\w+\n(.*?)```", readme, re.DOTALL))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    root = tmp_path / "it's $(touch evil) ü"
    (root / "data").mkdir(parents=True)
    (root / "data" / "in put.txt.gz").write_bytes(gzip.compress(b"hello\n", mtime=0))
    (root / "main.py").write_text(PROGRAM)
    (root / "repro.toml").write_text(CONFIGURATION)
    return root


@pytest.mark.usefixtures("billed")
def test_each_system_has_its_commands(published: Path, tmp_path: Path) -> None:
    folder, _ = made.run(published)
    reprokit.publish(folder.id, archive=tmp_path / "a.zip")
    text = (unpacked(tmp_path / "a.zip", tmp_path / "out") / "data" / "README.md").read_text()
    found = sections(text)
    assert set(found) == {"Linux", "macOS", "Windows (PowerShell)"}
    assert "sha256sum --check" in found["Linux"] and "shasum" in found["macOS"]
    assert """'WORD=it''s $HOME \\"q\\"'""" in found["Windows (PowerShell)"]
    assert powershell.AS_EVER in found["Windows (PowerShell)"].splitlines()
    assert (
        '"${PWD}/inputs/data/in put.txt:/app/data/in put.txt:ro"' in found["Windows (PowerShell)"]
    )
    # What is built without reprokit must not be taken for an image of its own.
    assert "localhost/reprokit/" not in found["Linux"] and "reprokit rerun " in text
    assert f"--tag localhost/it-s-touch-evil-u:{folder.id} build" in found["Linux"]
    assert "neither the image nor its packages" in text


@pytest.mark.usefixtures("billed")
def test_a_value_that_is_not_published_is_not_told(published: Path, tmp_path: Path) -> None:
    (published / "repro.toml").write_text(CONFIGURATION + '[exclude]\npaths = ["repro.toml"]\n')
    folder, _ = made.run(published)
    reprokit.publish(folder.id, archive=tmp_path / "a.zip")
    text = (unpacked(tmp_path / "a.zip", tmp_path / "out") / "data" / "README.md").read_text()
    assert "--env WORD" in text and "$HOME" not in text


@pytest.mark.usefixtures("billed")
def test_an_image_in_a_registry_is_pulled(published: Path, tmp_path: Path) -> None:
    (published / "CITATION.cff").write_text("title: A *study* <of> wheat\n")
    folder, _ = made.run(published)
    pushed.add(folder, ELSEWHERE)
    reprokit.publish(folder.id, archive=tmp_path / "a.zip")
    text = (unpacked(tmp_path / "a.zip", tmp_path / "out") / "data" / "README.md").read_text()
    assert text.startswith("# A \\*study\\* \\<of\\> wheat\n")
    assert f"docker pull {ELSEWHERE.reference}" in sections(text)["Linux"]


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.parametrize("engine", engines())
def test_the_commands_give_the_same_results(
    engine: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPROKIT_ENGINE", engine)
    record = reprokit.run(published).record
    run, reference = str(record["run"]), str(mapping(record, "image")["reference"])
    program = "podman" if "podman" in engine else "docker"
    settings = tmp_path / "containers.conf"
    settings.write_text(settings_for_this_machine())
    environment = {
        **os.environ,
        "CONTAINERS_CONF": str(settings),
        "PATH": f"/usr/bin:{os.environ['PATH']}",
    }
    # In a network namespace without a way out; making one takes root.
    apart = ["unshare", "--net"] if os.geteuid() == 0 else []
    for kind in ("image", "vendor"):
        archive = tmp_path / f"{kind}.zip"
        reprokit.publish(run, archive=archive, image=kind == "image", vendor=kind == "vendor")
        subprocess.run([program, "image", "rm", "--force", reference], env=environment, check=True)
        place = unpacked(archive, tmp_path / kind) / "data"
        script = sections((place / "README.md").read_text())["Linux"]
        if program == "podman":
            script = script.replace("docker ", "podman ").replace(
                "podman build", "podman build --no-cache"
            )
        done = subprocess.run(
            [*apart, "sh", "-eu", "-c", script],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        # What an archive holds comes before a registry, which may be gone.
        pushed.add(RunFolder(project=published, id=run), ELSEWHERE)
        assert json.loads((place / "sbom.cdx.json").read_text())["bomFormat"] == "CycloneDX"
        assert "a.txt: OK" in done.stdout and "figures/b.txt: OK" in done.stdout
        if kind == "image":
            name = [program, "image", "inspect", "--format", "{{.Id}}", reference]
            loaded = subprocess.run(name, env=environment, capture_output=True, text=True)
            digest = str(record["environment_digest"])
            assert loaded.stdout.strip().removeprefix("sha256:") == digest.removeprefix("sha256:")
    assert not (tmp_path / "evil").exists() and not (published / "evil").exists()
