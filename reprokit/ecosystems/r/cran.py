"""A CRAN-like repository: its index, its addresses, and in which order packages are installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from reprokit.ecosystems.r.dcf import Paragraph, paragraphs
from reprokit.ecosystems.r.versions import (
    BASE_PACKAGES,
    PACKAGE,
    VERSION,
    listed,
    satisfies,
    version_key,
)
from reprokit.errors import InputUnavailable
from reprokit.frozen import frozen
from reprokit.site import Site

DATED = "https://packagemanager.posit.co/cran/{date}"
NEWEST = "https://cloud.r-project.org"
_BLANK_LINES = re.compile(r"\n[ \t]*\n")


@frozen
class Source:
    """A source package: where it is and what it needs. `compiled` needs a compiler."""

    name: str
    version: str
    url: str
    needs: tuple[tuple[str, str], ...]
    compiled: bool


def repositories(site: Site, day: str) -> tuple[str, ...]:
    """Base addresses to try, best first. A site's mirror may hold `{date}` and then is dated."""
    chosen = (site.cran_mirror,) if site.cran_mirror else (DATED, NEWEST)
    return tuple(base.replace("{date}", day).rstrip("/") for base in chosen)


def is_dated(repository: str, day: str) -> bool:
    """Whether a repository stands still: its address holds the day."""
    return day in repository


def index_address(repository: str) -> str:
    """Where a repository's index of source packages is."""
    return f"{repository}/src/contrib/PACKAGES.gz"


def current_address(repository: str, name: str, version: str) -> str:
    """Where the version in the index is."""
    return f"{repository}/src/contrib/{name}_{version}.tar.gz"


def archive_address(repository: str, name: str, version: str) -> str:
    """Where versions that a newer one replaced are."""
    return f"{repository}/src/contrib/Archive/{name}/{name}_{version}.tar.gz"


def read_index(text: str, repository: str) -> dict[str, Source]:
    """The newest version of each package. Entries that R could not install are left out."""
    found: dict[str, Source] = {}
    for block in _BLANK_LINES.split(text):
        for fields in paragraphs(block, index_address(repository)):
            source = _source(fields, repository, index_address(repository))
            known = found.get(source.name) if source is not None else None
            if source is not None and (
                known is None or version_key(known.version) < version_key(source.version)
            ):
                found[source.name] = source
    return found


def read_description(text: str, url: str) -> Source | None:
    """The package that a source archive's DESCRIPTION describes, or `None` where it is none."""
    fields = next(iter(paragraphs(text, url)), None)
    source = _source(fields, "", url) if fields is not None else None
    if source is None:
        return None
    return Source(
        name=source.name, version=source.version, url=url, needs=source.needs,
        compiled=source.compiled,
    )  # fmt: skip


def _source(fields: Paragraph, repository: str, where: str) -> Source | None:
    name = fields["Package"].value if "Package" in fields else ""
    version = fields["Version"].value if "Version" in fields else ""
    if PACKAGE.fullmatch(name) is None or VERSION.fullmatch(version) is None:
        return None
    needs = [
        need
        for field in ("Depends", "Imports", "LinkingTo")
        if field in fields
        for need in listed(fields[field].value, where)
    ]
    compiled = "NeedsCompilation" not in fields or fields["NeedsCompilation"].value != "no"
    return Source(
        name=name, version=version, url=current_address(repository, name, version),
        needs=tuple(dict.fromkeys(needs)), compiled=compiled,
    )  # fmt: skip


def install_order(
    wanted: Iterable[tuple[str, str]],
    installed: Mapping[str, str],
    find: Callable[[str, str], Source],
    r_version: str,
    offered: Callable[[str, str], bool] = lambda name, specifier: False,
) -> tuple[Source, ...]:
    """Everything to install for `wanted`, (name, specifier), each after what it needs.

    `installed` maps the packages already there to their versions, `offered` says whether the
    distribution will bring a package that another one needs; `find` raises InputUnavailable for
    what the repository lacks, and so does this for a package that needs another R.
    """
    order: dict[str, Source] = {}
    pins = dict(wanted)
    visiting: set[str] = set()

    def visit(name: str, specifier: str) -> None:
        if name in order or name in visiting:
            return
        visiting.add(name)
        source = find(name, pins.get(name, specifier))
        for need, constraint in source.needs:
            if need == "R" and not satisfies(r_version, constraint):
                raise InputUnavailable(
                    f"{name} {source.version} needs R {constraint}, the base has {r_version}",
                    next="pin an older version of it (renv.lock), give an earlier date, or ask "
                    "for a newer R",
                )
            there = need == "R" or need in BASE_PACKAGES
            there = there or (need in installed and satisfies(installed[need], constraint))
            if need in pins or not (there or offered(need, constraint)):
                visit(need, constraint)
        order[name] = source

    for name, specifier in pins.items():
        visit(name, specifier)
    return tuple(order.values())
