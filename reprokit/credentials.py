"""Who this machine is at a server that asks for a password.

Logins come from where other programs find them: the URLs of the site settings, `.netrc`, and the
keyring. They are used for a request or a resolver container and go nowhere else: what is locked,
recorded, logged or shown names servers without them.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from reprokit import process
from reprokit.errors import BadRequest

_log = logging.getLogger("reprokit.credentials")
_PATIENCE = 30.0  # seconds; a keyring may be waiting for somebody to unlock it


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and, where it is known, the password."""

    user: str
    password: str | None = field(default=None, repr=False)


def split(url: str) -> tuple[str, Login | None]:
    """A URL without its user name and password, and these."""
    parts = urlsplit(url)
    user_info, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, colon, password = user_info.partition(":")
    login = Login(unquote(user), unquote(password) if colon else None)
    return urlunsplit(parts._replace(netloc=host)), login


def joined(url: str, login: Login | None) -> str:
    """A URL with a user name and password, for programs that take them no other way."""
    if login is None:
        return url
    parts = urlsplit(url)
    user_info = quote(login.user, safe="")
    if login.password is not None:
        user_info += f":{quote(login.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{user_info}@{parts.netloc}"))


def netrc_line(url: str, login: Login, *, apt: bool = False) -> str:
    """The line of a .netrc for a server, or (`apt`) of apt's auth.conf, which knows ports and
    sends a login over plain http only where the scheme is named."""
    parts = urlsplit(url)
    server = parts.hostname or ""
    if apt:
        server = ("http://" if parts.scheme == "http" else "") + parts.netloc
    return f"machine {server} login {login.user} password {login.password}\n"


class Credentials:
    """The logins of one command; each source is asked once."""

    def __init__(self, given: Iterable[tuple[str, Login]] = ()) -> None:
        """given: what the site settings say, by "host" or "host:port"."""
        self._given = dict(given)
        self._found: dict[str, Login | None] = {}
        self._asking = threading.Lock()
        self._netrc: _Netrc | None = None

    def known(self, url: str) -> Login | None:
        """The whole login for a server, without asking the keyring."""
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        found = self._found.get(place) or self._given.get(place)
        if found is not None and found.password is not None:
            return found
        if self._netrc is None:
            self._netrc = _Netrc(_netrc_file())
        stored = self._netrc.login(parts.hostname or "")
        return stored if found is None or (stored and stored.user == found.user) else None

    def asked(self, url: str) -> Login | None:
        """The whole login for a server that wants one: if need be from the keyring."""
        place = urlsplit(url).netloc.rpartition("@")[2]
        with self._asking:
            known = self.known(url)
            if known is None and place not in self._found:
                given = self._given.get(place)
                found = _from_keyring(split(url)[0], given.user if given else None)
                # A user name alone may be all there is: some servers take a token for it.
                self._found[place] = found or (Login(given.user, "") if given else None)
                known = self._found[place]
        return known


class _Netrc:
    """A .netrc, in which other programs' entries need not concern us."""

    def __init__(self, path: Path | None) -> None:
        self._hosts: Mapping[str, tuple[str, str | None, str | None]] = {}
        if path is None:
            return
        import netrc

        try:
            self._hosts = netrc.netrc(str(path)).hosts
        except netrc.NetrcParseError as error:
            raise BadRequest(
                f"is not a valid .netrc: {error.msg}",
                where=f"{path}:{error.lineno}" if error.lineno else str(path),
                next="write `machine HOST login USER password PASSWORD`, readable for you alone",
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise BadRequest(f"cannot be read: {error}", where=str(path)) from error

    def login(self, host: str) -> Login | None:
        # A "default" entry is for anonymous FTP; sent to every server it would be a leak.
        entry = self._hosts.get(host) if host != "default" else None
        return Login(entry[0], entry[2]) if entry is not None and entry[2] else None


def _netrc_file() -> Path | None:
    named = os.environ.get("NETRC")
    places = [Path(named)] if named else [Path.home() / name for name in (".netrc", "_netrc")]
    return next((place for place in places if place.is_file()), None)


def _from_keyring(url: str, user: str | None) -> Login | None:
    """What the `keyring` command has for a URL or, as pip stores it, for the host alone."""
    if shutil.which("keyring") is None:
        return None
    for service in (url, urlsplit(url).netloc):
        mode = ("get", service, user) if user else ("--mode", "creds", "get", service)
        try:
            done = process.run(("keyring", *mode), timeout=_PATIENCE)
        except process.ProcessFailed as error:
            _log.debug("the keyring has nothing for %s (%s)", service, error.completed.returncode)
            continue
        lines = done.stdout.splitlines()
        if user and lines and lines[0]:
            return Login(user, lines[0])
        if not user and len(lines) >= 2:
            return Login(lines[0], lines[1])
    return None
