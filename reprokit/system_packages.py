"""Packages of the distribution: which there are, and which files they are.

apt itself decides, in a container of the pinned base: it knows the archive's signatures, virtual
packages and dependencies. What comes out names every .deb by URL and SHA-256, so the build needs
neither apt's lists nor a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reprokit.apt_output import (
    Offer,
    cannot_install,
    failed_fetch,
    locked_package,
    parse_policy,
    parse_uris,
    place,
    selected,
)
from reprokit.engines.protocol import Container
from reprokit.errors import InputUnavailable
from reprokit.model import LockedPackage, Reason, SystemPackage
from reprokit.quoting import DEBIAN_PACKAGE, DEBIAN_VERSION, checked_name
from reprokit.site import Site, apt_options, resolver_environment
from reprokit.system_install import BUILD_FOLDER, FOLDER

_SILENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
_CHUNK = 500
_DEBIAN = r"(deb|security)\.debian\.org/"
_UBUNTU = r"(archive|security)\.ubuntu\.com/ubuntu"
_UPDATED = "/var/lib/apt/reprokit-lists-are-here"
"""Marks a container whose lists are fetched: several catalogues may look at one container."""


@dataclass(slots=True)
class AptCatalogue:
    """What the distribution of a running container offers; apt's lists are fetched once.

    The container needs a network and root (`privileged_setup`), since apt fetches as user _apt.
    """

    container: Container
    site: Site = field(default_factory=Site)
    _ready: bool = False
    _known: dict[str, str | None] = field(default_factory=dict)

    def versions(self, names: Iterable[str]) -> Mapping[str, str]:
        """The candidate version of each package that exists; names it lacks are left out, and so
        are purely virtual ones, which have no version of their own."""
        wanted = sorted(set(names))
        asked = [n for n in wanted if n not in self._known and DEBIAN_PACKAGE.fullmatch(n)]
        self._known.update(dict.fromkeys(asked))
        for start in range(0, len(asked), _CHUNK):
            text = self._apt(("apt-cache", "policy", *asked[start : start + _CHUNK]))
            self._known.update(parse_policy(text))
        found = ((name, self._known.get(name)) for name in wanted)
        return {name: version for name, version in found if version is not None}

    def resolve(
        self,
        names: Iterable[str],
        *,
        reasons: Mapping[str, Reason] | None = None,
        after: Sequence[LockedPackage] = (),
        folder: str = FOLDER,
    ) -> tuple[LockedPackage, ...]:
        """Everything that installing some packages would add to this base, sorted by name.

        names: "r-base-core", or with an exact version "r-base-core=4.2.2.20221110-2".
        reasons: who asked for each name, for the error message.
        after: packages that will already be installed; they are left out of the result and keep
            their versions. folder: the folder below vendor/ that the .debs are put in.
        Raises BadRequest for what is no package name, InputUnavailable for what does not exist or
        cannot be installed together.
        """
        reasons = reasons or {}
        wanted = tuple(sorted({_checked(name, reasons) for name in names}))
        if not wanted:
            return ()
        pinned = tuple(f"{package.name}={package.version}" for package in after)
        printed = self._print_uris((*wanted, *pinned), reasons)
        offers = [self._hashed(offer) for offer in parse_uris(printed)]
        asked = {name.partition("=")[0] for name in wanted}
        asked |= {real for virtual, real in selected(printed) if virtual in asked}
        there = {(package.name, package.version) for package in after}
        return tuple(
            locked_package(offer, self.site, folder=folder, requested=offer.name in asked)
            for offer in sorted(offers, key=lambda offer: (offer.name, offer.file))
            if (offer.name, offer.version) not in there
        )

    def _print_uris(self, names: tuple[str, ...], reasons: Mapping[str, Reason]) -> str:
        command = (
            *("apt-get", *apt_options(self.site), "-o", "Acquire::ForceHash=sha256"),
            # Without a cache of its own apt leaves out what happens to be downloaded already.
            *("-o", "Dir::Cache::archives=/tmp/reprokit-no-cache/"),
            *("--print-uris", "-y", "-q", "--no-install-recommends", "install", *names),
        )
        self._prepare()
        done = self.container.execute(command, environment=self._environment(), user="0:0")
        if done.code != 0:
            said = (done.stdout + done.stderr).decode("utf-8", "replace")
            raise cannot_install(said, names, reasons)
        return done.stdout.decode("utf-8", "replace")

    def _hashed(self, offer: Offer) -> Offer:
        """The offer with a SHA-256: apt prints another hash where an archive puts that first."""
        if offer.sha256 is not None:
            return offer
        text = self._apt(("apt-cache", "show", f"{offer.name}={offer.version}"))
        found = re.search(r"^SHA256: ([0-9a-f]{64})$", text, re.MULTILINE)
        if found is None:
            raise InputUnavailable(
                f"the archive gives no SHA-256 for {offer.name} {offer.version}", where=offer.url
            )
        return Offer(
            offer.name, offer.version, offer.file, offer.url, offer.size, f"sha256:{found[1]}"
        )

    def _apt(self, argv: tuple[str, ...]) -> str:
        self._prepare()
        done = self.container.execute(argv, environment=self._environment(), user="0:0")
        return done.stdout.decode("utf-8", "replace")

    def _environment(self) -> dict[str, str]:
        return {**resolver_environment(self.site), **_SILENT}

    def _prepare(self) -> None:
        if self._ready:
            return
        marker = ("test", "-e", _UPDATED)
        if self.container.execute(marker).code == 0:
            self._ready = True
            return
        for command in (*mirror_commands(self.site), _update(self.site), ("touch", _UPDATED)):
            done = self.container.execute(command, environment=self._environment(), user="0:0")
            if done.code != 0:
                url, why = failed_fetch(done.stderr.decode("utf-8", "replace"))
                raise InputUnavailable(
                    f"the distribution's package lists cannot be fetched: {why}",
                    where=url or " ".join(command),
                    next="check the network, the proxy and the mirrors in site.toml "
                    "(`reprokit doctor`)",
                )
        self._ready = True


def resolve_sets(
    container: Container, wanted: Iterable[SystemPackage], *, site: Site | None = None
) -> tuple[tuple[LockedPackage, ...], tuple[LockedPackage, ...]]:
    """What the final image gets, and what build stages get on top of it.

    container: of the base, running, with a network. Raises as `AptCatalogue.resolve` does.
    """
    wanted = tuple(wanted)
    catalogue = AptCatalogue(container, site or Site())
    reasons = {package.name: package.reason for package in wanted}
    run = catalogue.resolve((p.name for p in wanted if p.stage == "run"), reasons=reasons)
    build = catalogue.resolve(
        (p.name for p in wanted if p.stage == "build"),
        reasons=reasons,
        after=run,
        folder=BUILD_FOLDER,
    )
    return run, build


def mirror_commands(site: Site) -> tuple[tuple[str, ...], ...]:
    """Commands that make apt in a container use the site's mirrors."""
    expressions = []
    if site.debian_security_mirror is not None:
        expressions.append(_replacement(_DEBIAN + "debian-security", site.debian_security_mirror))
    if site.debian_mirror is not None:
        expressions.append(_replacement(_DEBIAN + "debian", site.debian_mirror))
    if site.ubuntu_mirror is not None:
        expressions.append(_replacement(_UBUNTU, site.ubuntu_mirror))
    if not expressions:
        return ()
    script = [word for expression in expressions for word in ("-e", expression)]
    return (
        (
            *("find", "/etc/apt", "(", "-name", "*.list", "-o", "-name", "*.sources", ")"),
            *("-exec", "sed", "-i", "-E", *script, "{}", "+"),
        ),
    )


def _checked(name: str, reasons: Mapping[str, Reason]) -> str:
    package, equals, version = name.partition("=")
    where = place(name, reasons)
    checked_name(package, DEBIAN_PACKAGE, "Debian package", where=where)
    if equals:
        checked_name(version, DEBIAN_VERSION, "Debian version", where=where)
    return name


def _update(site: Site) -> tuple[str, ...]:
    # Without Error-Mode a mirror that does not answer is only a warning, and lists stay empty.
    return (
        *("apt-get", *apt_options(site), "-qq", "-o", "APT::Update::Error-Mode=any"),
        *("-o", "Acquire::Languages=none", "-o", "Acquire::Retries=2", "update"),
    )


def _replacement(archive: str, mirror: str) -> str:
    safe = re.sub(r"([&,\\])", r"\\\1", mirror)
    return rf"s,https?://{archive}/?(\s|$),{safe}\2,"
