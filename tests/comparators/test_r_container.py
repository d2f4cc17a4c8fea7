"""R's data files, written and read by R in a container."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reprokit.engines.connect import connect
from reprokit.errors import CommandFailed
from reprokit.pipeline.r_container import r_in
from reprokit.verdict import Grade
from tests.comparators.compared import compared, told
from tests.conftest import engines
from tests.test_examples import EXAMPLES

pytestmark = [pytest.mark.engine, pytest.mark.network]

WRITE = """
setwd(tempdir())
make <- function(slope) {
  x <- 1:20
  fit <- lm(y ~ x, data.frame(x = x, y = slope * x + sin(x)))
  list(fit = fit, table = data.frame(x = x, group = factor(rep(c("a", "b"), 10))),
       when = as.Date("2024-01-02"), none = NULL, z = 1+2i, f = function(n) n + 1,
       named = c(one = 1, two = NA), text = "tab\\there", flags = c(TRUE, NA))
}
saveRDS(make(2), "a.rds")
saveRDS(make(2), "same.rds", compress = "xz", version = 2)
saveRDS(make(2.5), "other.rds")
model <- make(2); n <- 3L
save(model, n, file = "a.RData")
n <- 4L
save(model, n, file = "other.RData", compress = FALSE)
writeLines("not R data", "broken.rds")
for (name in dir()) {
  content <- readBin(name, "raw", file.size(name))
  cat("written", name, paste(content, collapse = ""), "\n")
}
"""


@pytest.mark.parametrize("engine", engines())
def test_r_reads_its_own_files(engine: str, tmp_path: Path) -> None:
    # The image of an example, which the examples' own test has built as well.
    project = tmp_path / "r-analysis"
    unwanted = shutil.ignore_patterns(".reprokit", "results")
    shutil.copytree(EXAMPLES / "r-analysis", project, ignore=unwanted)
    words = ("run", str(project), "--engine", engine, "--base", "debian", "--json")
    done = subprocess.run(
        [sys.executable, "-m", "reprokit", *words], capture_output=True, text=True, check=True
    )
    image = json.loads(done.stdout)["image"]["reference"]
    results = tmp_path
    with connect(engine) as opened:
        run_r = r_in(opened, image)
        for line in run_r(WRITE, {}).splitlines():
            if line.startswith("written "):
                _, name, content = line.split()
                (results / name).write_bytes(bytes.fromhex(content))
        found = compared("a.rds", results / "a.rds", results / "same.rds", run_r=run_r)
        told(found, Grade.WITHIN_TOLERANCE, "written differently")
        assert found.comparator == "R data"
        found = compared("a.rds", results / "a.rds", results / "other.rds", run_r=run_r)
        told(found, Grade.DIFFERENT, "values differ, largest relative difference", "$fit")
        found = compared("a.RData", results / "a.RData", results / "other.RData", run_r=run_r)
        told(found, Grade.DIFFERENT, "1 of", "difference 0.33 at $n")
        found = compared("a.rds", results / "a.rds", results / "broken.rds", run_r=run_r)
        told(found, Grade.DIFFERENT, "cannot be read as R data")
        with pytest.raises(CommandFailed, match="did not end within 1 s"):
            r_in(opened, image, longest=1)("Sys.sleep(60)", {})
        with pytest.raises(CommandFailed):
            run_r('readLines("http://deb.debian.org")', {})
        assert run_r('cat(Sys.info()[["effective_user"]])', {}) != "root"
