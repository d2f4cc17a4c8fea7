"""Which R scripts and documents of a project make its results."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.configuration import Configuration
from reprokit.ecosystems.r import REcosystem
from reprokit.ecosystems.r.usage import makes_nothing
from reprokit.phases.entries import choose
from tests.projects import write

FUNCTIONS = "library(dplyr)\n#' Doubles.\ndouble <- function(x)\n  x * 2\n"
COMPENDIUM = {
    "DESCRIPTION": "Package: growth\nImports: dplyr\n",
    "NAMESPACE": "export(double)",
    "R/double.R": "double <- function(x) {\n  x * 2\n}\n",
    "README.Rmd": "---\noutput: github_document\n---\n",
    "analysis/paper/paper.Rmd": "```{r}\ndouble(2)\n```\n",
    "analysis/templates/template.Rmd": "text\n",
    "tests/testthat/test-double.R": "expect_equal(double(1), 2)\n",
}


def commands(folder: Path, files: dict[str, str]) -> list[list[str]]:
    """The last argument of each step, for each entry."""
    project = write(folder, files)
    found = REcosystem().detect(project)
    assert found is not None
    choice = choose(project, (found,), Configuration())
    entries = [choice.entry] if choice.entry is not None else choice.alternatives
    return [[f"{s.folder}: {s.argv[-1]}" for s in entry.steps] for entry in entries]


def test_a_compendiums_paper_is_the_experiment_and_its_functions_are_not(tmp_path: Path) -> None:
    paper = '.: rmarkdown::render("analysis/paper/paper.Rmd")'
    assert commands(tmp_path, COMPENDIUM) == [[paper]]


def test_a_readme_is_rendered_only_where_there_is_nothing_else(tmp_path: Path) -> None:
    files = {"README.Rmd": "```{r}\n1\n```\n"}
    assert commands(tmp_path, files) == [['.: rmarkdown::render("README.Rmd")']]
    files |= {"fit.R": "fit()\n"}
    assert commands(tmp_path, files) == [[".: fit.R"]]


def test_functions_alone_are_no_script(tmp_path: Path) -> None:
    files = {"functions.R": FUNCTIONS, "fit.R": "print(double(2))\n", "ui.R": "fluidPage()\n"}
    assert commands(tmp_path, files) == [[".: fit.R"]]


@pytest.mark.parametrize("folder", ["Analyses", "R_code", "models"])
def test_scripts_lie_in_folders_of_many_names(tmp_path: Path, folder: str) -> None:
    assert commands(tmp_path, {f"{folder}/fit.R": "fit()\n"}) == [[f".: {folder}/fit.R"]]


def test_a_script_starts_where_the_files_lie_that_it_names(tmp_path: Path) -> None:
    files = {"code/fit.R": 'x <- read.csv("../data/x.csv")\n', "data/x.csv": "a\n1\n"}
    assert commands(tmp_path, files) == [["code: fit.R"]]


def test_a_pipeline_is_run_as_a_whole(tmp_path: Path) -> None:
    files = {"_targets.R": "library(targets)\nlist()\n", "R/f.R": FUNCTIONS, "plot.R": "plot(1)\n"}
    assert commands(tmp_path, files) == [[".: targets::tar_make()"]]


@pytest.mark.parametrize(
    ("code", "nothing"),
    [
        (FUNCTIONS, True),
        ("f = \\(x) x\noptions(digits = 3)\n", True),
        ('install.packages("dplyr")\n"_PACKAGE"\n', True),
        ("f <- function(x) x\nf(2)\n", False),
        ("f <- function(x) x\nx <- f(2)\n", False),
        ('source("other.R")\n', False),
        ("", False),
    ],
)
def test_code_that_makes_nothing(code: str, nothing: bool) -> None:
    assert makes_nothing(code) is nothing


README = """
```r
install.packages("dplyr")
renv::restore()
```
Then
```r
# the data
source('code/01_clean.R')
> source("code/02_fit.R", echo = TRUE)  # slow
```
"""
FILES = {"code/01_clean.R": "clean()\n", "code/02_fit.R": "fit()\n", "code/03_old.R": "old()\n"}


def test_what_the_readme_types_into_r_runs_in_one_session(tmp_path: Path) -> None:
    project = write(tmp_path, {**FILES, "README.md": README})
    found = REcosystem().detect(project)
    assert found is not None
    entry = choose(project, (found,), Configuration()).entry
    assert entry is not None and (entry.reason.line, entry.rank) == (9, 20)
    assert [step.argv for step in entry.steps] == [
        (
            "Rscript",
            "-e",
            "source('code/01_clean.R')",
            "-e",
            'source("code/02_fit.R", echo = TRUE)',
        )
    ]


@pytest.mark.parametrize(
    "other", ['source("gone.R")', "x <- fit()", 'source("install.R")', 'system("id")']
)
def test_blocks_of_r_that_are_not_understood_are_left_out(tmp_path: Path, other: str) -> None:
    readme = f"```r\n{other}\n```\n"
    files = {**FILES, "install.R": 'install.packages("dplyr")\n', "README.md": readme}
    project = write(tmp_path, files)
    entry = choose(project, (), Configuration()).entry
    assert entry is not None and entry.rank == 40
