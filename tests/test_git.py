"""Asking git about a project runs nothing that the project's repository names."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reprokit import git, process
from reprokit.errors import BadRequest
from reprokit.history import index as indexes
from reprokit.history import reading, run_folder
from reprokit.model import JSON
from reprokit.phases.record import project_state
from reprokit.pipeline import earlier_code
from reprokit.pipeline.dating import commit_day
from reprokit.project import Project

AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@example.org")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository that names a program in every place where git would run one."""
    root = tmp_path / "hostile"
    root.mkdir()
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $@ >> {tmp_path}/ran\ncat\n")
    program.chmod(0o755)

    def run(*words: str) -> None:
        subprocess.run(["git", "-C", str(root), *AUTHOR, *words], check=True, capture_output=True)

    run("init", "-q")
    (root / "main.py").write_text("print(1)\n")
    (root / ".gitattributes").write_text("* filter=evil\n")
    run("add", "-A")
    run("commit", "-qm", "first")
    (root / ".git" / "hooks").mkdir(exist_ok=True)
    for hook in ("post-index-change", "post-checkout"):
        (root / ".git" / "hooks" / hook).symlink_to(program)
    included = tmp_path / "included"
    included.write_text(f'[filter "evil"]\n\tclean = {program} clean\n')
    run("config", "include.path", str(included))
    for name in ("filter.evil.smudge", "filter.evil.process", "core.fsmonitor", "gpg.program"):
        run("config", name, str(program))
    run("config", "filter.evil.required", "true")
    run("config", "log.showSignature", "true")
    # Another time, so that git has to look into it.
    os.utime(root / "main.py", (1, 1))
    return root


def test_nothing_that_a_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    assert commit_day(Project(repository)) is not None
    state = project_state(repository)
    assert state.commit is not None and not state.dirty
    (repository / "main.py").write_text("print(2)\n")
    assert project_state(repository).dirty
    earlier_code._check_out(repository, state.commit, tmp_path / "then")
    assert (tmp_path / "then" / "main.py").read_text() == "print(1)\n"
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


def test_the_day_is_of_the_code_and_not_of_what_is_said_about_it(tmp_path: Path) -> None:
    def commit(name: str, day: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(day)
        when = {"GIT_COMMITTER_DATE": f"{day}T12:00:00Z", "GIT_AUTHOR_DATE": f"{day}T12:00:00Z"}
        for words in (
            ["add", "-A"],
            ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "x"],
        ):
            process.run(["git", "-C", str(tmp_path), *words], environment=when)

    process.run(["git", "init", "-q", str(tmp_path)])
    commit("README.md", "2017-01-01")
    assert commit_day(Project(tmp_path)) == "2017-01-01"
    commit("fit.py", "2018-01-01")
    commit(".github/workflows/test.yml", "2020-01-01")
    commit("docs/licence.RST", "2021-01-01")
    commit("CITATION.cff", "2022-01-01")
    commit("article/paper-2022.pdf", "2022-02-01")
    commit("article/journal.cls", "2022-03-01")
    assert commit_day(Project(tmp_path)) == "2018-01-01"
    commit("results.csv", "2023-01-01")
    assert commit_day(Project(tmp_path)) == "2023-01-01"
    commit("article/figures/fig1.pdf", "2024-01-01")
    assert commit_day(Project(tmp_path)) == "2024-01-01"


def test_a_filter_that_cannot_be_switched_off_is_not_met(repository: Path, tmp_path: Path) -> None:
    with (repository / ".git" / "config").open("a") as configuration:
        configuration.write(f'[filter "a=b"]\n\tclean = {tmp_path}/program\n')
    (repository / ".gitattributes").write_text("* filter=a=b\n")
    with pytest.raises(process.ProcessFailed):
        git.ask(repository, "status", contents=True)
    assert project_state(repository).commit is None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("commit", ["--output=/tmp/x", "HEAD", "$(touch x)", "a" * 39, "A" * 40])
def test_the_commit_of_a_record_is_the_name_of_a_git_object(commit: str) -> None:
    assert reading.commit({"project": {"commit": "a" * 40}}) == "a" * 40
    assert reading.commit({"project": {"commit": None}}) is None
    with pytest.raises(BadRequest, match="no name of a git commit"):
        reading.commit({"project": {"commit": commit}})


def test_code_is_not_looked_for_in_what_is_no_commit(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_code, "same_build", lambda *_: None)
    folder = run_folder.create(repository, datetime.now(UTC))
    entry = indexes.running(folder.id, repository, "x", datetime.now(UTC), "")
    record: dict[str, JSON] = {"project": {"commit": "--remote=x"}}
    lock: Any = None
    with (
        pytest.raises(BadRequest, match="no name of a git commit"),
        earlier_code.code_of(entry, record, lock, "key"),
    ):
        pass
