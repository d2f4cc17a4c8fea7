"""The proof: every example, built again from nothing on every engine, is the same bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import engines
from tests.test_examples import EXAMPLES, NAMES

pytestmark = [pytest.mark.engine, pytest.mark.network]


def reprokit(
    *words: str, folder: Path, umask: int = 0o022, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reprokit", *words, "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        umask=umask,
        env={**os.environ, **environment},
    )


def ran(name: str, root: Path, *words: str) -> tuple[Path, dict[str, object]]:
    """A copy of an example after its first run, on the first engine."""
    project = root / name
    left_out = shutil.ignore_patterns(".reprokit", "results", "target", "repro.lock")
    shutil.copytree(EXAMPLES / name, project, ignore=left_out)
    done = reprokit("run", *words, folder=project, REPROKIT_ENGINE=engines()[0])
    assert done.returncode == 0, done.stderr[-4000:]
    return project, json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_built_again_anywhere_is_the_same(name: str, tmp_path: Path) -> None:
    project, record = ran(name, tmp_path, "--base", "debian")
    for engine in engines():
        # Another time, umask, zone, language and user name than at the first build.
        again = reprokit(
            "verify", "last", "--rebuild", "--engine", engine,
            folder=project, umask=0o077, TZ="Asia/Tokyo", LC_ALL="C", USER="somebody",
        )  # fmt: skip
        verification = json.loads(again.stdout)
        assert "error" not in verification, again.stderr[-4000:]
        assert verification["comparison"] is None, json.dumps(verification["comparison"])[:6000]
        assert again.returncode == 0, again.stderr[-4000:]
        assert verification["environment_digest"] == {
            "recorded": record["environment_digest"],
            "rebuilt": record["environment_digest"],
        }
