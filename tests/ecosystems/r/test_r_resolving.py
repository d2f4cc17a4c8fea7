"""Locking and installing with a real R, against a CRAN-like repository served here."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reprokit import folders
from reprokit.bases.debian import DebianFamily
from reprokit.ecosystems.r import REcosystem, workshop
from reprokit.ecosystems.r.code import CodeFile
from reprokit.ecosystems.r.distribution import compilers
from reprokit.ecosystems.r.usage import uses
from reprokit.engines.connect import connect
from reprokit.engines.protocol import Container, ContainerRequest
from reprokit.errors import InputUnavailable
from reprokit.model import (
    Artifact,
    DateChoice,
    LockedBase,
    LockedEcosystem,
    Reason,
    Run,
    SystemPackage,
)
from reprokit.progress import Reporter, Silent
from reprokit.project import Project
from reprokit.resolving import Catalogue, NeedsSystemPackages
from reprokit.site import Site, load

pytestmark = [pytest.mark.engine, pytest.mark.network]

C_CODE = """#include <R.h>
#include <Rinternals.h>
SEXP three(void) { return Rf_ScalarInteger(3); }
"""
NOBODY = "http://127.0.0.1:9"


def _package(description: str, files: Mapping[str, str]) -> bytes:
    """A source package as `R CMD build` lays it out."""
    name = description.split()[1]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in {"DESCRIPTION": description, **files}.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size, member.mode = len(text.encode()), 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _description(name: str, version: str, more: str = "") -> str:
    return (
        f"Package: {name}\nVersion: {version}\nTitle: T\nDescription: D.\nLicense: MIT\n"
        f"Author: A\nMaintainer: A <a@example.org>\n{more}"
    )


def _documented(function: str) -> dict[str, str]:
    page = f"\\name{{{function}}}\\alias{{{function}}}\\title{{T}}\\description{{D.}}\n"
    return {f"man/{function}.Rd": page, "NAMESPACE": f"export({function})\n"}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A CRAN-like repository: tinyone (in C) needs tinytwo, which also has an old version."""
    root = tmp_path_factory.mktemp("cran")
    contrib = root / "src" / "contrib"
    (contrib / "Archive" / "tinytwo").mkdir(parents=True)
    one = _description(
        "tinyone", "1.0-3", "Depends: R (>= 3.5)\nImports: tinytwo (>=\n  1.1), stats\n"
    ).replace("Title", "NeedsCompilation: yes\nTitle")
    two = _description("tinytwo", "1.2", "NeedsCompilation: no\n")
    old = two.replace("1.2", "1.0")
    broken = _description("tinybroken", "0.1", "NeedsCompilation: no\n")
    newer = _description("tinynewer", "2.0", "Depends: R (>= 99.0)\n")
    two_files = {**_documented("two"), "R/two.R": "two <- function() 2L\n"}
    one_files = {
        **_documented("one"),
        "R/one.R": 'one <- function() .Call("three") - tinytwo::two()\n',
        "src/three.c": C_CODE,
    }
    one_files["NAMESPACE"] += "useDynLib(tinyone)\n"
    broken_files = {"NAMESPACE": "", "R/a.R": 'stop("cannot be installed")\n'}
    (contrib / "tinyone_1.0-3.tar.gz").write_bytes(_package(one, one_files))
    (contrib / "tinytwo_1.2.tar.gz").write_bytes(_package(two, two_files))
    (contrib / "Archive/tinytwo/tinytwo_1.0.tar.gz").write_bytes(_package(old, two_files))
    (contrib / "tinybroken_0.1.tar.gz").write_bytes(_package(broken, broken_files))
    index = "\n".join((one, two, broken, newer))
    (contrib / "PACKAGES.gz").write_bytes(gzip.compress(index.encode()))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def laboratory() -> Iterator[tuple[Container, LockedBase]]:
    """A container of Debian bookworm with R, jsonlite and compilers; it shares the host's network
    and thereby reaches the repository above."""
    site, family = load(), DebianFamily()
    candidate = family.named("bookworm")
    assert candidate is not None
    with connect() as engine:
        base = family.lock(candidate, engine, site, folders.archives(), Silent())
        request = ContainerRequest(
            image=base.reference, command=("sleep", "infinity"), user="0:0", folder="/",
            network="host", privileged_setup=True,
        )  # fmt: skip
        with engine.container(request) as container:
            container.start()
            for argv in (
                ("apt-get", "update"),
                (
                    "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes",
                    "--no-install-recommends", "r-base-core", "r-cran-jsonlite", "build-essential",
                ),
            ):  # fmt: skip
                done = container.execute(argv)
                assert done.code == 0, done.stderr.decode()
            yield container, base


@dataclass
class _Offering:
    """A distribution that has everything it is asked for, of R's packages only those named."""

    packages: Mapping[str, str] = field(default_factory=dict)

    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        return {
            name: self.packages.get(name, "1")
            for name in names
            if not name.startswith("r-") or name in self.packages
        }


@dataclass(kw_only=True)
class _Resolver:
    """The Resolver's contract over one container that stays."""

    project: Project
    base: LockedBase
    site: Site
    container: Container
    store: Path
    catalogue: Catalogue = field(default_factory=lambda: _Offering())
    system: tuple[SystemPackage, ...] = field(
        default_factory=lambda: tuple(compilers(Reason(text="compiles"), _Offering()))
    )
    platform: str = "linux/amd64"
    date: DateChoice = field(default_factory=lambda: DateChoice(day="2024-06-01", source="given"))
    epoch: int = 1717200000
    reporter: Reporter = field(default_factory=Silent)

    def uv(self, argv: Sequence[str], *, folder: Path | None = None) -> str:
        raise AssertionError("R needs no uv")

    @contextmanager
    def workshop(self, *, project: bool = False, network: bool = True) -> Iterator[Container]:
        yield self.container

    def keep(self, content: Path, path: str, *, url: str | None) -> Artifact:
        raise AssertionError("R's packages all have an address")

    def place(self, artifact: Artifact, target: Path) -> None:
        raise AssertionError("R asks for no file of the store")

    def download(self, url: str, path: str, *, sha256: str | None = None) -> Artifact:
        with urllib.request.urlopen(url) as answer:
            content: bytes = answer.read()
        target = self.store / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        return Artifact(path=path, sha256=digest, size=len(content), url=url)


@pytest.fixture
def resolver(
    laboratory: tuple[Container, LockedBase], mirror: str, tmp_path: Path
) -> Iterator[_Resolver]:
    container, base = laboratory
    (tmp_path / "project").mkdir()
    yield _Resolver(
        project=Project(tmp_path / "project"), base=base, site=Site(cran_mirror=mirror),
        container=container, store=tmp_path / "store",
    )  # fmt: skip
    container.execute(("rm", "-rf", "/opt/r", "/vendor", "/tmp/reprokit-r"))


def _lock(resolver: _Resolver, files: Mapping[str, str]) -> LockedEcosystem:
    for name, text in files.items():
        (resolver.project.root / name).write_text(text, encoding="utf-8")
    before = resolver.project
    resolver.project = Project(before.root, before.lenient, before.loose)
    found = REcosystem().detect(resolver.project)
    assert found is not None
    return REcosystem().resolve(found, resolver)


def _versions(locked: LockedEcosystem) -> dict[str, str]:
    return {package.name: package.version for package in locked.packages}


def _build(resolver: _Resolver, runs: Iterable[Run]) -> tuple[int, str]:
    """Do what the Dockerfile's RUN would, with vendor/ where it mounts it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(resolver.store, arcname="vendor")
    resolver.container.write("/", buffer.getvalue())
    printed = ""
    for run in runs:
        for argv in run.commands:
            done = resolver.container.execute(argv, environment=dict(run.environment))
            printed += (done.stdout + done.stderr).decode()
            if done.code != 0:
                return done.code, printed
    return 0, printed


def _library_hash(container: Container) -> str:
    find = "find /opt/r -type f -print0 | sort -z | xargs -0 sha256sum"
    return container.execute(("sh", "-c", find)).stdout.decode()


def test_the_distribution_is_enough_where_it_has_all(resolver: _Resolver) -> None:
    resolver.site = Site(cran_mirror=NOBODY)
    locked = _lock(resolver, {"DESCRIPTION": "Imports: jsonlite (>= 1.0)\n"})
    package = next(p for p in locked.packages if p.name == "jsonlite")
    assert package.requested and package.artifacts == ()
    assert locked.settings["sources"] == [] and locked.undated == ()
    assert str(locked.settings["r"]).startswith("4.2")
    rendered = REcosystem().render(locked, resolver.base)
    assert rendered.stage is None and rendered.install == ()
    assert dict(rendered.environment) == {"LANG": "C.UTF-8", "TZ": "Etc/UTC"}


def test_sources_are_locked_in_order_and_install_to_the_same_bytes(resolver: _Resolver) -> None:
    locked = _lock(resolver, {"a.R": "library(tinyone)\nlibrary(jsonlite)\n"})
    versions = _versions(locked)
    assert (versions["tinyone"], versions["tinytwo"]) == ("1.0-3", "1.2")
    assert [entry["package"] for entry in locked.settings["sources"]] == ["tinytwo", "tinyone"]  # type: ignore
    assert locked.undated == ("tinyone", "tinytwo")
    artifacts = {a.path: a for p in locked.packages for a in p.artifacts}
    assert set(artifacts) == {"cran/tinyone_1.0-3.tar.gz", "cran/tinytwo_1.2.tar.gz"}

    stage = REcosystem().render(locked, resolver.base).stage
    assert stage is not None and not stage.reads_code
    code, printed = _build(resolver, stage.run)
    assert code == 0, printed
    ran = resolver.container.execute(
        ("Rscript", "-e", "cat(tinyone::one())"), environment={"R_LIBS": "/opt/r/library"}
    )
    assert ran.stdout == b"1", ran.stderr.decode()

    first = _library_hash(resolver.container)
    resolver.container.execute(("rm", "-rf", "/opt/r"))
    assert _build(resolver, stage.run)[0] == 0
    assert len(first.splitlines()) > 20
    assert _library_hash(resolver.container) == first


def test_what_only_another_package_needs_is_asked_for(
    resolver: _Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libtiny1 is asked for so far only for compiling, libtiny-dev not at all."""
    table = {"tinytwo": ("libtiny1", "libtiny-dev", "tinytool")}
    monkeypatch.setattr("reprokit.ecosystems.r.distribution.known_needs", lambda: table)
    because = Reason(text="t")
    there = [*compilers(because, _Offering()), SystemPackage(name="tinytool", reason=because)]
    there.append(SystemPackage(name="libtiny1", reason=because, stage="build"))
    resolver.system = tuple(there)
    with pytest.raises(NeedsSystemPackages) as caught:
        _lock(resolver, {"a.R": "library(tinyone)\n"})
    asked = [(p.name, p.stage, p.reason.text) for p in caught.value.packages]
    assert asked == [
        ("libtiny1", "run", "tinytwo needs it"), ("libtiny-dev", "build", "tinytwo needs it"),
    ]  # fmt: skip


def test_the_distribution_serves_first_for_what_another_package_needs(
    resolver: _Resolver,
) -> None:
    resolver.catalogue = _Offering({"r-cran-tinytwo": "1.1-1"})
    with pytest.raises(NeedsSystemPackages, match="r-cran-tinytwo"):
        _lock(resolver, {"a.R": "library(tinyone)\n"})
    resolver.catalogue = _Offering({"r-cran-tinytwo": "1.0-1"})  # older than tinyone takes
    assert "tinytwo" in _versions(_lock(resolver, {"a.R": "library(tinyone)\n"}))


def test_what_is_only_tried_brings_compilers_once_it_is_there(resolver: _Resolver) -> None:
    resolver.system = ()
    with pytest.raises(NeedsSystemPackages, match="build-essential"):
        _lock(resolver, {"a.R": "requireNamespace('tinyone')\n"})


def test_an_old_version_comes_from_the_archive(resolver: _Resolver) -> None:
    renv = {"Packages": {"tinytwo": {"Package": "tinytwo", "Version": "1.0"}}}
    locked = _lock(resolver, {"renv.lock": json.dumps(renv)})
    package = next(p for p in locked.packages if p.name == "tinytwo")
    assert package.version == "1.0" and package.requested
    assert str(package.artifacts[0].url).endswith("/Archive/tinytwo/tinytwo_1.0.tar.gz")
    rendered = REcosystem().render(locked, resolver.base)
    assert dict(rendered.environment)["RENV_CONFIG_AUTOLOADER_ENABLED"] == "FALSE"


def test_a_package_that_fails_to_install_fails_the_build(resolver: _Resolver) -> None:
    locked = _lock(resolver, {"a.R": "library(tinybroken)\n"})
    stage = REcosystem().render(locked, resolver.base).stage
    assert stage is not None
    code, printed = _build(resolver, stage.run)
    assert code != 0 and "cannot be installed" in printed


@pytest.mark.parametrize(
    ("files", "where", "words"),
    [
        ({"a.R": "x <- 1\nlibrary(tinynone)\n"}, "a.R:2", ["tinynone", "does not have tinynone"]),
        (
            {"DESCRIPTION": "Imports: jsonlite,\n tinytwo (>= 9.0)\n"},
            "DESCRIPTION:2",
            ["tinytwo >=9.0", "has tinytwo 1.2"],
        ),
        (
            {"install.R": 'remotes::install_version("tinytwo", "0.5")\n'},
            "install.R:1",
            ["tinytwo ==0.5", "cannot be downloaded"],
        ),
        ({"a.R": "library(tinynewer)\n"}, "a.R:1", ["tinynewer", "needs R >=99.0"]),
    ],
)
def test_what_cannot_be_had_is_named_with_its_line(
    resolver: _Resolver, files: dict[str, str], where: str, words: list[str]
) -> None:
    with pytest.raises(InputUnavailable) as caught:
        _lock(resolver, files)
    assert caught.value.where == where
    assert caught.value.next is not None
    for word in words:
        assert word in caught.value.what


def test_without_a_mirror_a_missing_package_is_an_error(resolver: _Resolver) -> None:
    resolver.site = Site(cran_mirror=NOBODY)
    with pytest.raises(InputUnavailable) as caught:
        _lock(resolver, {"a.R": "library(tinyone)\n"})
    assert caught.value.where == "a.R:1"
    assert "no CRAN mirror answers" in caught.value.what and NOBODY in caught.value.what


def test_without_a_mirror_a_pin_gives_way_and_a_bound_does_not(resolver: _Resolver) -> None:
    renv = {"Packages": {"jsonlite": {"Package": "jsonlite", "Version": "0.9.1"}}}
    resolver.site = Site(cran_mirror=NOBODY)
    locked = _lock(resolver, {"renv.lock": json.dumps(renv)})
    notes = locked.settings["notes"]
    assert isinstance(notes, list) and "jsonlite ==0.9.1" in str(notes[0])
    assert _versions(locked)["jsonlite"] != "0.9.1"
    (resolver.project.root / "renv.lock").unlink()
    with pytest.raises(InputUnavailable, match=r"the distribution .* has"):
        _lock(resolver, {"DESCRIPTION": "Imports: jsonlite (>= 99.0)\n"})


def test_what_code_only_tries_is_no_error(resolver: _Resolver) -> None:
    locked = _lock(resolver, {"a.R": "if (requireNamespace('tinynone')) 1\n"})
    assert "tinynone" not in _versions(locked)
    assert any("tinynone" in str(note) for note in locked.settings["notes"])  # type: ignore


CODE = r"""
library(aaa); library("bbb", quietly = TRUE); require(`ccc`)
# library(no1)
x <- "library(no2)"; y <- r"---(library(no3) ")---"
suppressPackageStartupMessages({ library(ddd) })
eee::f(ggg:::h); pacman::p_load(foo1, "bar2", char = c("baz3", "baz4"))
if (!requireNamespace("hhh", quietly = TRUE)) stop("x")
library(pkg, character.only = TRUE); library("iii", character.only = TRUE)
base::library(package = jjj); z <- df[1, ]; g <- function(a, b = kkk::head) a
w <- \(x) x |> lll::m() ; 'it\'s library(no4)'; `library`(mmm); f(, library(nnn))
s <- "\u00e9 library(no5)"; loadNamespace(c("ooo")); switch(x, a = , b = library(ppp))
"""


def test_both_readers_of_r_agree(laboratory: tuple[Container, LockedBase]) -> None:
    container, _ = laboratory
    files = (CodeFile("a.R", CODE), CodeFile("b\n.R", "x <- ("))
    parsed = workshop.parsed(container, files)
    own = {use.package for use in uses(CODE)} - {"base"}
    assert set(parsed.packages["a.R"]) == own
    assert len(own) == 20
    assert "unexpected end of input" in parsed.errors["b\n.R"]


def test_code_that_r_cannot_parse_is_warned_of_and_never_run(resolver: _Resolver) -> None:
    marker = 'file.create("/tmp/was-run")\nlibrary(jsonlite)\n'
    locked = _lock(resolver, {"a.R": marker, "b.R": "library(jsonlite)\nx <- (\n"})
    notes = locked.settings["notes"]
    assert isinstance(notes, list) and any(str(note).startswith("b.R: R cannot") for note in notes)
    assert resolver.container.execute(("test", "-e", "/tmp/was-run")).code == 1


def test_the_projects_own_package_is_installed(resolver: _Resolver) -> None:
    own = _description("growth", "0.1")
    files = {"DESCRIPTION": own, "NAMESPACE": "export(f)\n", "run.R": "library(growth)\n"}
    (resolver.project.root / "R").mkdir()
    (resolver.project.root / "R" / "f.R").write_text("f <- function() 7\n", encoding="utf-8")
    locked = _lock(resolver, files)
    rendered = REcosystem().render(locked, resolver.base)
    assert rendered.stage is None and len(rendered.install) == 1
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(resolver.project.root, arcname="app")
    resolver.container.write("/", buffer.getvalue())
    resolver.store.mkdir()
    code, printed = _build(resolver, rendered.install)
    assert code == 0, printed
    compiled = replace(locked, settings={**locked.settings, "compiled": True})
    stage = REcosystem().render(compiled, resolver.base).stage
    assert stage is not None and stage.reads_code
