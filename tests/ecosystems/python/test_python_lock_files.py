"""The lock files of Pipenv, Poetry, uv and PDM, and pylock.toml."""

from __future__ import annotations

import json
from pathlib import Path

from tests.ecosystems.python.detected import asked, detect, places, pythons


def test_pipfile_and_its_lock(tmp_path: Path) -> None:
    pipfile = '[packages]\nnumpy = "*"\nscipy = {version = ">=1.1"}\n[requires]\n'
    pipfile += 'python_version = "3.9"\n[dev-packages]\npytest = "*"\n'
    found = detect(tmp_path, {"Pipfile": pipfile})
    assert asked(found) == {"numpy": "", "scipy": ">=1.1", "pytest": ""}
    assert places(found) == {"numpy": "Pipfile:2", "scipy": "Pipfile:3", "pytest": "Pipfile:7"}
    assert pythons(found) == ["==3.9.*"]
    lock = {
        "_meta": {"requires": {"python_version": "3.9"}},
        "default": {"numpy": {"version": "==1.21.0", "hashes": ["sha256:" + "a" * 64]}},
        "develop": {"pytest": {"version": "==7.0"}, "numpy": {"version": "==1.20.0"}},
    }
    found = detect(tmp_path, {"Pipfile.lock": json.dumps(lock, indent=1)})
    assert asked(found) == {"numpy": "==1.21.0", "pytest": "==7.0"}
    assert found.settings["complete"] is True
    assert any("Pipfile.lock is followed; Pipfile not" in note.text for note in found.notes)


def test_a_package_of_both_sections_is_asked_for_once(tmp_path: Path) -> None:
    pipfile = '[packages]\nPyYAML = ">=6"\n[dev-packages]\npyyaml = "<6"\n'
    assert asked(detect(tmp_path, {"Pipfile": pipfile})) == {"PyYAML": ">=6"}


def test_poetry_lock_limits_what_pyproject_asks_for(tmp_path: Path) -> None:
    pyproject = '[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\nsix = "^1.0"\n'
    lock = '[[package]]\nname = "six"\nversion = "1.15.0"\nfiles = [\n'
    lock += f'  {{file = "six-1.15.0.whl", hash = "sha256:{"a" * 64}"}},\n]\n'
    lock += '[[package]]\nname = "colorama"\nversion = "0.4.6"\nfiles = []\n'
    found = detect(tmp_path, {"pyproject.toml": pyproject, "poetry.lock": lock})
    assert asked(found) == {"six": "<2.0,>=1.0"}
    assert found.settings["constraints"] == [
        {"text": "six==1.15.0", "file": "poetry.lock", "line": 2},
        {"text": "colorama==0.4.6", "file": "poetry.lock", "line": 8},
    ]
    assert found.settings["pins"] == {
        "six": {"1.15.0": ["sha256:" + "a" * 64]},
        "colorama": {"0.4.6": []},
    }


def test_uv_lock(tmp_path: Path) -> None:
    pyproject = '[project]\nname = "x"\nversion = "0"\ndependencies = ["six"]\n'
    lock = 'version = 1\nrequires-python = ">=3.10"\n[[package]]\nname = "x"\nversion = "0"\n'
    lock += 'source = { virtual = "." }\ndependencies = [{ name = "six" }]\n'
    lock += '[[package]]\nname = "six"\nversion = "1.16.0"\n'
    lock += 'source = { registry = "https://pypi.org/simple" }\n'
    lock += f'wheels = [{{ url = "https://e.example/six.whl", hash = "sha256:{"c" * 64}" }}]\n'
    found = detect(tmp_path, {"pyproject.toml": pyproject, "uv.lock": lock})
    assert asked(found) == {"six": ""}
    assert found.settings["pins"] == {"six": {"1.16.0": ["sha256:" + "c" * 64]}}
    assert pythons(found) == [">=3.10"]


def test_a_package_that_is_locked_twice_has_two_lines(tmp_path: Path) -> None:
    lock = 'lock-version = "1.0"\n' + "".join(
        f'[[packages]]\nname = "six"\nversion = "1.1{n}.0"\n'
        f"marker = \"python_version {sign} '3.11'\"\n"
        for n, sign in ((5, "<"), (6, ">="))
    )
    found = detect(tmp_path, {"pylock.toml": lock})
    assert [r.reason.line for r in found.requirements] == [3, 7]


def test_pylock(tmp_path: Path) -> None:
    lock = 'lock-version = "1.0"\nrequires-python = ">=3.9"\n[[packages]]\nname = "six"\n'
    lock += 'version = "1.16.0"\nmarker = "sys_platform == \'linux\'"\n'
    lock += f'[[packages.wheels]]\nurl = "u"\nhashes = {{ sha256 = "{"d" * 64}" }}\n'
    found = detect(tmp_path, {"pylock.toml": lock, "requirements.txt": "numpy\n"})
    assert asked(found) == {"six": "==1.16.0"}
    assert found.settings["complete"] is True
    assert found.settings["pins"] == {"six": {"1.16.0": ["sha256:" + "d" * 64]}}


def test_pdm_lock(tmp_path: Path) -> None:
    lock = f"""[[package]]
name = "six"
version = "1.16.0"
files = [{{file = "six-1.16.0-py2.py3-none-any.whl", hash = "sha256:{"a" * 64}"}}]
"""
    project = '[project]\nname = "x"\ndependencies = ["six"]\n'
    found = detect(tmp_path, {"pdm.lock": lock, "pyproject.toml": project})
    assert found.settings["pins"] == {"six": {"1.16.0": ["sha256:" + "a" * 64]}}
    assert found.settings["constraints"] == [{"text": "six==1.16.0", "file": "pdm.lock", "line": 2}]
