"""Base family "official": images that the makers of a language publish, pinned by digest.

One language picks the image; the others come from the packages of the image's distribution. Tags
name that distribution ("-slim-bookworm"), since what it offers decides what can be added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from reprokit.bases import official_images as images
from reprokit.bases.versions import accepts, languages
from reprokit.engines.protocol import Engine
from reprokit.errors import InputUnavailable
from reprokit.frozen import frozen
from reprokit.model import BaseCandidate, Image, LockedBase, Reason, Runtime
from reprokit.progress import Reporter
from reprokit.site import Site

_ANSWER_WITHIN = 5.0
"""Seconds that a registry has; the debian family serves where none answers."""
_ORDER = ("python", "r", "java")
_NAME = re.compile(
    r"(?:docker\.io/)?(?:library/)?"
    r"(?P<image>python|rocker/r-ver|maven|eclipse-temurin):(?P<tag>[A-Za-z0-9_][\w.-]{0,127})"
)
_EXACT_PYTHON = re.compile(r"==\s*(3\.\d+)\.(\d+)")
_UNENDING = 999


@frozen
class _Choice:
    """An image that could be the base: which language it carries, on what distribution."""

    name: str
    language: str
    version: str
    released: str
    distribution: str

    def offers(self) -> dict[str, tuple[str, ...]]:
        return dict(images.DISTRIBUTIONS[self.distribution])


class OfficialFamily:
    """Bases from a registry."""

    name = "official"

    def candidates(
        self, runtimes: tuple[Runtime, ...], day: str | None
    ) -> tuple[BaseCandidate, ...]:
        """Images that carry one language and can add the others, best first: Python before R
        before Java; released by that day, newest first, before what came later. A project that
        names its Java gets the oldest that suits: the nearest to what it was written with."""
        if not runtimes:
            return ()
        found = []
        asked = languages(runtimes)
        for primary in (language for language in _ORDER if language in asked):
            own = tuple(r for r in runtimes if r.language == primary)
            others = tuple(r for r in runtimes if r.language != primary)
            fitting = [
                choice
                for choice in _choices(primary, own)
                if all(_offered(choice, runtime) for runtime in others)
            ]
            named = primary == "java" and any(r.specifier for r in own)
            found += _few(sorted(fitting, key=_age) if named else _ordered(fitting, day))
        return tuple(_candidate(choice, others=asked) for choice in found)

    def offer(self, runtimes: tuple[Runtime, ...]) -> str:
        """One sentence for people: which versions of these languages have official images."""
        ranges = {
            "python": f"Python {next(iter(images.PYTHON))} to {list(images.PYTHON)[-1]} (python)",
            "r": f"R {next(iter(images.R))} to {list(images.R)[-1]} (rocker/r-ver)",
            "java": f"Java {', '.join(images.JAVA)} (maven, eclipse-temurin)",
        }
        wanted = [ranges[name] for name in languages(runtimes) or _ORDER if name in ranges]
        return f"Official images from a registry: {'; '.join(wanted) or 'none of these languages'}."

    def named(self, name: str) -> BaseCandidate | None:
        """An image the user named ("python:3.11-slim"), or `None`. What a tag does not tell, such
        as the distribution of "3.11-slim", is not offered."""
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        reason = Reason(text=f"the image {name} was asked for")
        for choice in _known():
            if choice.name == f"{match['image']}:{match['tag']}":
                return _as_candidate(choice, reason)
        version = re.search(r"(?:temurin-)?(\d+(?:\.\d+)*)", match["tag"].rpartition("temurin-")[2])
        language = {"python": "python", "rocker/r-ver": "r"}.get(match["image"], "java")
        distribution = next((d for d in images.DISTRIBUTIONS if d in match["tag"]), "closed")
        return BaseCandidate(
            family="official",
            name=f"{match['image']}:{match['tag']}",
            provides={language: version[1]} if version else {},
            offers=dict(images.DISTRIBUTIONS[distribution]),
            reason=reason,
        )

    def lock(
        self, candidate: BaseCandidate, engine: Engine, site: Site, store: Path, reporter: Reporter
    ) -> LockedBase:
        """Ask the registry for the digest behind the name and pull exactly that."""
        digest = engine.registry_digest(candidate.name, timeout=_ANSWER_WITHIN)
        if digest is None:
            raise InputUnavailable(
                f"the registry has no image {candidate.name}",
                next="name another base, or use the debian family (--base debian)",
            )
        reference = f"{candidate.name}@{digest}"
        image = _pulled(reference, engine, reporter)
        platform = engine.platform()
        if image.platform.split("/")[:2] != platform.split("/")[:2]:
            # Docker pulls a lone image of another platform without a word.
            raise InputUnavailable(
                f"{candidate.name} is made for {image.platform} only, the engine runs {platform}",
                next="name another base, or use the debian family (--base debian)",
            )
        return LockedBase(
            family=self.name,
            name=candidate.name,
            reference=reference,
            config_digest=image.config_digest,
            layers=image.layers,
            registry_digest=digest,
            provides=dict(candidate.provides),
        )

    def provide(
        self, locked: LockedBase, engine: Engine, site: Site, store: Path, reporter: Reporter
    ) -> None:
        """Pull the locked digest unless the engine has it."""
        try:
            image = _pulled(locked.reference, engine, reporter)
        except InputUnavailable as error:
            raise InputUnavailable(
                error.what,
                next="the lock pins this image: reach its registry, or pin another base with "
                "`reprokit lock --upgrade --base debian`",
            ) from error
        if image.config_digest != locked.config_digest:
            raise InputUnavailable(
                f"{locked.reference} is {image.config_digest} here, not {locked.config_digest} "
                f"as locked: the image is for another platform ({image.platform})",
                next="`reprokit lock` on this machine pins a base for it",
            )


def _pulled(reference: str, engine: Engine, reporter: Reporter) -> Image:
    """The image of a reference with digest, from the engine or else the registry."""
    found = engine.image(reference)
    if found is not None:
        return found
    reporter.message(f"pulling {reference}")
    return engine.pull(reference, engine.platform(), reporter.log)


def _choices(language: str, runtimes: tuple[Runtime, ...]) -> Iterator[_Choice]:
    """Images that carry a language in a version that all these runtimes accept."""
    if language == "python":
        yield from _exact_python(runtimes)
    for choice in _known(development=any(r.development for r in runtimes)):
        if choice.language == language and all(
            accepts(runtime, _latest(choice)) for runtime in runtimes
        ):
            yield choice


def _known(*, development: bool | None = None) -> Iterator[_Choice]:
    """Every image in the table. development: whether Java comes with compiler and Maven."""
    for version, (day, releases) in images.PYTHON.items():
        for release in releases:
            name = f"python:{version}-slim-{release}"
            yield _Choice(
                name=name, language="python", version=version, released=day, distribution=release
            )
    for version, (day, distribution) in images.R.items():
        yield _Choice(
            name=f"rocker/r-ver:{version}",
            language="r",
            version=version,
            released=day,
            distribution=distribution,
        )
    for version, day in images.JAVA.items():
        for compiles in (True, False) if development is None else (development,):
            name = (
                f"maven:3.9-eclipse-temurin-{version}-noble"
                if compiles
                else f"eclipse-temurin:{version}-jre-noble"
            )
            yield _Choice(
                name=name, language="java", version=version, released=day, distribution="noble"
            )


def _exact_python(runtimes: tuple[Runtime, ...]) -> Iterator[_Choice]:
    """Images of one patch release ("==3.11.4"), on the Debian releases it was made for."""
    for runtime in runtimes:
        exact = _EXACT_PYTHON.fullmatch(runtime.specifier.strip())
        if exact is None or exact[1] not in images.PYTHON:
            continue
        version = f"{exact[1]}.{exact[2]}"
        day, releases = images.PYTHON[exact[1]]
        if all(accepts(other, version) for other in runtimes):
            for release, (first, last) in releases.items():
                if not first <= int(exact[2]) <= (_UNENDING if last is None else last):
                    continue
                yield _Choice(
                    name=f"python:{version}-slim-{release}",
                    language="python",
                    version=version,
                    released=day,
                    distribution=release,
                )


def _latest(choice: _Choice) -> str:
    """The version that the image's moving tag stands for: the last patch release on its Debian."""
    if choice.language != "python":
        return choice.version
    _, last = images.PYTHON[choice.version][1][choice.distribution]
    return f"{choice.version}.{_UNENDING if last is None else last}"


def _offered(choice: _Choice, runtime: Runtime) -> bool:
    versions = choice.offers().get(runtime.language, ())
    return any(accepts(runtime, version) for version in versions)


def _ordered(choices: list[_Choice], day: str | None) -> list[_Choice]:
    """Best first: the newest version released by the day, on the Debian release then stable."""
    stable = dict(images.DEBIAN_STABLE)

    def rank(choice: _Choice) -> tuple[int, int, int, int]:
        moment = int((day or "9999-12-31").replace("-", ""))
        version = int(choice.released.replace("-", ""))
        release = int(stable.get(choice.distribution, "2000-01-01").replace("-", ""))
        return (*_distance(version, moment), *_distance(release, moment))

    return sorted(choices, key=rank)


def _age(choice: _Choice) -> str:
    return choice.released


def _few(ordered: list[_Choice]) -> list[_Choice]:
    """The best version only, on each distribution it may rest on: a registry that answers nobody
    costs seconds for each name that is asked for."""
    return [choice for choice in ordered if choice.version == ordered[0].version]


def _distance(released: int, moment: int) -> tuple[int, int]:
    """Sorts what was there before what was not yet, and each by how near it is."""
    return (0, -released) if released <= moment else (1, released)


def _candidate(choice: _Choice, *, others: tuple[str, ...]) -> BaseCandidate:
    offers = choice.offers()
    added = [
        f"{language} {' or '.join(offers[language])}"
        for language in others
        if language != choice.language
    ]
    text = f"{choice.name} carries {choice.language} {choice.version}"
    if added:
        text += f"; its distribution ({choice.distribution}) adds {', '.join(added)}"
    return _as_candidate(choice, Reason(text=text))


def _as_candidate(choice: _Choice, reason: Reason) -> BaseCandidate:
    return BaseCandidate(
        family="official",
        name=choice.name,
        provides={choice.language: choice.version},
        offers=choice.offers(),
        reason=reason,
    )
