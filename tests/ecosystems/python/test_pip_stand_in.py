"""What stands in for pip in the image of a rerun."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reprokit.ecosystems.python import pip_stand_in
from reprokit.ecosystems.python.detect import detect
from reprokit.project import Project
from tests.projects import write


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "site-packages"
    for name in ("scikit_learn-1.0.dist-info", "Old.Name-2.1-py3.8.egg-info", "six-1.16.dist-info"):
        (place / name).mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(place), str(tmp_path / "gone")])
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"r.txt": "# x\nsix>=1  # y\n-c other.txt\n\nold-name\n", "lib/setup.py": ""})


@pytest.mark.parametrize(
    "words",
    [
        "install --upgrade --user scikit-learn",
        "install -r r.txt --index-url https://h.example/ six==9",
        "install --requirement=r.txt -q",
        "install -e . ./lib",
        "install git+https://h.example/x/six.git@v1 six@https://h.example/six-1.zip",
        "install git+https://h.example/x#egg=Old.Name",
        "list",
        "show six",
        "uninstall -y six",
        "--version",
    ],
)
def test_what_is_there_is_satisfied(words: str) -> None:
    assert pip_stand_in.main(words.split()) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("install six gone[extra]>=1", "No matching distribution found for gone"),
        ("install -r gone.txt", "Could not open requirements file: gone.txt"),
        ("install https://h.example/x/gone.git", "No matching distribution found for gone"),
        ("install ./gone", "No matching distribution found for ./gone"),
        ("show gone", "not found: gone"),
        ("download six", "cannot do 'download'"),
    ],
)
def test_what_is_not_there_is_an_error(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        pip_stand_in.main(words.split())
    assert caught.value.code == 1
    assert told in capsys.readouterr().err


def test_it_is_for_reruns_whose_scripts_call_pip(tmp_path: Path) -> None:
    for name, text in {
        "Makefile": "run:\n\t$(py) -m pip install --user six\n",
        "deep/run.sh": "pip3 install six\n",
        "main.py": "import os\nos.system('pip install six')\n",
        "other.py": 'subprocess.run([sys.executable, "-m", "pip", "install", "six"])\n',
    }.items():
        folder = tmp_path / name.replace("/", "-")
        write(folder, {"requirements.txt": "six\n", name: text})
        found = detect(Project(folder, lenient=True))
        assert found is not None
        assert found.settings["pip_stand_in"] is True
        assert [r.name for r in found.requirements] == ["six"]
        assert any("calls pip" in note.text for note in found.notes)


def test_it_is_not_for_others(tmp_path: Path) -> None:
    files = {"requirements.txt": "six\n", "run.sh": "pip install six\n"}
    write(tmp_path, files)
    plain = detect(Project(tmp_path))
    assert plain is not None and "pip_stand_in" not in plain.settings
    assert [r.name for r in plain.requirements] == ["six", "pip"]
    write(tmp_path, {"repro.lock": "{}"})
    locked = detect(Project(tmp_path, lenient=True))
    assert locked is not None and "pip_stand_in" not in locked.settings
    (tmp_path / "repro.lock").unlink()
    write(tmp_path, {"requirements.txt": "pip==23.0\n"})
    asked = detect(Project(tmp_path, lenient=True))
    assert asked is not None and "pip_stand_in" not in asked.settings


def test_it_needs_nothing_but_python(tmp_path: Path) -> None:
    place = tmp_path / "pip"
    write(place, {"__init__.py": Path(pip_stand_in.__file__).read_text()})
    code = "import pip; pip.main(['install', 'nothing-of-the-kind'])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, b"No matching distribution" in done.stderr) == (1, True)
