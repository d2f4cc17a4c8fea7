"""Ivy: what ivy.xml asks for, and a repository made of what Ivy fetched.

Ivy's cache notes times and where each file came from. Only the files themselves are kept, laid out
as a Maven repository, which Ivy reads offline through settings of ours.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from reprokit.ecosystems.ant.buildfile import BuildFile, downloads
from reprokit.ecosystems.maven.markup import Element, parse
from reprokit.ecosystems.maven.repository import CENTRAL, canonical, members
from reprokit.errors import BadRequest
from reprokit.model import Artifact, LockedPackage, Note, Requirement
from reprokit.project import Project
from reprokit.resolving import Resolver

FOLDER = "ivy"
CACHE = "/tmp/reprokit-ivy"
LIBRARIES = "ivy-libraries"
"""Folder in the image for libraries that a build file uses out of Ivy's cache."""
_LOCATION = re.compile(r"^artifact\\:.*?\.location=(?P<url>.+)$", re.MULTILINE)
_DATA = re.compile(r"(?P<group>[^/]+)/(?P<name>[^/]+)/ivydata-(?P<revision>[^/]+)\.properties")
_IVY_JAR = re.compile(r"/ivy-[^/]*\.jar$")
_UNFIXED = re.compile(r"latest\..*|.*\+|[\[(\]].*[\])\[]")


def uses_ivy(build: BuildFile) -> bool:
    """Whether any task is one of Ivy's."""
    holders = (*build.top, *build.targets.values())
    return any(
        e.prefix == "ivy" or e.tag.startswith("ivy-") for h in holders for e in h.descendants()
    )


def cached_paths(build: BuildFile) -> frozenset[str]:
    """Ids of paths that consist of files in Ivy's cache, which no image holds."""
    holders = (*build.top, *build.targets.values())
    return frozenset(
        build.text(e.attributes.get("pathid"))
        for holder in holders
        for e in holder.descendants()
        if e.prefix == "ivy" and e.tag == "cachepath"
    )


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """A <get> that fetches Ivy itself, as Ivy's own tutorial has it: the distribution's Ivy can
    stand in at that place. `property` is what keeps the task from running; `None` where it leaves
    files alone that exist."""

    element: Element
    place: str
    property: str | None


def bootstrap(build: BuildFile, target: str | None) -> Bootstrap | None:
    """How a build file fetches Ivy, where it can be kept from it."""
    for holder, element in downloads(build, target):
        source = build.text(element.attributes.get("src"))
        place = build.text(element.attributes.get("dest")).replace("${user.home}", "/root")
        condition = build.text(holder.attributes.get("unless"))
        if _IVY_JAR.search(source) is None or "${" in place + condition or not place:
            continue
        if not place.endswith(".jar"):
            place = f"{place.rstrip('/')}/{source.rpartition('/')[2]}"
        place = posixpath.normpath(posixpath.join(build.base, place))
        if condition or element.attributes.get("skipexisting") in ("true", "yes", "on"):
            return Bootstrap(element, place, condition or None)
    return None


def module_file(project: Project, build: BuildFile) -> str | None:
    """The ivy.xml: what <ivy:resolve> names, else the usual one."""
    prefix = "" if build.base == "." else f"{build.base}/"
    for holder in (*build.top, *build.targets.values()):
        for element in holder.descendants():
            named = build.path(element.attributes.get("file", ""))
            if element.prefix == "ivy" and element.tag == "resolve" and named is not None:
                return prefix + named if project.has(prefix + named) else None
    return f"{prefix}ivy.xml" if project.has(f"{prefix}ivy.xml") else None


def settings_file(project: Project, build: BuildFile) -> str | None:
    """The project's own Ivy settings, where it has some."""
    prefix = "" if build.base == "." else f"{build.base}/"
    for holder in (*build.top, *build.targets.values()):
        for element in holder.descendants():
            named = build.path(element.attributes.get("file", ""))
            if element.prefix == "ivy" and element.tag in ("settings", "configure") and named:
                return prefix + named if project.has(prefix + named) else None
    usual = f"{prefix}ivysettings.xml"
    return usual if project.has(usual) else None


def requirements(
    project: Project, build: BuildFile, file: str
) -> tuple[tuple[Requirement, ...], tuple[Note, ...]]:
    """The dependencies of an ivy.xml. Raises BadRequest with file and line for malformed ones."""
    root = parse(project.read(file), file, root="ivy-module")
    information = root.child("info")
    organisation = information.attributes.get("organisation") if information is not None else None
    found, notes = [], []
    for element in root.all("dependencies/dependency"):
        name = build.text(element.attributes.get("name"))
        group = build.text(element.attributes.get("org", organisation))
        revision = build.text(element.attributes.get("rev"))
        if not name or not revision:
            raise BadRequest(
                "a <dependency> needs a name and a rev", where=element.where, next="add them"
            )
        reason = element.reason("asks for it")
        found.append(Requirement(name=f"{group}:{name}", specifier=revision, reason=reason))
        if _UNFIXED.fullmatch(revision):
            text = f"{group}:{name} {revision} is no fixed version: it cannot be built offline"
            notes.append(Note(level="warning", text=text, reason=reason))
    return tuple(found), tuple(notes)


def online_settings(mirror: str | None) -> str:
    """Settings for resolving: Maven Central, or the site's mirror of it."""
    return _settings(mirror or CENTRAL)


def offline_settings() -> str:
    """Settings for building: the vendored files only."""
    return _settings("file:/ivy/repository/")


def _settings(root: str) -> str:
    return f"""<ivysettings>
  <settings defaultResolver="vendored"/>
  <resolvers>
    <ibiblio name="vendored" m2compatible="true" root={quoteattr(root)}/>
  </resolvers>
</ivysettings>
"""


def read(
    stream: Iterable[bytes], requested: frozenset[str], resolver: Resolver
) -> tuple[LockedPackage, ...]:
    """Keep what an Ivy cache holds, which comes as a tar stream."""
    kept: dict[tuple[str, str], list[Artifact]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="reprokit-ivy-") as folder:
        contents: dict[str, Path] = {}
        data: dict[str, str] = {}
        for number, (path, member) in enumerate(members(stream)):
            if _DATA.fullmatch(path):
                data[path] = member.read().decode("latin-1")
            elif path.count("/") >= 2:
                contents[path] = Path(folder) / str(number)
                contents[path].write_bytes(member.read())
        for path in sorted(data):
            group, name, revision = _DATA.fullmatch(path).groups()  # type: ignore[union-attr]
            for file, url in _files(f"{group}/{name}", revision, data[path], contents):
                target = f"{group.replace('.', '/')}/{name}/{revision}/{url.rpartition('/')[2]}"
                public = canonical(url, resolver.site.maven_mirror)
                artifact = resolver.keep(
                    contents[file], f"{FOLDER}/repository/{target}", url=public
                )
                kept[f"{group}:{name}", revision].append(artifact)
    return tuple(
        LockedPackage(
            name=name,
            version=version,
            artifacts=tuple(sorted(kept[name, version], key=lambda a: a.path)),
            requested=name in requested,
        )
        for name, version in sorted(kept)
    )


def _files(
    module: str, revision: str, text: str, contents: dict[str, Path]
) -> Iterator[tuple[str, str]]:
    """The cached file for each place that Ivy fetched something of a module from."""
    urls = {m["url"].strip().replace("\\:", ":") for m in _LOCATION.finditer(text)}
    for url in sorted(urls):
        name = url.rpartition("/")[2]
        if name.endswith(".pom"):
            file = f"{module}/ivy-{revision}.xml.original"
            if file in contents:
                yield file, url
            continue
        found = [f for f in contents if f.startswith(f"{module}/") and f.endswith(f"/{name}")]
        yield from ((file, url) for file in sorted(found)[:1])
