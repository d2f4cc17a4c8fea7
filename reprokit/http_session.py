"""HTTP as this site does it: its proxies, certificates and logins, and nothing else.

`requests` lets environment variables win over what a session was told, ignores a session's
`no_proxy`, and sends .netrc's "default" entry to every server. So none of that is left to it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import select_proxy

from reprokit.credentials import Credentials, Login
from reprokit.site import Site, trusted_bundle
from reprokit.version import __version__


class SiteSession(requests.Session):
    """A session that several threads may use at once. `parallel`: how many."""

    def __init__(self, site: Site, *, parallel: int = 1) -> None:
        super().__init__()
        self.trust_env = False
        self.credentials = Credentials(site.logins)
        self._proxies = {n.lower().removesuffix("_proxy"): url for n, url in site.proxies}
        bundle = trusted_bundle(site)
        self._bundle = True if bundle is None else str(bundle)
        # Bytes as they are: some servers call a .tar.gz compressed text and would unpack it.
        self.headers.update(
            {"User-Agent": f"reprokit/{__version__}", "Accept-Encoding": "identity"}
        )
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(pool_maxsize=parallel))

    def ask(
        self,
        url: str,
        *,
        timeout: float | tuple[float, float],
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> requests.Response:
        """The beginning of an answer, to be closed by the caller; its content is read as a stream.

        A server that wants a login and knows none of those at hand is asked again with what the
        keyring has. Raises requests.RequestException.
        """

        def once(login: Login | None) -> requests.Response:
            auth = None if login is None else _basic(login)
            return self.request(
                method, url, headers=headers, timeout=timeout, stream=True, auth=auth
            )

        answer = once(self.credentials.known(url))
        if answer.status_code != 401 or "Authorization" in answer.request.headers:
            return answer
        login = self.credentials.asked(answer.url)
        if login is None:
            return answer
        answer.close()
        return once(self.credentials.known(url))

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        return {
            "proxies": self._proxies_for(str(url)),
            "stream": stream,
            "verify": self._bundle,
            "cert": cert,
        }

    def rebuild_proxies(self, prepared_request: Any, proxies: Any) -> Any:
        """Where a redirection leads, other proxies may count."""
        return super().rebuild_proxies(  # type: ignore[no-untyped-call]
            prepared_request, self._proxies_for(prepared_request.url)
        )

    def rebuild_auth(self, prepared_request: Any, response: Any) -> None:
        """A login goes to its own server only; the one that is led to may have another."""
        prepared_request.headers.pop("Authorization", None)
        login = self.credentials.known(prepared_request.url)
        if login is not None:
            prepared_request.prepare_auth(_basic(login))

    def proxy_for(self, url: str) -> str | None:
        """The proxy on the way to a server, with its login if it has one."""
        return select_proxy(url, self._proxies_for(url))

    def _proxies_for(self, url: str) -> dict[str, str]:
        if _is_direct(url, self._proxies.get("no", "")):
            return {}
        return {name: proxy for name, proxy in self._proxies.items() if name != "no"}


def _is_direct(url: str, no_proxy: str) -> bool:
    """Whether a server is among the names, domains, addresses and networks of `no_proxy`."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    for entry in no_proxy.lower().replace(",", " ").split():
        name = entry.removeprefix("*").removeprefix(".")
        if entry == "*" or f".{host}".endswith(f".{name}") or parts.netloc.lower() == name:
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue  # a name is no address
    return False


def _basic(login: Login) -> HTTPBasicAuth:
    # requests would write a name or password that is no Latin-1 in a way of its own.
    return HTTPBasicAuth(login.user.encode(), (login.password or "").encode())
