"""What a lock names by its public address, and where this machine fetches it.

A lock reads the same everywhere: a file that came from a mirror or an index of the site settings
is named as the public archive names it. Whoever fetches it goes to their own mirror first, then
to the public archive; the hash in the lock decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from reprokit.site import DEBIAN, DEBIAN_SECURITY, MAVEN_CENTRAL, UBUNTU, Site

if TYPE_CHECKING:
    from reprokit.http_session import SiteSession

PYPI_FILES = "https://files.pythonhosted.org"
CRAN = "https://cloud.r-project.org"
CRAN_DATED = "https://packagemanager.posit.co/cran/{date}"
_BY_DIGEST = re.compile(r".*/packages/([0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}/[^/?#]+)")
_DATED = re.compile(re.escape(CRAN_DATED).replace(r"\{date\}", r"(\d{4}-\d\d-\d\d)") + "/(.*)")
_SOURCE = re.compile(r"(.*/src/contrib)/(([A-Za-z0-9.]+)_[^/]+\.tar\.gz)")
_TIMEOUT = (10, 60)  # seconds to connect, and without a byte
_PAGE = 50_000_000  # bytes; the longest pages of PyPI have a few million


def mirrored_url(url: str, site: Site) -> str:
    """Where this machine fetches something that a lock names by the public archive's URL."""
    for public, mirror in _archives(site):
        if url.startswith(f"{public}/"):
            return mirror + url.removeprefix(public)
    dated = _DATED.fullmatch(url)
    if dated is not None and site.cran_mirror is not None and "{date}" in site.cran_mirror:
        return f"{site.cran_mirror.replace('{date}', dated[1])}/{dated[2]}"
    return url


def canonical_url(url: str, site: Site) -> str:
    """The public archive's URL of something that came from one of the site's mirrors, so that a
    lock reads the same everywhere."""
    for public, mirror in _archives(site):
        if url.startswith(f"{mirror}/"):
            return public + url.removeprefix(mirror)
    if site.cran_mirror is not None and "{date}" in site.cran_mirror:
        before, _, behind = site.cran_mirror.partition("{date}")
        pattern = re.escape(before) + r"(\d{4}-\d\d-\d\d)" + re.escape(behind) + "/(.*)"
        if match := re.fullmatch(pattern, url):
            return f"{CRAN_DATED.replace('{date}', match[1])}/{match[2]}"
    return url


def public_python_url(url: str) -> str:
    """How PyPI names a file that came from an index of the site: by the digest that mirrors
    keep in its path, else by the project's name, which PyPI leads on from."""
    match = _BY_DIGEST.fullmatch(url)
    if match is not None:
        return f"{PYPI_FILES}/packages/{match[1]}"
    file = url.partition("#")[0].partition("?")[0].rpartition("/")[2]
    project, kind = _project_and_kind(unquote(file))
    return f"{PYPI_FILES}/packages/{kind}/{project[:1]}/{project}/{file}"


def addresses(url: str, site: Site, session: SiteSession) -> Iterator[str]:
    """Where to ask for a file of a lock, best first."""
    mirror = mirrored_url(url, site)
    if mirror != url:
        yield mirror
    if url.startswith(f"{PYPI_FILES}/"):
        yield from _in_indexes(url.rpartition("/")[2], site, session)
    yield url
    # CRAN moves a version to its archive when the next one comes.
    for address in dict.fromkeys((mirror, url)):
        if (match := _SOURCE.fullmatch(address)) and "/Archive/" not in address:
            yield f"{match[1]}/Archive/{match[3]}/{match[2]}"


def _archives(site: Site) -> tuple[tuple[str, str], ...]:
    pairs = (
        (DEBIAN, site.debian_mirror),
        (DEBIAN_SECURITY, site.debian_security_mirror),
        (UBUNTU, site.ubuntu_mirror),
        (MAVEN_CENTRAL, site.maven_mirror),
        (CRAN, site.cran_mirror),
    )
    return tuple(
        (public, mirror) for public, mirror in pairs if mirror is not None and "{" not in mirror
    )


def _in_indexes(file: str, site: Site, session: SiteSession) -> Iterator[str]:
    """Where the site's own indexes have a file of this name."""
    import requests
    import urllib3

    from reprokit.index_pages import links

    indexes = [i for i in (site.python_index, *site.python_extra_indexes) if i is not None]
    for index in indexes:
        if urlsplit(index).hostname == "pypi.org":
            continue
        page = f"{index}/{_project_and_kind(unquote(file))[0]}/"
        try:
            with session.ask(page, timeout=_TIMEOUT) as answer:
                text = answer.raw.read(_PAGE).decode("utf-8", "replace")
                found = answer.status_code < 300
                page = answer.url
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            continue  # the file itself will say what is wrong, if it is nowhere else
        if not found:
            continue
        for link in links(text, page):
            address = link.partition("#")[0]
            if unquote(address.partition("?")[0].rpartition("/")[2]) == unquote(file):
                yield address


def _project_and_kind(file: str) -> tuple[str, str]:
    """The project that a distribution file belongs to, and PyPI's word for its kind."""
    if file.endswith(".whl"):
        name, kind = file.partition("-")[0], file.removesuffix(".whl").split("-")[-3:][0]
    else:
        name, kind = re.sub(r"-\d[^-]*$", "", re.sub(r"\.(tar\.\w+|tgz|zip)$", "", file)), "source"
    return re.sub(r"[-_.]+", "-", name).lower(), kind
