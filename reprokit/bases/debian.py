"""Base families "debian" and "ubuntu": minimal systems made here, from the distribution's packages.

No registry is needed and no image of unknown origin is used. What a suite lacks is never replaced
by something else: `candidates` is empty then.
"""

from __future__ import annotations

import time
from pathlib import Path

from reprokit import lock_file
from reprokit.bases.distributions import DISTRIBUTIONS, Distribution, Suite
from reprokit.bases.versions import languages, suits
from reprokit.engines.protocol import Engine
from reprokit.errors import InputUnavailable
from reprokit.model import BaseCandidate, LockedBase, Reason, Runtime
from reprokit.progress import Reporter
from reprokit.site import Site


class DebianFamily:
    """Bases of one distribution, made with mmdebstrap."""

    def __init__(self, name: str = "debian") -> None:
        self.name = name
        self.distribution: Distribution = DISTRIBUTIONS[name]

    def candidates(
        self, runtimes: tuple[Runtime, ...], day: str | None
    ) -> tuple[BaseCandidate, ...]:
        """The suites that have all languages: those stable by that day, newest first, then those
        that came later, soonest first. Without a day: the distribution's default, then newer, then
        older."""
        suites = self.distribution.suites
        fitting = [suite for suite in suites if all(_satisfies(suite, r) for r in runtimes)]
        if day is None:
            start = next(s.stable for s in suites if s.name == self.distribution.default)
            ordered = [s for s in fitting if s.stable >= start]
            ordered += [s for s in reversed(fitting) if s.stable < start]
        else:
            ordered = [s for s in reversed(fitting) if s.stable <= day]
            ordered += [s for s in fitting if s.stable > day]
        title = self.distribution.title
        return tuple(
            _candidate(self.name, suite, _why(title, suite, runtimes, day)) for suite in ordered
        )

    def offer(self, runtimes: tuple[Runtime, ...]) -> str:
        """One sentence for people: which versions of these languages there are, and in what."""
        wanted = languages(runtimes) or ("python", "r", "java")
        parts = []
        for suite in self.distribution.suites:
            has = [
                f"{_TITLES.get(language, language)} {' and '.join(suite.offers[language])}"
                for language in wanted
                if language in suite.offers
            ]
            parts.append(f"{suite.name} ({', '.join(has) or 'none of these languages'})")
        return (
            f"{self.distribution.title}'s own packages, without any registry: {'; '.join(parts)}."
        )

    def named(self, name: str) -> BaseCandidate | None:
        """The suite the user named ("bookworm" or "debian:bookworm"), or `None`."""
        wanted = name.removeprefix(f"{self.name}:")
        for suite in self.distribution.suites:
            if suite.name == wanted:
                why = f"{self.distribution.title} {suite.name} was asked for"
                return _candidate(self.name, suite, why)
        return None

    def lock(
        self, candidate: BaseCandidate, engine: Engine, site: Site, store: Path, reporter: Reporter
    ) -> LockedBase:
        """Make the base, or take the one in `store` while the archive is the same, and load it."""
        from reprokit.bases import debian_store

        architecture = debian_store.architecture(engine.information().platform)
        with debian_store.locked(store, candidate.name, architecture):
            locked = debian_store.current(
                candidate, architecture, site, store, reporter, now=time.time()
            )
        debian_store.load(locked, engine, store)
        return locked

    def provide(
        self, locked: LockedBase, engine: Engine, site: Site, store: Path, reporter: Reporter
    ) -> None:
        """Make sure that the engine holds exactly this base: from the engine itself, the archive
        in `store`, or made again from exactly the locked packages."""
        from reprokit.bases import debian_store, trust

        trust.refuse_foreign(locked, lock_file.NAME)
        if debian_store.held(locked, engine):
            return
        if not debian_store.archive_path(locked, store).is_file():
            architecture = str(locked.settings["architecture"])
            if debian_store.architecture(engine.information().platform) != architecture:
                raise InputUnavailable(
                    f"the lock's base is for {architecture}, the engine runs "
                    f"{engine.information().platform}",
                    next="`reprokit lock` on this machine pins a base for it",
                )
            with debian_store.locked(store, locked.name, architecture):
                debian_store.rebuild(locked, site, store, reporter)
        debian_store.load(locked, engine, store)


_TITLES = {"python": "Python", "r": "R", "java": "Java"}


def _satisfies(suite: Suite, runtime: Runtime) -> bool:
    versions = suite.offers.get(runtime.language, ())
    return any(suits(runtime, suite.exact.get(version, version)) for version in versions)


def _candidate(family: str, suite: Suite, why: str) -> BaseCandidate:
    return BaseCandidate(
        family=family,
        name=suite.name,
        provides={},
        offers=dict(suite.offers),
        reason=Reason(text=why),
    )


def _why(title: str, suite: Suite, runtimes: tuple[Runtime, ...], day: str | None) -> str:
    has = ", ".join(
        f"{_TITLES.get(language, language)} {' and '.join(suite.offers[language])}"
        for language in languages(runtimes)
    )
    what = f"{title} {suite.name} has {has}" if has else f"{title} {suite.name}"
    if day is None:
        return what
    if suite.stable <= day:
        return f"{what} and was stable on {day} (since {suite.stable})"
    return f"{what}, the nearest release to {day} that fits (stable since {suite.stable})"
