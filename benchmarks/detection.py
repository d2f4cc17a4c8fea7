"""How long detection and planning of a 100,000-file project take. The limit is one second.

    python benchmarks/detection.py [FILES]

The project has 2,000 Python and R sources in 20 folders, a README, and otherwise texts, tables and
pictures in 1,000 folders, a quarter of them below data/. Each figure is the best of three;
`git ls-files` alone and a bare scan of the folders are the floors.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reprokit import configuration, registry
from reprokit.phases.plan import inputs_digest, plan
from reprokit.project import Project

LIMIT = 1.0


def make_project(root: Path, files: int) -> None:
    """Folders of 100 files each; every fiftieth folder holds code."""
    others = (".txt", ".csv", ".json", ".log", ".dat", ".out", ".md", ".png")
    (root / "requirements.txt").write_text("numpy\n")
    (root / "main.py").write_text("import numpy\n")
    (root / "README.md").write_text("# Experiment\n\n```bash\npython main.py\n```\n")
    for index in range(files // 100):
        code = index % 50 == 49
        top = "src" if code else ("data", "experiments", "output", "figures")[index % 4]
        folder = root / top / f"part{index}"
        folder.mkdir(parents=True)
        for number in range(100):
            ending = (".py", ".R")[number % 2] if code else others[number % len(others)]
            (folder / f"file{number}{ending}").write_text("x = 1\n")


def best(measured: Callable[[], object], times: int = 3) -> float:
    """The shortest of several measurements, in seconds."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        measured()
        found.append(time.perf_counter() - started)
    return min(found)


def planned(root: Path) -> str:
    made = plan(
        Project(root),
        registry.ecosystems(),
        registry.families(),
        configuration.load(root),
        commit_day="2024-01-01",
        locked_day=None,
    )
    return inputs_digest(made)


def scanned(root: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(root))


def git(root: Path, *argv: str) -> None:
    subprocess.run(
        ["git", "-C", str(root), "-c", "user.name=x", "-c", "user.email=x@example.org", *argv],
        check=True,
        capture_output=True,
    )


def main() -> int:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "project"
        root.mkdir()
        make_project(root, files)
        figures = {
            "bare scan": best(lambda: scanned(root)),
            "list, no git": best(lambda: Project(root).files),
            "plan, no git": best(lambda: planned(root)),
        }
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "all")
        figures["git ls-files"] = best(lambda: git(root, "ls-files", "-z"))
        figures["list, git"] = best(lambda: Project(root).files)
        figures["plan, git"] = best(lambda: planned(root))
    for title, seconds in figures.items():
        print(f"{title:<14}{seconds:8.3f} s")
    slow = [title for title in ("plan, no git", "plan, git") if figures[title] > LIMIT]
    if slow:
        print(f"more than {LIMIT:g} s: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
