"""The tables of what packages need of the distribution, compared with Debian's own lists."""

from __future__ import annotations

import lzma
import re
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pytest

from reprokit import needs
from reprokit.diagnosing import latex
from reprokit.ecosystems import java_needs
from reprokit.ecosystems.conda import names as conda_names
from reprokit.ecosystems.java_needs import DRAWING
from reprokit.ecosystems.python import system_needs as python_needs
from reprokit.ecosystems.r import detecting, suites, system_needs
from reprokit.ecosystems.r.distribution import debian_names
from reprokit.ecosystems.r.system_needs import COMPILERS, R_LIBRARIES, known_needs
from reprokit.model import Reason, Requirement, SystemPackage
from reprokit.quoting import DEBIAN_PACKAGE
from reprokit.resolving import Catalogue, NeedsSystemPackages
from reprokit.site import load
from tests.ecosystems.python.python_resolving import OnlineResolver, Suite, base

SUITES = ("bullseye", "bookworm", "trixie")
TABLES = {
    "python": python_needs.NEEDS,
    "r": known_needs(),
    "java": java_needs.NEEDS,
    "conda": conda_names.DEBIAN,
    "of no one package": {
        "compilers": (*COMPILERS, *R_LIBRARIES),
        "latex": (*detecting.LATEX, *(n for _, names in detecting.LATEX_MORE for n in names)),
        "classes and styles": (latex.USUAL, *set(latex.packages().values())),
        "java.awt": DRAWING,
        **system_needs.at_run_time(replace(base(), settings={})),
    },
}
Stanzas = Mapping[str, Mapping[str, str]]


def choices(table: needs.Table) -> set[str]:
    return {name for names in table.values() for name in names}


@pytest.mark.parametrize("table", TABLES)
def test_tables_hold_names_of_packages(table: str) -> None:
    for name in choices(TABLES[table]):
        assert all(DEBIAN_PACKAGE.fullmatch(choice) for choice in name.split("|")), name


def test_the_tables_are_there() -> None:
    assert system_needs.TABLE.is_file()
    assert len(known_needs()) > 60 and len(python_needs.NEEDS) > 30


@pytest.fixture(scope="module", params=SUITES)
def suite(request: pytest.FixtureRequest) -> Stanzas:
    """The packages of a suite, as its package list describes them."""
    mirror = (load().debian_mirror or "http://deb.debian.org/debian").rstrip("/")
    url = f"{mirror}/dists/{request.param}/main/binary-amd64/Packages.xz"
    with urllib.request.urlopen(url, timeout=120) as answer:
        text = lzma.decompress(answer.read()).decode("utf-8")
    return {
        stanza["Package"]: stanza
        for stanza in map(fields, text.split("\n\n"))
        if "Package" in stanza
    }


def fields(stanza: str) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in stanza.split("\n") if ": " in line)
    return {pair[0]: pair[1] for pair in pairs}


def depends(suite: Stanzas, names: Iterable[str]) -> set[str]:
    """These packages and what they depend on, all the way down; of alternatives the first."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found and name in suite:
            found.add(name)
            listed = suite[name].get("Pre-Depends", "") + "," + suite[name].get("Depends", "")
            waiting += [re.split(r"[ (:|]", item.strip())[0] for item in listed.split(",")]
    return found


@pytest.mark.network
def test_every_suite_has_what_the_tables_name(suite: Stanzas) -> None:
    lacking = {
        f"{table}: {name}"
        for table, content in TABLES.items()
        for name in choices(content)
        if not any(choice in suite for choice in name.split("|"))
    }
    assert lacking <= IN_SOME


IN_SOME = {f"conda: {name}" for name in ("bioawk", "canu", "fastani", "flye")}
"""Programs that a suite lacks (canu: trixie, the others: bullseye); asking for one there is an
error that names the line. Everything else has to be in every suite."""


@pytest.mark.network
def test_rs_table_has_the_libraries_that_debians_packages_depend_on(suite: Stanzas) -> None:
    """What r-cran-NAME is linked to, beyond R itself and what the table's libraries bring."""
    with_r = depends(suite, ["r-base-core"])
    lacking = {}
    for package, names in known_needs().items():
        debian = next((name for name in debian_names(package) if name in suite), None)
        if debian is None or package in UNBUNDLED:
            continue
        run = [n for name in names if not needs.is_for_building(name) for n in name.split("|")]
        covered = with_r | depends(suite, run)
        listed = (item.strip().split(" ")[0] for item in suite[debian]["Depends"].split(","))
        libraries = {n for n in listed if re.match(r"lib(?!js-).*(?<!-dev)$", n)} - covered
        if libraries:
            lacking[package] = libraries
    assert lacking == {}


UNBUNDLED = {"qpdf", "hunspell"}
"""CRAN's sources carry the library, Debian's package uses the system's."""


@pytest.mark.network
def test_the_table_of_suites_has_debians_r_packages(suite: Stanzas) -> None:
    """Without asking any suite: `diagnosing` says which other one serves better."""
    found = {n.split("-", 2)[2] for n in suite if n.startswith(("r-cran-", "r-bioc-"))}
    assert found in [{*names} for names in suites.known().values()]


@pytest.mark.network
def test_javas_drawing_libraries_bring_a_font(suite: Stanzas) -> None:
    assert any(name.startswith("fonts-") for name in depends(suite, DRAWING))


# -- what is made of them ---------------------------------------------------------------------

ASKED = Requirement(name="x", reason=Reason(text="asks for x", file="r.txt", line=3))


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, tuple[str, ...]]]]:
    added: dict[str, dict[str, tuple[str, ...]]] = {}
    monkeypatch.setattr("reprokit.registry.system_needs", lambda: added)
    yield added


def test_the_first_that_the_distribution_has_is_taken() -> None:
    has: Catalogue = Suite(frozenset({"b", "c", "d-dev"}))
    found = needs.needed([ASKED], {"x": ("a|b|c", "e", "d-dev")}, has)
    assert [(p.name, p.stage, str(p.reason)) for p in found] == [
        ("b", "run", "r.txt:3: x needs it"), ("d-dev", "build", "r.txt:3: x needs it"),
    ]  # fmt: skip


def test_java_libraries_are_known_without_scalas_version(plugins: dict[str, object]) -> None:
    plugins["java"] = {"org.example:drawer_3": ("libdraw1",)}
    has = Suite(frozenset({"libgomp1", "libdraw1"}))
    asked = [
        Requirement(name=name, reason=ASKED.reason)
        for name in ("ml.dmlc:xgboost4j_2.12", "org.example:drawer_3", "org.jfree:jfreechart")
    ]
    assert [p.name for p in java_needs.known(asked, has)] == ["libgomp1", "libdraw1"]


def test_what_the_lock_asks_for_already_is_not_asked_for_again() -> None:
    def package(name: str, stage: str) -> SystemPackage:
        return SystemPackage(name=name, reason=ASKED.reason, stage=stage)  # type: ignore[arg-type]

    resolver = OnlineResolver(project=None, base=base())  # type: ignore[arg-type]
    resolver.system = (package("liba1", "run"), package("libb1", "build"))
    needs.ask_for([package("liba1", "run"), package("liba1", "build")], resolver)
    with pytest.raises(NeedsSystemPackages) as caught:
        needs.ask_for([package("liba1", "run"), package("libb1", "run")], resolver)
    assert [(p.name, p.stage) for p in caught.value.packages] == [("libb1", "run")]
