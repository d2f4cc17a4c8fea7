"""Binder's configuration files: where they count, and what comes of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit import binder
from reprokit.configuration import Configuration
from reprokit.ecosystems.apt import AptEcosystem
from reprokit.ecosystems.conda import CondaEcosystem
from reprokit.ecosystems.r import REcosystem
from reprokit.errors import BadRequest
from reprokit.phases.plan import own_dockerfile
from tests.ecosystems.python.detected import asked, detect, pythons
from tests.projects import write

PIPFILE = "[packages]\n{} = '*'\n"


def test_a_folder_with_other_things_is_no_configuration(tmp_path: Path) -> None:
    project = write(tmp_path, {"binder/sheets.py": "", "apt.txt": "jq\n"})
    assert binder.folder(project) is None
    assert binder.place(project, "apt.txt") == "apt.txt"


def test_two_folders_with_configuration_are_refused(tmp_path: Path) -> None:
    project = write(tmp_path, {"binder/apt.txt": "jq\n", ".binder/apt.txt": "bc\n"})
    with pytest.raises(BadRequest, match=r"both binder/ and \.binder/"):
        binder.folder(project)


@pytest.mark.parametrize("folder", binder.FOLDERS)
def test_what_lies_outside_of_the_folder_does_not_count(tmp_path: Path, folder: str) -> None:
    """The files outside would end the plan: they ask for what nothing has, or cannot be read."""
    files = {
        f"{folder}/requirements.txt": "tabulate\n",
        f"{folder}/runtime.txt": "python-3.9\n",
        "requirements.txt": "six\n",
        "Pipfile.lock": "no JSON",
        "environment.yml": "dependencies:\n  - six\n  broken\n",
        "runtime.txt": "python-3.11\n",
        "apt.txt": "not a name\n",
        "Dockerfile": "FROM nowhere\n",
    }
    found = detect(tmp_path, files)
    project = write(tmp_path, {})
    assert asked(found) == {"tabulate": ""}
    assert pythons(found) == ["==3.9.*"]
    assert AptEcosystem().detect(project) is None
    assert CondaEcosystem().detect(project) is None
    assert own_dockerfile(project, Configuration()) is None


def test_the_dockerfile_beside_the_code_counts_where_binder_names_no_packages(
    tmp_path: Path,
) -> None:
    project = write(tmp_path, {"binder/apt.txt": "jq\n", "Dockerfile": "FROM a\n"})
    assert own_dockerfile(project, Configuration()) == "Dockerfile"


@pytest.mark.parametrize(
    ("others", "followed"),
    [
        ({}, "six"),
        ({"binder/Pipfile": PIPFILE.format("attrs")}, "attrs"),
        (
            {
                "binder/Pipfile": PIPFILE.format("attrs"),
                "binder/environment.yml": "dependencies: [idna]",
            },
            "idna",
        ),
    ],
)
def test_in_the_folder_the_order_is_binders(
    tmp_path: Path, others: dict[str, str], followed: str
) -> None:
    found = detect(tmp_path, {"binder/requirements.txt": "six\n", **others})
    assert asked(found) == {followed: ""}


def test_a_pipfile_in_the_folder_may_ask_for_the_project_above(tmp_path: Path) -> None:
    files = {
        ".binder/Pipfile": '[packages]\nmine = {path = "..", editable = true}\n',
        "setup.py": "from setuptools import setup\nsetup(install_requires=['six'])\n",
        "mine/__init__.py": "",
    }
    found = detect(tmp_path, files)
    assert asked(found) == {".": "file:./", "six": ""}


@pytest.mark.parametrize(
    ("requirements", "followed"),
    [
        ("six\n", {"attrs": ""}),
        ("six>=1\n", {"attrs": ""}),
        ("six==1.16.*\n", {"attrs": ""}),
        ("six==1.16.0\n", {"six": "==1.16.0"}),
        ("six==1.16.0\nidna\n", {"attrs": ""}),
    ],
)
def test_a_pipfile_gives_way_to_a_list_of_exact_versions_only(
    tmp_path: Path, requirements: str, followed: dict[str, str]
) -> None:
    files = {"requirements.txt": requirements, "Pipfile": PIPFILE.format("attrs")}
    assert asked(detect(tmp_path, files)) == followed


def test_condas_file_comes_before_a_pipfile(tmp_path: Path) -> None:
    files = {"environment.yml": "dependencies: [six]", "Pipfile": PIPFILE.format("attrs")}
    assert asked(detect(tmp_path, files)) == {"six": ""}


def test_install_r_of_the_folder_counts(tmp_path: Path) -> None:
    files = {
        ".binder/install.R": 'install.packages("jsonlite")\n',
        "install.R": 'install.packages("notmeant")\n',
    }
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None
    assert [r.name for r in found.requirements] == ["jsonlite"]
