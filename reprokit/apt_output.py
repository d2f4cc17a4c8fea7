"""Reading what apt prints: candidates, the files it would fetch, and why it cannot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from reprokit.errors import InputUnavailable
from reprokit.mirrors import canonical_url
from reprokit.model import Artifact, LockedPackage, Reason
from reprokit.quoting import DEBIAN_PACKAGE, DEBIAN_VERSION, checked_name
from reprokit.site import Site

_URI = re.compile(r"'(?P<url>[^']+)' (?P<file>\S+) (?P<size>\d+) (?P<hash>\S*)")
_FILE = re.compile(r"(?P<name>[^_/]+)_(?P<version>[^_/]+)_(?P<architecture>[a-z0-9-]+)\.deb")
_UNLOCATABLE = re.compile(
    r"Unable to locate package (?P<missing>\S+)"
    r"|Package '?(?P<virtual>[^' ]+)'? has no installation candidate"
)
_FAILED_FETCH = re.compile(r"^[EW]: Failed to fetch (?P<url>\S+)\s+(?P<why>.+)$", re.MULTILINE)
_NO_VERSION = re.compile(r"Version '([^']+)' for '([^']+)' was not found")
_SELECTED = re.compile(r"Note, selecting '(?P<real>[^']+)' instead of '(?P<virtual>[^']+)'")


@dataclass(frozen=True, slots=True)
class Offer:
    """A .deb as `apt-get --print-uris` names it. `sha256` is `None` where apt gave another hash."""

    name: str
    version: str
    file: str
    url: str
    size: int
    sha256: str | None


def failed_fetch(text: str) -> tuple[str | None, str]:
    """The first address that apt could not fetch, and why; `None` and its last line where it
    names none."""
    found = _FAILED_FETCH.search(text)
    if found is not None:
        return found["url"], found["why"].strip()
    return None, text.strip().rpartition("\n")[2] or "no explanation"


def parse_policy(text: str) -> dict[str, str]:
    """The candidate version of each package in the output of `apt-cache policy`."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line and not line[0].isspace():
            name = line.rstrip(":")
        elif line.strip().startswith("Candidate:"):
            version = line.partition(":")[2].strip()
            if version != "(none)" and DEBIAN_VERSION.fullmatch(version):
                found[name] = version
    return found


def parse_uris(text: str) -> tuple[Offer, ...]:
    """The .debs in the output of `apt-get --print-uris`. Raises InputUnavailable for a line that
    looks like one and is not: nothing may be left out unnoticed."""
    found = []
    for line in text.splitlines():
        if not line.startswith("'"):
            continue
        uri = _URI.fullmatch(line.strip())
        file = _FILE.fullmatch(unquote(uri["file"])) if uri else None
        if uri is None or file is None:
            raise InputUnavailable(f"apt names a package in an unknown way: {line!r}")
        kind, _, value = uri["hash"].partition(":")
        sha256 = f"sha256:{value.lower()}" if kind == "SHA256" else None
        checked_name(file["name"], DEBIAN_PACKAGE, "Debian package", where=uri["url"])
        checked_name(file["version"], DEBIAN_VERSION, "Debian version", where=uri["url"])
        found.append(
            Offer(
                name=file["name"],
                version=file["version"],
                file=unquote(uri["file"]).replace(":", "%3a"),
                url=uri["url"],
                size=int(uri["size"]),
                sha256=sha256,
            )
        )
    return tuple(found)


def locked_package(
    offer: Offer, site: Site, *, folder: str, requested: bool = False
) -> LockedPackage:
    """An offer as a lock names it: with the public archive's URL, whatever mirror answered."""
    assert offer.sha256 is not None
    return LockedPackage(
        name=offer.name,
        version=offer.version,
        requested=requested,
        artifacts=(
            Artifact(
                path=f"{folder}/{offer.file}",
                sha256=offer.sha256,
                size=offer.size,
                url=canonical_url(offer.url, site),
            ),
        ),
    )


def selected(text: str) -> tuple[tuple[str, str], ...]:
    """The (virtual, real) packages where `apt-get install` took another name than it was given."""
    return tuple((m["virtual"], m["real"]) for m in _SELECTED.finditer(text))


def cannot_install(
    explanation: str, names: Sequence[str], reasons: Mapping[str, Reason]
) -> InputUnavailable:
    """The error for apt's refusal to install: which package is missing and who asked for it."""
    missing = [m["missing"] or m["virtual"] for m in _UNLOCATABLE.finditer(explanation)]
    missing += [f"{m[2]}={m[1]}" for m in _NO_VERSION.finditer(explanation)]
    if not missing:
        errors = [line for line in explanation.splitlines() if line.startswith(("E:", " "))]
        return InputUnavailable(
            "these system packages cannot be installed together: " + " ".join(names),
            next="leave one of them out, or choose another base. apt says: "
            + " ".join(" ".join(errors).split()),
        )
    first = missing[0]
    what = f"the base's distribution has no package {', '.join(sorted(set(missing)))}"
    reason = reasons.get(first)
    providers = _providers(first, explanation)
    if providers:
        what = f"{first} is a virtual package"
        following = f"name one that provides it: {', '.join(providers)}"
    else:
        following = "correct it (https://packages.debian.org lists them), or choose another base"
    return InputUnavailable(
        what if reason is None else f"{what} ({reason.text})",
        where=place(first, reasons),
        next=following,
    )


def _providers(name: str, explanation: str) -> tuple[str, ...]:
    """The packages that apt lists as providing a virtual one."""
    _, found, rest = explanation.partition(f"Package {name} is a virtual package provided by:\n")
    listed = rest.partition("\n\n")[0].splitlines() if found else []
    words = [line.split()[0] for line in listed if line.startswith("  ")]
    return tuple(word for word in words if DEBIAN_PACKAGE.fullmatch(word))


def place(name: str, reasons: Mapping[str, Reason]) -> str | None:
    """The file and line that asked for a package."""
    reason = reasons.get(name)
    if reason is None or reason.file is None:
        return None
    return reason.file if reason.line is None else f"{reason.file}:{reason.line}"
