"""Which declaration is followed, and what imports and notebooks say where there is none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from reprokit.ecosystems.python import PythonEcosystem
from reprokit.model import Detection
from reprokit.project import Project


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")


def detect(folder: Path, files: dict[str, str]) -> Detection | None:
    write(folder, files)
    return PythonEcosystem().detect(Project(folder))


def found(folder: Path, files: dict[str, str]) -> Detection:
    detection = detect(folder, files)
    assert detection is not None
    return detection


def names(detection: Detection) -> list[str]:
    return [r.name for r in detection.requirements]


def notebook(*cells: str, version: str | None = "3.10.4", language: str = "python") -> str:
    metadata = {"language_info": {"name": language}}
    if version:
        metadata["language_info"]["version"] = version
    listed = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells
    ]
    return json.dumps({"cells": listed, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


@pytest.mark.parametrize(
    "files",
    [
        {"analysis.R": "library(dplyr)\n"},
        {"pom.xml": "<project/>", "src/main/java/A.java": "class A {}"},
        {"README.md": "hello"},
        {"analysis.ipynb": notebook("using X", language="julia", version="1.9.0")},
        {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
    ],
)
def test_projects_without_python(tmp_path: Path, files: dict[str, str]) -> None:
    assert detect(tmp_path, files) is None


def test_notebooks_of_r_need_python_only_for_their_runner(tmp_path: Path) -> None:
    r_book = notebook("library(x)", language="R", version="4.2.0")
    alone = found(tmp_path / "alone", {"analysis.ipynb": r_book})
    assert alone.requirements == ()
    assert alone.settings == {"notebook": True, "tools": ["nbclient"], "kernels": ["r"]}
    files = {"a.ipynb": notebook("import numpy"), "b.ipynb": r_book}
    both = found(tmp_path / "both", files)
    assert both.settings["tools"] == ["ipykernel", "nbclient"]
    assert both.settings["kernels"] == ["r"]
    assert not any("kernel" in note.text for note in both.notes)


def test_scripts_without_third_party_imports_need_a_python_only(tmp_path: Path) -> None:
    detection = found(tmp_path, {"main.py": "import os, json\nimport sibling\n", "sibling.py": ""})
    assert detection.requirements == ()
    assert [(r.language, r.specifier) for r in detection.runtimes] == [("python", "")]
    assert "notebook" not in detection.settings


def test_imports(tmp_path: Path) -> None:
    script = """from __future__ import annotations
import os, numpy as np
from typing import TYPE_CHECKING
from sklearn.linear_model import LinearRegression
import mine.part
from . import nothing
if TYPE_CHECKING:
    import pandas
try:
    import torch
except ImportError:
    torch = None
try:
    import yaml
except ImportError:
    raise SystemExit("install yaml")
def f():
    import cv2
    from google.protobuf import message
    from mpl_toolkits.mplot3d import Axes3D
"""
    detection = found(tmp_path, {"a.py": script, "mine/part.py": "import PIL.Image\n"})
    assert names(detection) == [
        "numpy", "scikit-learn", "pyyaml", "opencv-python-headless", "protobuf", "matplotlib",
        "pillow",
    ]  # fmt: skip
    places = {r.name: str(r.reason).partition(": ")[0] for r in detection.requirements}
    assert places["scikit-learn"] == "a.py:4"
    assert places["pillow"] == "mine/part.py:1"
    assert any("torch is imported only if it is there" in note.text for note in detection.notes)


def test_tests_and_documentation_ask_for_nothing(tmp_path: Path) -> None:
    files = {"a.py": "import numpy\n", "tests/test_a.py": "import pytest\n"}
    files |= {"docs/conf.py": "import sphinx\n", "test_b.py": "import hypothesis\n"}
    assert names(found(tmp_path, files)) == ["numpy"]


def test_python_2_is_said_and_still_read(tmp_path: Path) -> None:
    detection = found(tmp_path, {"old.py": "import numpy\nprint 'hello'\n"})
    assert names(detection) == ["numpy"]
    assert any("not valid Python 3" in note.text for note in detection.notes)


def test_notebooks_with_magics(tmp_path: Path) -> None:
    cells = (
        "%matplotlib inline\n!pip install -q 'seaborn>=0.12' openpyxl\nimport pandas as pd",
        "%%bash\nimport nonsense\n",
        "%%time\nimport scipy.stats\nfiles = !ls",
        "df?\n",
    )
    detection = found(tmp_path, {"a.ipynb": notebook(*cells)})
    described = {r.name: r.specifier for r in detection.requirements}
    assert described == {"seaborn": ">=0.12", "openpyxl": "", "pandas": "", "scipy": ""}
    assert [r.specifier for r in detection.runtimes] == ["==3.10.*"]
    assert detection.settings["notebook"] is True
    assert detection.settings["tools"] == ["ipykernel", "nbclient"]


def test_a_notebook_of_another_language_is_said(tmp_path: Path) -> None:
    files = {"a.py": "import numpy\n", "b.ipynb": notebook("x = 1", language="julia")}
    detection = found(tmp_path, files)
    assert "notebook" not in detection.settings
    assert any(note.level == "warning" and "b.ipynb" in note.text for note in detection.notes)


@pytest.mark.parametrize(
    ("files", "file"),
    [
        ({"requirements.txt": "a", "pyproject.toml": "[project]\nname='x'\n"}, "requirements.txt"),
        ({"requirements.txt": "a", "requirements-dev.txt": "b"}, "requirements.txt"),
        ({"requirements-dev.txt": "b"}, "requirements-dev.txt"),
        ({"requirements-test.txt": "b", "requirements-run.txt": "a"}, "requirements-run.txt"),
        ({"requirements.in": "b", "requirements.txt": "a==1"}, "requirements.txt"),
        ({"requirements/base.txt": "b", "a.py": "import c"}, "requirements/base.txt"),
        ({"binder/environment.yml": "dependencies: [a]"}, "binder/environment.yml"),
        ({"environment.yml": "dependencies: [a]", "requirements.txt": "b"}, "requirements.txt"),
        ({"Pipfile": "[packages]\na='*'", "setup.py": "setup()"}, "Pipfile"),
    ],
)
def test_which_declaration_is_followed(tmp_path: Path, files: dict[str, str], file: str) -> None:
    assert found(tmp_path, files).files == (file,)


def test_a_declaration_ends_the_search_for_imports(tmp_path: Path) -> None:
    files = {"requirements.txt": "numpy\n", "a.py": "import scipy\n"}
    assert names(found(tmp_path, files)) == ["numpy"]


@pytest.mark.parametrize(
    ("files", "specifiers"),
    [
        ({".python-version": "3.11.7\n"}, ["==3.11.*"]),
        ({"runtime.txt": "python-3.9\n"}, ["==3.9.*"]),
        ({"runtime.txt": "r-2023-01-01\n"}, [""]),
        ({"binder/runtime.txt": "python-3.10.2"}, ["==3.10.*"]),
        (
            {
                "setup.py": "setup(classifiers=['Programming Language :: Python :: 3.7',"
                "'Programming Language :: Python :: 3.10'])"
            },
            [">=3.7"],
        ),
        (
            {
                "pyproject.toml": '[project]\nname="x"\nrequires-python=">=3.8"\n',
                "requirements.txt": "six\n",
                "n.ipynb": notebook("1", version="3.6.2"),
            },
            [">=3.8"],
        ),
    ],
)
def test_python_versions(tmp_path: Path, files: dict[str, str], specifiers: list[str]) -> None:
    detection = found(tmp_path, {"a.py": "", **files})
    assert [r.specifier for r in detection.runtimes] == specifiers


def test_a_hundred_thousand_files_take_less_than_a_second(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "import numpy\n"})
    project = Project(tmp_path)
    listed = [f"data/{n // 1000}/{n}.csv" for n in range(95_000)]
    listed += [f"code/{n}.py" for n in range(5_000)]
    write(tmp_path, {f"code/{n}.py": "import scipy\nx = 1\n" for n in range(400)})
    # The walk over real files is the project's own, and measured in its benchmark.
    project.__dict__["files"] = tuple(sorted([*listed, "main.py"]))
    for n in range(400, 5_000):
        (tmp_path / f"code/{n}.py").touch()
    start = time.perf_counter()
    detection = PythonEcosystem().detect(project)
    assert time.perf_counter() - start < 1
    assert detection is not None and names(detection) == ["numpy", "scipy"]
    assert any("files were read for imports" in note.text for note in detection.notes)


PACKAGE = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "model"
version = "1"
dependencies = ["toolz"]
[project.scripts]
simulate = "model:main"
"""


@pytest.mark.parametrize(
    ("files", "installed"),
    [
        ({"src/model/__init__.py": "", "pyproject.toml": PACKAGE}, True),
        ({"model/__init__.py": "", "scripts/run.py": "", "pyproject.toml": PACKAGE}, True),
        ({"model/__init__.py": "", "a.ipynb": notebook("1"), "pyproject.toml": PACKAGE}, False),
        ({"model/__init__.py": "", "tests/test_a.py": "", "pyproject.toml": PACKAGE}, False),
        ({"src/model/__init__.py": "", "pyproject.toml": "[tool.ruff]\n"}, False),
        ({"src/model/__init__.py": "", "setup.py": "from x import setup\nsetup()\n"}, True),
        ({"src/model/__init__.py": "", "setup.py": "print 'Python 2'\n"}, False),
    ],
)
def test_a_package_beside_a_list_is_installed_where_other_folders_import_it(
    tmp_path: Path, files: dict[str, str], installed: bool
) -> None:
    detection = found(tmp_path, {"requirements.txt": "six\n", **files})
    assert ("." in names(detection)) == installed
    assert ("toolz" in names(detection)) == (installed and "pyproject.toml" in files)
    programs = [e.steps[0].argv for e in detection.entries]
    assert programs == ([("simulate",)] if installed and "pyproject.toml" in files else [])


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "# nothing yet\n"},
        {"setup.py": "from setuptools import setup\nsetup(py_modules=['a'])\n"},
        {"environment.yml": "dependencies:\n"},
    ],
)
def test_a_declaration_that_asks_for_nothing_gives_way(
    tmp_path: Path, files: dict[str, str]
) -> None:
    code = {"a.py": "import six\n"}
    assert "six" in names(found(tmp_path / "imports", files | code))
    other = {"requirements/base.txt": "toolz\n"}
    if "requirements.txt" not in files:
        assert names(found(tmp_path / "next", files | code | other))[0] == "toolz"


def test_a_list_that_an_environment_includes_is_part_of_it(tmp_path: Path) -> None:
    text = "dependencies:\n  - python=3.11\n  - numpy\n  - pip:\n    - -r requirements-more.txt\n"
    files = {"environment.yml": text, "requirements-more.txt": "six\n"}
    detection = found(tmp_path, files)
    assert names(detection) == ["numpy", "six"]
    assert not any("not" in n.text and "followed" in n.text for n in detection.notes)


def test_names_that_pypi_keeps_only_as_placeholders(tmp_path: Path) -> None:
    detection = found(tmp_path, {"requirements.txt": "sklearn==0.0\n"})
    assert [(r.name, r.specifier) for r in detection.requirements] == [("scikit-learn", "")]
    assert any("only a placeholder" in note.text for note in detection.notes)


def test_the_standard_library_is_that_of_every_python(tmp_path: Path) -> None:
    detection = found(tmp_path, {"a.py": "import distutils, imp, asyncore, annotationlib\n"})
    assert detection.requirements == ()


@pytest.mark.parametrize(
    ("line", "specifier"),
    [
        ("3.11.2/envs/paper", "==3.11.*"),
        (">=3.9,<3.12", "<3.12,>=3.9"),
        ("paper-env", ""),
        ("cpython-3.12.1", "==3.12.*"),
    ],
)
def test_what_stands_in_a_python_version_file(tmp_path: Path, line: str, specifier: str) -> None:
    detection = found(tmp_path, {".python-version": line + "\n", "a.py": ""})
    assert [r.specifier for r in detection.runtimes] == [specifier]
    assert any("environment's name" in n.text for n in detection.notes) == (not specifier)


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"run.sh": "set -e\npip install -r requirements.txt\n"}, "run.sh:2"),
        ({"run.sh": "if true; then python3 -m pip install .; fi\n"}, "run.sh:1"),
        ({"verify": "#!/bin/sh\ntest -z $(pip list | grep x)\n"}, "verify:2"),
        ({"Makefile": "all:\n\t@pip3 check\n"}, "Makefile:2"),
        (
            {"binder/requirements.txt": "six\n", "binder/postBuild": "pip check\n"},
            "binder/postBuild:1",
        ),
    ],
)
def test_a_script_that_calls_pip_gets_it(tmp_path: Path, files: dict[str, str], line: str) -> None:
    detection = found(tmp_path, {"requirements.txt": "six\n", **files})
    (pip,) = [r for r in detection.requirements if r.name == "pip"]
    assert f"{pip.reason.file}:{pip.reason.line}" == line


@pytest.mark.parametrize(
    "files",
    [
        {"run.sh": "# pip install six\npipenv run x\npip-compile\nconda install pip\n"},
        {"deep/run.sh": "pip install six\n"},
        {"fit": "#!/usr/bin/env python\n'''\npip install six\n'''\n"},
    ],
)
def test_others_get_none(tmp_path: Path, files: dict[str, str]) -> None:
    assert names(found(tmp_path, {"requirements.txt": "six\n", **files})) == ["six"]


def test_pip_that_the_project_asks_for_is_as_it_says(tmp_path: Path) -> None:
    files = {"requirements.txt": "pip==23.0\n", "run.sh": "pip check\n"}
    assert [r.specifier for r in found(tmp_path, files).requirements] == ["==23.0"]


def test_a_tool_beside_other_code_does_not_ask_for_python(tmp_path: Path) -> None:
    tool = {"verify": "#!/usr/bin/env python3\nimport numpy\n"}
    assert names(found(tmp_path / "alone", tool)) == ["numpy"]
    assert detect(tmp_path / "java", {**tool, "src/Main.java": "class Main {}\n"}) is None
    assert detect(tmp_path / "r", {**tool, "fit.R": "x <- 1\n"}) is None


def test_prose_in_code_that_does_not_parse_imports_nothing(tmp_path: Path) -> None:
    code = (
        "print 'x'\n'''\nfrom a list of all\nimport the data\n'''\nimport six, os\n"
        "import scipy as s  # x\n  from numpy.linalg import det\nimport attr;\n"
    )
    assert sorted(names(found(tmp_path, {"main.py": code}))) == ["attrs", "numpy", "scipy", "six"]
