"""Metadata that is not PEP 440: what it is read as, and that uv then resolves."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from reprokit.ecosystems.python import repairs
from reprokit.errors import BadRequest
from reprokit.model import DateChoice
from tests.ecosystems.python.python_resolving import base
from tests.ecosystems.python.test_python_resolving import lock


def metadata(*lines: str) -> str:
    return "\n".join(("Metadata-Version: 2.1", "Name: x", *lines, "", "Requires-Dist: text>=k"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("pytz (>=2011k)", "pytz>=2011"),
        ("pytz>dev", "pytz"),
        ("a-b[c,d] (>=1.2.x,<3) ; python_version < '3'",
         'a-b[c,d]>=1.2,<3 ; python_version < "3"'),
        ("six (>=1.0,<2k)", "six>=1.0"),
        ("six (==2011k)", "six"),
        ("six (=1.9)", "six==1.9"),
        ("six (>=1.5,)", "six (>=1.5,)"),
        ("numpy (>=3.6.*)", "numpy>=3.6"),
    ],
)  # fmt: skip
def test_a_clause_becomes_the_nearest_that_there_is(written: str, read: str) -> None:
    found = repairs.repaired(
        "x", "1", metadata("Requires-Dist: zz (>=k)", f"Requires-Dist: {written}")
    )
    assert found is not None
    assert found.requires == ("zz", read)
    changed = () if written == read else (f"x 1 asks for {written}, read as {read}",)
    assert found.changes == ("x 1 asks for zz (>=k), read as zz", *changed)


@pytest.mark.parametrize(
    "line",
    [
        "Requires-Dist: a (>=1) ; platform is windows",
        "Requires-Dist: $(touch x)",
        "Requires-Dist: a",
        "Requires-Dist: a>=1k; extra == x",
    ],
)
def test_what_no_rule_helps_stays_refused(line: str) -> None:
    assert repairs.repaired("x", "1", metadata(line)) is None


def test_the_python_of_a_release_is_repaired_too() -> None:
    found = repairs.repaired(
        "x", "1", metadata("Requires-Python: >=2.7k,!=3.0.*", "Provides-Extra: e")
    )
    assert found is not None
    assert (found.python, found.extras) == (">=2.7,!=3.0.*", ("e",))
    table = tomllib.loads(repairs.settings((found,)))["dependency-metadata"][0]
    assert table == {
        "name": "x", "version": "1", "requires-dist": [], "provides-extra": ["e"],
        "requires-python": ">=2.7,!=3.0.*",
    }  # fmt: skip


def test_refusals_are_read_out_of_what_uv_says() -> None:
    said = (
        "No solution found\n\nhint: Metadata for `pandas` (v0.24.2) could not be parsed:\n  after\n"
        "hint: Metadata for `x-y` (v1!2.0+a) could not be parsed:\n  after\n"
    )
    assert repairs.refused(said) == (("pandas", "0.24.2"), ("x-y", "1!2.0+a"))


@pytest.mark.network
@pytest.mark.parametrize(
    ("day", "text", "versions"),
    [
        ("2019-06-01", "pandas==0.24.2\nscikit-learn==0.21.2\n",
         {"pandas": "0.24.2", "numpy": "1.16.4", "scikit-learn": "0.21.2"}),
        ("2018-12-01", "seaborn\n", {"pandas": "0.23.4", "seaborn": "0.9.0", "pytz": "2018.7"}),
    ],
)  # fmt: skip
def test_what_uv_refuses_is_repaired_and_named(
    tmp_path: Path, day: str, text: str, versions: dict[str, str]
) -> None:
    choice = DateChoice(day=day, source="given")
    official = base("python:3.7-slim-bullseye", "3.7")
    locked = lock(tmp_path, {"requirements.txt": text}, date=choice, base=official)
    found = {package.name: package.version for package in locked.packages}
    assert versions.items() <= found.items()
    pandas = found["pandas"]
    assert locked.settings["repaired"] == [
        f"pandas {pandas} asks for pytz (>=2011k), read as pytz>=2011"
    ]


def test_a_requirement_of_the_project_itself_is_never_repaired(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="not a requirement"):
        lock(tmp_path, {"requirements.txt": "pytz>=2011k\n"})
