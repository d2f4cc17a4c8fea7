"""What releases ask for, read from their files without building them."""

from __future__ import annotations

import io
import lzma
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from reprokit.ecosystems.python import PythonEcosystem, unbuilt
from reprokit.ecosystems.python.pylock import Resolved, Source
from reprokit.ecosystems.python.repairs import Repair
from reprokit.errors import BadRequest
from reprokit.project import Project

PANDAS = "numpy>=1.7.0\npytz >= 2011k\n\n[plot]\nmatplotlib\n\n[:python_version<'2.7']\nargparse\n"


def sdist(path: Path, files: dict[str, str]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return path
    with tarfile.open(path, "w:gz") as written:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            written.addfile(member, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize("name", ["pandas-0.17.1.tar.gz", "pandas-0.17.1.zip"])
def test_what_setuptools_wrote_into_a_source_distribution(tmp_path: Path, name: str) -> None:
    files = {
        "pandas-0.17.1/PKG-INFO": "Metadata-Version: 1.1\nName: pandas\n",
        "pandas-0.17.1/a/inner.egg-info/requires.txt": "not-this\n",
        "pandas-0.17.1/pandas.egg-info/requires.txt": PANDAS,
        "pandas-0.17.1/setup.py": "raise SystemExit('never run')\n",
    }
    assert unbuilt.of_archive(sdist(tmp_path / name, files)) == (
        "Requires-Dist: numpy>=1.7.0\n"
        "Requires-Dist: pytz >= 2011k\n"
        "Provides-Extra: plot\n"
        'Requires-Dist: matplotlib ; extra == "plot"\n'
        "Requires-Dist: argparse ; (python_version<'2.7')\n"
    )


def test_one_of_distutils_asks_for_nothing_and_one_that_says_nothing_is_unread(
    tmp_path: Path,
) -> None:
    silent = sdist(tmp_path / "a-1.tar.gz", {"a-1/PKG-INFO": "Name: a\n", "a-1/setup.py": ""})
    assert unbuilt.of_archive(silent) == "\n"
    assert unbuilt.of_archive(sdist(tmp_path / "b-1.tar.gz", {"b-1/setup.py": ""})) is None
    (tmp_path / "c-1.tar.gz").write_bytes(b"<html>")
    assert unbuilt.of_archive(tmp_path / "c-1.tar.gz") is None


def chooses(available: dict[str, str], settings: str) -> tuple[str, tuple[Resolved, ...]]:
    """As uv does: what is asked for, and what the settings say that this asks for in turn."""
    told = tomllib.loads(settings)["dependency-metadata"]
    chosen, left = [], ["pandas"]
    while left:
        name = left.pop()
        entry = next(
            (e for e in told if e["name"] == name and e.get("version") == available[name]),
            next((e for e in told if e["name"] == name and "version" not in e), None),
        )
        found = Resolved(name, available[name], None, Source(f"https://x.org/{name}.tar.gz"))
        chosen.append(found)
        left += [] if entry is None else [text.split(">")[0] for text in entry["requires-dist"]]
    return " ".join(item.name for item in chosen), tuple(chosen)


def damaged_zip(place: Path, inner: str) -> Path:
    """A zip file whose one member is said to be encrypted, which its reader meets late."""
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(inner, "Name: b\n")
    content = bytearray(place.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + flags] |= 1
    place.write_bytes(bytes(content))
    return place


def test_an_archive_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    assert unbuilt.of_archive(damaged_zip(tmp_path / "b-1.zip", "b-1/PKG-INFO")) is None
    broken = tmp_path / "b-1.tar.xz"
    broken.write_bytes(lzma.compress(b"x" * 4096)[:-40] + b"\0" * 40)
    assert unbuilt.of_archive(broken) is None


def test_a_projects_own_wheel_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    damaged_zip(tmp_path / "b-1-py3-none-any.whl", "b-1.dist-info/METADATA")
    (tmp_path / "requirements.txt").write_text("./b-1-py3-none-any.whl\n")
    with pytest.raises(BadRequest, match="cannot be read"):
        PythonEcosystem().detect(Project(tmp_path))


def test_each_chosen_release_is_read_until_nothing_new_is_chosen() -> None:
    available = {"pandas": "0.17.1", "numpy": "1.10.4", "pytz": "2015.7"}
    says = {"pandas": "Requires-Dist: numpy>=1.7.0\nRequires-Dist: pytz (>=2011k)\n"}
    read: list[str] = []

    def metadata_of(item: Resolved) -> str | None:
        read.append(item.name)
        return None if item.name == "pytz" else says.get(item.name, "\n")

    known: dict[tuple[str, str], Repair | None] = {}
    answer = unbuilt.compiled(["pandas"], known, lambda s: chooses(available, s), metadata_of)
    assert sorted(answer.split()) == sorted(available)
    assert sorted(read) == sorted(available)
    assert known["pytz", "2015.7"] is None
    repair = known["pandas", "0.17.1"]
    assert repair is not None
    assert repair.requires == ("numpy>=1.7.0", "pytz>=2011")
    assert repair.changes == ("pandas 0.17.1 asks for pytz (>=2011k), read as pytz>=2011",)
    # What could not be read is left for uv to build: nothing is claimed of it.
    last: list[str] = []

    def compile_with(settings: str) -> tuple[str, tuple[Resolved, ...]]:
        last.append(settings)
        return chooses(available, settings)

    unbuilt.compiled(["pandas"], known, compile_with, metadata_of)
    assert last
    assert not any('name = "pytz"' in settings for settings in last)
