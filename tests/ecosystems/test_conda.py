"""conda environments: whose each package is, and what Python, R and the base make of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from reprokit.ecosystems.conda import CondaEcosystem
from reprokit.ecosystems.conda.environment import asked
from reprokit.ecosystems.python import PythonEcosystem
from reprokit.ecosystems.r import REcosystem
from reprokit.errors import BadRequest
from reprokit.model import BaseCandidate, Detection, Reason
from reprokit.project import Project

HERE = Reason(text="asks", file="environment.yml", line=1)


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return Project(folder)


def environment(*packages: str) -> dict[str, str]:
    return {"environment.yml": "dependencies:\n" + "".join(f"  - {p}\n" for p in packages)}


def wanted(detection: Detection | None) -> dict[str, str]:
    return {} if detection is None else {r.name: r.specifier for r in detection.requirements}


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("python=3.11.4=hab00c5b_0_cpython", "python"),
        ("numpy=1.26.4=py311h64a7726_0", "pypi"),
        ("_anaconda_depends=5.1.0=py36_2", "carried"),
        ("anaconda-project=0.8.3=py_0", "carried"),
        ("seaborn=0.12.2=hd8ed1ab_0", "pypi"),
        ("conda-forge::tqdm", "pypi"),
        ("tensorflow=2.4.1=mkl_py39h4683426_0", "pypi"),
        ("samtools=1.16", "debian"),
        ("harfbuzz=8.3.0=h3d44ed6_0", "carried"),
        ("cudatoolkit=11.3", "carried"),
        ("r-base=4.2", "r"),
        ("r-ggplot2", "r"),
        ("bioconductor-deseq2=1.38", "r"),
        ("openjdk=17", "java"),
        ("m2w64-gcc-libs=5.3.0=7", "elsewhere"),
        ("appnope", "elsewhere"),
        ("gdal", "missing"),
    ],
)
def test_whose_a_package_is(spec: str, kind: str) -> None:
    assert asked(spec, HERE).kind == kind


@pytest.mark.parametrize(
    ("spec", "name", "versions", "build"),
    [
        ("numpy", "numpy", "", None),
        ("numpy 1.26.*", "numpy", "1.26.*", None),
        ("numpy=1.26.4=py311_0", "numpy", "=1.26.4", "py311_0"),
        ("anaconda=custom=py36_1", "anaconda", "", None),
        ("numpy 1.26.4 py311_0", "numpy", "1.26.4", "py311_0"),
        ("numpy >=1.2, <2", "numpy", ">=1.2,<2", None),
        ("defaults/linux-64::NumPy==1.2", "numpy", "==1.2", None),
        ("numpy[version='>=1.20',build=py*]", "numpy", ">=1.20", None),
    ],
)
def test_match_specifications(spec: str, name: str, versions: str, build: str | None) -> None:
    found = asked(spec, HERE)
    assert (found.name, found.versions, found.build) == (name, versions, build)


def test_a_list_that_is_indented_wrongly_is_not_taken_for_a_version(tmp_path: Path) -> None:
    here = project(tmp_path, {"environment.yml": "dependencies:\n - python\n   - numpy\n"})
    with pytest.raises(BadRequest, match="'python - numpy' is not understood") as caught:
        PythonEcosystem().detect(here)
    assert caught.value.where == "environment.yml:2"
    assert "same indentation" in str(caught.value.next)


def test_an_environment_written_down_on_another_system(tmp_path: Path) -> None:
    """`conda env export` names every library with its build, and Windows' own parts."""
    here = project(
        tmp_path,
        environment(
            "python=3.11.4=hab00c5b_0_cpython", "numpy=1.26.4=py311h64a7726_0",
            "harfbuzz=8.3.0=h3d44ed6_0", "libxslt=1.1.39=h76b75d6_0", "jq=1.6=h36c2ea0_1000",
            "vs2015_runtime=14.27=h3_5", "m2w64-gcc-libs=5.3.0=7",
        ),
    )  # fmt: skip
    assert wanted(PythonEcosystem().detect(here)) == {"numpy": "==1.26.4"}
    detection = CondaEcosystem().detect(here)
    assert detection is not None
    assert [s.name for s in detection.system_packages] == ["jq"]
    assert any("another operating system: m2w64-gcc-libs" in n.text for n in detection.notes)
    assert any("not needed: harfbuzz, libxslt" in n.text for n in detection.notes)


class Catalogue:
    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        return {name: "1" for name in names if name == "seqprep"}


def test_programs_that_the_distribution_has_under_the_same_name(tmp_path: Path) -> None:
    here = project(tmp_path, environment("seqprep=1.3.2=h577a1d6_6", "harfbuzz=8.3.0=h3d44ed6_0"))
    detection = CondaEcosystem().detect(here)
    assert detection is not None
    base = BaseCandidate(family="debian", name="bookworm", provides={}, offers={}, reason=HERE)
    found = CondaEcosystem().system_packages(detection, base, Catalogue())
    assert [s.name for s in found] == ["seqprep"]


def test_r_of_an_environment_is_r(tmp_path: Path) -> None:
    here = project(
        tmp_path,
        {
            **environment(
                "r-base=4.2.1", "r-mass=7.3_58", "r-ggplot2=3.4", "r-dplyr==1.1.0", "r-essentials"
            ),
            "a.R": "library(MASS)\n",
        },
    )
    assert PythonEcosystem().detect(here) is None
    detection = REcosystem().detect(here)
    assert detection is not None
    assert wanted(detection) == {"MASS": "==7.3-58", "ggplot2": ">=3.4,<3.5", "dplyr": "==1.1.0"}
    assert detection.runtimes[0].specifier == "==4.2.*"
    assert detection.settings["conda"] == ["MASS", "dplyr", "ggplot2"]
    assert detection.files == ("environment.yml",)


def test_java_and_programs_stand_beside_a_followed_requirements_file(tmp_path: Path) -> None:
    files = {**environment("openjdk=17", "samtools", "numpy"), "requirements.txt": "six\n"}
    here = project(tmp_path, files)
    assert wanted(PythonEcosystem().detect(here)) == {"six": ""}
    detection = CondaEcosystem().detect(here)
    assert detection is not None
    assert [(r.language, r.specifier) for r in detection.runtimes] == [("java", "==17.*")]
    assert [s.name for s in detection.system_packages] == ["samtools"]


@pytest.mark.parametrize(
    "text",
    [
        "# This file may be used to create an environment using:\n"
        "# $ conda create --name <env> --file <this file>\n# platform: linux-64\n"
        "numpy=1.26.4=py311h64a7726_0\nsamtools=1.16=h6_1\nzlib=1.2=h1_0\nsix=1.16.0=pypi_0\n",
        "# packages in environment at /home/a/env:\n#\n# Name   Version   Build   Channel\n"
        "numpy    1.26.4    py311h64a7726_0    conda-forge\nsamtools 1.16 h6_1 bioconda\n"
        "zlib 1.2 h1_0\nsix 1.16.0 pypi_0 pypi\n",
        "@EXPLICIT\n"
        "https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311h64a7726_0.conda#ab12\n"
        "https://conda.anaconda.org/bioconda/linux-64/samtools-1.16-h6_1.tar.bz2\n"
        "https://conda.anaconda.org/conda-forge/noarch/six-1.16.0-pyh6c4a22f_0.tar.bz2\n",
    ],
)
def test_lists_of_conda_in_a_requirements_file(tmp_path: Path, text: str) -> None:
    detection = PythonEcosystem().detect(project(tmp_path, {"requirements.txt": text}))
    assert detection is not None
    assert wanted(detection) == {"numpy": "==1.26.4", "six": "==1.16.0"}
    assert [s.name for s in detection.system_packages] == ["samtools"]
    with pytest.raises(BadRequest, match=r"not understood"):
        bad = {"requirements.txt": text + "a b c d; e\n"}
        PythonEcosystem().detect(project(tmp_path / "bad", bad))


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({"env.yml": "dependencies: [python=3.10, six]\n"}, ["==3.10.*"]),
        ({"environment-linux.yml": "dependencies: [python=3.10, six]\n"}, ["==3.10.*"]),
        ({"env.yml": "staging:\n  url: x\n", "a.py": "import six\n"}, [""]),
    ],
)
def test_other_names_of_environment_files(
    tmp_path: Path, files: dict[str, str], python: list[str]
) -> None:
    detection = PythonEcosystem().detect(project(tmp_path, files))
    assert detection is not None
    assert [r.specifier for r in detection.runtimes] == python
    assert wanted(detection) == {"six": ""}
