"""Which of Debian's stable releases has which R packages, known without asking any."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("suites.toml")
R_OF = {"bullseye": "4.0", "bookworm": "4.2", "trixie": "4.5"}
"""The series of R that each has, oldest first. Source: https://packages.debian.org/r-base-core"""


@cache
def known() -> Mapping[str, frozenset[str]]:
    """The names of the packages that each suite has, in small letters."""
    found: dict[str, set[str]] = {suite: set() for suite in R_OF}
    for suites, names in tomllib.loads(TABLE.read_text(encoding="utf-8")).items():
        for suite in suites.split():
            found[suite].update(names.split())
    return {suite: frozenset(names) for suite, names in found.items()}


def better(asked: Iterable[str], lacking: Iterable[str], suite: str) -> str | None:
    """The R of the suite that has most of the packages `asked`, where `suite` does not have (in the
    version that is needed) those `lacking`. `None` where no other serves better."""
    if suite not in R_OF:
        return None
    wanted = {name.lower() for name in asked}
    older = any(name.lower() in known()[suite] for name in lacking)

    def had(other: str) -> int:
        return len(wanted & known()[other])

    suites = [*R_OF]
    place = suites.index(suite)
    later, earlier = suites[place + 1 :], suites[:place][::-1]
    # What is too old here is newer in every later one.
    useful = [s for s in later if had(s) > had(suite) or (older and had(s) == had(suite))]
    useful += [s for s in earlier if had(s) > had(suite)]
    best = max(useful, key=had, default=None)
    return None if best is None else R_OF[best]
