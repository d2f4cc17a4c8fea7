"""Packages that R code uses: what counts as code, and which calls name a package."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, strategies

from reprokit.ecosystems.r.documents import document, formats
from reprokit.ecosystems.r.tokens import tokens
from reprokit.ecosystems.r.usage import compiling, sourced, uses


def _needs(code: str) -> list[str]:
    return [use.package for use in uses(code) if use.way == "needs"]


@pytest.mark.parametrize(
    ("code", "packages"),
    [
        ("library(ggplot2)", ["ggplot2"]),
        ('library("dplyr", quietly = TRUE)', ["dplyr"]),
        ("require(`lme4`)", ["lme4"]),
        ("library(package = MASS)", ["MASS"]),
        ("library(quietly = TRUE, MASS)", ["MASS"]),
        ("base::library(nlme)", ["base", "nlme"]),
        ("suppressPackageStartupMessages({\n  library(tidyr)\n})", ["tidyr"]),
        ("x <- stringr::str_c(data.table:::foo)", ["stringr", "data.table"]),
        ('"readr"::read_csv("x")', ["readr"]),
        ("loadNamespace('sf')", ["sf"]),
        ('p_load(foo1, "bar2", char = c("baz3"))', ["foo1", "bar2", "baz3"]),
        ('data("Boston", package = "MASS")', ["MASS"]),
        ('library("nlme", character.only = TRUE)', ["nlme"]),
        ('lapply(c("aa", "bb"), library, character.only = TRUE)', ["aa", "bb"]),
        ('wanted <- c("aa", "bb")\nsapply(wanted, require, character.only = T)', ["aa", "bb"]),
        ('for (p in c("aa", "bb")) library(p, character.only = TRUE)', ["aa", "bb"]),
        ("`library`(aa)", ["aa"]),
        ("librarian::shelf(aa, bb)", ["librarian", "aa", "bb"]),
        ('import::from(magrittr, "%>%", other)', ["import", "magrittr"]),
        ("x$from(aa, 1); from(bb)", []),
    ],
)
def test_calls_that_name_a_package(code: str, packages: list[str]) -> None:
    assert _needs(code) == packages


@pytest.mark.parametrize(
    "code",
    [
        "# library(no1)",
        'x <- "library(no1)"',
        "x <- 'it\\'s library(no1)'",
        'x <- r"(library(no1) ")"',
        "x <- R'---[library(no1) ]--' ]---'",
        'x <- "two\nlines library(no1)"',
        "library(no1, character.only = TRUE)",
        "library()",
        "library(paste0('a', 'b'), character.only = TRUE)",
        "mylibrary(no1)",
        "x$library",
        "library(help = no1)",
        "my.require <- function(no1) no1",
        "library('no such;name')",
        "a %library(no1)% b",
    ],
)
def test_text_that_names_none(code: str) -> None:
    assert uses(code) == ()


def test_lines_survive_strings_and_comments_of_several_lines() -> None:
    code = 'x <- "a\nb"\n# c\ny <- r"(\n\n)"\nlibrary(nlme)\n'
    assert [(use.package, use.line) for use in uses(code)] == [("nlme", 7)]


def test_trying_installing_and_needing_are_told_apart() -> None:
    code = (
        'if (!requireNamespace("aa", quietly = TRUE)) install.packages(c("aa", "bb"))\n'
        'remotes::install_version("cc", version = "1.2-3")\n'
        'install_version("dd", "4.5")\n'
    )
    assert [(u.package, u.way, u.version) for u in uses(code)] == [
        ("aa", "tries", None),
        ("aa", "installs", None),
        ("bb", "installs", None),
        ("remotes", "needs", None),
        ("cc", "installs", "1.2-3"),
        ("dd", "installs", "4.5"),
    ]


def test_code_after_a_string_that_never_ends_is_not_read() -> None:
    assert _needs('library(aa)\nx <- "library(bb)') == ["aa"]


def test_sourced_files_are_named() -> None:
    assert sourced('source("R/model.R"); source(file.path("a"))\nsource(x)') == ("R/model.R", "a")


def test_numbers_and_operators_are_whole() -> None:
    assert [t.text for t in tokens("x1<-1e-5L+.5%in%0xFFL|>f.g()->>y")] == [
        "x1", "<-", "1e-5L", "+", ".5", "%in%", "0xFFL", "|>", "f.g", "(", ")", "->>", "y",
    ]  # fmt: skip


@given(strategies.text(alphabet="library()rR\"'`[-\\#\n::{}a,= \x00é%", max_size=200))
def test_no_text_makes_it_fail(code: str) -> None:
    lines = code.count("\n") + 1
    assert all(1 <= use.line <= lines for use in uses(code))


@pytest.mark.parametrize(
    "code",
    [
        "library(" * 20_000,
        "library(" * 20_000 + ")" * 20_000,
        "'" * 100_001,
        "x <- c(" * 20_000,
        "r'---(" * 20_000,
    ],
)
def test_hostile_nesting_takes_no_time(code: str) -> None:
    started = time.perf_counter()
    uses(code)
    assert time.perf_counter() - started < 5


DOCUMENT = """---
title: A report
output: pdf_document
---

Text about library(no1) and `library(no2)`; the mean is `r stats::sd(x)` of `r psych::alpha(y)`.

```{r setup, include=FALSE}
library(knitr)
```

```{r, eval=FALSE}
library(no3)
```

```r
library(no4)
```

  ```{r}
  #| label: fit
  library(lme4)
  ```

```{r}
#| eval: false
library(no5)
```

````{python}
import numpy
```
library(no6)
````
"""


def test_documents_give_the_code_of_their_chunks_on_its_own_lines() -> None:
    read = document(DOCUMENT)
    assert [(use.package, use.line) for use in uses(read.code)] == [
        ("stats", 6),
        ("psych", 6),
        ("knitr", 9),
        ("lme4", 22),
    ]
    assert read.engines == {"r", "python"}
    assert "pdf_document" in read.header


def test_use_may_be_a_function_of_somebody_else() -> None:
    assert [(use.package, use.way) for use in uses('use("nlme", "gls"); use(x)')] == [
        ("nlme", "tries")
    ]


def test_calls_that_compile_are_found_with_their_line() -> None:
    code = 'library(Rcpp)\n# sourceCpp("no.cpp")\nRcpp::sourceCpp("a.cpp")\nx$stan\n'
    assert [(c.function, c.package, c.line) for c in compiling(code)] == [("sourceCpp", "Rcpp", 3)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("output: html_document", ["html_document"]),
        ("output:\n  html_document:\n    toc: true\n  bookdown::pdf_document2: default",
         ["html_document", "bookdown::pdf_document2"]),
        ("output: [html_document, pdf_document]", ["html_document", "pdf_document"]),
        ("title: !expr system('id')\noutput: pdf_document", ["pdf_document"]),
        ("title: x", []),
        ("output: [", []),
        ("- a\n- b", []),
        ("output: {? [a] : b}", []),
    ],
)  # fmt: skip
def test_formats_are_read_from_a_header(header: str, expected: list[str]) -> None:
    assert list(formats(header)) == expected
