"""Asking git about a project that may come from strangers.

A repository's own configuration can name programs that git then runs while it only reads: a file
system monitor, hooks, signature checks, filters for the content of files, helpers of transports.
They are all switched off here. The user's and the machine's configuration stays as it is.
See https://git-scm.com/docs/git-config and https://git-scm.com/docs/gitattributes#_filter
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from reprokit import process
from reprokit.model import Argv

_OFF = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "protocol.allow=never",
)
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def ask(root: Path, *words: str, contents: bool = False) -> str:
    """What a git command prints for the repository around `root`.

    contents: the command reads the content of files, and so would run filters.
    Raises ProcessFailed where git is missing or refuses.
    """
    return process.run([*_git(root), *(_filters(root) if contents else ()), *words],
                       environment=_QUIET).stdout  # fmt: skip


def _git(root: Path) -> Argv:
    return ("git", "-C", str(root), *(word for setting in _OFF for word in ("-c", setting)))


def _filters(root: Path) -> Iterator[str]:
    """Settings that switch off the filters of the repository's own configuration."""
    listed = process.run(
        [*_git(root), "config", "--list", "--show-scope", "--null", "--name-only"],
        environment=_QUIET,
    )
    fields = listed.stdout.split("\0")
    names = {
        key.removeprefix("filter.").rpartition(".")[0]
        for scope, key in zip(fields[::2], fields[1::2], strict=False)
        if scope in ("local", "worktree") and key.startswith("filter.")
    }
    for name in sorted(names):
        if "=" in name:  # no such name can be given to `-c`
            refused = process.Completed(
                argv=listed.argv, returncode=1, stdout="", stderr=f"a filter is called {name!r}"
            )
            raise process.ProcessFailed(refused)
        for setting in ("clean=", "smudge=", "process=", "required=false"):
            yield from ("-c", f"filter.{name}.{setting}")


def unpack(archive: Path, target: Path) -> None:
    """Unpack what `git archive` wrote below a folder; nothing of it leaves that folder."""
    # Filters came with Python 3.12 and later patches of others: Debian 12 has 3.11.2 without them.
    if sys.version_info >= (3, 12):
        import tarfile
    else:
        from backports import tarfile  # type: ignore[import-untyped, unused-ignore]
    with tarfile.open(archive) as tar:
        tar.extractall(target, filter="data")
