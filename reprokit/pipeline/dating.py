"""The day of a project's code, as git tells it."""

from __future__ import annotations

from datetime import UTC, datetime

from reprokit import git, process
from reprokit.project import Project

_PROSE = (
    "*.md", "*.rst", "*.tex", "*.bib", "*.cls", "*.sty", "*.bst", "*.bbl", "article/*.pdf",
    "paper/*.pdf", "manuscript/*.pdf", "README*", "LICENSE*", "LICENCE*", "COPYING*", "AUTHORS*",
    "CITATION*", "CHANGELOG*", "CONTRIBUTING*", "CODE_OF_CONDUCT*", "codemeta.json",
    ".zenodo.json", "codecheck.yml", "metadata.yml", "metadata.yaml", ".travis.yml",
    ".gitlab-ci.yml", "appveyor.yml", ".git*", ".pre-commit-config.yaml",
    ".github/**", ".circleci/**",
)  # fmt: skip
"""What is changed long after the results, for the paper's address, a badge or a licence: prose and
the paper that is made of it, what describes the repository, and the settings of services."""


def commit_day(project: Project) -> str | None:
    """The day of the last commit that changed more than prose, "YYYY-MM-DD" in UTC; of the last
    commit where none did. `None` outside git."""
    if not project.is_repository:
        return None
    code = (".", *(f":(exclude,icase,glob)**/{pattern}" for pattern in _PROSE))
    for paths in (code, (".",)):
        try:
            shown = git.ask(project.root, "log", "-1", "--format=%ct", "--", *paths)
            return datetime.fromtimestamp(int(shown), UTC).date().isoformat()
        except (process.ProcessFailed, ValueError):
            continue
    return None
