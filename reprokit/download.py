"""One file after the other from servers that break off, refuse, stall or have something else."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reprokit import files
from reprokit.errors import InputUnavailable, Interrupted
from reprokit.history import wording
from reprokit.mirrors import addresses
from reprokit.model import Artifact
from reprokit.printable import redacted
from reprokit.progress import Reporter
from reprokit.site import Site
from reprokit.store import Store

if TYPE_CHECKING:
    import requests

PARALLEL = 6
ATTEMPTS = 4
"""How often in a row a file may fail without bringing a megabyte of it."""
TIMEOUT = (10, 60)
"""Seconds to connect, and without a byte."""
SLOWEST = 256
"""Bytes a second, over a minute, below which a server counts as stuck."""
LONGEST_PAUSE = 30.0
"""Seconds before the next attempt, whatever a server asks for."""
_BLOCK = 256 * 1024
_ENOUGH = 1_000_000
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_TELLING = 0.2  # seconds between two words about what is going on
_STOPPED = Interrupted("stopped")
_NEXT = "check the network, or the mirrors in site.toml (see `reprokit doctor`)"


class Download:
    """Downloads into one store over one session; counts what has arrived.

    total: bytes that are to come, `None` where that is not known. files: how many.
    """

    def __init__(
        self,
        store: Store,
        site: Site,
        reporter: Reporter,
        *,
        total: int | None = None,
        files: int = 1,
    ) -> None:
        from reprokit.http_session import SiteSession

        self.stopped = threading.Event()
        self._store, self._site = store, site
        self._session = SiteSession(site, parallel=PARALLEL)
        self._progress = _Progress(reporter, total, files)

    def artifact(self, artifact: Artifact) -> None:
        """Fetch a file that the lock names from the first of its addresses that has it."""
        assert artifact.url is not None
        name = artifact.path.rpartition("/")[2]
        problems = []
        with self._store.resuming(
            artifact.sha256, artifact.size, lambda: self._wait(name)
        ) as partial:
            if partial is None:
                self._progress.complete(artifact.sha256, artifact.size)
                return
            job = _Job(artifact.sha256, name, partial, artifact.size)
            for url in addresses(artifact.url, self._site, self._session):
                try:
                    self._receive_locked(url, job, artifact.sha256)
                except InputUnavailable as error:
                    problems.append(error)
                    continue
                self._store.take(partial)
                self._progress.complete(artifact.sha256, artifact.size)
                return
        raise _together(problems)

    def file(self, url: str) -> tuple[str, int]:
        """Fetch a file of which nothing is known yet into the store; its digest and size."""
        problems = []
        name = url.partition("?")[0].rpartition("/")[2]
        for address in addresses(url, self._site, self._session):
            with self._store.receiving() as temporary:
                try:
                    self._receive(address, _Job(url, name, temporary, None))
                except InputUnavailable as error:
                    problems.append(error)
                    continue
                size = temporary.stat().st_size
                return self._store.take(temporary), size
        raise _together(problems)

    def _wait(self, name: str) -> None:
        if self.stopped.is_set():
            raise _STOPPED
        self._progress.say(f"another process is downloading {name}")

    def _receive_locked(self, url: str, job: _Job, sha256: str) -> None:
        """Complete a partial file with the locked bytes. Raises InputUnavailable for others."""
        self._receive(url, job)
        digest = files.sha256(job.partial)
        if digest != sha256 and job.in_pieces:
            # The first of them may belong to something else.
            job.cut(0)
            self._receive(url, job)
            digest = files.sha256(job.partial)
        if digest == sha256:
            return
        size, wanted = job.have(), job.size or 0
        job.cut(0)
        raise InputUnavailable(
            "the file offered now is not the one that was locked: "
            f"{'more than ' if size > wanted else ''}{size} bytes, {digest} "
            f"instead of {wanted} bytes, {sha256}",
            where=redacted(url),
            next="run `reprokit lock --upgrade` if you trust the new file",
        )

    def _receive(self, url: str, job: _Job) -> None:
        """Bring a file to its end, in as many pieces as the server makes of it."""
        failures = 0
        while True:
            before = job.have()
            try:
                self._receive_piece(url, job)
                return
            except _Again as again:
                failures = 0 if job.have() - before >= _ENOUGH else failures + 1
                if failures >= ATTEMPTS:
                    raise InputUnavailable(
                        f"cannot be downloaded: {again}", where=redacted(url), next=_NEXT
                    ) from again
                self._progress.say(f"{redacted(url)}: {again}; trying again")
                pause = again.pause if again.pause is not None else 0.5 * 2**failures
                if self.stopped.wait(min(pause, LONGEST_PAUSE)):
                    raise _STOPPED from again

    def _receive_piece(self, url: str, job: _Job) -> None:
        """Ask once, for what is missing, and write what comes."""
        import requests
        import urllib3

        if job.size is None and job.validator is None:
            job.cut(0)  # nobody could tell whether it is still the same file
        have = job.have()
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and job.validator is not None:
            headers["If-Range"] = job.validator
        try:
            with self._session.ask(url, timeout=TIMEOUT, headers=headers) as answer:
                start = _start(url, answer, job)
                job.validator = _validator(answer)
                self._write(answer, job, start)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _Again(_plain(error)) from error
        # Where a length was promised, an early end is an error of its own.
        if "Content-Length" not in answer.headers and job.have() < (job.size or 0):
            raise _Again("the server ended it early")

    def _write(self, answer: requests.Response, job: _Job, start: int) -> None:
        job.cut(start)
        size = start
        with job.partial.open("ab") as file:
            for block in _blocks(answer):
                if self.stopped.is_set():
                    raise _STOPPED
                file.write(block)
                size += len(block)
                self._progress.arrived(job, len(block), size)
                if job.size is not None and size > job.size:
                    return  # not the locked file, however much more comes


@dataclass(slots=True)
class _Job:
    """A file on its way. size: bytes, where the lock says so. validator: what the server calls
    the version that the bytes so far belong to. in_pieces: more than one answer made it up."""

    key: str
    name: str
    partial: Path
    size: int | None
    validator: str | None = None
    in_pieces: bool = False

    def have(self) -> int:
        return self.partial.stat().st_size

    def cut(self, size: int) -> None:
        if self.have() != size:
            os.truncate(self.partial, size)


class _Again(Exception):
    """Something that may go better next time, after `pause` seconds where the server says so."""

    def __init__(self, text: str, pause: float | None = None) -> None:
        super().__init__(text)
        self.pause = pause


class _Progress:
    """Adds up what all threads receive, and tells it a few times a second."""

    def __init__(self, reporter: Reporter, total: int | None, files: int) -> None:
        self._reporter, self._total, self._files = reporter, total, files
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._complete = self._received = 0
        self._started, self._told = time.monotonic(), 0.0

    def arrived(self, job: _Job, gained: int, size: int) -> None:
        """A file has `size` bytes now, `gained` of them new."""
        with self._lock:
            self._received += gained
            self._sizes[job.key] = size
            now = time.monotonic()
            if now - self._told >= _TELLING:
                self._told = now
                rate = wording.size(int(self._received / max(now - self._started, _TELLING)))
                count = f"{self._complete} of {self._files} files, " if self._files > 1 else ""
                self._reporter.log(f"{rate}/s, {count}{job.name}")
            self._reporter.advance(sum(self._sizes.values()), self._total)

    def complete(self, key: str, size: int) -> None:
        """A file is there."""
        with self._lock:
            self._complete += 1
            self._sizes[key] = size
            self._reporter.advance(sum(self._sizes.values()), self._total)

    def say(self, text: str) -> None:
        """What is going on where nothing arrives."""
        with self._lock:
            self._reporter.log(text)


def _start(url: str, answer: requests.Response, job: _Job) -> int:
    """Where in the file the answer's bytes belong. Raises what its status means."""
    status = f"{answer.status_code} {answer.reason}"
    if answer.status_code == 416:
        job.cut(0)
        raise _Again(status)
    if answer.status_code in _PASSING:
        raise _Again(status, _pause(answer))
    if answer.status_code in (401, 407):
        who = "the proxy" if answer.status_code == 407 else "the server"
        raise InputUnavailable(
            f"cannot be downloaded: {who} wants a user name and password ({status})",
            where=redacted(url),
            next="put a server's into ~/.netrc or the keyring, a proxy's into its URL",
        )
    if answer.status_code >= 300:
        raise InputUnavailable(f"cannot be downloaded: {status}", where=redacted(url))
    if answer.status_code != 206:
        return 0
    if not answer.headers.get("Content-Range", "").startswith(f"bytes {job.have()}-"):
        job.cut(0)
        raise _Again("the server sent another part of the file than was asked for")
    job.in_pieces = True
    return job.have()


def _blocks(answer: requests.Response) -> Iterator[bytes]:
    """What arrives, as it arrives: a server that sends a byte now and then is stuck."""
    began, brought = time.monotonic(), 0
    while block := answer.raw.read1(_BLOCK):
        yield block
        brought += len(block)
        now = time.monotonic()
        if now - began >= TIMEOUT[1]:
            if brought < SLOWEST * TIMEOUT[1]:
                raise _Again(f"only {brought} bytes came in {TIMEOUT[1]} seconds")
            began, brought = now, 0


def _validator(answer: requests.Response) -> str | None:
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else None


def _pause(answer: requests.Response) -> float | None:
    try:
        return max(0.0, float(answer.headers.get("Retry-After", "")))
    except ValueError:
        return None  # absent, or a date


def _together(problems: Sequence[InputUnavailable]) -> InputUnavailable:
    """One error for all addresses that were tried."""
    if len(problems) == 1:
        return problems[0]
    told = "".join(f"\n    {problem.where}: {problem.what}" for problem in problems)
    hint = next((problem.next for problem in problems if problem.next is not None), None)
    return InputUnavailable(f"cannot be had from any of its addresses:{told}", next=hint)


def _plain(error: Exception) -> str:
    reason = getattr(error, "args", None) or [type(error).__name__]
    return redacted(str(reason[0]))[:300]
