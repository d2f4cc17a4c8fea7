"""Code that counts on defaults which R has changed since."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.ecosystems.r import REcosystem, rendering
from reprokit.ecosystems.r.usage import first_call
from reprokit.engines.protocol import Container
from reprokit.model import JSON, Detection, LockedBase, LockedEcosystem
from reprokit.pipeline.job import Wishes, prepare
from reprokit.project import Project
from tests.ecosystems.r.test_r_resolving import _Resolver, laboratory, mirror, resolver
from tests.ecosystems.r.test_r_unattended import _run
from tests.projects import BASE, write

__all__ = ["laboratory", "mirror", "resolver"]

SEEDED, FRAMED = "set.seed(1)\nsample(10)\n", "x <- 1\nd <- read.csv('a.csv')\n"
# What R 3.4.4 of Ubuntu bionic writes (2026-12), but for str()'s own spelling.
CODE = """
told <- function(...) cat(..., "\\n")
set.seed(1); told(sample(10))
x <- c("b", "a")
told(class(data.frame(x)$x), class(data.frame(x, stringsAsFactors = FALSE)$x))
told(class(read.csv(text = "u,v\\nq,1")$u), class(utils::read.delim(text = "u\\tv\\nq\\t1")$u))
told(class(as.data.frame(x)$x), names(as.data.frame(x)), class(as.data.frame(matrix(x, 1))$V1))
told(class(cbind(data.frame(y = 1:2), z = x)$z), class(rbind(data.frame(), list(q = "a"))$q))
told(class(lapply(list(list(k = "x")), as.data.frame)[[1]]$k), sapply(data.frame(x), class))
told(class(merge(data.frame(x), data.frame(x = "a", w = "v"))$w), names(as.data.frame(1:2 + 0L)))
package <- function() data.frame(x = "of today")
environment(package) <- asNamespace("compiler")
told(class(package()$x))
options(stringsAsFactors = FALSE)
told(class(data.frame(x)$x), class(read.csv(text = "u,v\\nq,1")$u))
set.seed(1, sample.kind = "Rejection"); told(sample(10))
"""
OLD = """3 4 5 7 2 8 9 6 10 1
factor character
factor factor
factor x factor
factor factor
factor factor
factor 1:2 + 0L
character
character character
9 4 7 1 2 5 3 10 6 8
"""


def planned(root: Path, date: str | None = None, *, lenient: bool = True) -> Detection:
    (detection,) = prepare(root, Wishes(date=date), lenient=lenient).plan.detections
    return detection


def counted_on(root: Path, date: str | None = None) -> JSON:
    found = planned(root, date).settings.get("defaults")
    return found["version"] if isinstance(found, dict) else None


def test_the_first_call() -> None:
    assert first_call("# set.seed(1)\nx <- set.seed\nset.seed (2)\n", {"set.seed"}) == (
        "set.seed",
        3,
    )


@pytest.mark.parametrize(
    ("code", "date", "version"),
    [
        (SEEDED, "2019-04-25", "3.5"),
        (SEEDED, "2019-04-26", None),
        (FRAMED, "2019-04-25", "3.5"),
        (FRAMED, "2020-04-23", "3.6"),
        (FRAMED, "2020-04-24", None),
        ("sample(10)\n", "2015-01-01", None),
        (SEEDED, None, None),
    ],
)
def test_the_day_decides(tmp_path: Path, code: str, date: str | None, version: str | None) -> None:
    write(tmp_path, {"fit.R": code})
    assert counted_on(tmp_path, date) == version
    assert "older" not in planned(tmp_path, date).settings


def test_it_is_told_with_the_call_that_it_matters_to(tmp_path: Path) -> None:
    write(tmp_path, {"fit.R": SEEDED + FRAMED})
    detection = planned(tmp_path, "2018-01-01")
    (note,) = detection.notes
    assert note.text == (
        "the defaults are those of R 3.5: R 3.6 came on 2019-04-26: sample() as before R 3.6 "
        "(fit.R:1: set.seed()) and text in data frames as before R 4.0 (fit.R:4: read.csv())"
    )


def test_what_a_file_states_comes_before_the_day(tmp_path: Path) -> None:
    renv = {"R": {"Version": "3.6.1"}, "Packages": {}}
    write(tmp_path, {"fit.R": SEEDED + FRAMED, "renv.lock": json.dumps(renv)})
    found = planned(tmp_path, "2023-01-01").settings["defaults"]
    assert isinstance(found, dict) and found["version"] == "3.6" and found["confidence"] == "high"
    assert "sample()" not in str(found["reason"]) and "made with R 3.6.1" in str(found["reason"])
    renv["R"]["Version"] = "4.1.0"
    write(tmp_path, {"renv.lock": json.dumps(renv)})
    assert counted_on(tmp_path, "2018-01-01") is None


def test_a_run_has_the_defaults_of_its_r_but_where_it_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"fit.R": SEEDED})
    assert "defaults" not in planned(tmp_path, "2018-01-01", lenient=False).settings
    write(tmp_path, {"repro.toml": 'r.defaults = "3.5"\n'})
    assert planned(tmp_path, lenient=False).settings["defaults"] == {"version": "3.5"}
    write(tmp_path, {"repro.toml": 'r.defaults = "4.5"\n'})
    assert counted_on(tmp_path, "2018-01-01") == "4.5"


def test_a_project_with_a_lock_has_run_with_the_r_of_the_lock(tmp_path: Path) -> None:
    root = write(tmp_path, {"fit.R": SEEDED}).root
    found = REcosystem().detect(Project(root, lenient=True))
    assert found is not None and found.settings["older"] == {"sample()": "fit.R:1: set.seed()"}
    write(tmp_path, {"repro.lock": "{}"})
    found = REcosystem().detect(Project(root, lenient=True))
    assert found is not None and "older" not in found.settings


def test_the_profile_says_which(tmp_path: Path) -> None:
    settings: dict[str, JSON] = {"sources": [], "defaults": "3.5"}
    rendered = rendering.render(LockedEcosystem(ecosystem="r", settings=settings), BASE)
    assert dict(rendered.environment)["REPROKIT_R_DEFAULTS"] == "3.5"
    assert "setwd" not in rendered.files[0].content and "RNGkind" in rendered.files[0].content


@pytest.mark.engine
@pytest.mark.network
def test_results_are_those_of_the_r_of_then(laboratory: tuple[Container, LockedBase]) -> None:
    container, _ = laboratory
    done = _run(container, "/older", {"fit.R": CODE}, defaults="3.5")
    lines = done.stdout.decode().splitlines()
    assert [line.strip() for line in lines] == OLD.splitlines(), done.stderr.decode()
    own = {"fit.R": CODE, ".Rprofile": "options(stringsAsFactors = FALSE)\n"}
    asked = _run(container, "/asked", own, defaults="3.5")
    assert asked.stdout.decode().splitlines()[1] == "character character "
    newer = _run(container, "/newer", {"fit.R": CODE}, defaults="3.6")
    assert newer.stdout.decode().splitlines()[:2] == ["9 4 7 1 2 5 3 10 6 8 ", "factor character "]
    today = _run(container, "/today", {"fit.R": CODE})
    assert today.stdout.decode().splitlines()[1] == "character character "


@pytest.mark.engine
@pytest.mark.network
def test_an_r_that_is_no_newer_needs_nothing(resolver: _Resolver) -> None:
    found = REcosystem().detect(write(resolver.project.root, {"a.R": SEEDED}))
    assert found is not None
    for version, kept in (("4.2", None), ("3.5", "3.5")):
        asked = replace(found, settings={**found.settings, "defaults": {"version": version}})
        assert REcosystem().resolve(asked, resolver).settings.get("defaults") == kept
