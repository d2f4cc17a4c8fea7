"""Versions that a README names, for projects that declare nothing and are run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.ecosystems.python.detect import detect
from reprokit.model import Detection
from reprokit.project import Project
from tests.projects import write

_CODE = "import numpy, sklearn\nprint(numpy, sklearn)\n"


def _detect(folder: Path, readme: str, *, lenient: bool = True, code: str = _CODE) -> Detection:
    write(folder, {"README.md": readme, "main.py": code})
    found = detect(Project(folder, lenient=lenient))
    assert found is not None
    return found


def _versions(found: Detection) -> dict[str, str]:
    return {asked.name: asked.specifier for asked in found.requirements if asked.specifier}


def _python(found: Detection) -> str:
    return next(r.specifier for r in found.runtimes if r.language == "python")


def test_versions_of_a_list_are_taken(tmp_path: Path) -> None:
    readme = (
        "# Requires\n\n* Python 3.6.0\n* NumPy 1.12.0\n* [scikit learn](http://x.org/0.9): v0.18\n"
    )
    found = _detect(tmp_path, readme)
    assert _versions(found) == {"numpy": "==1.12.0", "scikit-learn": "==0.18.*"}
    assert _python(found) == "==3.6.*"
    reason = next(r.reason for r in found.requirements if r.name == "numpy")
    assert str(reason) == "main.py:1: imports numpy, of which README.md:4 names 1.12.0"


def test_only_a_rerun_goes_by_prose(tmp_path: Path) -> None:
    found = _detect(tmp_path, "Python 3.6, numpy 1.12.0\n", lenient=False)
    assert _versions(found) == {}
    assert _python(found) == ""


@pytest.mark.parametrize(
    ("readme", "version"),
    [
        ("numpy==1.12.0", "==1.12.0"),
        ("`numpy` (1.12.0)", "==1.12.0"),
        ("| numpy | 1.12.0 |", "==1.12.0"),
        ("NumPy: 1.12.0", "==1.12.0"),
        ("numpy version 1.12", "==1.12.*"),
        ("numpy 1.12 and numpy 1.12.3 were used", "==1.12.3"),
        ("needs numpy>=1.8; tested with numpy 1.12.0", "==1.12.0"),
        ("numpy >= 1.12.0", None),
        ("numpy 1.12+", None),
        ("numpy 1.12 or later", None),
        ("at least scipy 0.19, numpy 1.12.0", None),
        ("numpy 1.12 or 1.13", None),
        ("numpy 1.11\nnumpy 1.12", None),
        ("does not work with numpy 1.12.0", None),
        ("numpy < 1.12", None),
        ("numpydoc 1.12.0 and mynumpy 1.12.0, my-numpy 1.12.0", None),
        ("https://img.shields.io/badge/numpy-1.12.0", None),
        ("numpy 1.x", None),
        ("numpy 1.12.0rc1", None),
    ],
)
def test_what_counts_as_a_version(tmp_path: Path, readme: str, version: str | None) -> None:
    assert _versions(_detect(tmp_path, readme)).get("numpy") == version


@pytest.mark.parametrize(
    ("readme", "python"),
    [
        ("Python: 3.6.1 (default, Mar 27 2017)", "==3.6.*"),
        ("Python 2.7", "==2.7.*"),
        ("Python 3 (3.7)", "==3.7.*"),
        ("**Python 3.10+**", ">=3.10"),
        ("runs on Python 2.7 and Python 3 (versions >= 3.4)", ""),
        ("Python 3.7.7\nPython 3.8.5", ""),
        ("IPython 5.1, Biopython 1.70", ""),
        ("Numerical Python 23.8.2", ""),
        ("python-dateutil 2.7", ""),
    ],
)
def test_which_python(tmp_path: Path, readme: str, python: str) -> None:
    assert _python(_detect(tmp_path, readme)) == python


def test_python_2_of_a_readme_gives_way_to_notebooks(tmp_path: Path) -> None:
    write(tmp_path, {"a.ipynb": '{"nbformat": 4, "metadata": {}, "cells": []}'})
    assert _python(_detect(tmp_path, "Python 2.7")) == ""


def test_a_declaration_beats_the_readme(tmp_path: Path) -> None:
    write(tmp_path, {"requirements.txt": "numpy>=1.13\n"})
    assert _versions(_detect(tmp_path, "numpy 1.12.0")) == {"numpy": ">=1.13"}


def test_readmes_of_other_things_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, {"vendor/README.md": "numpy 1.12.0", "code/README.txt": "numpy 1.13.0"})
    assert _versions(_detect(tmp_path, "")) == {"numpy": "==1.13.0"}
