"""What a Maven project declares: dependencies, Java release, wrapper, and its program."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from reprokit.ecosystems.java import java_level, runtime_for
from reprokit.ecosystems.maven import programs
from reprokit.ecosystems.maven.markup import Element
from reprokit.ecosystems.maven.pom import Pom, active_profiles, load, modules
from reprokit.model import JSON, Detection, Note, Reason, Requirement, Runtime
from reprokit.project import Project

COMPILER = "maven-compiler-plugin"
OLDEST_LEVEL = 8
"""What is compiled for where a project says nothing, or only in a property that may be raised:
the oldest level that every JDK in use accepts."""
_RANGE = re.compile(r"[\[(].*[\])]")
_WRAPPER = ".mvn/wrapper/maven-wrapper.properties"
_WRAPPER_VERSION = re.compile(r"^\s*distributionUrl\s*=.*/apache-maven-([\w.-]+?)-bin", re.M)


def detect(project: Project) -> Detection | None:
    """What the project's pom.xml files say. Raises BadRequest for malformed ones."""
    roots = root_files(project)
    if not roots:
        return None
    by_root = [list(modules(project, load(project, root))) for root in roots]
    poms = [pom for found in by_root for pom in found]
    level, runtime, raised = _java(poms)
    notes = [*_wrapper_notes(project, roots), *raised]
    requirements = []
    own = {(pom.group, pom.artifact) for pom in poms}
    for pom in poms:
        for requirement, note in _requirements(pom, own):
            requirements.append(requirement)
            notes += note
    settings: dict[str, JSON] = {
        "roots": [posixpath.dirname(root) or "." for root in roots],
        "modules": [pom.folder or "." for pom in poms],
        "sources": list(_sources(project, poms)),
    }
    if level is not None:
        settings["level"] = level
    return Detection(
        ecosystem="maven",
        files=_files(project, poms, roots),
        requirements=tuple(requirements),
        runtimes=(runtime,),
        entries=tuple(e for found in by_root for e in programs.entries(project, found)),
        notes=tuple(notes),
        settings=settings,
    )


def root_files(project: Project) -> tuple[str, ...]:
    """The pom.xml that builds everything: the project's own, else the ones nearest to it."""
    if project.has("pom.xml"):
        return ("pom.xml",)
    found = [f for f in project.matching("pom.xml") if "src" not in f.split("/")[:-1]]
    nearest = min((f.count("/") for f in found), default=0)
    return tuple(f for f in found if f.count("/") == nearest)


def _files(project: Project, poms: list[Pom], roots: tuple[str, ...]) -> tuple[str, ...]:
    found = {pom.file for pom in poms}
    for pom in poms:
        parent = pom.parent
        while parent is not None:
            found.add(parent.file)
            parent = parent.parent
    for root in roots:
        wrapper = posixpath.join(posixpath.dirname(root), _WRAPPER)
        if project.has(wrapper):
            found.add(wrapper)
    return tuple(sorted(found))


def _requirements(
    pom: Pom, own: set[tuple[str, str]]
) -> Iterator[tuple[Requirement, tuple[Note, ...]]]:
    parent = pom.root.child("parent")
    if parent is not None and pom.parent is None:
        yield _requirement(pom, parent, "the parent project")
    for layer in (pom.root, *active_profiles(pom.root)):
        for element in (
            *layer.all("dependencies/dependency"),
            *_imports(layer.all("dependencyManagement/dependencies/dependency")),
        ):
            requirement, notes = _requirement(pom, element, "asks for it")
            group, _, artifact = requirement.name.partition(":")
            if (group, artifact) not in own and element.value("scope") != "system":
                yield requirement, notes


def _imports(managed: tuple[Element, ...]) -> tuple[Element, ...]:
    return tuple(e for e in managed if e.value("scope") == "import")


def _requirement(pom: Pom, element: Element, why: str) -> tuple[Requirement, tuple[Note, ...]]:
    group = pom.text(element.value("groupId"))
    artifact = pom.text(element.value("artifactId"))
    version = pom.text(element.value("version")) or _managed(pom, group, artifact)
    reason = element.reason(why)
    if "${" in version:
        unknown, version = version, ""
        if pom.remote_parent() is None:
            text = f"{group}:{artifact} has the version {unknown}, a property nobody sets"
            return _made(group, artifact, "", reason), (
                Note(level="warning", text=text, reason=reason),
            )
    notes: tuple[Note, ...] = ()
    if version.endswith("-SNAPSHOT") or _RANGE.match(version) or version in ("LATEST", "RELEASE"):
        text = (
            f"{group}:{artifact} {version} is no fixed version: the lock pins what it means today, "
            "but whoever locks again may get another"
        )
        notes = (Note(level="warning", text=text, reason=reason),)
    return _made(group, artifact, version, reason), notes


def _made(group: str, artifact: str, version: str, reason: Reason) -> Requirement:
    return Requirement(name=f"{group}:{artifact}", specifier=version, reason=reason)


def _managed(pom: Pom, group: str, artifact: str) -> str:
    for layer in pom.layers():
        for element in layer.all("dependencyManagement/dependencies/dependency"):
            names = pom.text(element.value("groupId")), pom.text(element.value("artifactId"))
            if names == (group, artifact):
                return pom.text(element.value("version"))
    return ""


def plugin_elements(pom: Pom, artifact: str) -> Iterator[Element]:
    """The declarations of a plugin that hold for a module, the strongest first."""
    for layer in pom.layers():
        for path in ("build/plugins/plugin", "build/pluginManagement/plugins/plugin"):
            for element in layer.all(path):
                if element.value("artifactId") == artifact:
                    yield element


@dataclass(frozen=True, slots=True)
class _Level:
    """A module's Java level and where it stands.

    changeable: -D on the command line may change it. by_release: it is said as `release`, which
    compiler plugins before 3.6, the ones that older Mavens bind, do not know.
    """

    number: int
    reason: Reason
    changeable: bool
    by_release: bool


def _java(poms: list[Pom]) -> tuple[int | None, Runtime, tuple[Note, ...]]:
    """The level that the build has to be told (`None`: it knows), the JDKs, and what to know."""
    found = [level for pom in poms for level in [_level(pom)] if level is not None]
    if not found:
        reason = Reason(text="nothing says which Java release", file=poms[0].file)
        text = f"the pom.xml names no Java release, so it is compiled for Java {OLDEST_LEVEL}"
        level = None if poms[0].remote_parent() is not None else OLDEST_LEVEL
        note = (Note(level="warning", text=text, reason=reason),) if level else ()
        return level, runtime_for(None, reason), note
    highest = max(found, key=lambda item: item.number)
    number, reason = highest.number, highest.reason
    if number < OLDEST_LEVEL and all(item.changeable for item in found):
        text = f"Java {number} is older than today's compilers accept: Java {OLDEST_LEVEL} instead"
        note = (Note(level="warning", text=text, reason=reason),)
        return OLDEST_LEVEL, runtime_for(OLDEST_LEVEL, reason), note
    told = any(item.by_release for item in found) and not all(map(_versioned_compiler, poms))
    return number if told else None, runtime_for(number, reason), ()


def _versioned_compiler(pom: Pom) -> bool:
    return any(plugin.value("version") for plugin in plugin_elements(pom, COMPILER))


def _level(pom: Pom) -> _Level | None:
    for plugin in plugin_elements(pom, COMPILER):
        found = _declared(pom, plugin.child("configuration"), "release", ("source", "target"))
        if found is not None:
            return found
    for layer in pom.layers():
        release = "maven.compiler.release"
        names = ("maven.compiler.source", "maven.compiler.target")
        found = _declared(pom, layer.child("properties"), release, names, changeable=True)
        if found is not None:
            return found
    parent = pom.remote_parent()
    if parent is not None and (parent.value("artifactId") or "").startswith("spring-boot"):
        for layer in pom.layers():
            found = _declared(pom, layer.child("properties"), None, ("java.version",))
            if found is not None:
                return replace(found, changeable=False)
        if pom.text(parent.value("version")).split(".")[0] in ("3", "4"):
            return _Level(
                17, parent.reason("Spring Boot 3 and later are for Java 17"), False, False
            )
    return None


def _declared(
    pom: Pom,
    holder: Element | None,
    release: str | None,
    names: tuple[str, ...],
    *,
    changeable: bool = False,
) -> _Level | None:
    for group in ((release,) if release else (), names):
        found = []
        for name in group:
            element = holder.child(name) if holder is not None else None
            level = java_level(pom.text(element.text)) if element is not None else None
            if element is not None and level is not None:
                given_by_property = "${maven.compiler." in element.text
                reason = element.reason(f"{name} is Java {level}")
                may_change = (changeable or given_by_property) and name != release
                found.append(_Level(level, reason, may_change, name == release))
        if found:
            return max(found, key=lambda item: item.number)
    return None


def _wrapper_notes(project: Project, roots: tuple[str, ...]) -> Iterator[Note]:
    for root in roots:
        file = posixpath.join(posixpath.dirname(root), _WRAPPER)
        if not project.has(file):
            continue
        text = project.read(file)
        found = _WRAPPER_VERSION.search(text)
        if found is not None:
            line = text.count("\n", 0, found.start(1)) + 1
            yield Note(
                level="information",
                text=f"the wrapper asks for Maven {found[1]}; the base's own Maven is used",
                reason=Reason(text=f"Maven {found[1]}", file=file, line=line),
            )


def _sources(project: Project, poms: list[Pom]) -> Iterator[str]:
    """Files and folders that a build needs: each pom.xml with its parents, src and .mvn, and what
    stands beside them and is named in the text of a pom.xml (lib/, checkstyle.xml, …).

    Whether that is all is found out by building from just these when the project is locked.
    """
    found = set(_files(project, poms, ()))
    found |= {f for f in project.files if f.startswith(".mvn/") or "/.mvn/" in f}
    tops = {f.partition("/")[0] for f in project.files}
    for pom in poms:
        prefix = f"{pom.folder}/" if pom.folder else ""
        beside = {
            prefix + f.removeprefix(prefix).partition("/")[0]
            for f in project.files
            if f.startswith(prefix)
        } | tops
        text = project.read(pom.file)
        listed = {element.text for element in pom.root.descendants() if element.tag == "module"}
        for path in sorted(beside):
            name = path.rpartition("/")[2]
            if name in listed or name in ("pom.xml", "data", "results", "target"):
                continue
            if path == f"{prefix}src" or re.search(rf"(?<![\w.-]){re.escape(name)}(?=[/<])", text):
                found.add(path)
    yield from sorted(
        path for path in found if not any(path.startswith(f"{other}/") for other in found)
    )
