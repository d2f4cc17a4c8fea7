"""Indexes of packages: the project's own, the site's, and what a lock says of their files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from reprokit.ecosystems.python.pylock import Source
from reprokit.errors import InputUnavailable
from reprokit.mirrors import PYPI_FILES, public_python_url
from reprokit.model import JSON, Artifact
from reprokit.resolving import Resolver
from reprokit.site import PYPI, Site

_PATIENCE = 10.0  # seconds
_NO_DATE = re.compile(r"`([^`]+)` is missing an upload date")
_NO_LOGIN = re.compile(r"An index URL \((\S+)\) could not be queried due to a lack of valid auth")


def options(indexes: JSON, resolver: Resolver) -> tuple[str, ...]:
    """uv's options for what the project's files say about indexes."""
    found: list[str] = []
    for option, value in _pairs(indexes):
        if option == "pre":
            found.append("--prerelease=allow")
        elif option == "no-index":
            found.append("--no-index")
        elif value.startswith("file:./"):
            found.append(f"--find-links={resolver.project.path(value.removeprefix('file:./'))}")
        elif option == "index-url":
            # PyPI is what the site may have a mirror of. As --index-url, uv would let the
            # site's index win over any other.
            if value.rstrip("/") != PYPI:
                found.append(f"--default-index={value}")
        else:
            found.append(f"--{option}={value}")
    if any(option.startswith("--extra-index-url") for option in found):
        # As pip does: the best version of any index, not the first index that knows the name.
        found.append("--index-strategy=unsafe-best-match")
    return tuple(found)


def _hosts(indexes: JSON) -> frozenset[str]:
    """The servers that the project's files name: they may stand in a lock."""
    found = (urlsplit(value).hostname for _, value in _pairs(indexes))
    return frozenset(host for host in found if host is not None)


def _pairs(indexes: JSON) -> list[tuple[str, str]]:
    listed = indexes if isinstance(indexes, (list, tuple)) else ()
    return [
        (str(item[0]), str(item[1]))
        for item in listed
        if isinstance(item, (list, tuple)) and len(item) == 2
    ]


def artifact(resolver: Resolver, source: Source, path: str, declared: JSON = None) -> Artifact:
    """A file by what its index says of it; downloaded now only where that is too little.

    declared: the indexes that the project names itself. A file of the site's index is named as
    PyPI names it: how this machine comes by it is nobody's business.
    """
    if source.sha256 is None or source.size is None or not source.url.startswith("http"):
        found = resolver.download(source.url, path, sha256=source.sha256)
    else:
        found = Artifact(path=path, sha256=source.sha256, size=source.size, url=source.url)
    site, server = resolver.site, urlsplit(source.url).hostname
    through_site = site.python_index is not None or site.python_extra_indexes
    if not through_site or source.direct or source.url.startswith(f"{PYPI_FILES}/"):
        return found
    if server in _hosts(declared):
        return found
    return replace(found, url=public_python_url(source.url))


def without_dates(message: str) -> frozenset[str]:
    """The projects whose files an index dates not, by uv's warnings. Under a date uv takes such a
    file for younger than any."""
    return frozenset(filter(None, map(_project, _NO_DATE.findall(message))))


def refusal(message: str, declared: JSON, site: Site) -> InputUnavailable | None:
    """The error for an index that wants a login, which uv only hints at, or passes over where it
    asks several indexes: then each is asked once more."""
    hinted = _NO_LOGIN.search(message)
    refused = hinted[1] if hinted is not None else None
    if refused is None and "was not found in the package registry" in message:
        own = (value for option, value in _pairs(declared) if option.endswith("index-url"))
        indexes = (site.python_index, *site.python_extra_indexes, *own)
        refused = next((url for url in indexes if url is not None and _refuses(url, site)), None)
    if refused is None:
        return None
    return InputUnavailable(
        "the index wants a user name and password, or others than those it was given",
        where=refused,
        next="put them into ~/.netrc (`machine HOST login USER password PASSWORD`) or the keyring",
    )


def _refuses(index: str, site: Site) -> bool:
    import requests

    from reprokit.http_session import SiteSession

    try:
        with SiteSession(site).ask(f"{index.rstrip('/')}/", timeout=_PATIENCE) as answer:
            return answer.status_code in (401, 403)
    except requests.RequestException:
        return False


def _project(file: str) -> str | None:
    try:
        name = (
            parse_wheel_filename(file)[0]
            if file.endswith(".whl")
            else parse_sdist_filename(file)[0]
        )
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return str(name)


def undated_options(names: Sequence[str]) -> tuple[str, ...]:
    """uv's options that take the date away from some projects."""
    return tuple(word for name in names for word in ("--exclude-newer-package", f"{name}=false"))
