"""pom.xml files as Maven sees them, as far as files alone can tell.

Local parents and active profiles are merged, properties interpolated. Parents that only a
repository has are not fetched: what they would add is found out when the build runs in a container.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reprokit.ecosystems.maven.markup import Element, parse
from reprokit.errors import BadRequest
from reprokit.project import Project

_EXPRESSION = re.compile(r"\$\{([^${}]+)\}")
_DEEPEST_PROPERTY = 20
_COORDINATE = re.compile(r"[A-Za-z0-9_.\-]+")


@dataclass(frozen=True, slots=True)
class Pom:
    """One pom.xml. `folder` is "" for the project's own; `parent` is `None` for remote ones."""

    file: str
    root: Element
    parent: Pom | None
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.file)

    def text(self, value: str | None) -> str:
        """A value with its ${properties} filled in; unknown ones stay as they are."""
        found = value or ""
        for _ in range(_DEEPEST_PROPERTY):
            filled = _EXPRESSION.sub(lambda m: self.properties.get(m[1], m[0]), found)
            if filled == found or len(filled) > 10_000:
                break
            found = filled
        return found.strip()

    def value(self, path: str) -> str:
        """The interpolated text of an element of this very file."""
        return self.text(self.root.value(path))

    @property
    def group(self) -> str:
        return self.properties.get("project.groupId", "")

    @property
    def artifact(self) -> str:
        return self.properties.get("project.artifactId", "")

    @property
    def version(self) -> str:
        return self.properties.get("project.version", "")

    @property
    def packaging(self) -> str:
        return self.value("packaging") or "jar"

    @property
    def final_name(self) -> str:
        """The name of the jar without ".jar"."""
        for layer in self.layers():
            name = layer.value("build/finalName")
            if name:
                return self.text(name)
        return f"{self.artifact}-{self.version}"

    def layers(self) -> Iterator[Element]:
        """The elements that may hold settings, the strongest first: this file's active profiles,
        its <project>, then the same of its local parents."""
        pom: Pom | None = self
        while pom is not None:
            yield from active_profiles(pom.root)
            yield pom.root
            pom = pom.parent

    def remote_parent(self) -> Element | None:
        """The <parent> of the oldest local ancestor, which only a repository has."""
        pom = self
        while pom.parent is not None:
            pom = pom.parent
        return pom.root.child("parent")


def active_profiles(root: Element) -> tuple[Element, ...]:
    """Profiles that are active unless somebody says otherwise."""
    return tuple(
        profile
        for profile in root.all("profiles/profile")
        if (profile.value("activation/activeByDefault") or "").lower() == "true"
    )


def plugin_elements(pom: Pom, artifact: str) -> Iterator[Element]:
    """The declarations of a plugin that hold for a module, the strongest first."""
    for layer in pom.layers():
        for path in ("build/plugins/plugin", "build/pluginManagement/plugins/plugin"):
            for element in layer.all(path):
                if element.value("artifactId") == artifact:
                    yield element


def load(project: Project, file: str, parents: tuple[str, ...] = ()) -> Pom:
    """Read a pom.xml with its local parents.

    Raises BadRequest with file and line for malformed XML, a missing or impossible artifactId, and
    parents that go round in a circle.
    """
    root = parse(project.read(file), file, root="project")
    parent = _local_parent(project, file, root, (*parents, file))
    pom = Pom(file, root, parent, _properties(file, root, parent))
    for name in ("groupId", "artifactId", "version"):
        _checked(pom, name)
    return pom


def modules(project: Project, pom: Pom) -> Iterator[Pom]:
    """This project and its modules, each once, in the order in which they are listed."""
    seen = {pom.file}
    waiting = [pom]
    while waiting:
        current = waiting.pop(0)
        yield current
        for layer in (current.root, *active_profiles(current.root)):
            for element in layer.all("modules/module"):
                file = _module_file(project, current, element)
                if file not in seen:
                    seen.add(file)
                    waiting.append(load(project, file))


def _module_file(project: Project, pom: Pom, element: Element) -> str:
    name = pom.text(element.text)
    place = posixpath.normpath(posixpath.join(pom.folder, name))
    file = place if place.endswith(".xml") else posixpath.join(place, "pom.xml")
    if not project.has(file):
        raise BadRequest(
            f"names the module {name!r}, but there is no {file}",
            where=element.where,
            next="add the module's files or remove it from <modules>",
        )
    return file


def _local_parent(project: Project, file: str, root: Element, seen: tuple[str, ...]) -> Pom | None:
    declared = root.child("parent")
    if declared is None:
        return None
    path = declared.child("relativePath")
    relative = "../pom.xml" if path is None else path.text
    if not relative:
        return None
    place = posixpath.normpath(posixpath.join(posixpath.dirname(file), relative))
    candidate = place if place.endswith(".xml") else posixpath.join(place, "pom.xml")
    if not project.has(candidate):
        return None
    if candidate in seen or len(seen) > 50:
        raise BadRequest("is its own parent in the end", where=declared.where)
    parent = load(project, candidate, seen)
    # Maven too takes the file only if it is the parent that was asked for.
    return parent if parent.artifact == (declared.value("artifactId") or "") else None


def _properties(file: str, root: Element, parent: Pom | None) -> dict[str, str]:
    found = dict(parent.properties) if parent is not None else {}
    declared = root.child("parent")
    for name in ("groupId", "artifactId", "version"):
        inherited = declared.value(name) if declared is not None else None
        if inherited:
            found[f"project.parent.{name}"] = inherited
        own = root.value(name) or (inherited if name != "artifactId" else None)
        found.pop(f"project.{name}", None)
        if own:
            found[f"project.{name}"] = own
    for layer in (root, *active_profiles(root)):
        for element in layer.all("properties"):
            found.update((c.tag, c.text) for c in element.children)
    found["project.basedir"] = found["basedir"] = "."
    found["project.build.directory"] = "target"
    found["project.build.finalName"] = root.value("build/finalName") or (
        "${project.artifactId}-${project.version}"
    )
    for name in ("groupId", "artifactId", "version"):
        value = found.get(f"project.{name}")
        if value:
            found[f"pom.{name}"] = value
            found[f"project.{name}"] = _filled(value, found)
    return found


def _filled(value: str, properties: Mapping[str, str]) -> str:
    for _ in range(_DEEPEST_PROPERTY):
        filled = _EXPRESSION.sub(
            lambda m: m[0] if m[1].startswith(("project.", "pom.")) else properties.get(m[1], m[0]),
            value,
        )
        if filled == value or len(filled) > 1000:
            break
        value = filled
    return value


def _checked(pom: Pom, name: str) -> None:
    value = pom.properties.get(f"project.{name}", "")
    element = pom.root.child(name)
    where = (element or pom.root).where
    if not value and pom.root.child("parent") is None:
        raise BadRequest(f"has no <{name}>", where=where, next="Maven requires it: add it")
    unresolved = _EXPRESSION.sub("x", value)
    if value and _COORDINATE.fullmatch(unresolved) is None:
        raise BadRequest(f"{value!r} cannot be a Maven {name}", where=where)
