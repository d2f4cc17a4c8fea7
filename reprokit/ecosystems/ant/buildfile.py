"""build.xml files as far as reading can tell: targets, properties and the paths they name."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reprokit.ecosystems.ant import macros
from reprokit.ecosystems.maven.markup import Element, parse
from reprokit.errors import BadRequest
from reprokit.project import Project

_EXPRESSION = re.compile(r"\$\{([^${}]+)\}")
_PROPERTY_LINE = re.compile(
    r"^[ \t]*([^#!\s:=][^:=\s]*)[ \t]*[:=][ \t]*(.*?)[ \t\r]*$", re.MULTILINE
)
_CONTINUED = re.compile(r"\\\r?\n[ \t]*")
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class BuildFile:
    """A build.xml with what it imports. `folder` is "" for the project's own; `base` is where its
    relative paths start. Properties hold the first value given to each, as in Ant."""

    file: str
    root: Element
    base: str
    files: tuple[str, ...]
    top: tuple[Element, ...]
    targets: Mapping[str, Element]
    properties: Mapping[str, str]
    macros: Mapping[str, Element]

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.file)

    @property
    def default(self) -> str | None:
        """The target that plain `ant` makes."""
        return self.root.attributes.get("default")

    def text(self, value: str | None) -> str:
        """A value with its ${properties} filled in; unknown ones stay as they are."""
        found = value or ""
        for _ in range(_DEEPEST):
            filled = _EXPRESSION.sub(lambda m: self.properties.get(m[1], m[0]), found)
            if filled == found or len(filled) > 10_000:
                break
            found = filled
        return found.strip()

    def path(self, value: str) -> str | None:
        """A location relative to `base`; `None` for one outside it or with unknown properties."""
        text = self.text(value).replace("\\", "/")
        if not text or "${" in text or "@{" in text or text.startswith("/") or ":" in text:
            return None
        place = posixpath.normpath(text)
        return None if place == ".." or place.startswith("../") else place

    def tasks(self, target: Element) -> Iterator[Element]:
        """A target and everything that it carries out by itself, its macros filled in."""
        return macros.performed(target, self.macros)

    def closure(self, target: str) -> tuple[Element, ...]:
        """A target and all that runs before it or is called by it, in Ant's order."""
        done: dict[str, Element] = {}
        self._visit(target, done, set())
        return tuple(done.values())

    def _visit(self, name: str, done: dict[str, Element], seen: set[str]) -> None:
        element = self.targets.get(name)
        if element is None or name in seen or len(seen) > 500:
            return
        seen.add(name)
        for other in self.text(element.attributes.get("depends")).split(","):
            self._visit(other.strip(), done, seen)
        for call in self.tasks(element):
            if call.tag == "antcall":
                self._visit(self.text(call.attributes.get("target")), done, seen)
        done[name] = element

    def identified(self, reference: str) -> Element | None:
        """The element with this id."""
        for holder in (*self.top, *self.targets.values()):
            for element in holder.descendants():
                if element.attributes.get("id") == reference:
                    return element
        return None


def downloads(build: BuildFile, target: str | None) -> Iterator[tuple[Element, Element]]:
    """Each <get> task that making a target carries out, with the target that holds it."""
    for holder in build.closure(target) if target is not None else ():
        for element in build.tasks(holder):
            if element.tag == "get":
                yield holder, element


def load(project: Project, file: str) -> BuildFile:
    """Read a build.xml and what it imports from the project.

    Raises BadRequest with file and line for malformed XML and for a default target or dependency
    that does not exist.
    """
    root = parse(project.read(file), file, root="project")
    base = posixpath.normpath(
        posixpath.join(posixpath.dirname(file), root.attributes.get("basedir", "."))
    )
    properties: dict[str, str] = {
        "basedir": ".",
        "ant.project.name": root.attributes.get("name", ""),
    }
    top: list[Element] = []
    targets: dict[str, Element] = {}
    files = [file]
    _collect(project, root, properties, top, targets, files, base)
    known = macros.defined(iter((*top, *targets.values())))
    found = BuildFile(file, root, base, tuple(files), tuple(top), targets, properties, known)
    _check(found)
    return found


def _collect(
    project: Project,
    root: Element,
    properties: dict[str, str],
    top: list[Element],
    targets: dict[str, Element],
    files: list[str],
    base: str,
) -> None:
    for element in root.children:
        if element.tag in ("target", "extension-point"):
            targets.setdefault(element.attributes.get("name", ""), element)
            continue
        top.append(element)
        if element.tag == "property":
            _take_property(project, element, properties, base)
        elif element.tag in ("import", "include"):
            name = _filled(element.attributes.get("file", ""), properties)
            place = posixpath.normpath(posixpath.join(posixpath.dirname(root.file), name))
            if project.has(place) and place not in files and len(files) < 50:
                files.append(place)
                imported = parse(project.read(place), place, root="project")
                _collect(project, imported, properties, top, targets, files, base)
    for target in targets.values():
        for element in target.children:
            if element.tag == "property":
                _take_property(project, element, properties, base)


def _take_property(
    project: Project, element: Element, properties: dict[str, str], base: str
) -> None:
    attributes = element.attributes
    name = attributes.get("name")
    if name is not None:
        value = attributes.get("value", attributes.get("location"))
        if value is not None:
            properties.setdefault(name, _filled(value, properties))
    elif "file" in attributes:
        place = posixpath.normpath(posixpath.join(base, _filled(attributes["file"], properties)))
        if project.has(place):
            joined = _CONTINUED.sub("", project.read(place))
            for match in _PROPERTY_LINE.finditer(joined):
                properties.setdefault(match[1], _filled(match[2], properties))


def _filled(value: str, properties: Mapping[str, str]) -> str:
    for _ in range(_DEEPEST):
        filled = _EXPRESSION.sub(lambda m: properties.get(m[1], m[0]), value)
        if filled == value or len(filled) > 10_000:
            break
        value = filled
    return value


def _check(found: BuildFile) -> None:
    default = found.default
    if default is not None and default not in found.targets and not _incomplete(found):
        raise BadRequest(
            f"the default target {default!r} does not exist",
            where=found.root.where,
            next=f"the targets are {', '.join(sorted(found.targets)) or 'none'}",
        )
    for element in found.targets.values():
        for name in _names(found.text(element.attributes.get("depends"))):
            if name not in found.targets and "${" not in name and not _incomplete(found):
                raise BadRequest(
                    f"depends on the target {name!r}, which does not exist", where=element.where
                )


def _incomplete(found: BuildFile) -> bool:
    """Whether an import could not be followed, so that targets may be missing from view."""
    imports = [e for e in found.top if e.tag in ("import", "include")]
    return len(imports) >= len(found.files)


def _names(text: str) -> Iterator[str]:
    yield from (name.strip() for name in text.split(",") if name.strip())
