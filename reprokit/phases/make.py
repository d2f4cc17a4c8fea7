"""Make: what a lock names and no address offers is made again, without a network, from exactly
what the lock says it was made from."""

from __future__ import annotations

from contextlib import ExitStack

from reprokit.ecosystems.protocol import Maker
from reprokit.model import Artifact, Lock
from reprokit.phases.resolver import LazyCatalogue, LockResolver
from reprokit.powers import Powers
from reprokit.project import Project


def make(artifacts: tuple[Artifact, ...], project: Project, lock: Lock, powers: Powers) -> None:
    """Make those of the artifacts that have no URL and are not in the store. What an ecosystem
    does not say how to make is left to `fetch`, which names it.

    Raises InputUnavailable where making fails or gives other bytes than the lock names.
    """
    missing = {
        a.path for a in artifacts if a.url is None and not powers.store.holds(a.sha256, a.size)
    }
    if not missing:
        return
    with ExitStack() as stack:
        catalogue = LazyCatalogue(stack, lock.base, powers)
        resolver = LockResolver(project=project, lock=lock, powers=powers, catalogue=catalogue)
        for locked in lock.ecosystems:
            ecosystem = powers.ecosystems.get(locked.ecosystem)
            own = tuple(a for p in locked.packages for a in p.artifacts if a.path in missing)
            if own and locked.making and isinstance(ecosystem, Maker):
                ecosystem.make(locked, own, resolver)
