"""How the program of a Maven project is started once it is built."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from reprokit.ecosystems.java import CLASS_NAME, main_classes
from reprokit.ecosystems.maven.markup import Element
from reprokit.ecosystems.maven.pom import Pom
from reprokit.model import Argv, Entry, Reason, Step
from reprokit.project import Project

RANK = 30


def entries(project: Project, poms: list[Pom]) -> tuple[Entry, ...]:
    """The programs of a project and its modules (its own pom.xml first), each once.

    What a plugin's configuration names comes alone; only where none names any, the classes with a
    `main` method count. They start where the project's own pom.xml stands, or, where that stands
    beside its modules, where the module's does.
    """
    configured = [program for pom in poms for program in _configured(pom)]
    found = configured or [program for pom in poms for program in _by_source(project, pom)]
    folder = poms[0].folder
    libraries = tuple(dict.fromkeys(jar for pom in poms for jar in system_jars(project, pom)))
    unique: dict[tuple[Step, ...], Entry] = {}
    for program in found:
        inside = not folder or f"{program.pom.folder}/".startswith(f"{folder}/")
        start = folder if inside else program.pom.folder
        step = Step(argv=program.argv(start, libraries), folder=start or ".")
        unique.setdefault((step,), Entry(steps=(step,), reason=program.reason, rank=RANK))
    return tuple(unique.values())


@dataclass(frozen=True, slots=True)
class _Program:
    """A jar of a module: `main` is `None` where the jar brings along all that it needs."""

    pom: Pom
    jar: str
    main: str | None
    reason: Reason
    arguments: Argv = ()
    options: Argv = ()

    def argv(self, start: str, libraries: tuple[str, ...]) -> Argv:
        """The command, run in the folder `start`; `libraries` are jars of the project's own."""
        target = posixpath.join(posixpath.relpath(self.pom.folder or ".", start or "."), "target")
        target = posixpath.normpath(target)
        jar = f"{target}/{self.jar}.jar"
        if self.main is None:
            return ("java", "-jar", jar, *self.arguments)
        own = (posixpath.relpath(library, start or ".") for library in libraries)
        classpath = ":".join((jar, f"{target}/dependency/*", *own))
        return ("java", *self.options, "-cp", classpath, self.main, *self.arguments)


def _configured(pom: Pom) -> Iterator[_Program]:
    """The strongest declaration of a module: exec, shade, assembly, Spring Boot, then the jar."""
    if pom.packaging == "pom":
        return
    for find in (_executed, _shaded, _assembled, _boot, _manifest):
        program = find(pom)
        if program is not None:
            yield program
            return


def _executed(pom: Pom) -> _Program | None:
    for plugin in _plugins(pom, "exec-maven-plugin"):
        for configuration in _configurations(plugin):
            main = configuration.child("mainClass")
            if main is None and pom.text(configuration.value("executable")) == "java":
                program = _java_command(pom, configuration)
                if program is not None:
                    return program
            if main is None or not _is_class(pom.text(main.text)):
                continue
            arguments = tuple(pom.text(e.text) for e in configuration.all("arguments/argument"))
            line = configuration.value("commandlineArgs")
            if not arguments and line:
                arguments = tuple(shlex.split(pom.text(line)))
            if any("${" in argument for argument in arguments):
                arguments = ()
            return _with_classpath(pom, pom.text(main.text), main.reason("exec"), arguments)
    named = pom.properties.get("exec.mainClass")
    if named and _is_class(pom.text(named)):
        return _with_classpath(pom, pom.text(named), _place(pom, "exec.mainClass"))
    return None


def system_jars(project: Project, pom: Pom) -> Iterator[str]:
    """Jars in the project that stand in for a dependency (scope system): Maven copies none."""
    for layer in pom.layers():
        for element in layer.all("dependencies/dependency"):
            place = pom.text(element.value("systemPath"))
            path = posixpath.normpath(posixpath.join(pom.folder, place))
            if element.value("scope") == "system" and place and project.has(path):
                yield path


def _java_command(pom: Pom, configuration: Element) -> _Program | None:
    """exec:exec of "java": options, the class path that Maven fills in, the class, arguments."""
    words = [
        (element, "" if element.tag in ("classpath", "modulepath") else pom.text(element.text))
        for holder in configuration.all("arguments")
        for element in holder.children
    ]
    options: list[str] = []
    for place, (element, word) in enumerate(words):
        if _is_class(word):
            arguments = tuple(text for _, text in words[place + 1 :])
            if any("${" in text for text in (*options, *arguments)):
                options, arguments = [], ()
            reason = element.reason("exec")
            return _Program(pom, pom.final_name, word, reason, arguments, tuple(options))
        if word and word not in ("-cp", "-classpath", "--class-path", "%classpath"):
            options.append(word)
    return None


def _shaded(pom: Pom) -> _Program | None:
    for plugin in _plugins(pom, "maven-shade-plugin"):
        bound = _bound(pom, "maven-shade-plugin")
        for configuration in _configurations(plugin):
            for transformer in configuration.all("transformers/transformer"):
                main = transformer.at("mainClass") or transformer.at("manifestEntries/Main-Class")
                if main is None or not _is_class(pom.text(main.text)):
                    continue
                reason = main.reason("the shade plugin's main class")
                if not bound:
                    return _with_classpath(pom, pom.text(main.text), reason)
                name = pom.text(configuration.value("finalName")) or pom.final_name
                if (configuration.value("shadedArtifactAttached") or "") == "true":
                    suffix = pom.text(configuration.value("shadedClassifierName")) or "shaded"
                    name = f"{name}-{suffix}"
                return _jar(pom, name, reason)
    return None


def _assembled(pom: Pom) -> _Program | None:
    for plugin in _plugins(pom, "maven-assembly-plugin"):
        for configuration in _configurations(plugin):
            main = configuration.at("archive/manifest/mainClass")
            descriptor = configuration.at("descriptorRefs/descriptorRef")
            if main is None or descriptor is None or not _is_class(pom.text(main.text)):
                continue
            if descriptor.text != "jar-with-dependencies":
                continue
            reason = main.reason("the assembly plugin's main class")
            if not _bound(pom, "maven-assembly-plugin"):
                return _with_classpath(pom, pom.text(main.text), reason)
            name = pom.text(configuration.value("finalName")) or pom.final_name
            if (configuration.value("appendAssemblyId") or "true") != "false":
                name = f"{name}-{descriptor.text}"
            return _jar(pom, name, reason)
    return None


def _boot(pom: Pom) -> _Program | None:
    for plugin in _plugins(pom, "spring-boot-maven-plugin"):
        return _jar(pom, pom.final_name, plugin.reason("a Spring Boot program"))
    return None


def _manifest(pom: Pom) -> _Program | None:
    for plugin in _plugins(pom, "maven-jar-plugin"):
        for configuration in _configurations(plugin):
            main = configuration.at("archive/manifest/mainClass") or configuration.at(
                "archive/manifestEntries/Main-Class"
            )
            if main is not None and _is_class(pom.text(main.text)):
                reason = main.reason("the jar's main class")
                return _with_classpath(pom, pom.text(main.text), reason)
    return None


def _by_source(project: Project, pom: Pom) -> Iterator[_Program]:
    if pom.packaging in ("pom", "war"):
        return
    folder = pom.text(
        next((v for x in pom.layers() if (v := x.value("build/sourceDirectory"))), "")
    )
    places = tuple(
        posixpath.normpath(posixpath.join(pom.folder, place)) + "/"
        for place in (folder or "src/main/java", "src/main/kotlin", "src/main/scala")
    )
    files = [
        file
        for pattern in ("*.java", "*.kt", "*.scala")
        for file in project.matching(pattern)
        if file.startswith(places)
    ]
    for main in main_classes(project, files):
        yield _with_classpath(pom, main.name, main.reason)


def _with_classpath(pom: Pom, main: str, reason: Reason, arguments: Argv = ()) -> _Program:
    return _Program(pom, pom.final_name, main, reason, arguments)


def _jar(pom: Pom, name: str, reason: Reason) -> _Program:
    return _Program(pom, name, None, reason)


def _is_class(name: str) -> bool:
    return CLASS_NAME.fullmatch(name) is not None


def _plugins(pom: Pom, artifact: str) -> Iterator[Element]:
    for layer in pom.layers():
        for path in ("build/plugins/plugin", "build/pluginManagement/plugins/plugin"):
            yield from (e for e in layer.all(path) if e.value("artifactId") == artifact)


def _bound(pom: Pom, artifact: str) -> bool:
    """Whether `mvn package` makes the plugin's jar: without an execution, only a command line that
    names its goal does. What a parent from a repository declares cannot be seen."""
    return pom.remote_parent() is not None or any(
        plugin.all("executions/execution/goals/goal") for plugin in _plugins(pom, artifact)
    )


def _configurations(plugin: Element) -> Iterator[Element]:
    """The plugin's own configuration and those of its executions."""
    for holder in (plugin, *plugin.all("executions/execution")):
        found = holder.child("configuration")
        if found is not None:
            yield found


def _place(pom: Pom, name: str) -> Reason:
    for layer in pom.layers():
        for holder in layer.all("properties"):
            element = holder.child(name)
            if element is not None:
                return element.reason(name)
    return Reason(text=name, file=pom.file)
