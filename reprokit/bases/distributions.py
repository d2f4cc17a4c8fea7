"""The distributions whose packages bases are made from: their suites, archives and keyrings."""

from __future__ import annotations

from reprokit.frozen import frozen
from reprokit.site import DEBIAN, DEBIAN_SECURITY, DEBIAN_SNAPSHOT, UBUNTU, UBUNTU_PORTS


@frozen
class Suite:
    """A release. `stable` is the day it became stable; `offers` names each language's versions as
    people say them, `exact` the patch release where that says more."""

    name: str
    stable: str
    offers: dict[str, tuple[str, ...]]
    exact: dict[str, str]


@frozen
class PinnedFile:
    """A file inside a package of the archive, for machines of another distribution. The hash in
    this code is what makes it trustworthy: nobody's signature is checked."""

    deb: str
    sha256: str
    file: str


@frozen
class Distribution:
    """`name` is that of its family of bases, `default` the suite where no date says which.

    archives: for each architecture, else under "", the base URL and the ending of each part of a
    suite: the release, its updates, its security fixes. snapshot: where the archive of some moment
    is, with {path} (the base URL's own) and {time}. keyring: installed here, or in a package.
    """

    name: str
    title: str
    default: str
    components: str
    suites: tuple[Suite, ...]
    archives: dict[str, tuple[tuple[str, str], ...]]
    snapshot: str
    keyring: str | PinnedFile

    def parts(self, suite: str, architecture: str) -> tuple[tuple[str, str], ...]:
        """The archives of a suite as (base URL, name)."""
        found = self.archives.get(architecture, self.archives[""])
        return tuple((url, suite + ending) for url, ending in found)

    def addresses(self) -> tuple[str, ...]:
        """What the URL of each of its packages begins with."""
        urls = (url for parts in self.archives.values() for url, _ in parts)
        return tuple(f"{url}/" for url in dict.fromkeys(urls))


# https://www.debian.org/releases/ and https://packages.debian.org, read 2026-11.
_DEBIAN = Distribution(
    name="debian",
    title="Debian",
    default="bookworm",
    components="main",
    suites=(
        Suite(
            name="bullseye",
            stable="2021-08-14",
            offers={"python": ("3.9", "2.7"), "r": ("4.0.4",), "java": ("11", "17")},
            exact={"3.9": "3.9.2", "2.7": "2.7.18"},
        ),
        Suite(
            name="bookworm",
            stable="2023-06-10",
            offers={"python": ("3.11",), "r": ("4.2.2",), "java": ("17",)},
            exact={"3.11": "3.11.2"},
        ),
        Suite(
            name="trixie",
            stable="2025-08-09",
            offers={"python": ("3.13",), "r": ("4.5.0",), "java": ("21", "25")},
            exact={"3.13": "3.13.5"},
        ),
    ),
    archives={"": ((DEBIAN, ""), (DEBIAN, "-updates"), (DEBIAN_SECURITY, "-security"))},
    snapshot=DEBIAN_SNAPSHOT + "/archive/{path}/{time}",
    keyring="/usr/share/keyrings/debian-archive-keyring.gpg",
)

# https://wiki.ubuntu.com/Releases and the archive's own lists of packages, read 2026-12. What lies
# in -updates counts. archive.ubuntu.com has the security fixes too, and only amd64 of the platforms
# there are bases for; ports.ubuntu.com has the other.
_UBUNTU = Distribution(
    name="ubuntu",
    title="Ubuntu",
    default="jammy",
    components="main universe",
    suites=(
        Suite(
            name="bionic",
            stable="2018-04-26",
            offers={"python": ("3.6", "2.7"), "r": ("3.4.4",), "java": ("8", "11", "17")},
            exact={"3.6": "3.6.9", "2.7": "2.7.17"},
        ),
        Suite(
            name="focal",
            stable="2020-04-23",
            offers={"python": ("3.8", "2.7"), "r": ("3.6.3",), "java": ("8", "11", "17", "21")},
            exact={"3.8": "3.8.10", "2.7": "2.7.18"},
        ),
        Suite(
            name="jammy",
            stable="2022-04-21",
            offers={
                "python": ("3.10", "2.7"),
                "r": ("4.1.2",),
                "java": ("8", "11", "17", "21", "25"),
            },
            exact={"3.10": "3.10.12", "2.7": "2.7.18"},
        ),
        Suite(
            name="noble",
            stable="2024-04-25",
            offers={"python": ("3.12",), "r": ("4.3.3",), "java": ("8", "11", "17", "21", "25")},
            exact={"3.12": "3.12.3"},
        ),
    ),
    archives={
        "amd64": ((UBUNTU, ""), (UBUNTU, "-updates"), (UBUNTU, "-security")),
        "": ((UBUNTU_PORTS, ""), (UBUNTU_PORTS, "-updates"), (UBUNTU_PORTS, "-security")),
    },
    snapshot="https://snapshot.ubuntu.com/{path}/{time}",
    # Of focal's own release, which does not change. Its keys sign all suites above.
    keyring=PinnedFile(
        deb="pool/main/u/ubuntu-keyring/ubuntu-keyring_2020.02.11.2_all.deb",
        sha256="sha256:7564f3f76fbc9f165ecc30e2cf2695d38b284e234bffa0c6441ff37f8a7aebd7",
        file="usr/share/keyrings/ubuntu-archive-keyring.gpg",
    ),
)

DISTRIBUTIONS = {found.name: found for found in (_DEBIAN, _UBUNTU)}
"""By the name of the family of bases."""


def of_suite(suite: str) -> Distribution:
    """The distribution that a suite belongs to; suites' names are unique. Raises KeyError."""
    owners = {one.name: found for found in DISTRIBUTIONS.values() for one in found.suites}
    return owners[suite]
