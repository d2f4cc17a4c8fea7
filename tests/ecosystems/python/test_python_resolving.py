"""Locking with the real uv and the real PyPI, as of a fixed day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.bases.versions import lower_bounds
from reprokit.ecosystems.python import PythonEcosystem, pylock
from reprokit.ecosystems.python.compiling import explained
from reprokit.ecosystems.python.loosening import absent, loosened, named
from reprokit.ecosystems.python.system_packages import system_packages
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.model import DateChoice, Detection, LockedEcosystem, Reason, Requirement
from reprokit.project import Project
from tests.ecosystems.python.python_resolving import (
    NoWorkshop,
    OnlineResolver,
    Suite,
    base,
)

FITS = pylock.Target("3.11", "x86_64", 36)


def lock(
    folder: Path, files: dict[str, str], *, loose: bool = False, **changes: object
) -> LockedEcosystem:
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    project = Project(folder, lenient=loose, loose=loose)
    detection = PythonEcosystem().detect(project)
    assert detection is not None
    resolver = replace(OnlineResolver(project), **changes)  # type: ignore[arg-type]
    return PythonEcosystem().resolve(detection, resolver)


@pytest.mark.network
def test_wheels_of_the_day_with_url_size_and_hash(tmp_path: Path) -> None:
    locked = lock(tmp_path, {"requirements.txt": "pandas\n"})
    versions = {p.name: p.version for p in locked.packages}
    assert versions["pandas"] == "2.2.2"
    assert versions["numpy"] == "1.26.4"
    assert {p.name for p in locked.packages if p.requested} == {"pandas"}
    for package in locked.packages:
        (artifact,) = package.artifacts
        assert artifact.url is not None and artifact.url.startswith("https://")
        assert artifact.size > 1000 and len(artifact.sha256) == 71
    (numpy,) = [p for p in locked.packages if p.name == "numpy"]
    assert numpy.artifacts[0].path.startswith("wheels/numpy-1.26.4-cp311-cp311-manylinux")
    assert numpy.artifacts[0].path.endswith("x86_64.whl")


@pytest.mark.network
def test_the_day_the_python_and_the_machine_decide(tmp_path: Path) -> None:
    locked = lock(
        tmp_path,
        {"requirements.txt": "numpy\n"},
        date=DateChoice(day="2021-08-30", source="given"),
        base=base("bullseye", "3.9"),
        platform="linux/arm64",
    )
    (numpy,) = [p for p in locked.packages if p.name == "numpy"]
    assert numpy.version == "1.21.2"
    assert "cp39" in numpy.artifacts[0].path and "aarch64" in numpy.artifacts[0].path
    assert "aarch64" in str(locked.settings["uv"])


@pytest.mark.network
def test_the_notebook_runner_agrees_with_the_project(tmp_path: Path) -> None:
    cells = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}'
    locked = lock(tmp_path, {"requirements.txt": "traitlets==5.9.0\n", "a.ipynb": cells})
    tools = locked.settings["tools"]
    assert isinstance(tools, list)
    assert "traitlets==5.9.0" in tools
    assert any(str(name).startswith("ipykernel==") for name in tools)
    assert locked.settings["project"] == ["traitlets==5.9.0"]


@pytest.mark.network
def test_a_hash_that_the_project_does_not_allow_is_refused(tmp_path: Path) -> None:
    text = f"six==1.16.0 --hash=sha256:{'a' * 64}\n"
    with pytest.raises(InputUnavailable, match="hashes the project allows") as caught:
        lock(tmp_path, {"requirements.txt": text})
    assert caught.value.where == "requirements.txt:1"


@pytest.mark.network
@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("six\nnonexistent-package-of-nobody>=1\n", "requirements.txt:2", "was not found"),
        ("six\n\nnumpy==9.9.9\n", "requirements.txt:3", "no version of numpy==9.9.9"),
        ("six==1.17.0\n", "requirements.txt:1", "2024-06-01"),
        ("pandas==2.2.2\nnumpy<1.20\n", "requirements.txt:1", "requirements.txt:2"),
    ],
)
def test_what_cannot_be_had_is_named_with_its_line(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    with pytest.raises(InputUnavailable) as caught:
        lock(tmp_path, {"requirements.txt": text})
    assert caught.value.where == place
    assert said in str(caught.value)


@pytest.mark.network
def test_what_has_no_wheel_is_built_in_a_container_never_here(tmp_path: Path) -> None:
    with pytest.raises(NoWorkshop):
        lock(tmp_path, {"requirements.txt": "docopt==0.6.2\n"})


@pytest.mark.network
def test_what_runs_notebooks_is_no_older_than_that_there_was_any(tmp_path: Path) -> None:
    book = '{"metadata": {}, "nbformat": 4, "nbformat_minor": 2, "cells": []}'
    date = DateChoice(day="2018-10-01", source="commit")
    locked = lock(tmp_path, {"a.ipynb": book}, date=date, base=base("bionic", "3.6"))
    assert {p.name: p.version for p in locked.packages}["nbclient"] == "0.5.1"
    assert [text for text in locked.undated if "what runs notebooks (as of 2021-01-01" in text]


OLD = DateChoice(day="2016-05-01", source="commit")


@pytest.mark.network
def test_a_day_before_any_wheel_of_the_python_gives_way_to_the_first_with_wheels(
    tmp_path: Path,
) -> None:
    python = base("bullseye", "3.9")
    locked = lock(tmp_path, {"requirements.txt": "numpy\n"}, date=OLD, base=python)
    assert {p.name: p.version for p in locked.packages}["numpy"] == "1.19.4"
    assert [text for text in locked.undated if "as of 2021-01-03" in text]

    # What is not compiled is as old as the day.
    locked = lock(tmp_path, {"requirements.txt": "requests\n"}, date=OLD, base=python)
    assert {p.name: p.version for p in locked.packages}["requests"] == "2.10.0"
    assert locked.undated == ()

    # What would have to be built, but is not known to be compiled, is built as of the day.
    with pytest.raises(NoWorkshop):
        lock(tmp_path, {"requirements.txt": "docopt\n"}, date=OLD, base=python)


@pytest.mark.network
def test_a_pin_that_no_wheel_of_the_python_meets_is_a_lower_bound_in_a_loose_project(
    tmp_path: Path,
) -> None:
    files = {"requirements.txt": "numpy==1.11.0\npandas<0.19\nrequests==2.9.0\n"}
    python = base("bullseye", "3.9")
    locked = lock(tmp_path, files, date=OLD, base=python, loose=True)
    versions = {p.name: p.version for p in locked.packages}
    assert (versions["numpy"], versions["pandas"], versions["requests"]) == (
        "1.19.4",
        "1.2.0",
        "2.9.0",
    )
    assert locked.settings["repaired"] == [
        "numpy==1.11.0 is read as numpy>=1.11.0",
        "pandas<0.19 is read as pandas",
    ]
    with pytest.raises(NoWorkshop):
        lock(tmp_path, files, date=OLD, base=python)


@pytest.mark.parametrize(
    ("specifier", "lower"),
    [
        ("", ""),
        (">=1.2,!=1.4", ">=1.2,!=1.4"),
        ("==1.2", ">=1.2"),
        ("==1.2.*", ">=1.2"),
        ("~=1.2", ">=1.2"),
        ("<2", ""),
        (">=1,<=2,!=1.5", ">=1,!=1.5"),
    ],
)
def test_lower_bounds(specifier: str, lower: str) -> None:
    assert lower_bounds(specifier) == lower


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (
            "Because scipy==1.10.1 depends on numpy>=1.19.5,<1.27.0 and you require\n"
            "      numpy==1.19.2.*, we can conclude that your requirements and scipy==1.10.1\n"
            "      are incompatible.",
            {"numpy"},
        ),
        (
            "Because a==1 depends on Foo_B>=2 and you require c==1 and foo-b==1, that fails",
            {"foo-b"},
        ),
        ("Because you require gone==1 and gone was not found", set()),
        ("Because a==1 depends on b>2 and only b<=2 is available", set()),
    ],
)
def test_what_contradicts_another_package_is_meant(message: str, names: set[str]) -> None:
    assert named(message) == names


def test_only_what_is_meant_is_loosened() -> None:
    reason = Reason(text="asks", file="requirements.txt", line=1)
    asked = [Requirement(name=n, specifier="==1.0", reason=reason) for n in ("Foo_Bar", "other")]
    detection = Detection(
        ecosystem="python",
        files=("requirements.txt",),
        requirements=tuple(asked),
        settings={
            "constraints": [{"text": "foo.bar<2"}, {"text": "other<2"}],
            "pins": {"foo-bar": {"1.0": []}, "other": {"1.0": []}},
        },
    )
    freed, changes = loosened(detection, ["foo-bar"])
    assert [r.specifier for r in freed.requirements] == [">=1.0", "==1.0"]
    assert freed.settings["constraints"] == [{"text": "other<2"}]
    assert freed.settings["pins"] == {"other": {"1.0": []}}
    assert changes[0] == "Foo_Bar==1.0 is read as Foo_Bar>=1.0"
    assert loosened(freed, ["foo-bar"])[1] == ()
    freed, changes = loosened(detection, [], ["other"])
    assert [r.specifier for r in freed.requirements] == ["==1.0", ""]
    freed, changes = loosened(freed, [], ["other"])
    assert [r.name for r in freed.requirements] == ["Foo_Bar"]
    assert changes == ("other is left out: as of that day there is no such package",)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (
            "Because there is no version of\n      Num_Py==9.9.9 and you require numpy==9.9.9",
            {"num-py"},
        ),
        ("Because gone was not found in the package registry and you require gone", {"gone"}),
        ("Because a==1 depends on b>2 and only b<=2 is available", set()),
    ],
)
def test_what_the_index_does_not_have_is_meant(message: str, names: set[str]) -> None:
    assert absent(message) == names


@pytest.mark.network
def test_a_loose_project_does_without_what_no_index_has(tmp_path: Path) -> None:
    text = "six==1.16.99\nnonexistent-package-of-nobody==1\n"
    locked = lock(tmp_path, {"requirements.txt": text}, loose=True)
    assert [p.name for p in locked.packages if p.name != "uv"] == ["six"]
    repaired = locked.settings["repaired"]
    assert repaired == [
        "six==1.16.99 is read as six",
        "nonexistent-package-of-nobody==1 is read as nonexistent-package-of-nobody",
        "nonexistent-package-of-nobody is left out: as of that day there is no such package",
    ]


def _wheels(*names: str) -> str:
    listed = ", ".join(
        f'{{ url = "https://e.example/{name}", size = 9, hashes = {{ sha256 = "{n:064d}" }} }}'
        for n, name in enumerate(names)
    )
    return f'[[packages]]\nname = "x"\nversion = "1"\nwheels = [{listed}]\n'


def test_of_several_wheels_the_most_specific_that_fits() -> None:
    text = _wheels(
        "x-1-py3-none-any.whl",
        "x-1-cp311-cp311-manylinux_2_39_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "x-1-cp311-cp311-manylinux2014_x86_64.whl",
        "x-1-cp312-cp312-manylinux_2_28_x86_64.whl",
        "x-1-cp311-cp311-musllinux_1_2_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_28_aarch64.whl",
    )
    (found,) = pylock.read(text, FITS, {})
    assert found.wheel is not None
    assert found.wheel.file == "x-1-cp311-cp311-manylinux_2_28_x86_64.whl"
    (older,) = pylock.read(text, pylock.Target("3.11", "x86_64", 17), {})
    assert older.wheel is not None and "manylinux2014" in older.wheel.file
    (limited,) = pylock.read(text, FITS, {"x==1": [f"sha256:{0:064d}"]})
    assert limited.wheel is not None and limited.wheel.file == "x-1-py3-none-any.whl"


def test_a_package_without_a_fitting_file_is_an_error() -> None:
    with pytest.raises(InputUnavailable, match=r"no file for Python 3\.11"):
        pylock.read(_wheels("x-1-cp312-cp312-manylinux_2_28_x86_64.whl"), FITS, {})


@pytest.mark.parametrize("name", ["", "..", "a b.whl", "$(x).whl", "a%2fb.whl", "a%0ab.whl"])
def test_an_index_cannot_choose_a_path(name: str) -> None:
    with pytest.raises(InputUnavailable):
        _ = pylock.Source(f"https://e.example/{name}").file


def test_targets() -> None:
    assert pylock.target("3.11.2", "linux/arm64", "bookworm").uv_platform == (
        "aarch64-manylinux_2_36"
    )
    assert pylock.target("3.12", "linux/amd64", "python:3.12-slim").glibc == 28
    assert pylock.target("3.8.10", "linux/amd64", "focal").glibc == 31
    oldest = pylock.target("3.6.9", "linux/amd64", "bionic")
    assert (oldest.glibc, oldest.uv_platform) == (27, "x86_64-manylinux_2_17")
    with pytest.raises(BadRequest, match="linux/s390x"):
        pylock.target("3.12", "linux/s390x", "bookworm")


def test_an_explanation_names_only_requirements_it_speaks_of() -> None:
    asked = [
        Requirement(name=name, reason=Reason(text=f"asks for {name}", file="r.txt", line=line))
        for line, name in enumerate(("six", "scikit_learn", "numpy"), start=1)
    ]
    error = explained("error: No solution found\n  cause: scikit-learn fails", asked, "2024-01-01")
    assert error.where == "r.txt:2"
    assert "r.txt:1" not in str(error) and "r.txt:3" not in str(error)


def test_an_index_that_cannot_be_reached_is_named() -> None:
    said = "error: Request failed after 3 retries in 7.4s\n"
    said += "  cause: Failed to fetch: http://127.0.0.1:9/simple/uv/\n"
    said += "  cause: error sending request for url (http://127.0.0.1:9/simple/uv/)\n"
    said += "  cause: Connection refused (os error 111)\n"
    error = explained(said, (), "2024-01-01")
    assert error.what == (
        "http://127.0.0.1:9/simple/uv/ cannot be reached: Connection refused (os error 111)"
    )
    assert "python_index in site.toml" in str(error.next)


@pytest.mark.parametrize(
    ("name", "file", "hint"),
    [
        ("psi5", "environment.yml", "conda's psi5 is not on PyPI under that name"),
        ("json", "r.txt", "json is a module of Python itself"),
        ("cv2", "r.txt", "the package that has the module cv2 is called opencv-python-headless"),
        ("nobodys", "r.txt", None),
    ],
)
def test_hints_at_what_pypi_does_not_have(name: str, file: str, hint: str | None) -> None:
    asked = [Requirement(name=name, reason=Reason(text="asks", file=file, line=1))]
    message = f"No solution found\nBecause {name} was not found in the package registry, fails"
    said = str(explained(message, asked, "2024-01-01"))
    assert hint in said if hint else "module" not in said


def test_plugins_add_system_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = {"python": {"My_Package": ("libfoo1",)}, "r": {"my-package": ("libbar1",)}}
    monkeypatch.setattr("reprokit.registry.system_needs", lambda: needs)
    (tmp_path / "requirements.txt").write_text("my-package\n")
    detection = PythonEcosystem().detect(Project(tmp_path))
    assert detection is not None
    suite = Suite(frozenset({"python3", "libfoo1", "libbar1"}))
    names = [p.name for p in system_packages(detection, base(), suite)]
    assert names == ["python3", "libfoo1"]


def test_system_packages_of_the_suite(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("opencv-python\nnumpy\n")
    detection = PythonEcosystem().detect(Project(tmp_path))
    assert detection is not None
    trixie = Suite(frozenset({"python3", "libgl1", "libglib2.0-0t64"}))
    found = system_packages(detection, base("trixie"), trixie)
    assert [(p.name, p.stage) for p in found] == [
        ("python3", "run"), ("libgl1", "run"), ("libglib2.0-0t64", "run"),
    ]  # fmt: skip
    assert str(found[1].reason) == "requirements.txt:1: opencv-python needs it"
    official = replace(base(), provides={"python": "3.11.9"})
    assert "python3" not in [p.name for p in system_packages(detection, official, trixie)]
