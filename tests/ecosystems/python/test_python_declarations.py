"""pyproject.toml, setup.cfg, setup.py, Pipfile and environment.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.ecosystems.python.version import poetry_specifier
from reprokit.errors import BadRequest
from tests.ecosystems.python.detected import asked, detect, places, pythons


def test_pep_621(tmp_path: Path) -> None:
    text = """[project]
name = "x"
requires-python = ">=3.9"
dependencies = [
  "numpy>=1.20",
  "mylib",
]
[project.optional-dependencies]
plot = ["matplotlib"]
[dependency-groups]
dev = ["pytest"]
[tool.uv.sources]
mylib = { git = "https://h.example/mylib", tag = "v2" }
"""
    found = detect(tmp_path, {"pyproject.toml": text})
    assert asked(found) == {"numpy": ">=1.20", "mylib": "git+https://h.example/mylib@v2"}
    assert places(found)["numpy"] == "pyproject.toml:5"
    assert pythons(found) == [">=3.9"]
    assert any("extras not used: plot" in note.text for note in found.notes)


def test_a_project_that_is_a_package_is_installed_with_its_build_system(tmp_path: Path) -> None:
    text = """[build-system]
requires = ["hatchling>=1.20"]
build-backend = "hatchling.build"
[project]
name = "x"
version = "1"
dependencies = ["six"]
"""
    found = detect(tmp_path, {"pyproject.toml": text, "x/__init__.py": ""})
    assert asked(found) == {"six": "", ".": "file:./"}
    assert found.settings["local"] == [{"path": ".", "build": ["hatchling>=1.20", "editables"]}]


def test_an_editable_project_brings_its_dependencies_and_extras(tmp_path: Path) -> None:
    text = """[project]
name = "x"
version = "1"
dependencies = ["six"]
[project.optional-dependencies]
plot = ["matplotlib"]
"""
    found = detect(tmp_path, {"requirements.txt": "numpy\n-e .[plot]\n", "pyproject.toml": text})
    assert asked(found) == {"numpy": "", ".": "file:./", "six": "", "matplotlib": ""}
    assert places(found)["matplotlib"] == "pyproject.toml:6"


def test_poetry(tmp_path: Path) -> None:
    text = """[tool.poetry]
name = "x"
package-mode = false
[tool.poetry.dependencies]
python = "^3.8"
numpy = "^1.21.3"
scipy = "~1.7"
pandas = { version = "1.3.*", extras = ["excel"] }
thing = { git = "https://h.example/t.git", rev = "abc" }
unused = { version = "*", optional = true }
six = "*"
[tool.poetry.group.dev.dependencies]
pytest = "*"
"""
    found = detect(tmp_path, {"pyproject.toml": text})
    assert asked(found) == {
        "numpy": "<2.0.0,>=1.21.3",
        "scipy": "<1.8,>=1.7",
        "pandas": "==1.3.*",
        "thing": "git+https://h.example/t.git@abc",
        "six": "",
    }
    assert places(found)["scipy"] == "pyproject.toml:7"
    assert pythons(found) == ["<4.0,>=3.8"]


def test_setup_cfg(tmp_path: Path) -> None:
    text = "[metadata]\nname = x\n[options]\npython_requires = >=3.7\ninstall_requires =\n"
    text += "    numpy>=1.0\n    importlib-metadata; python_version < '3.8'\n"
    found = detect(tmp_path, {"setup.cfg": text, "setup.py": "import setuptools as s\ns.setup()\n"})
    assert asked(found) == {"numpy": ">=1.0", "importlib-metadata": "", ".": "file:./"}
    assert places(found)["numpy"] == "setup.cfg:6"
    assert pythons(found) == [">=3.7"]


def test_setup_cfg_alone_is_no_package(tmp_path: Path) -> None:
    """pip: "Neither 'setup.py' nor 'pyproject.toml' found"."""
    text = "[options]\ninstall_requires =\n    numpy\n[options.entry_points]\nconsole_scripts =\n"
    found = detect(tmp_path, {"setup.cfg": text + "    run = x:main\n"})
    assert asked(found) == {"numpy": ""}
    assert found.entries == ()
    assert any("can be installed" in note.text for note in found.notes)


@pytest.mark.parametrize(
    "files",
    [
        {
            "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    run-it = x:main\n"
            "[options]\n",
            "pyproject.toml": "",
        },
        {
            "setup.py": "from setuptools import setup\n\n"
            "setup(entry_points={'console_scripts': [\n'run-it=x:main']})\n"
        },
    ],
)
def test_programs_of_setup_files(tmp_path: Path, files: dict[str, str]) -> None:
    (entry,) = detect(tmp_path, files).entries
    assert (entry.steps[0].argv, entry.rank) == (("run-it",), 60)
    assert str(entry.reason) in (
        "setup.cfg:3: the project installs it",
        "setup.py:4: the project installs it",
    )


def test_requirements_of_setup_py_have_lines_of_their_own(tmp_path: Path) -> None:
    text = "from setuptools import setup\nwanted = [\n    'numpy',\n]\nwanted.append('six>1')\n"
    found = detect(tmp_path, {"setup.py": text + "setup(install_requires=wanted)\n"})
    assert places(found) == {"numpy": "setup.py:3", "six": "setup.py:5", ".": "setup.py:None"}


@pytest.mark.parametrize(
    "text",
    [
        "from setuptools import setup\nsetup(name='x', install_requires=['numpy>1', 'six'])\n",
        "import setuptools\nD = ['numpy>1'] + ['six']\nsetuptools.setup(install_requires=D)\n",
        "from setuptools import setup\n"
        "r = [l for l in open('requirements.in')]\nsetup(install_requires=r)\n",
    ],
)
def test_setup_py_is_read_and_never_run(tmp_path: Path, text: str) -> None:
    trap = "open('trap', 'w').close()\n"
    found = detect(tmp_path, {"setup.py": trap + text, "sub/requirements.in": ""})
    if "requirements.in" in text:
        assert any("computed" in note.text for note in found.notes)
    else:
        assert asked(found) == {"numpy": ">1", "six": "", ".": "file:./"}
    assert not (tmp_path / "trap").exists()


def test_conda(tmp_path: Path) -> None:
    text = """name: x
channels: [conda-forge]
dependencies:
  - python=3.10
  - numpy=1.21
  - pytorch==1.12.1=py3.10_cpu_0
  - scipy>=1.7,<2
  - conda-forge::tqdm
  - libgcc-ng=11
  - graphviz
  - r-base=4.2
  - r-ggplot2
  - pip
  - pip:
      - seaborn==0.12
"""
    found = detect(tmp_path, {"environment.yml": text})
    assert asked(found) == {
        "numpy": "==1.21.*",
        "torch": "==1.12.1",
        "scipy": "<2,>=1.7",
        "tqdm": "",
        "seaborn": "==0.12",
    }
    assert places(found)["torch"] == "environment.yml:6"
    assert places(found)["seaborn"] == "environment.yml:15"
    assert [(r.language, r.specifier) for r in found.runtimes] == [("python", "==3.10.*")]
    assert any("pytorch is replaced by torch==1.12.1" in note.text for note in found.notes)


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"pyproject.toml": "[project]\nname = \n"}, "pyproject.toml:2"),
        (
            {"pyproject.toml": '[project]\nname="x"\ndependencies = ["a b"]\n'},
            "pyproject.toml:3",
        ),
        ({"pyproject.toml": "[project]\ndependencies = 3\n"}, "pyproject.toml:2"),
        ({"pyproject.toml": '[project]\nrequires-python = "3.x"\n'}, "pyproject.toml:2"),
        ({"setup.py": "def f(:\n"}, "setup.py:1"),
        ({"setup.cfg": "[options\n"}, "setup.cfg:1"),
        ({"Pipfile": "[packages\n"}, "Pipfile:1"),
        ({"Pipfile.lock": '{\n"default": }\n'}, "Pipfile.lock:2"),
        ({"Pipfile.lock": "[]"}, "Pipfile.lock"),
        ({"poetry.lock": "package = 3\n"}, "poetry.lock:1"),
        ({"environment.yml": "dependencies:\n  - gdal=3\n"}, "environment.yml:2"),
        ({"environment.yml": "dependencies:\n  - a: [\n"}, "environment.yml:3"),
        ({"environment.yml": "dependencies:\n  - numpy=1|2\n"}, "environment.yml:2"),
        ({"environment.yml": "dependencies:\n  - pip:\n    - a b\n"}, "environment.yml:3"),
        ({"runtime.txt": "threeish\n", "a.py": ""}, "runtime.txt:1"),
        ({"a.ipynb": '{\n"cells": [\n'}, "a.ipynb:3"),
        ({"a.ipynb": "{}"}, "a.ipynb"),
    ],
)
def test_malformed_files_are_named_with_their_line(
    tmp_path: Path, files: dict[str, str], place: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        detect(tmp_path, files)
    assert caught.value.where == place


def test_groups_of_a_project_that_declares_nothing_else(tmp_path: Path) -> None:
    text = """[dependency-groups]
analysis = ["six", {include-group = "more"}]
more = ["toolz"]
dev = ["pytest"]
"""
    found = detect(tmp_path, {"pyproject.toml": text})
    assert asked(found) == {"six": "", "toolz": ""}
    assert places(found)["toolz"] == "pyproject.toml:3"
    assert any("groups not used: dev" in note.text for note in found.notes)
    with pytest.raises(BadRequest, match=r"pyproject\.toml:2: the group a includes itself"):
        loop = '[dependency-groups]\na = [{include-group = "a"}]\n'
        detect(tmp_path / "loop", {"pyproject.toml": loop})


def test_groups_that_uv_and_poetry_install_by_themselves(tmp_path: Path) -> None:
    uv = """[project]
name = "x"
dependencies = ["six"]
[dependency-groups]
plot = ["toolz"]
gpu = ["cupy"]
dev = ["pytest"]
[tool.uv]
default-groups = ["dev", "plot"]
"""
    assert asked(detect(tmp_path / "uv", {"pyproject.toml": uv})) == {"six": "", "toolz": ""}
    poetry = """[tool.poetry.dependencies]
six = "*"
[tool.poetry.group.plot.dependencies]
toolz = "^0.12"
[tool.poetry.group.gpu]
optional = true
[tool.poetry.group.gpu.dependencies]
cupy = "*"
[tool.poetry.group.test.dependencies]
pytest = "*"
"""
    found = detect(tmp_path / "poetry", {"pyproject.toml": poetry})
    assert asked(found) == {"six": "", "toolz": "<0.13,>=0.12"}
    assert places(found)["toolz"] == "pyproject.toml:4"
    assert any("groups not used: gpu, test" in note.text for note in found.notes)


def test_flit_before_pep_621(tmp_path: Path) -> None:
    text = """[build-system]
requires = ["flit_core >=2,<4"]
build-backend = "flit_core.buildapi"
[tool.flit.metadata]
module = "x"
requires = ["six"]
requires-python = ">=3.6"
"""
    found = detect(tmp_path, {"pyproject.toml": text, "x.py": ""})
    assert asked(found) == {"six": "", ".": "file:./"}
    assert pythons(found) == [">=3.6"]


@pytest.mark.parametrize(
    ("stated", "specifier"),
    [("^2.7 || ^3.6", ">=3.6,<4.0"), (">=3.8 || ~2.7", ">=3.8"), ("~2.7 | >=3.5,<4", ">=3.5,<4")],
)
def test_of_alternatives_poetry_takes_the_newest(stated: str, specifier: str) -> None:
    assert poetry_specifier(stated) == specifier


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("REQ = ['six']\nREQ += ['toolz']\nREQ.append('a')\nREQ.extend(['b', 'c'])\n"
         "setup(install_requires=REQ)", ["six", "toolz", "a", "b", "c"]),
        ("REQ: list = ['six']\nkw = dict(name='x', install_requires=REQ + ['toolz'])\n"
         "setup(**kw)", ["six", "toolz"]),
        ("kw = {'install_requires': 'six toolz'.split()}\nsetup(**kw)", ["six", "toolz"]),
        ("V = '1'\nsetup(install_requires=['six', 'toolz>=' + V])", ["six"]),
        ("setup(**read_config())", []),
    ],
)  # fmt: skip
def test_setup_scripts_as_people_write_them(tmp_path: Path, script: str, wanted: list[str]) -> None:
    found = detect(tmp_path, {"setup.py": f"from setuptools import setup\n{script}\n"})
    assert [r.name for r in found.requirements if r.name != "."] == wanted
    assert any("computed" in n.text for n in found.notes) == (len(wanted) < 2)


def test_the_python_of_a_declaration_that_is_not_followed(tmp_path: Path) -> None:
    setup = "from setuptools import setup\nsetup(python_requires='>=3.8')\n"
    cases = {
        "setup.py": (setup, ">=3.8"),
        "environment.yml": ("dependencies: [python=3.9, numpy]\n", "==3.9.*"),
        "Pipfile": ('[requires]\npython_version = "3.10"\n', "==3.10.*"),
    }
    for name, (text, specifier) in cases.items():
        found = detect(tmp_path / name, {"requirements.txt": "six\n", name: text})
        assert pythons(found) == [specifier]
        assert asked(found) == {"six": ""}


def test_a_member_of_a_uv_workspace_is_a_folder_of_the_project(tmp_path: Path) -> None:
    root = """[project]
name = "x"
dependencies = ["My.Lib"]
[tool.uv.sources]
my-lib = { workspace = true }
[tool.uv.workspace]
members = ["libs/*"]
"""
    member = '[project]\nname = "my_lib"\ndependencies = ["six"]\n'
    files = {"pyproject.toml": root, "libs/a/pyproject.toml": member}
    assert asked(detect(tmp_path / "a", files)) == {"a": "file:./libs/a", "six": ""}
    files["libs/a/pyproject.toml"] = "[tool.ruff]\n"
    with pytest.raises(BadRequest, match=r"pyproject\.toml:3: no project of the workspace"):
        detect(tmp_path / "b", files)


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("pyproject.toml", '[tool.poetry.dependencies]\nx = {path = "gone"}\n', 2),
        ("Pipfile", '[packages]\nx = {path = "gone"}\n', 2),
        ("pylock.toml", '[[packages]]\nname = "x"\ndirectory = {path = "gone"}\n', 2),
    ],
)
def test_a_folder_that_is_not_there_is_named_with_its_line(
    tmp_path: Path, file: str, text: str, line: int
) -> None:
    with pytest.raises(BadRequest, match="'gone' is no folder of the project") as caught:
        detect(tmp_path, {file: text})
    assert caught.value.where == f"{file}:{line}"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Pipfile", '[[source]]\nurl = "{}"\n[packages]\nsix = "*"\n'),
        ("Pipfile.lock", '{{"_meta": {{"sources": [{{"url": "{}"}}]}}, "default": {{}}}}'),
        ("requirements.txt", "--extra-index-url {}\nsix\n"),
    ],
)
@pytest.mark.parametrize(
    "url",
    ["https://pypi.python.org/simple", "http://pypi.python.org/simple/", "http://pypi.org/simple"],
)
def test_an_address_that_pypi_had_once_is_read_as_its_own(
    tmp_path: Path, file: str, text: str, url: str
) -> None:
    found = detect(tmp_path, {file: text.format(url)})
    assert "indexes" not in found.settings
    assert [n.text for n in found.notes if "no index any more" in n.text] == [
        f"{url} is no index any more: https://pypi.org/simple is"
    ]


def test_the_only_index_may_be_one_that_pypi_had_once(tmp_path: Path) -> None:
    found = detect(tmp_path, {"requirements.txt": "-i https://pypi.python.org/simple\nsix\n"})
    assert found.settings["indexes"] == [["index-url", "https://pypi.org/simple"]]


def test_other_files_of_that_host_are_left_as_they_are(tmp_path: Path) -> None:
    url = "https://pypi.python.org/packages/index"
    found = detect(tmp_path, {"requirements.txt": f"--extra-index-url {url}\nsix\n"})
    assert found.settings["indexes"] == [["extra-index-url", url]]


def test_a_declaration_beside_the_code_counts_where_there_is_none_at_the_top(
    tmp_path: Path,
) -> None:
    files = {
        "README.md": "",
        "code/requirements.txt": "numpy==1.13.3\n",
        "code/environment.yml": "dependencies: [numpy=1.12]\n",
        "code/main.py": "import numpy, scipy\n",
        "code/lib.py": "",
        "tools/requirements.txt": "black\n",
        "tools/format.py": "import black\n",
        "docs/requirements.txt": "sphinx\n",
    }
    found = detect(tmp_path, files)
    assert asked(found) == {"numpy": "==1.13.3"}
    assert places(found) == {"numpy": "code/requirements.txt:1"}
    texts = [note.text for note in found.notes]
    assert "nothing is declared at the top: code/requirements.txt is followed" in texts


def test_a_declaration_in_a_folder_gives_way_to_one_at_the_top(tmp_path: Path) -> None:
    files = {"setup.cfg": "[options]\ninstall_requires = six\n", "a/requirements.txt": "numpy\n"}
    assert asked(detect(tmp_path, {**files, "a/main.py": "import numpy\n"})) == {"six": ""}


def test_a_declaration_in_a_folder_without_code_counts_where_it_is_the_only_one(
    tmp_path: Path,
) -> None:
    code = {"main.py": "import scipy\n"}
    alone = {**code, "software/environment.yml": "dependencies: [numpy=1.12]\n"}
    assert asked(detect(tmp_path / "a", alone)) == {"numpy": "==1.12.*"}
    docs = {**code, "docs/requirements.txt": "sphinx\n"}
    assert asked(detect(tmp_path / "b", docs)) == {"scipy": ""}


def test_a_declaration_in_a_folder_that_cannot_be_read_does_not_stop_anything(
    tmp_path: Path,
) -> None:
    files = {"a/requirements.txt": "not a requirement\n", "a/main.py": "import numpy\n"}
    found = detect(tmp_path, {**files, "b/requirements.txt": "six\n", "b/x.py": ""})
    assert asked(found) == {"six": ""}
    assert any("a/requirements.txt is not followed" in note.text for note in found.notes)
