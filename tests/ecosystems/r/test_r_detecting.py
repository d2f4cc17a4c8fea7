"""What makes an R project, and what it asks for, with file and line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.ecosystems.r import REcosystem
from reprokit.errors import BadRequest
from reprokit.model import BaseCandidate, Detection, Reason
from tests.projects import write

BASE = Reason(text="a base")


def _detect(folder: Path, **files: str) -> Detection:
    names = {"description": "DESCRIPTION", "renv": "renv.lock", "install": "install.R"}
    given = {names.get(key, key.replace("__", ".")): text for key, text in files.items()}
    found = REcosystem().detect(write(folder, given))
    assert found is not None
    return found


def _asked(found: Detection) -> list[tuple[str, str, str | None, int | None]]:
    return [(r.name, r.specifier, r.reason.file, r.reason.line) for r in found.requirements]


DESCRIPTION = """\
Package: growth
Title: Growth
  of things
Depends: R (>= 4.0), methods
Imports:
    ggplot2 (>= 3.3.0),
    nlme,
    stats
LinkingTo: Rcpp
Suggests: testthat
"""


def test_description_gives_each_package_its_own_line(tmp_path: Path) -> None:
    found = _detect(tmp_path, description=DESCRIPTION)
    assert _asked(found) == [
        ("ggplot2", ">=3.3.0", "DESCRIPTION", 6),
        ("nlme", "", "DESCRIPTION", 7),
        ("Rcpp", "", "DESCRIPTION", 9),
    ]
    assert [(r.specifier, r.reason.line) for r in found.runtimes] == [(">=4.0", 4)]
    assert any("testthat" in note.text for note in found.notes)
    assert "package" not in found.settings


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Package: p\nImports: ggplot2 (>= )\n", 2),
        ("Package: p\nImports: aa,\n  bb cc\n", 3),
        ("Package: p\nImports:\n    $(id)\n", 3),
        ("Package: p\nno colon here\n", 2),
        ("Package: not-a-name\n", 1),
        ("Package: p\nDepends: R (>= new)\n", 2),
    ],
)
def test_a_malformed_description_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int
) -> None:
    with pytest.raises(BadRequest) as caught:
        _detect(tmp_path, description=text)
    assert caught.value.where == f"DESCRIPTION:{line}"
    assert caught.value.next is not None


def test_an_item_may_go_on_in_the_next_line(tmp_path: Path) -> None:
    found = _detect(tmp_path, description="Imports: nlme\n  (>= 3.1),\n  lme4,,\n")
    assert _asked(found) == [
        ("nlme", ">=3.1", "DESCRIPTION", 1), ("lme4", "", "DESCRIPTION", 3),
    ]  # fmt: skip


def test_a_description_not_of_r_is_none_of_ours_and_told_beside_code(tmp_path: Path) -> None:
    project = write(tmp_path, {"DESCRIPTION": "Package study\nImports ggplot2\n", "a.py": ""})
    assert REcosystem().detect(project) is None
    (note,) = _detect(tmp_path, a__R="x <- 1\n").notes
    assert note.level == "warning" and str(note.reason).startswith("DESCRIPTION:1")


RENV = {
    "R": {"Version": "4.2.2", "Repositories": [{"Name": "CRAN", "URL": "https://cran.example"}]},
    "Packages": {
        "nlme": {"Package": "nlme", "Version": "3.1-160", "Source": "Repository"},
        "renv": {"Package": "renv", "Version": "0.17.0", "Source": "Repository"},
        "lab": {
            "Package": "lab", "Version": "0.1.0", "Source": "GitHub",
            "RemoteUsername": "someone", "RemoteRepo": "lab", "RemoteSha": "a" * 40,
        },
    },
}  # fmt: skip


def test_renv_lock_pins_packages_and_r(tmp_path: Path) -> None:
    found = _detect(tmp_path, renv=json.dumps(RENV, indent=2), analysis__R="library(nlme)")
    assert [entry[:2] for entry in _asked(found)] == [
        ("nlme", "==3.1-160"), ("renv", "==0.17.0"), ("lab", "==0.1.0"),
    ]  # fmt: skip
    assert [r.specifier for r in found.runtimes] == ["==4.2.*"]
    lines = json.dumps(RENV, indent=2).splitlines()
    for requirement in found.requirements:
        assert requirement.reason.line is not None
        assert f'"{requirement.name}": {{' in lines[requirement.reason.line - 1]
    url = next(r.url for r in found.requirements if r.name == "lab")
    assert url == "https://codeload.github.com/someone/lab/tar.gz/" + "a" * 40
    assert found.settings == {"optional": ["renv"], "renv": True, "unused": ["lab"]}


def test_a_pin_of_bioconductor_is_warned_of(tmp_path: Path) -> None:
    entry = {"Package": "limma", "Version": "3.54.2", "Source": "Bioconductor"}
    found = _detect(tmp_path, renv=json.dumps({"Packages": {"limma": entry}}))
    assert [(r.name, r.specifier) for r in found.requirements] == [("limma", "")]
    (note,) = found.notes
    assert note.level == "warning" and "limma" in note.text
    assert note.reason is not None and note.reason.file == "renv.lock"


def test_a_malformed_renv_lock_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadRequest) as caught:
        _detect(tmp_path, renv='{\n "R": {"Version": "4.2.2"},\n "Packages": {,\n}')
    assert caught.value.where == "renv.lock:3"


@pytest.mark.parametrize(
    "broken",
    [
        {"Packages": {"nlme": {"Version": "1; id"}}},
        {"Packages": {"nlme": {}}},
        {"Packages": {"nl me": {"Version": "1.0"}}},
        {"Packages": []},
        {"R": {"Version": "new"}},
        [],
        {"Packages": {"lab": {"Version": "1.0", "Source": "GitHub", "RemoteSha": "main"}}},
    ],
)
def test_what_renv_lock_must_not_hold_is_refused(tmp_path: Path, broken: object) -> None:
    with pytest.raises(BadRequest) as caught:
        _detect(tmp_path, renv=json.dumps(broken))
    assert str(caught.value.where).startswith("renv.lock:")


def test_install_script_names_packages_and_versions(tmp_path: Path) -> None:
    script = 'install.packages(c("lme4",\n  "emmeans"))\n'
    script += 'remotes::install_version("MASS", "7.3-58")\nBiocManager::install("limma")\n'
    found = _detect(tmp_path, install=script, analysis__R="library(lme4)\n")
    assert ("lme4", "", "install.R", 1) in _asked(found)
    assert ("MASS", "==7.3-58", "install.R", 3) in _asked(found)
    assert ("limma", "", "install.R", 4) in _asked(found)
    assert [e.steps[0].argv for e in found.entries] == [("Rscript", "analysis.R")]


def test_with_nothing_declared_the_code_speaks(tmp_path: Path) -> None:
    code = "library(stats)\nlibrary(lme4)\nrequireNamespace('vroom')\nlibrary(lme4)\n"
    found = _detect(tmp_path, main__R=code)
    assert _asked(found) == [("lme4", "", "main.R", 2), ("vroom", "", "main.R", 3)]
    assert found.settings == {"optional": ["vroom"]}
    assert [r.specifier for r in found.runtimes] == [""]


def test_undeclared_use_is_added_and_said(tmp_path: Path) -> None:
    found = _detect(tmp_path, description="Imports: nlme\n", a__R="library(nlme)\nlibrary(lme4)\n")
    assert [entry[0] for entry in _asked(found)] == ["nlme", "lme4"]
    assert any("lme4 is used but not declared" in note.text for note in found.notes)


def test_installing_at_run_time_is_warned_of(tmp_path: Path) -> None:
    found = _detect(tmp_path, a__R="if (!require(nlme)) install.packages('nlme')\n")
    warning = next(note for note in found.notes if note.level == "warning")
    assert warning.reason is not None and (warning.reason.file, warning.reason.line) == ("a.R", 1)


def test_code_of_package_managers_and_tests_counts_less(tmp_path: Path) -> None:
    files = {
        "renv/activate.R": "library(no1)",
        "tests/testthat.R": "library(testthat)",
        "a.R": "library(nlme)",
    }
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None
    assert [entry[0] for entry in _asked(found)] == ["nlme", "testthat"]
    assert found.settings["optional"] == ["testthat"]


def test_an_own_package_is_installed_where_scripts_load_it(tmp_path: Path) -> None:
    files = {
        "DESCRIPTION": DESCRIPTION, "NAMESPACE": "export(f)", "R/f.R": "f <- function() 1",
        "run.R": "library(growth)", "src/f.cpp": "",
    }  # fmt: skip
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None
    assert found.settings == {"optional": [], "package": "growth", "compiled": True}
    assert "growth" not in [entry[0] for entry in _asked(found)]


def test_documents_bring_rmarkdown_pandoc_and_latex(tmp_path: Path) -> None:
    text = "---\noutput: pdf_document\n---\n```{r}\nlibrary(nlme)\n```\n```{python}\n1\n```\n"
    found = _detect(tmp_path, report__Rmd=text)
    assert [r.name for r in found.requirements] == ["nlme", "rmarkdown", "reticulate"]
    names = [package.name for package in found.system_packages]
    assert "pandoc" in names and "texlive-latex-recommended" in names
    assert [(e.rank, e.steps[0].argv) for e in found.entries] == [
        (45, ("Rscript", "-e", 'rmarkdown::render("report.Rmd")'))
    ]


TWO_FORMATS = "---\noutput:\n  html_document: default\n  bookdown::pdf_document2: default\n---\n"


def test_all_formats_that_a_header_names_are_made(tmp_path: Path) -> None:
    found = _detect(tmp_path, report__Rmd=TWO_FORMATS)
    assert [r.name for r in found.requirements] == ["rmarkdown", "bookdown"]
    assert "texlive-xetex" in [package.name for package in found.system_packages]
    (entry,) = found.entries
    assert entry.steps[0].argv[2] == 'rmarkdown::render("report.Rmd", output_format = "all")'


@pytest.mark.parametrize(
    ("header", "code", "expected"),
    [
        ("output: html_document", "", None),
        ("output: pdf_document", "", "texlive-latex-recommended"),
        ("output: rticles::elsevier_article", "", "texlive-latex-extra"),
        ("output: tufte::tufte_handout", "", "texlive-latex-extra"),
        ("output: pdf_document\nheader-includes:\n - \\usepackage{x}", "", "texlive-latex-extra"),
        ("output: pdf_document", "library(kableExtra)", "texlive-latex-extra"),
        (
            "output:\n  pdf_document:\n    latex_engine: lualatex\n    citation_package: biblatex",
            "", "biber",
        ),
    ],
)  # fmt: skip
def test_latex_comes_with_what_the_header_and_the_code_ask_of_it(
    tmp_path: Path, header: str, code: str, expected: str | None
) -> None:
    text = f"---\n{header}\n---\n```{{r}}\n{code}\n```\n"
    names = {p.name for p in _detect(tmp_path, report__Rmd=text).system_packages}
    assert ("lmodern" in names) == (expected is not None)
    assert expected is None or expected in names
    assert ("texlive-latex-extra" in names) == (expected == "texlive-latex-extra")


def test_a_call_may_ask_for_a_pdf_whatever_the_header_says(tmp_path: Path) -> None:
    makefile = 'all:\n\tRscript -e \'rmarkdown::render("a.Rmd", "pdf_document")\'\n'
    found = REcosystem().detect(write(tmp_path, {"a.Rmd": "text\n", "Makefile": makefile}))
    assert found is not None
    assert "lmodern" in [package.name for package in found.system_packages]


@pytest.mark.parametrize(
    ("file", "call"),
    [
        ("_bookdown.yml", 'bookdown::render_book("index.Rmd")'),
        ("_site.yml", "rmarkdown::render_site()"),
    ],
)
def test_several_documents_may_be_one_work(tmp_path: Path, file: str, call: str) -> None:
    files = {"index.Rmd": "text\n", "methods.Rmd": "text\n", file: "x: y\n"}
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None
    assert [e.steps[0].argv for e in found.entries] == [("Rscript", "-e", call)]
    assert ("bookdown" in [r.name for r in found.requirements]) == (file == "_bookdown.yml")


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a.R": "x <- 1\nRcpp::cppFunction('int f() { return 1; }')\n"}, ("a.R", 2)),
        ({"a.R": "library(rstan)\nfit <- stan('m.stan')\n"}, ("a.R", 2)),
        ({"a.Rmd": "```{Rcpp}\nint f() { return 1; }\n```\n"}, ("a.Rmd", 1)),
        ({"a.R": "library(nlme)\ncompile(stan(1))\n"}, None),
    ],
)
def test_code_that_compiles_while_it_runs_keeps_the_compilers(
    tmp_path: Path, files: dict[str, str], reason: tuple[str, int] | None
) -> None:
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None
    have = {
        "build_essential": "12", "gfortran": "12", "r_cran_rcpp": "1.0.10-1",
        "r_cran_rstan": "2.21.7-1", "r_cran_nlme": "3.1.162-1", "r_cran_rmarkdown": "2.20",
    }  # fmt: skip
    packages = REcosystem().system_packages(found, _candidate(), _Catalogue(**have))
    places = {(p.reason.file, p.reason.line) for p in packages if p.name == "build-essential"
              and p.stage == "run"}  # fmt: skip
    assert places == ({reason} if reason else set())


def test_quarto_without_r_is_none_of_ours(tmp_path: Path) -> None:
    project = write(tmp_path, {"a.qmd": "```{python}\n1\n```\n"})
    assert REcosystem().detect(project) is None


@pytest.mark.parametrize(
    ("files", "steps"),
    [
        (["analysis.R", "functions.R"], [["analysis.R"]]),
        (["1_clean.R", "2_fit.R", "10_plot.R"], [["1_clean.R", "2_fit.R", "10_plot.R"]]),
        (["a.R", "b.R"], [["a.R"], ["b.R"]]),
        (["scripts/fit.R", "R/f.R"], [["scripts/fit.R"]]),
        (["helpers.R", "fit.R"], [["fit.R"]]),
    ],
)
def test_which_scripts_start_it(tmp_path: Path, files: list[str], steps: list[list[str]]) -> None:
    texts = dict.fromkeys(files, "x <- 1\n")
    if "helpers.R" in texts:
        texts["fit.R"] = 'source("helpers.R")\n'
    found = REcosystem().detect(write(tmp_path, texts))
    assert found is not None
    assert [[s.argv[1] for s in e.steps] for e in found.entries] == steps


def test_a_file_name_cannot_leave_its_r_string(tmp_path: Path) -> None:
    name = 'a"); system("id"); ("é\\.Rmd'
    found = REcosystem().detect(write(tmp_path, {name: "text\n"}))
    assert found is not None
    expression = found.entries[0].steps[0].argv[2]
    inside = expression.removeprefix("rmarkdown::render(").removesuffix(")")
    assert json.loads(inside) == name


class _Catalogue:
    def __init__(self, **versions: str) -> None:
        self._versions = {name.replace("_", "-"): v for name, v in versions.items()}

    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        return {name: self._versions[name] for name in names if name in self._versions}


def _candidate(**provides: str) -> BaseCandidate:
    return BaseCandidate(
        family="debian", name="bookworm", provides=provides, offers={}, reason=BASE
    )


def _packages(found: Detection, base: BaseCandidate, **have: str) -> dict[str, str]:
    packages = REcosystem().system_packages(found, base, _Catalogue(**have))
    return {package.name: package.stage for package in packages}


def test_the_distribution_serves_first(tmp_path: Path) -> None:
    found = _detect(tmp_path, description="Imports: nlme, limma, MASS (>= 7.3-50)\n")
    have = {
        "r_cran_nlme": "3.1.162-1",
        "r_bioc_limma": "3.54.1+dfsg-1",
        "r_cran_mass": "7.3-58.2-1",
    }
    assert _packages(found, _candidate(), **have, build_essential="12") == {
        "r-base-core": "run", "r-cran-nlme": "run", "r-bioc-limma": "run", "r-cran-mass": "run",
    }  # fmt: skip


@pytest.mark.parametrize("imports", ["xml2", "xml2 (>= 9.0)"])
def test_what_the_distribution_lacks_brings_compilers_and_libraries(
    tmp_path: Path, imports: str
) -> None:
    found = _detect(tmp_path, description=f"Imports: nlme, {imports}\n")
    have = {"r_cran_nlme": "3.1.162-1", "build_essential": "12", "gfortran": "12", "libxml2": "2",
            "libxml2_dev": "2"}  # fmt: skip
    have |= {"r_cran_xml2": "1.3.3-1"} if "9.0" in imports else {}
    packages = _packages(found, _candidate(), **have)
    assert packages.pop("r-cran-xml2", "run") == "run"
    assert packages == {
        "r-base-core": "run", "r-cran-nlme": "run", "build-essential": "build",
        "gfortran": "build", "libxml2": "run", "libxml2-dev": "build",
    }  # fmt: skip


def test_a_base_with_its_own_r_takes_none_of_the_distributions(tmp_path: Path) -> None:
    found = _detect(tmp_path, description="Imports: nlme\n")
    have = {"r_cran_nlme": "3.1.162-1", "r_base_core": "4.2", "build_essential": "12"}
    assert _packages(found, _candidate(r="4.2.3"), **have) == {"build-essential": "build"}


def test_optional_packages_bring_no_compilers(tmp_path: Path) -> None:
    found = _detect(tmp_path, a__R="requireNamespace('vroom')\n")
    assert _packages(found, _candidate(), build_essential="12") == {"r-base-core": "run"}


def test_plugins_add_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of packages that the distribution has; headers only where something is compiled."""
    needs = {"r": {"nlme": ("tool1", "liba-dev"), "lme9": ("libb2|libb1", "libb-dev", "lacking")}}
    monkeypatch.setattr("reprokit.registry.system_needs", lambda: needs)
    found = _detect(tmp_path, description="Imports: nlme, lme9\n")
    have = {
        "r_cran_nlme": "3.1.162-1",
        "tool1": "1",
        "liba_dev": "1",
        "libb1": "1",
        "libb_dev": "1",
    }
    packages = _packages(found, _candidate(), **have)
    assert packages == {
        "r-base-core": "run", "r-cran-nlme": "run", "tool1": "run", "libb1": "run",
        "libb-dev": "build",
    }  # fmt: skip


def test_python_chunks_bring_python_and_its_shared_library(tmp_path: Path) -> None:
    found = _detect(tmp_path, a__Rmd="```{python}\n1\n```\n")
    assert any("requirements.txt" in note.text for note in found.notes)
    have = {"r_cran_reticulate": "1.28-1", "r_cran_rmarkdown": "2.20-1"}
    names = _packages(found, _candidate(), **have, **{"libpython3.11": "3.11.2"})
    assert {"libpython3.11", "r-cran-reticulate", "python3"} <= set(names)
    # Python's own images have the library, and that of another Python would be of no use.
    image = _candidate(python="3.12")
    names = _packages(found, image, **have, **{"libpython3.11": "3.11.2"})
    assert not {"libpython3.11", "python3"} & set(names)


def test_the_shared_library_is_that_of_the_distributions_python(tmp_path: Path) -> None:
    """Ubuntu's jammy has a Python 3.11 beside its own."""
    found = _detect(tmp_path, a__R="library(reticulate)\n")
    base = replace(_candidate(r="4.3.1"), name="rocker/r-ver:4.3.1", offers={"python": ("3.10",)})
    names = _packages(found, base, **{"libpython3.11": "3.11.0", "libpython3.10": "3.10.12"})
    assert [name for name in names if name.startswith("libpython")] == ["libpython3.10"]


def test_notebooks_of_r_are_code_and_need_its_kernel(tmp_path: Path) -> None:
    def notebook(source: str, language: str) -> str:
        cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": []}
        metadata = {"kernelspec": {"name": language}}
        return json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4})

    found = _detect(tmp_path, a__ipynb=notebook("%load_ext reprokit\nlibrary(dplyr)", "ir"))
    assert _asked(found) == [
        ("dplyr", "", "a.ipynb", None),  # a line of the cells is none of the file
        ("IRkernel", "", "a.ipynb", None),
    ]
    assert found.entries == ()
    other = write(tmp_path / "python", {"a.ipynb": notebook("'R'", "python3")})
    assert REcosystem().detect(other) is None
