"""Which target builds an Ant project, and how the program is started afterwards."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from reprokit.ecosystems.ant.buildfile import BuildFile
from reprokit.ecosystems.ant.ivy import LIBRARIES, cached_paths, uses_ivy
from reprokit.ecosystems.java import CLASS_NAME, main_classes
from reprokit.ecosystems.maven.markup import Element
from reprokit.model import Argv, Entry, Reason, Step
from reprokit.project import Project

RANK = 30
_STARTS = frozenset({"java", "exec", "apply", "junit", "junitlauncher", "sshexec", "scp"})
_BUILDS = ("jar", "dist", "build", "compile", "package", "all", "main")
_RUNS = ("run", "execute", "main", "experiment", "experiments", "start")
_HARMLESS = frozenset({"echo", "mkdir", "property", "description", "java", "path", "tstamp"})


def build_target(build: BuildFile) -> str | None:
    """The target to make when the image is built: the default one, unless making it would start
    programs; then the nearest one that only compiles. `None` where none compiles."""
    default = build.default
    if default is not None and _compiles(build, default) and not _starts(build, default):
        return default
    before = [e.attributes.get("name", "") for e in build.closure(default)] if default else []
    for name in (*_BUILDS, *reversed(before), *sorted(build.targets)):
        if name.startswith("-") or name not in build.targets:
            continue  # Ant takes such a name for an option: it is for other targets only.
        if _compiles(build, name) and not _starts(build, name):
            return name
    return None


def entries(project: Project, build: BuildFile) -> tuple[Entry, ...]:
    """The project's programs: what <java> tasks start, else the main class of the jar, else the
    classes with a `main` method."""
    for find in (_tasks, _manifests, _by_source):
        unique: dict[tuple[Step, ...], Entry] = {}
        for entry in find(project, build):
            unique.setdefault(entry.steps, entry)
        if unique:
            return tuple(unique.values())
    return ()


def run_target(build: BuildFile) -> Element | None:
    """A target meant for running whose own tasks do more than start one Java program: only Ant
    itself can do what it does. `None` where Ivy is used: offline, a run could not resolve again."""
    if uses_ivy(build):
        return None
    for name in (*_RUNS, build.default or ""):
        target = build.targets.get(name)
        if target is None or name not in _RUNS:
            continue
        tasks = [element.tag for element in target.children]
        starts = [tag for tag in tasks if tag in _STARTS]
        if starts and (len(starts) > 1 or not set(tasks) <= _HARMLESS):
            return target
    return None


def _compiles(build: BuildFile, target: str) -> bool:
    return any(e.tag == "javac" for t in build.closure(target) for e in build.tasks(t))


def _starts(build: BuildFile, target: str) -> bool:
    return any(e.tag in _STARTS for t in build.closure(target) for e in build.tasks(t))


def _tasks(project: Project, build: BuildFile) -> Iterator[Entry]:
    complicated = run_target(build)
    if complicated is not None:
        name = complicated.attributes["name"]
        argv = ("ant", "-noinput", "-buildfile", posixpath.basename(build.file), name)
        yield _entry(build, argv, complicated.reason(f"the target {name}"), at_file=True)
        return
    named = [build.targets[n] for n in (*_RUNS, build.default or "") if n in build.targets]
    for target in named:
        found = [entry for e in build.tasks(target) for entry in _java_task(project, build, e)]
        yield from found
        if found:
            return
    # Eclipse exports each of its launch configurations as a target of that name.
    for target in build.targets.values():
        for element in build.tasks(target):
            yield from _java_task(project, build, element)


def _java_task(project: Project, build: BuildFile, element: Element) -> Iterator[Entry]:
    if element.tag != "java":
        return
    arguments = tuple(_arguments(build, element, "arg"))
    options = tuple(_arguments(build, element, "jvmarg"))
    memory = build.text(element.attributes.get("maxmemory"))
    if memory and "${" not in memory:
        options = (f"-Xmx{memory}", *options)
    jar = build.path(element.attributes.get("jar", ""))
    name = build.text(element.attributes.get("classname"))
    reason = element.reason("a <java> task")
    if jar is not None:
        yield _entry(build, ("java", *options, "-jar", jar, *arguments), reason)
    elif CLASS_NAME.fullmatch(name):
        places = tuple(_classpath(build, element, 0)) or tuple(_usual_classpath(project, build))
        yield _entry(
            build, ("java", *options, "-cp", ":".join(_unique(places)), name, *arguments), reason
        )


def _arguments(build: BuildFile, element: Element, tag: str) -> Iterator[str]:
    import shlex

    for argument in element.children:
        if argument.tag != tag:
            continue
        value = build.text(argument.attributes.get("value") or argument.attributes.get("file"))
        line = build.text(argument.attributes.get("line"))
        if "${" in value + line:
            continue
        if value:
            yield value
        try:
            yield from shlex.split(line)
        except ValueError:
            continue


def _classpath(build: BuildFile, element: Element, depth: int) -> Iterator[str]:
    """The places that a task's or path's classpath names, in order."""
    if depth > 20:
        return
    attributes = element.attributes
    for name in ("classpathref", "refid"):
        if name in attributes and build.text(attributes[name]) in cached_paths(build):
            yield f"{LIBRARIES}/*"
        other = build.identified(build.text(attributes.get(name))) if name in attributes else None
        if other is not None:
            yield from _classpath(build, other, depth + 1)
    joined = build.text(attributes.get("classpath")).replace(";", ":")
    if element.tag in ("pathelement", "path", "classpath"):
        for name in ("path", "location"):
            joined += ":" + build.text(attributes.get(name)).replace(";", ":")
    for part in joined.split(":"):
        place = build.path(part) if part.strip() else None
        if place is not None:
            yield place
    if element.tag in ("fileset", "zipfileset"):
        folder = build.path(attributes.get("dir", "."))
        if folder is not None:
            yield f"{folder}/*"
        elif "file" in attributes and (file := build.path(attributes["file"])) is not None:
            yield file
        return
    for child in element.children:
        if child.tag in ("classpath", "path", "pathelement", "fileset", "zipfileset"):
            yield from _classpath(build, child, depth + 1)


def _usual_classpath(project: Project, build: BuildFile) -> Iterator[str]:
    """Where the compiled classes go, the jars that are made, and every folder with libraries."""
    for target in build.targets.values():
        for element in build.tasks(target):
            name = {"javac": "destdir", "jar": "destfile"}.get(element.tag)
            place = build.path(element.attributes.get(name, "")) if name else None
            if place is not None:
                yield place
    for target in build.targets.values():
        for element in build.tasks(target):
            if element.tag == "javac":
                yield from _classpath(build, element, 0)
    prefix = "" if build.base == "." else f"{build.base}/"
    for file in project.matching("*.jar"):
        if file.startswith(prefix):
            yield f"{posixpath.dirname(file.removeprefix(prefix)) or '.'}/*"


def _manifests(project: Project, build: BuildFile) -> Iterator[Entry]:
    for target in build.targets.values():
        for jar in build.tasks(target):
            place = build.path(jar.attributes.get("destfile", jar.attributes.get("jarfile", "")))
            if jar.tag != "jar" or place is None:
                continue
            for attribute in jar.descendants():
                main = build.text(attribute.attributes.get("value"))
                if attribute.attributes.get("name") == "Main-Class" and CLASS_NAME.fullmatch(main):
                    places = _unique((place, *_usual_classpath(project, build)))
                    yield _entry(
                        build,
                        ("java", "-cp", ":".join(places), main),
                        attribute.reason("the jar's main class"),
                    )


def _by_source(project: Project, build: BuildFile) -> Iterator[Entry]:
    prefix = "" if build.base == "." else f"{build.base}/"
    files = [f for f in project.matching("*.java") if f.startswith(prefix) and "test" not in f]
    places = _unique(tuple(_usual_classpath(project, build)))
    for main in main_classes(project, files):
        yield _entry(build, ("java", "-cp", ":".join(places) or ".", main.name), main.reason)


def _entry(build: BuildFile, argv: Argv, reason: Reason, *, at_file: bool = False) -> Entry:
    folder = (build.folder or ".") if at_file else build.base
    return Entry(steps=(Step(argv=argv, folder=folder),), reason=reason, rank=RANK)


def _unique(places: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(places))
