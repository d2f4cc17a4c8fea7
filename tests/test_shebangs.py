"""Scripts without an ending."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit import shebangs
from reprokit.ecosystems.r import REcosystem
from tests.ecosystems.python.detected import asked, detect
from tests.projects import write


@pytest.mark.parametrize(
    ("line", "is_python", "is_r"),
    [
        ("#!/usr/bin/env python", True, False),
        ("#!/usr/bin/env -S python3 -u", True, False),
        ("#! /usr/bin/python3.9", True, False),
        ("#!/opt/conda/bin/python2", True, False),
        ("#!/usr/bin/env pythonic", False, False),
        ("#!/bin/sh", False, False),
        ("#!/usr/bin/env Rscript", False, True),
        ("#!/usr/local/bin/Rscript --vanilla", False, True),
        ("# python", False, False),
    ],
)
def test_whose_a_first_line_is(tmp_path: Path, line: str, is_python: bool, is_r: bool) -> None:
    project = write(tmp_path, {"fit": f"{line}\n", "fit.txt": f"{line}\n"})
    assert bool(shebangs.scripts(project, shebangs.PYTHON)) == is_python
    assert bool(shebangs.scripts(project, shebangs.R)) == is_r


def test_where_they_are_looked_for(tmp_path: Path) -> None:
    line = "#!/bin/sh\n"
    project = write(tmp_path, {"b": line, "a": line, "bin/c": line, "data/d": line})
    assert shebangs.scripts(project) == ("a", "b", "bin/c")


def test_a_python_script_makes_a_python_project_with_what_it_imports(tmp_path: Path) -> None:
    found = detect(tmp_path, {"fit": "#!/usr/bin/env python3\nimport numpy\n"})
    assert asked(found) == {"numpy": ""}


def test_a_runtime_txt_alone_makes_a_python_project(tmp_path: Path) -> None:
    found = detect(tmp_path, {"runtime.txt": "python-3\n"})
    assert [r.specifier for r in found.runtimes] == ["==3.*"]


def test_an_r_script_counts_but_is_no_experiment_by_itself(tmp_path: Path) -> None:
    found = REcosystem().detect(write(tmp_path, {"fit": "#!/usr/bin/env Rscript\nlibrary(lme4)\n"}))
    assert found is not None
    assert [r.name for r in found.requirements] == ["lme4"]
    assert found.entries == ()
