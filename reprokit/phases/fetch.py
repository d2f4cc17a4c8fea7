"""Fetch: bring exactly what the lock names into the store, several files at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from reprokit.download import PARALLEL, Download
from reprokit.errors import InputUnavailable
from reprokit.model import Artifact
from reprokit.progress import Reporter
from reprokit.site import Site
from reprokit.store import Store, StoredFileDamaged

_T = TypeVar("_T")


def fetch(artifacts: tuple[Artifact, ...], store: Store, site: Site, reporter: Reporter) -> int:
    """Make the store hold every artifact; returns the bytes that had to be downloaded.

    Raises InputUnavailable that names the first file that cannot be had.
    """
    by_digest = {a.sha256: a for a in artifacts if not store.holds(a.sha256, a.size)}
    missing = tuple(by_digest.values())
    for artifact in missing:
        if artifact.url is None:
            raise InputUnavailable(
                f"{artifact.path} was made when the lock was written, and this store lacks it",
                next="`reprokit run` builds it again where the lock says from what; else run "
                "`reprokit lock --upgrade`, or use an export that includes vendor/",
            )
    if not missing:
        return 0
    store.sweep()
    total = sum(a.size for a in missing)
    reporter.message(f"{len(missing)} files, {total / 1e6:.1f} MB")
    download = Download(store, site, reporter, total=total, files=len(missing))
    _all(missing, download)
    return total


def using(bring: Callable[[], object], reporter: Reporter, work: Callable[[], _T]) -> _T:
    """Do some work with files of the store after `bring` has put them there. What turns out to be
    damaged when it is read is brought again, once, and the work done again."""
    bring()
    try:
        return work()
    except StoredFileDamaged as damaged:
        reporter.warning(f"{damaged.where}: {damaged.what}; it is brought again")
        bring()
        return work()


def _all(artifacts: tuple[Artifact, ...], download: Download) -> None:
    """Download in threads that nobody waits for once something went wrong: a server that says
    nothing for a minute would hold up the end of a command that the user has stopped."""
    waiting: queue.SimpleQueue[Artifact] = queue.SimpleQueue()
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    for artifact in artifacts:
        waiting.put(artifact)

    def work() -> None:
        while not download.stopped.is_set():
            try:
                artifact = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                download.artifact(artifact)
                ended.put(None)
            except BaseException as error:
                ended.put(error)

    for _ in range(min(PARALLEL, len(artifacts))):
        threading.Thread(target=work, daemon=True).start()
    try:
        for _ in artifacts:
            error = ended.get()
            if error is not None:
                raise error
    finally:
        download.stopped.set()
