"""What the cells of notebooks install, and which Python the notebooks were written with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reprokit.errors import BadRequest
from tests.ecosystems.python.detected import detect


def notebook(*cells: str, version: str = "3.10.4") -> str:
    listed = [{"cell_type": "code", "source": cell} for cell in cells]
    language = {"name": "python", "version": version}
    return json.dumps({"cells": listed, "metadata": {"language_info": language}, "nbformat": 4})


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("!pip install -q seaborn 'tabulate>=0.8' && echo done", ["seaborn", "tabulate>=0.8"]),
        ("%pip install lifelines==0.27 # survival", ["lifelines==0.27"]),
        ("!{sys.executable} -m pip install --upgrade toolz", ["toolz"]),
        ("%%bash\nset -e\npip3 install toolz; ls", ["toolz"]),
        ("!pip install -f https://h.example/w.html toolz \\\n    six", ["toolz", "six"]),
        ("!pip install git+https://h.example/a/b.git@v1#egg=b", ["b"]),
        ("!pip install -r extra.txt", ["more"]),
        ("!pip install -r missing.txt", []),
        ("!pip install 'a b' numpy==1.2x six", ["six"]),
        ("!pip install 'unclosed six", []),
        ("!conda install -y -c conda-forge pytorch=2.1", ["torch==2.1.*"]),
        ("%mamba install lightgbm", ["lightgbm"]),
        ("print('pip install six')\n# pip install six", []),
        ("!pip install {name} $NAME ../lib", []),
    ],
)
def test_what_a_cell_installs(tmp_path: Path, cell: str, wanted: list[str]) -> None:
    found = detect(tmp_path, {"n/a.ipynb": notebook(cell), "n/extra.txt": "more\n"})
    assert [f"{r.name}{r.specifier}" for r in found.requirements] == wanted
    assert all(r.reason.file in ("n/a.ipynb", "n/extra.txt") for r in found.requirements)


def test_what_cells_of_the_container_import(tmp_path: Path) -> None:
    cells = ("%%repro -o x\nimport toolz", "%%repro R\nimport = 1", "%%repro sh\nimport six")
    found = detect(tmp_path, {"a.ipynb": notebook(*cells)})
    assert [requirement.name for requirement in found.requirements] == ["toolz"]
    assert not any("another language" in note.text for note in found.notes)


def test_system_packages_of_cells(tmp_path: Path) -> None:
    cell = "!apt-get update && apt-get -y install graphviz 2>/dev/null\n!apt install -qq Bad_name"
    found = detect(tmp_path, {"a.ipynb": notebook(cell)})
    assert [s.name for s in found.system_packages] == ["graphviz"]
    assert any("installs Bad_name, which is not followed" in note.text for note in found.notes)


def test_cells_add_to_what_a_file_declares_but_never_to_a_lock(tmp_path: Path) -> None:
    book = notebook("!pip install six NumPy")
    files = {"requirements.txt": "numpy>=1.20\n", "a.ipynb": book}
    found = detect(tmp_path / "list", files)
    assert [f"{r.name}{r.specifier}" for r in found.requirements] == ["numpy>=1.20", "six"]
    lock = json.dumps({"_meta": {}, "default": {"numpy": {"version": "==1.26.4"}}})
    found = detect(tmp_path / "lock", {"Pipfile.lock": lock, "a.ipynb": book})
    assert [f"{r.name}{r.specifier}" for r in found.requirements] == ["numpy==1.26.4"]


def test_the_version_that_a_cell_installs_outdoes_the_bare_import(tmp_path: Path) -> None:
    files = {
        "a.py": "import toolz\n",
        "a.ipynb": notebook("import toolz, six", "!pip install toolz==0.12.1 six"),
    }
    found = detect(tmp_path, files)
    assert {f"{r.name}{r.specifier}": r.reason.text for r in found.requirements} == {
        "toolz==0.12.1": "cell 2 installs toolz==0.12.1",
        "six": "cell 1 imports six",
    }


def test_one_note_for_all_cells_that_install(tmp_path: Path) -> None:
    found = detect(tmp_path, {"a.ipynb": notebook("!pip install six", "1", "%pip install toolz")})
    texts = [note.text for note in found.notes if "in the image already" in note.text]
    assert texts == ["cells 1, 3 install packages; they are in the image already"]


def test_modules_of_a_platform_are_not_installed(tmp_path: Path) -> None:
    cells = ("import google.colab\nfrom google.colab import drive", "from google.cloud import x")
    found = detect(tmp_path, {"a.ipynb": notebook(*cells)})
    assert [r.name for r in found.requirements] == ["google-cloud-x"]
    assert any("exists only in Google Colab" in note.text for note in found.notes)


def test_the_newest_python_of_several_notebooks(tmp_path: Path) -> None:
    books = {"a.ipynb": notebook("1", version="3.9.1"), "b.ipynb": notebook("1", version="3.10.2")}
    assert [r.specifier for r in detect(tmp_path, books).runtimes] == ["==3.10.*"]


def test_a_python_of_a_notebook_that_no_base_has_is_a_warning(tmp_path: Path) -> None:
    found = detect(tmp_path, {"a.ipynb": notebook("1", version="3.5.9")})
    assert [r.specifier for r in found.runtimes] == [""]
    assert any(n.level == "warning" and "Python 3.5.9" in n.text for n in found.notes)


def test_a_notebook_that_git_lfs_has_not_fetched(tmp_path: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n"
    with pytest.raises(BadRequest, match=r"a\.ipynb:1: is not valid JSON") as caught:
        detect(tmp_path, {"a.ipynb": pointer})
    assert "git lfs pull" in str(caught.value.next)


@pytest.mark.parametrize(
    "content",
    [
        {"cells": [5, {"cell_type": "code"}, {"cell_type": "code", "source": 7}]},
        {"cells": [], "metadata": {"language_info": {"name": ["x"], "version": 3}}},
        {"cells": [], "metadata": {"kernelspec": {"name": {"a": 1}}}},
        {"worksheets": [5, {"cells": 5}, {"cells": [{"cell_type": "code", "input": ["1"]}]}]},
    ],
)
def test_notebooks_of_unusual_form_are_read(tmp_path: Path, content: dict[str, object]) -> None:
    assert detect(tmp_path, {"a.ipynb": json.dumps(content)}).requirements == ()
