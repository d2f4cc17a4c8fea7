"""A lock names public addresses; each site finds its own way to them."""

from __future__ import annotations

import pytest

from reprokit.http_session import SiteSession
from reprokit.mirrors import PYPI_FILES, addresses, canonical_url, mirrored_url, public_python_url
from reprokit.site import Site
from tests.servers import WebServer, python_index, web_server

DIGEST = f"aa/bb/{'c' * 60}"
SITE = Site(
    maven_mirror="https://m.example/maven",
    cran_mirror="https://cran.example/{date}/all",
)


@pytest.mark.parametrize(
    ("public", "mirror"),
    [
        ("https://repo1.maven.org/maven2/g/a/1/a-1.jar", "https://m.example/maven/g/a/1/a-1.jar"),
        (
            "https://packagemanager.posit.co/cran/2024-03-01/src/contrib/a_1.tar.gz",
            "https://cran.example/2024-03-01/all/src/contrib/a_1.tar.gz",
        ),
        ("https://elsewhere.example/a", "https://elsewhere.example/a"),
    ],
)
def test_there_and_back(public: str, mirror: str) -> None:
    assert mirrored_url(public, SITE) == mirror
    assert canonical_url(mirror, SITE) == public


def test_an_undated_mirror_of_cran() -> None:
    site = Site(cran_mirror="https://cran.example")
    public = "https://cloud.r-project.org/src/contrib/a_1.tar.gz"
    assert canonical_url("https://cran.example/src/contrib/a_1.tar.gz", site) == public
    assert mirrored_url(public, site) == "https://cran.example/src/contrib/a_1.tar.gz"


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (f"repository/pypi/packages/{DIGEST}/a-1.tar.gz", f"{DIGEST}/a-1.tar.gz"),
        ("a_b/1.0/A.b_c-1-py3-none-any.whl", "py3/a/a-b-c/A.b_c-1-py3-none-any.whl"),
        ("+f/12/a-1-1-cp311-cp311-any.whl#sha256=1", "cp311/a/a/a-1-1-cp311-cp311-any.whl"),
        ("x/my-tool-1.0.post1.tar.gz", "source/m/my-tool/my-tool-1.0.post1.tar.gz"),
    ],
)
def test_a_file_of_an_index_is_named_as_pypi_names_it(url: str, public: str) -> None:
    assert public_python_url(f"https://n.example/{url}") == f"{PYPI_FILES}/packages/{public}"


def test_cran_moves_old_versions_to_its_archive() -> None:
    site = Site(cran_mirror="https://cran.example")
    session = SiteSession(site)
    assert list(addresses("https://cloud.r-project.org/src/contrib/a_1.tar.gz", site, session)) == [
        "https://cran.example/src/contrib/a_1.tar.gz",
        "https://cloud.r-project.org/src/contrib/a_1.tar.gz",
        "https://cran.example/src/contrib/Archive/a/a_1.tar.gz",
        "https://cloud.r-project.org/src/contrib/Archive/a/a_1.tar.gz",
    ]


def test_a_file_of_pypi_is_looked_for_in_every_index() -> None:
    name = "lab_tools-1.0-py3-none-any.whl"
    public = f"{PYPI_FILES}/packages/py3/l/lab-tools/{name}"
    with web_server(WebServer(files=python_index((name, b"x")))) as server:
        site = Site(
            python_index=f"{server.url}/nothing", python_extra_indexes=(f"{server.url}/simple",)
        )
        found = list(addresses(public, site, SiteSession(site)))
        assert found == [f"{server.url}/files/{name}", public]


def test_pages_with_a_base_and_relative_links() -> None:
    page = b'<html><head><base href="/root/"></head><body><a href="../f/a-1.tar.gz#sha256=0">a</a>'
    with web_server(WebServer(files={"/simple/a/": page})) as server:
        site = Site(python_index=f"{server.url}/simple")
        found = addresses(f"{PYPI_FILES}/packages/source/a/a/a-1.tar.gz", site, SiteSession(site))
        assert next(found) == f"{server.url}/f/a-1.tar.gz"
