"""What a rerun does with R code that nobody is there to correct."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from reprokit.ecosystems.r import REcosystem, rendering
from reprokit.ecosystems.r.usage import desktop_calls
from reprokit.engines.protocol import Container
from reprokit.errors import NothingFits
from reprokit.model import JSON, LockedBase, LockedEcosystem
from reprokit.project import Project
from reprokit.site import Site
from tests.ecosystems.r.test_r_resolving import (
    NOBODY,
    _lock,
    _Resolver,
    _versions,
    laboratory,
    mirror,
    resolver,
)
from tests.projects import BASE, write

__all__ = ["laboratory", "mirror", "resolver"]

FIT = """
install.packages("ggplot2")
setwd("~/Documents/GitHub/growth/data")
cat(basename(getwd()), "\\n")
setwd("C:\\\\Users\\\\me\\\\growth")
cat(getwd(), "\\n")
View(1)
windows(5, 5)
plot(1)
setwd("nosuch")
"""


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ('setwd("/home/me/x")', ["setwd(/home/me/x)"]),
        ("setwd('C:/x'); setwd(dir = '~')", ["setwd(C:/x)", "setwd(~)"]),
        ('setwd("data"); setwd(here::here()); setwd(x)', []),
        (
            "setwd(dirname(rstudioapi::getActiveDocumentContext()$path))",
            ["getActiveDocumentContext()"],
        ),
        ("if (!require(x)) install.packages('x')\nView(y)", ["install.packages()", "View()"]),
        ("# View(y)\nx <- 'View(y)'; View <- 1", []),
    ],
)
def test_calls_that_are_for_the_authors_desk(code: str, calls: list[str]) -> None:
    assert [call for call, _ in desktop_calls(code)] == calls


def test_pins_that_no_code_loads_are_told_apart(tmp_path: Path) -> None:
    pins = {name: {"Package": name, "Version": "1.0"} for name in ("dplyr", "rlang", "rmarkdown")}
    files = {"renv.lock": json.dumps({"Packages": pins}), "a.R": "library(dplyr)\n", "b.Rmd": ""}
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None and found.settings["unused"] == ["rlang"]


def test_a_rerun_passes_them_over_and_a_run_does_not(tmp_path: Path) -> None:
    root = write(tmp_path, {"fit.R": FIT}).root
    run = REcosystem().detect(Project(root))
    rerun = REcosystem().detect(Project(root, lenient=True))
    assert run is not None and rerun is not None
    assert "desktop" not in run.settings and rerun.settings["desktop"] is True
    told = [str(note.reason) for note in rerun.notes if "passed over" in note.text]
    assert told[1] == "fit.R:3: setwd(~/Documents/GitHub/growth/data)" and len(told) == 4


def test_the_image_has_what_passes_them_over(tmp_path: Path) -> None:
    settings: dict[str, JSON] = {"built": "x", "sources": [], "desktop": True}
    rendered = rendering.render(LockedEcosystem(ecosystem="r", settings=settings), BASE)
    (file,) = rendered.files
    assert file.path == "r/desktop.R" and "setwd" in file.content
    assert ("R_PROFILE_USER", "/opt/reprokit/r/desktop.R") in rendered.environment
    plain = rendering.render(LockedEcosystem(ecosystem="r", settings={"sources": []}), BASE)
    assert plain.files == () and "R_PROFILE_USER" not in dict(plain.environment)


@pytest.mark.engine
@pytest.mark.network
def test_a_script_of_somebodys_desk_runs(laboratory: tuple[Container, LockedBase]) -> None:
    container, _ = laboratory
    profile = Path(rendering.__file__).with_name("desktop.R").read_text(encoding="utf-8")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        files = {"desktop.R": profile, "app/fit.R": FIT, "app/data/x.csv": "1", "app/.Rprofile": ""}
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    container.execute(("mkdir", "-p", "/app"))
    container.write("/", buffer.getvalue())
    done = container.execute(
        ("Rscript", "fit.R"), folder="/app", environment={"R_PROFILE_USER": "/desktop.R"}
    )
    said, complained = done.stdout.decode(), done.stderr.decode()
    assert said.split() == ["data", "/app"], complained
    assert "nothing is installed while it runs: ggplot2" in complained
    assert "there is no ~/Documents/GitHub/growth/data here; working in /app/data" in complained
    # What is no folder of the author's machine fails as ever.
    assert done.code == 1 and "cannot change working directory" in complained


@pytest.mark.engine
@pytest.mark.network
def test_a_loose_project_does_without_what_cannot_be_had(resolver: _Resolver) -> None:
    resolver.site = Site(cran_mirror=NOBODY)
    resolver.project = Project(resolver.project.root, lenient=True, loose=True)
    code = "library(jsonlite)\nlibrary(nosuchpackage)\n"
    locked = _lock(resolver, {"a.R": code, "DESCRIPTION": "Imports: jsonlite (>= 99)\n"})
    assert "jsonlite" in _versions(locked) and "nosuchpackage" not in _versions(locked)
    told = locked.settings["repaired"]
    assert isinstance(told, list) and len(told) == 2
    assert "jsonlite >=99 cannot be had" in str(told[0]) and "is used" in str(told[0])
    assert "a.R:2" in str(told[1]) and str(told[1]).endswith("it is left out")


@pytest.mark.engine
@pytest.mark.network
def test_a_pin_that_no_code_loads_is_no_reason_to_fail(resolver: _Resolver) -> None:
    resolver.site = Site(cran_mirror=NOBODY)
    pins = {name: {"Package": name, "Version": "1.0"} for name in ("jsonlite", "nosuchpackage")}
    renv = json.dumps({"Packages": pins})
    locked = _lock(resolver, {"a.R": "library(jsonlite)\n", "renv.lock": renv})
    assert "jsonlite" in _versions(locked) and "nosuchpackage" not in _versions(locked)
    notes = locked.settings["notes"]
    assert isinstance(notes, list) and str(notes[-1]).endswith("cannot be had; no code loads it")
    with pytest.raises(NothingFits, match="nosuchpackage"):
        _lock(resolver, {"a.R": "library(nosuchpackage)\n"})
