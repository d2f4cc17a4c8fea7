"""HTTP as this machine reaches the world: the site's certificates and proxies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reprokit.errors import InputUnavailable
from reprokit.process import redacted
from reprokit.site import Site, trusted_bundle

if TYPE_CHECKING:
    import requests

_CONNECTIONS = 6
_CHUNK = 256 * 1024
_LOCAL = ("localhost", "127.0.0.1", "::1")


def session(site: Site) -> requests.Session:
    """An HTTP session that trusts the site's certificates and uses its proxies."""
    import requests
    from requests.adapters import HTTPAdapter
    from requests.utils import should_bypass_proxies

    # A site names proxies as the environment does ("https_proxy"), requests by the scheme alone.
    named = {name.lower().removesuffix("_proxy"): url for name, url in site.proxies}
    directly = named.pop("no", None)

    class Session(requests.Session):
        """requests applies a session's proxies also to hosts that need none."""

        def merge_environment_settings(
            self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
        ) -> Any:
            local = urlsplit(url).hostname in _LOCAL
            if local or should_bypass_proxies(url, no_proxy=directly):
                proxies = dict.fromkeys((*self.proxies, "http", "https", "all"))
            return super().merge_environment_settings(url, proxies, stream, verify, cert)

    made = Session()
    made.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
    made.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
    bundle = trusted_bundle(site)
    if bundle is not None:
        made.verify = str(bundle)
    made.proxies.update(named)
    return made


def bounded(answer: requests.Response, limit: int, where: str) -> bytes:
    """The body of an answer. Raises InputUnavailable where it has more than `limit` bytes."""
    return b"".join(chunks(answer, limit, where))


def chunks(answer: requests.Response, limit: int, where: str) -> Iterator[bytes]:
    """The same, piece by piece."""
    left = limit
    for chunk in answer.iter_content(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise InputUnavailable(f"the answer has more than {limit} bytes", where=redacted(where))
        yield chunk


def plain_reason(error: Exception) -> str:
    """What a failed request says, in a line and without credentials."""
    reason = getattr(error, "args", None) or (type(error).__name__,)
    return redacted(str(reason[0]))[:300]
