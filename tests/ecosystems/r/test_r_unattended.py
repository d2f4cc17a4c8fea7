"""What a rerun does with R code that nobody is there to correct."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from reprokit.ecosystems.r import REcosystem, rendering
from reprokit.ecosystems.r.usage import desktop_calls
from reprokit.engines.protocol import Container, Executed
from reprokit.errors import NothingFits
from reprokit.model import JSON, LockedBase, LockedEcosystem
from reprokit.pipeline.job import Wishes, prepare
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

COPY = """
dev.off()
draw <- function() { par(mfrow = c(1, 2)); plot(1:3); plot(3:1) }
png("direct.png", units = "cm", width = 20, height = 8, res = 150); draw(); dev.off()
draw()
dev.copy(png, "copy.png", units = "cm", width = 20, height = 8, res = 150); dev.off()
dev.print(pdf, "print.pdf"); dev.copy2pdf(file = "copy.pdf"); dev.copy2eps(file = "copy.eps")
savePlot("saved", type = "png"); savePlot("saved.jpg"); savePlot("saved.eps", type = "eps")
kept <- recordPlot()
png("replayed.png", units = "cm", width = 20, height = 8, res = 150); replayPlot(kept); dev.off()
cat("sizes")
x11(width = 10, height = 3); cat("", dev.size())
quartz("title", 6, 2); cat("", dev.size()); plot(1); quartz.save("quartz.png")
windows(3, 2); cat("", dev.size())
dev.new(width = 3, height = 2); plot(1)
"""
CHECK = """
same <- function(a, b) identical(readBin(a, "raw", 1e6), readBin(b, "raw", 1e6))
drawn <- function(name) file.size(name) > 1000
cat(same("direct.png", "copy.png"), same("direct.png", "replayed.png"))
cat("", sapply(c("print.pdf", "copy.pdf", "copy.eps", "saved.png", "saved.jpg", "saved.eps",
                 "quartz.png"), drawn))
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
        ("dev.copy(png, 'a.png'); dev.off()\np = recordPlot()", ["dev.copy()", "recordPlot()"]),
    ],
)
def test_calls_that_are_for_the_authors_desk(code: str, calls: list[str]) -> None:
    assert [call for call, _ in desktop_calls(code)] == calls


def test_pins_that_no_code_loads_are_told_apart(tmp_path: Path) -> None:
    pins = {name: {"Package": name, "Version": "1.0"} for name in ("dplyr", "rlang", "rmarkdown")}
    files = {"renv.lock": json.dumps({"Packages": pins}), "a.R": "library(dplyr)\n", "b.Rmd": ""}
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None and found.settings["unused"] == ["rlang"]


@pytest.mark.parametrize(
    ("start", "told"), [("local(bootstrap())", "true"), ("RENV_CONFIG_AUTOLOADER_ENABLED", None)]
)
def test_the_start_of_an_early_renv(tmp_path: Path, start: str, told: str | None) -> None:
    files = {"renv.lock": json.dumps({"Packages": {}}), "a.R": "x\n", "renv/activate.R": start}
    found = REcosystem().detect(write(tmp_path, files))
    assert found is not None
    settings: dict[str, JSON] = {"sources": [], "renv": found.settings["renv"]}
    rendered = rendering.render(LockedEcosystem(ecosystem="r", settings=settings), BASE)
    environment = dict(rendered.environment)
    assert environment.get("RENV_R_INITIALIZING") == told
    assert environment["RENV_CONFIG_AUTOLOADER_ENABLED"] == "FALSE"


def test_a_rerun_passes_them_over_and_a_run_does_not(tmp_path: Path) -> None:
    root = write(tmp_path, {"fit.R": FIT}).root
    run = REcosystem().detect(Project(root))
    rerun = REcosystem().detect(Project(root, lenient=True))
    assert run is not None and rerun is not None
    assert "desktop" not in run.settings and len(rerun.settings["desktop"]) == 4  # type: ignore[arg-type]
    told = [str(note.reason) for note in rerun.notes if "passed over" in note.text]
    assert told[1] == "fit.R:3: setwd(~/Documents/GitHub/growth/data)" and len(told) == 4


def test_a_copied_screen_is_told_and_nothing_is_passed_over(tmp_path: Path) -> None:
    root = write(tmp_path, {"fit.R": "plot(1)\ndev.copy(png, 'a.png')\n"}).root
    found = REcosystem().detect(Project(root, lenient=True))
    assert found is not None and found.settings["desktop"] == ["fit.R:2: dev.copy()"]
    assert [note.level for note in found.notes] == ["information"]
    write(tmp_path, {"fit.R": "png('a.png')\nplot(1)\ndev.off()\n"})
    found = REcosystem().detect(Project(root, lenient=True))
    assert found is not None and "desktop" not in found.settings


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ({"fit.R": "x <- 1\npng('a.png')\n"}, "fit.R:2"),
        ({"fit.R": "ggplot2::ggsave('a.png')\n"}, "fit.R:1"),
        ({"a.Rmd": "---\noutput: html_document\n---\n```{r}\nplot(1)\n```\n"}, "a.Rmd"),
        ({"fit.R": "pdf('a.pdf')\nplot(1)\n"}, None),
        ({"fit.R": "png('a.png')\n", "repro.lock": "{}"}, None),
    ],
)
def test_a_rerun_draws_text_in_a_font_like_helvetica(
    tmp_path: Path, files: dict[str, str], place: str | None
) -> None:
    root = write(tmp_path, files).root
    run = REcosystem().detect(Project(root))
    rerun = REcosystem().detect(Project(root, lenient=True))
    assert run is not None and rerun is not None
    assert not [p for p in run.system_packages if p.name.startswith("fonts-")]
    fonts = [p.reason for p in rerun.system_packages if p.name == "fonts-urw-base35"]
    assert [str(reason).split(": ")[0] for reason in fonts] == ([] if place is None else [place])


def test_a_project_with_a_lock_has_been_run_without(tmp_path: Path) -> None:
    root = write(tmp_path, {"fit.R": FIT, "repro.lock": "{}"}).root
    found = REcosystem().detect(Project(root, lenient=True))
    assert found is not None and "desktop" not in found.settings


@pytest.mark.parametrize(("line", "given", "told"), [("true", True, 4), ("false", None, 0)])
def test_the_configuration_decides(tmp_path: Path, line: str, given: object, told: int) -> None:
    write(tmp_path, {"fit.R": FIT, "repro.toml": f"r.desktop = {line}\n"})
    plan = prepare(tmp_path, Wishes(), lenient=True).plan
    assert plan.detections[0].settings.get("desktop") == given
    assert len([note for note in plan.notes if "passed over" in note.text]) == told


def test_the_image_has_what_passes_them_over(tmp_path: Path) -> None:
    settings: dict[str, JSON] = {"built": "x", "sources": [], "desktop": True}
    rendered = rendering.render(LockedEcosystem(ecosystem="r", settings=settings), BASE)
    (file,) = rendered.files
    assert file.path == "r/profile.R" and "setwd" in file.content
    assert ("R_PROFILE_USER", "/opt/reprokit/r/profile.R") in rendered.environment
    plain = rendering.render(LockedEcosystem(ecosystem="r", settings={"sources": []}), BASE)
    assert plain.files == () and "R_PROFILE_USER" not in dict(plain.environment)


def _run(container: Container, folder: str, files: dict[str, str], **settings: JSON) -> Executed:
    """Rscript fit.R in a folder of these files, with the profile for the settings."""
    locked = LockedEcosystem(ecosystem="r", settings={"sources": [], **settings})
    rendered = rendering.render(locked, BASE)
    environment = dict(rendered.environment)
    if rendered.files:
        files = {**files, "profile.R": rendered.files[0].content}
        environment["R_PROFILE_USER"] = f"{folder}/profile.R"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    container.execute(("mkdir", "-p", folder))
    container.write(folder, buffer.getvalue())
    return container.execute(("Rscript", "fit.R"), folder=folder, environment=environment)


@pytest.mark.engine
@pytest.mark.network
def test_a_script_of_somebodys_desk_runs(laboratory: tuple[Container, LockedBase]) -> None:
    container, _ = laboratory
    own = 'message("the project\'s own")\n'
    files = {"fit.R": FIT, "data/x.csv": "1", ".Rprofile": own}
    done = _run(container, "/app", files, desktop=True)
    said, complained = done.stdout.decode(), done.stderr.decode()
    assert complained.startswith("the project's own\n")
    assert said.split() == ["data", "/app"], complained
    assert "nothing is installed while it runs: ggplot2" in complained
    assert "there is no ~/Documents/GitHub/growth/data here; working in /app/data" in complained
    # What is no folder of the author's machine fails as ever.
    assert done.code == 1 and "cannot change working directory" in complained


@pytest.mark.engine
@pytest.mark.network
def test_what_is_drawn_is_copied_as_from_a_screen(laboratory: tuple[Container, LockedBase]) -> None:
    container, _ = laboratory
    done = _run(container, "/screen", {"fit.R": COPY}, desktop=True)
    assert done.code == 0, done.stderr.decode()
    sizes = done.stdout.decode().split("sizes")[1].split()
    assert sizes == ["10", "3", "6", "2", "3", "2"]
    shown = _run(container, "/screen", {"fit.R": CHECK}, desktop=True)
    assert shown.stdout.decode().split() == ["TRUE"] * 9, shown.stderr.decode()
    # The same without: R itself keeps nothing of what it draws into a file.
    plain = _run(container, "/plain", {"fit.R": "plot(1)\ndev.print(pdf, 'a.pdf')\n"})
    assert plain.code == 1 and "can only print from a screen device" in plain.stderr.decode()


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
