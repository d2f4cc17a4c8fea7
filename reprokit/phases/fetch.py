"""Fetch: bring exactly what the lock names into the store, several files at a time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit.errors import InputUnavailable
from reprokit.model import Artifact
from reprokit.process import redacted
from reprokit.progress import Reporter
from reprokit.site import Site, mirrored_url, trusted_bundle
from reprokit.store import Store

if TYPE_CHECKING:
    import requests

PARALLEL = 6
ATTEMPTS = 4
TIMEOUT = (10, 60)  # seconds to connect, and between two bytes


def fetch(artifacts: tuple[Artifact, ...], store: Store, site: Site, reporter: Reporter) -> int:
    """Make the store hold every artifact; returns the bytes that had to be downloaded.

    Raises InputUnavailable that names the first file that cannot be had.
    """
    missing = [a for a in artifacts if not store.holds(a.sha256)]
    for artifact in missing:
        if artifact.url is None:
            raise InputUnavailable(
                f"{artifact.path} was made when the lock was written, and this store lacks it",
                next="`reprokit run` builds it again where the lock says from what; else run "
                "`reprokit lock --upgrade`, or use an export that includes vendor/",
            )
    if not missing:
        return 0
    total = sum(a.size for a in missing)
    reporter.message(f"{len(missing)} files, {total / 1e6:.1f} MB")
    download = Download(store, site, reporter, total)
    with ThreadPoolExecutor(PARALLEL) as pool:
        jobs = [pool.submit(download.artifact, a) for a in missing]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            download.stopped.set()
            pool.shutdown(cancel_futures=True)
            raise
    return total


class Download:
    """Downloads into one store over one session; counts what has arrived."""

    def __init__(self, store: Store, site: Site, reporter: Reporter, total: int | None) -> None:
        self.store = store
        self.site = site
        self.reporter = reporter
        self.total = total
        self.stopped = threading.Event()
        self._done = 0
        self._counting = threading.Lock()
        self._session = session(site)

    def artifact(self, artifact: Artifact) -> None:
        """Fetch one artifact and check it."""
        assert artifact.url is not None
        digest, size = self.file(mirrored_url(artifact.url, self.site))
        if digest != artifact.sha256:
            raise InputUnavailable(
                f"the file offered now is not the one that was locked: {size} bytes, {digest} "
                f"instead of {artifact.size} bytes, {artifact.sha256}",
                where=redacted(artifact.url),
                next="run `reprokit lock --upgrade` if you trust the new file",
            )

    def file(self, url: str) -> tuple[str, int]:
        """Fetch a URL into the store; its digest and size. Resumes what broke off."""
        with self.store.receiving() as temporary:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    self._receive(url, temporary)
                    break
                except _Again as again:
                    if attempt == ATTEMPTS or self.stopped.is_set():
                        raise InputUnavailable(
                            f"cannot be downloaded: {again}",
                            where=redacted(url),
                            next="check the network, or the mirrors in site.toml "
                            "(see `reprokit doctor`)",
                        ) from again
                    time.sleep(0.5 * 2**attempt)
            size = temporary.stat().st_size
            return self.store.take(temporary), size

    def _receive(self, url: str, temporary: Path) -> None:
        import requests

        have = temporary.stat().st_size
        headers = {"Range": f"bytes={have}-"} if have else {}
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT, headers=headers) as answer:
                if answer.status_code in (429, 500, 502, 503, 504):
                    raise _Again(f"{answer.status_code} {answer.reason}")
                if answer.status_code >= 400:
                    raise InputUnavailable(
                        f"cannot be downloaded: {answer.status_code} {answer.reason}",
                        where=redacted(url),
                    )
                resumed = answer.status_code == 206
                with temporary.open("ab" if resumed else "wb") as file:
                    for block in answer.iter_content(256 * 1024):
                        file.write(block)
                        self._count(len(block))
        except requests.RequestException as error:
            raise _Again(_plain(error)) from error

    def _count(self, size: int) -> None:
        if self.stopped.is_set():
            raise InputUnavailable("stopped")
        with self._counting:
            self._done += size
            self.reporter.advance(self._done, self.total)


class _Again(Exception):
    """Something that may go better next time."""


def _plain(error: Exception) -> str:
    reason = getattr(error, "args", [error])
    text = str(reason[0]) if reason else type(error).__name__
    return redacted(text)[:300]


def session(site: Site) -> requests.Session:
    """An HTTP session that trusts the site's certificates and uses its proxies."""
    import requests
    from requests.adapters import HTTPAdapter

    made = requests.Session()
    made.mount("https://", HTTPAdapter(pool_maxsize=PARALLEL))
    made.mount("http://", HTTPAdapter(pool_maxsize=PARALLEL))
    bundle = trusted_bundle(site)
    if bundle is not None:
        made.verify = str(bundle)
    # A site names proxies as the environment does ("https_proxy"), requests by the scheme alone.
    made.proxies.update({name.lower().removesuffix("_proxy"): url for name, url in site.proxies})
    return made
