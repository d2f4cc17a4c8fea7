"""What a Maven project declares: dependencies, Java release, wrapper, and its program."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from reprokit.ecosystems.java import encoding
from reprokit.ecosystems.java_named import java_of_readme
from reprokit.ecosystems.maven import levels, programs, standing_in
from reprokit.ecosystems.maven.markup import Element
from reprokit.ecosystems.maven.pom import Pom, active_profiles, load, modules, plugin_elements
from reprokit.errors import BadRequest
from reprokit.files import canonical_json, sha256_text
from reprokit.model import JSON, Detection, Note, Reason, Requirement
from reprokit.project import Project

_FOR_READERS = frozenset(
    {
        "name", "description", "url", "inceptionYear", "licenses", "developers", "contributors",
        "organization", "mailingLists", "scm", "issueManagement", "ciManagement",
        "distributionManagement",
    }
)  # fmt: skip
"""Parts of a pom.xml that change nothing of what is built."""
_SETTINGS = re.compile(r"(?:^|/)\.mvn/(?:extensions\.xml|maven\.config|jvm\.config)$")
_READ_GIT = {
    "git-commit-id-plugin": "maven.gitcommitid.skip",
    "git-commit-id-maven-plugin": "maven.gitcommitid.skip",
    "buildnumber-maven-plugin": "maven.buildNumber.skip",
}
"""Plugins that fail without a git repository, and the property that each is left out by."""
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
    level, runtime, raised = levels.java(poms, java_of_readme(project))
    called, told = standing_in.settings(project, poms)
    notes = [*_wrapper_notes(project, roots), *raised, *told]
    requirements = []
    own = {(pom.group, pom.artifact) for pom in poms}
    for pom in poms:
        for requirement, note in _requirements(pom, own):
            requirements.append(requirement)
            notes += note
    skipped = sorted({_READ_GIT[name] for pom in poms for name in _READ_GIT if _uses(pom, name)})
    settings: dict[str, JSON] = {
        "skip": list[JSON](skipped),
        "roots": [posixpath.dirname(root) or "." for root in roots],
        "modules": [pom.folder or "." for pom in poms],
        "sources": list(_sources(project, poms)),
        "declared": _declared_by(project, poms),
        **encoding(project, project.matching("*.java")),
        **called,
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


def _uses(pom: Pom, artifact: str) -> bool:
    return next(plugin_elements(pom, artifact), None) is not None


def _declared_by(project: Project, poms: list[Pom]) -> str:
    """A digest of what decides which plugins run and which jars they make: none of it is listed as
    a requirement, and all of it makes a lock stale."""
    files: dict[str, JSON] = {}
    for pom in poms:
        current: Pom | None = pom
        while current is not None:
            files[current.file] = current.root.digest(_FOR_READERS)
            current = current.parent
    for file in project.files:
        if _SETTINGS.search(file):
            files[file] = sha256_text(project.read(file))
    return sha256_text(canonical_json(files))


def root_files(project: Project) -> tuple[str, ...]:
    """The pom.xml that builds everything: the project's own, else the ones nearest to it. Where it
    is a library without a program: those of the programs in it that are projects of their own."""
    if project.has("pom.xml"):
        return _programs_apart(project) or ("pom.xml",)
    found = [f for f in project.matching("pom.xml") if "src" not in f.split("/")[:-1]]
    nearest = min((f.count("/") for f in found), default=0)
    roots = tuple(f for f in found if f.count("/") == nearest)
    if len(roots) < 2:
        return roots
    # A parent may stand beside its modules instead of above them: it builds them all.
    built = {
        pom.file
        for root in roots
        for pom in modules(project, load(project, root))
        if pom.file != root
    }
    return tuple(root for root in roots if root not in built)


def _programs_apart(project: Project) -> tuple[str, ...]:
    """The pom.xml files of experiments with a library: no modules of it, and with programs where it
    has none."""
    whole = list(modules(project, load(project, "pom.xml")))
    others = [f for f in project.matching("pom.xml") if "src" not in f.split("/")[:-1]]
    others = sorted(set(others) - {pom.file for pom in whole}, key=lambda f: (f.count("/"), f))
    if not others or programs.entries(project, whole):
        return ()
    found: list[str] = []
    inside: set[str] = set()
    for file in others:
        try:
            poms = list(modules(project, load(project, file)))
        except BadRequest:
            continue  # A sample in somebody's tests, or a template: it is none of the build's.
        if file not in inside and programs.entries(project, poms):
            found.append(file)
            inside.update(pom.file for pom in poms)
    return tuple(found)


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
    elif not version and not _managed_elsewhere(pom):
        raise BadRequest(
            f"{group}:{artifact} has no version",
            where=element.where,
            next="add a <version>, here or in <dependencyManagement>",
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


def _managed_elsewhere(pom: Pom) -> bool:
    """Whether versions may come from what only a repository or Maven itself knows: a parent, an
    imported list, a profile that it may find active."""
    return pom.remote_parent() is not None or any(
        _imports(layer.all("dependencyManagement/dependencies/dependency"))
        or any(p.at("dependencyManagement") is not None for p in layer.all("profiles/profile"))
        for layer in pom.layers()
    )


def _managed(pom: Pom, group: str, artifact: str) -> str:
    for layer in pom.layers():
        for element in layer.all("dependencyManagement/dependencies/dependency"):
            names = pom.text(element.value("groupId")), pom.text(element.value("artifactId"))
            if names == (group, artifact):
                return pom.text(element.value("version"))
    return ""


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
