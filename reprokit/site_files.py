"""What pip's, uv's and Maven's own settings say of indexes, mirrors and logins.

Whoever has set those up for their institute need not say it again in site.toml, which wins where
both speak. Read only when something is locked or fetched.
"""

from __future__ import annotations

import configparser
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reprokit.credentials import Login
from reprokit.errors import BadRequest
from reprokit.site import PYPI, Site, without_logins

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MACHINE = Path("/etc")
_ENVIRONMENT = re.compile(r"\$\{env\.(\w+)\}")


def completed(
    site: Site, warn: Callable[[str], None], environment: Mapping[str, str] | None = None
) -> Site:
    """The site with what it leaves open filled from pip's, uv's and Maven's files.

    Raises BadRequest that names a file which is malformed.
    """
    variables = os.environ if environment is None else environment
    home = Path(variables.get("HOME") or Path.home())
    found = site
    for indexes in (_uv(home, variables), _pip(home, variables)):
        found = _with_indexes(found, indexes)
    if found.maven_mirror is None:
        found = _with_mirror(found, home / ".m2" / "settings.xml", variables, warn)
    return without_logins(found)


@dataclass(frozen=True, slots=True)
class _Indexes:
    first: str | None = None
    others: tuple[str, ...] = ()
    logins: tuple[tuple[str, Login], ...] = ()


def _with_indexes(site: Site, indexes: _Indexes) -> Site:
    first = None if (indexes.first or PYPI).rstrip("/") == PYPI else indexes.first
    return replace(
        site,
        python_index=site.python_index or first,
        python_extra_indexes=site.python_extra_indexes or indexes.others,
        logins=(*site.logins, *indexes.logins),
    )


def _pip(home: Path, variables: Mapping[str, str]) -> _Indexes:
    """pip's files, the last of which wins:
    https://pip.pypa.io/en/stable/topics/configuration/"""
    named = variables.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return _Indexes()
    configured = Path(variables.get("XDG_CONFIG_HOME") or home / ".config")
    places = [_MACHINE / "pip.conf", home / ".pip" / "pip.conf", configured / "pip" / "pip.conf"]
    values: dict[str, str] = {}
    for place in (*places, *([Path(named)] if named else ())):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(place.read_text("utf-8"), str(place))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            # The text of the error would show the line, and with it a password.
            raise BadRequest(
                f"cannot be read ({type(error).__name__})",
                where=str(place),
                next="see `pip config debug`",
            ) from error
        for section in ("global", "install"):
            if parser.has_section(section):
                values |= dict(parser.items(section))
    others = values.get("extra-index-url", "").split()
    return _Indexes(values.get("index-url"), tuple(others))


def _uv(home: Path, variables: Mapping[str, str]) -> _Indexes:
    """uv's own file, the user's before the machine's:
    https://docs.astral.sh/uv/concepts/configuration-files/"""
    configured = Path(variables.get("XDG_CONFIG_HOME") or home / ".config")
    named = variables.get("UV_CONFIG_FILE")
    places = (
        [Path(named)] if named else [configured / "uv" / "uv.toml", _MACHINE / "uv" / "uv.toml"]
    )
    for place in places:
        try:
            content = tomllib.loads(place.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadRequest(f"cannot be read ({error})", where=str(place)) from error
        return _uv_indexes(content, variables)
    return _Indexes()


def _uv_indexes(content: Mapping[str, object], variables: Mapping[str, str]) -> _Indexes:
    first, others, logins = content.get("index-url"), content.get("extra-index-url"), []
    more: list[str] = [str(url) for url in others] if isinstance(others, list) else []
    listed = content.get("index")
    for item in listed if isinstance(listed, list) else ():
        if not isinstance(item, dict) or item.get("explicit") or "url" not in item:
            continue
        url = str(item["url"])
        if item.get("default"):
            first = url
        else:
            more.append(url)
        name = re.sub(r"[^A-Z0-9]", "_", str(item.get("name", "")).upper())
        user = variables.get(f"UV_INDEX_{name}_USERNAME")
        if name and user is not None:
            login = Login(user, variables.get(f"UV_INDEX_{name}_PASSWORD"))
            logins.append((urlsplit(url).netloc.rpartition("@")[2], login))
    return _Indexes(first if isinstance(first, str) else None, tuple(more), tuple(logins))


def _with_mirror(
    site: Site, place: Path, variables: Mapping[str, str], warn: Callable[[str], None]
) -> Site:
    """With Maven's mirror of Central and the login of its server:
    https://maven.apache.org/guides/mini/guide-mirror-settings.html"""
    if not place.is_file():
        return site
    import xml.etree.ElementTree as xml

    try:
        root = xml.fromstring(place.read_bytes())
    except (OSError, xml.ParseError) as error:
        raise BadRequest(f"cannot be read ({error})", where=str(place)) from error

    def text(element: Element, name: str) -> str:
        found = next((child for child in element if _name(child) == name), None)
        value = "" if found is None else (found.text or "").strip()
        return _ENVIRONMENT.sub(lambda match: variables.get(match[1], ""), value)

    mirror = next((m for m in _all(root, "mirror") if _of_central(text(m, "mirrorOf"))), None)
    if mirror is None or not text(mirror, "url"):
        return site
    url, name = text(mirror, "url").rstrip("/"), text(mirror, "id")
    logins = site.logins
    for server in _all(root, "server"):
        if text(server, "id") != name or not text(server, "username"):
            continue
        password: str | None = text(server, "password")
        if password is not None and re.fullmatch(r".*\{.+\}.*", password):
            warn(
                f"{place}: the password of server {name!r} is encrypted, and only Maven can read "
                "it: put it into ~/.netrc or the keyring as well"
            )
            password = None
        logins = (*logins, (urlsplit(url).netloc, Login(text(server, "username"), password)))
    return replace(site, maven_mirror=url, logins=logins)


def _all(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter() if _name(element) == name)


def _name(element: Element) -> str:
    """Without the namespace, which many files leave out."""
    return element.tag.rpartition("}")[2]


def _of_central(names: str) -> bool:
    words = [word.strip() for word in names.split(",")]
    return "!central" not in words and any(w in ("*", "central", "external:*") for w in words)
