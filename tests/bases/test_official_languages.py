"""A project in several languages on an official image: one comes with the image, the others are
added from the packages of its distribution."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reprokit import folders
from reprokit.bases.debian import DebianFamily
from reprokit.engines.engine import SocketEngine
from reprokit.progress import Silent
from reprokit.site import load
from tests.bases.conftest import docker_command, run

pytestmark = [pytest.mark.engine, pytest.mark.network]

IMAGE = "python:3.11-slim-bookworm"
# As in the official image, Python lies in /usr/local and dpkg knows nothing of it.
STAND_IN = """\
FROM {base}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 && \\
    cp -a /usr/lib/python3.11 /usr/local/lib/ && cp /usr/bin/python3.11 /usr/local/bin/ && \\
    ln -s python3.11 /usr/local/bin/python3 && \\
    apt-get purge -y -qq python3 python3-minimal python3.11 python3.11-minimal \\
      libpython3-stdlib libpython3.11-stdlib libpython3.11-minimal && \\
    rm -rf /var/lib/apt/lists/*
ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
"""
PROJECT = {
    "repro.toml": 'date = "2023-07-01"\n'
    '[[steps]]\ncommand = "python prepare.py"\n'
    '[[steps]]\ncommand = "Rscript model.R"\n'
    '[[steps]]\ncommand = "java -jar sum.jar"\n',
    "requirements.txt": "toolz==0.12.0\n",
    "prepare.py": "import pathlib, sys, toolz\n"
    "pathlib.Path('results/in.csv').write_text('a,b\\n1,2\\n3,4\\n')\n"
    "pathlib.Path('results/python.txt').write_text(f'{sys.base_prefix} {toolz.__version__}')\n",
    "model.R": "d <- read.csv('results/in.csv')\n"
    "writeLines(c(R.home(), colMeans(d)), 'results/r.txt')\n",
    "build.xml": '<project default="jar"><target name="jar"><mkdir dir="classes"/>'
    '<javac srcdir="src" destdir="classes" includeantruntime="false" release="17"/>'
    '<jar destfile="sum.jar" basedir="classes"><manifest>'
    '<attribute name="Main-Class" value="Sum"/></manifest></jar></target></project>\n',
    "src/Sum.java": "import java.nio.file.*;\npublic class Sum {\n"
    "  public static void main(String[] words) throws Exception {\n"
    '    long lines = Files.lines(Path.of("results/in.csv")).count();\n'
    '    String home = System.getProperty("java.home");\n'
    '    Files.writeString(Path.of("results/java.txt"), home + " " + lines);\n  }\n}\n',
}


@pytest.fixture
def image(mirrored: SocketEngine, registry: str, tmp_path: Path) -> str:
    """A stand-in for the official image, in the registry only."""
    family = DebianFamily()
    candidate = family.named("bookworm")
    assert candidate is not None
    base = family.lock(candidate, mirrored, load(), folders.archives(), Silent())
    context = tmp_path / "stand-in"
    context.mkdir()
    (context / "Dockerfile").write_text(STAND_IN.format(base=base.reference))
    name = f"{registry}/library/{IMAGE}"
    address = mirrored.endpoint.url
    build = ("build", "--quiet", "--network", "host", "--tag", name, str(context))
    run(*docker_command(address, *build))
    run(*docker_command(address, "push", name))
    mirrored.remove_image(name)
    return IMAGE


def reprokit(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reprokit", *words], capture_output=True, text=True
    )


def test_one_language_brings_the_image_and_the_others_come_on_top(
    mirrored: SocketEngine, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPROKIT_ENGINE", mirrored.endpoint.url)
    # The engine of the tests has no way out of its own bridge.
    settings = folders.configuration() / "site.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('resolver_network = "host"\n')
    project = tmp_path / "study"
    for name, text in PROJECT.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    try:
        done = reprokit("run", str(project), "--json")
    finally:
        settings.unlink()

    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["base"]["name"] == image
    assert record["base"]["registry_digest"].startswith("sha256:")
    results = project / "results"
    assert (results / "python.txt").read_text() == "/usr/local 0.12.0"
    assert (results / "r.txt").read_text().split() == ["/usr/lib/R", "2", "3"]
    assert (results / "java.txt").read_text() == "/usr/lib/jvm/java-17-openjdk-amd64 3"
