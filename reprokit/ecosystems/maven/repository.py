"""The local repository that a build filled: which of its files an offline build needs.

Maven 3 and later take any file of a local repository that lies at its coordinates and is not
marked as belonging to some remote (no _remote.repositories beside it), so only the files proper
are kept. Of maven-metadata.xml, which changes with each release, the versions at hand are enough.
"""

from __future__ import annotations

import re
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

from reprokit.errors import InputUnavailable
from reprokit.model import Artifact, LockedPackage
from reprokit.resolving import Resolver
from reprokit.site import MAVEN_CENTRAL
from reprokit.streams import as_file

CENTRAL = MAVEN_CENTRAL
"""Maven Central; https://repo.maven.apache.org/maven2 is the same by another name."""
FOLDER = "m2"
_ALIASES = ("https://repo.maven.apache.org/maven2/", "http://repo1.maven.org/maven2/")
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~@-]*")
_LEFT_OUT = re.compile(
    r"_remote\.repositories|_maven\.repositories|resolver-status\.properties|m2e-lastUpdated\..*"
    r"|maven-metadata.*|.*\.(?:lastUpdated|sha1|sha256|sha512|md5|asc|part|lock|tmp)"
)
_METADATA = re.compile(r"maven-metadata-(?!local\.)[A-Za-z0-9._-]+\.xml")
_DOWNLOADED = re.compile(r"Downloaded from (?P<id>\S+): (?P<url>\S+)")


@dataclass(frozen=True, slots=True)
class Repository:
    """What is kept: packages with their files, and the metadata files with the known versions."""

    packages: tuple[LockedPackage, ...]
    metadata: Mapping[str, tuple[str, ...]]


def read(
    stream: Iterable[bytes],
    printed: str,
    requested: frozenset[str],
    resolver: Resolver,
    original: Callable[[str], str] = lambda path: path,
) -> Repository:
    """Keep the files of a local repository that comes as a tar stream.

    printed: what Maven said; its "Downloaded from" lines tell where each file came from.
    requested: the "group:artifact" names that the project asks for. original: the path that a file
    was fetched from, where it lies in the place of another.
    Raises InputUnavailable for a file whose name could leave the repository.
    """
    urls = downloaded_urls(printed, resolver.site.maven_mirror)
    files: dict[tuple[str, str], list[Artifact]] = defaultdict(list)
    metadata = []
    with tempfile.TemporaryDirectory(prefix="reprokit-m2-") as folder:
        content = Path(folder) / "file"
        for path, member in members(stream):
            name = path.rpartition("/")[2]
            if _METADATA.fullmatch(name):
                metadata.append(path)
            if _LEFT_OUT.fullmatch(name) or path.count("/") < 3:
                continue
            content.write_bytes(member.read())
            fetched = original(path)
            group, artifact, version, _ = fetched.rsplit("/", 3)
            kept = resolver.keep(content, f"{FOLDER}/{path}", url=_url(fetched, urls))
            files[f"{group.replace('/', '.')}:{artifact}", version].append(kept)
    packages = tuple(
        LockedPackage(
            name=name,
            version=version,
            artifacts=tuple(sorted(files[name, version], key=lambda a: a.path)),
            requested=name in requested,
        )
        for name, version in sorted(files)
    )
    return Repository(packages, dict(_versions(metadata, packages)))


def downloaded_urls(printed: str, mirror: str | None) -> frozenset[str]:
    """The URLs Maven fetched, as the public repositories name them."""
    found = set()
    for match in _DOWNLOADED.finditer(printed):
        found.add(canonical(match["url"], mirror))
    return frozenset(found)


def canonical(url: str, mirror: str | None) -> str:
    """The public URL of something that came from the site's mirror of Central."""
    for alias in (*_ALIASES, *((mirror.rstrip("/") + "/",) if mirror else ())):
        if url.startswith(alias):
            return f"{CENTRAL}/{url.removeprefix(alias)}"
    return url


def metadata_text(path: str, versions: Iterable[str]) -> str:
    """A maven-metadata.xml that knows just these versions, the newest last."""
    group, artifact, _ = path.rsplit("/", 2)
    known = list(versions)
    listed = "".join(f"\n      <version>{escape(version)}</version>" for version in known)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<metadata>
  <groupId>{escape(group.replace("/", "."))}</groupId>
  <artifactId>{escape(artifact)}</artifactId>
  <versioning>
    <latest>{escape(known[-1])}</latest>
    <release>{escape(known[-1])}</release>
    <versions>{listed}
    </versions>
  </versioning>
</metadata>
"""


def _url(path: str, urls: frozenset[str]) -> str | None:
    central = f"{CENTRAL}/{path}"
    if central in urls:
        return central
    return next((url for url in sorted(urls) if url.endswith(f"/{path}")), None)


def _versions(
    metadata: Iterable[str], packages: tuple[LockedPackage, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    known: dict[str, list[str]] = defaultdict(list)
    for package in packages:
        group, _, artifact = package.name.partition(":")
        known[f"{group.replace('.', '/')}/{artifact}"].append(package.version)
    for path in sorted(metadata):
        versions = known.get(path.rpartition("/")[0])
        if versions:
            yield path, tuple(sorted(versions, key=order))


def order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers count as numbers, and words (rc, beta) come before the end of a version."""
    words = re.findall(r"\d+|[A-Za-z]+", version)
    parts = [(2, int(w), "") if w.isdigit() else (0, 0, w.lower()) for w in words]
    return (*parts, (1, 0, ""))


def members(stream: Iterable[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """The regular files below the first folder of a tar, with paths relative to that folder."""
    source = as_file(stream)
    with tarfile.open(fileobj=source, mode="r|") as archive:
        for member in archive:
            if not member.isreg():
                continue
            _, _, path = member.name.removeprefix("./").partition("/")
            name = path.rpartition("/")[2]
            if not _LEFT_OUT.fullmatch(name) and not all(
                _SAFE.fullmatch(part) for part in path.split("/")
            ):
                raise InputUnavailable(
                    f"the build downloaded a file with the impossible name {member.name!r}"
                )
            content = archive.extractfile(member)
            if content is not None:
                yield path, content
