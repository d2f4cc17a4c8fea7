"""A program called `mvn` for the image of a rerun whose scripts call Maven.

The image holds the built program, and neither Maven nor a repository, and a run has no network. So
what the scripts ask for a second time is done already, and `exec:java` and `exec:exec` are started
here as the exec plugin would start them. Maven itself, offline, would need a JDK, each plugin that
a script names, all that they load, and what a second pom.xml asks for: a repository in the image.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reprokit.ecosystems import java_calls
from reprokit.ecosystems.maven.markup import Element
from reprokit.ecosystems.maven.pom import Pom, active_profiles
from reprokit.ecosystems.maven.programs import system_jars
from reprokit.errors import BadRequest
from reprokit.model import JSON, Argv, GeneratedFile, Mount, Note, Reason, Run, Settings
from reprokit.project import Project
from reprokit.quoting import shell_command, shell_word

SETTING = "stand_in"
GOALS = "goals"
_FOLDER = "maven"
_MAVEN = "mvnw?"
_GOAL = re.compile(r"(?:assembly:(?:single|assembly)|shade:shade|-DdescriptorId=[\w.-]+)")
_RUNS = re.compile(r"\bexec(?:-maven-plugin[\w.:-]*)?:(?:java|exec)\b")
_EXPRESSION = re.compile(r"\$\{([^${}]+)\}")
_PHASES = frozenset(
    {
        "test", "package", "pre-integration-test", "integration-test", "post-integration-test",
        "verify", "install",
    }
)  # fmt: skip
_ALWAYS = ("project.groupId", "project.artifactId", "project.version", "project.build.finalName")
_PLUGINS = ("build/plugins/plugin", "build/pluginManagement/plugins/plugin")


def settings(project: Project, poms: list[Pom]) -> tuple[dict[str, JSON], tuple[Note, ...]]:
    """What the lock has to know for the stand-in, and what to tell; nothing where no script calls
    Maven, where the author can be asked, or where a lock of the author's own decides."""
    if not java_calls.counts(project):
        return {}, ()
    calls = list(java_calls.lines(project, _MAVEN))
    readme = list(java_calls.lines(project, _MAVEN, readmes=True))
    found: dict[str, JSON] = {}
    goals = dict.fromkeys(goal for _, line in readme for goal in _GOAL.findall(line))
    if goals and len(poms) == 1:
        found[GOALS] = list[JSON](goals)
    calls = calls or [(place, line) for place, line in readme if _RUNS.search(line)]
    if not calls:
        return found, ()
    wrappers = [posixpath.join(pom.folder, "mvnw") for pom in poms]
    found[SETTING] = {
        "modules": [_module(project, pom) for pom in poms],
        "wrappers": [path for path in wrappers if project.has(path)],
    }
    place = calls[0][0]
    text = "calls Maven: in its place the image has a program that starts what is built already"
    reason = Reason(text=text, file=place.file, line=place.line)
    return found, (Note(level="warning", text=text, reason=reason),)


def goals(found: Settings) -> Argv:
    """Goals that the project's own commands build with, besides `package`."""
    listed = found.get(GOALS)
    texts = (str(goal) for goal in (listed if isinstance(listed, list) else ()))
    return tuple(goal for goal in texts if _GOAL.fullmatch(goal))


def _module(project: Project, pom: Pom) -> JSON:
    rows = list(_executions(pom))
    copied: dict[str, JSON] = {}
    for key, place in _copied(pom):
        copied.setdefault(key, place)
    texts = [text for row in rows for text in _texts(row)] + list(map(str, copied.values()))
    return {
        "folder": pom.folder or ".",
        "artifact": pom.artifact,
        "packaging": pom.packaging,
        "libraries": list[JSON](dict.fromkeys(system_jars(project, pom))),
        "executions": list[JSON](rows),
        "copied": copied,
        "properties": _properties(pom, texts),
    }


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in (
        value.values()
        if isinstance(value, dict)
        else value or ()
        if isinstance(value, list)
        else ()
    ):
        yield from _texts(inner)


def _properties(pom: Pom, texts: Iterable[str]) -> dict[str, JSON]:
    """What the texts name, and what they name in turn: left as it is, as -D may set any of it."""
    found: dict[str, JSON] = {}
    named = ["exec.mainClass", "exec.args", "exec.executable", *_ALWAYS]
    named += [name for text in texts for name in _EXPRESSION.findall(text)]
    while named:
        name = named.pop()
        value = pom.properties.get(name)
        if name not in found and value is not None and name not in ("basedir", "project.basedir"):
            found[name] = _line(value)
            named += _EXPRESSION.findall(value)
    return found


def _line(text: str) -> str:
    return " ".join(text.split())


def _executions(pom: Pom) -> Iterator[dict[str, JSON]]:
    """The exec plugin's own configuration (id ""), and each of its executions with an id, for the
    pom.xml itself (profile "") and for its profiles that somebody has to ask for."""
    always = list(_plugins(pom.layers(), "exec-maven-plugin"))
    asked = [p for p in pom.root.all("profiles/profile") if p not in active_profiles(pom.root)]
    for profile in (None, *asked):
        own = [] if profile is None else list(_plugins((profile,), "exec-maven-plugin"))
        if profile is not None and not own:
            continue
        plugins = [*own, *always]
        executions = [e for plugin in plugins for e in plugin.all("executions/execution")]
        names = dict.fromkeys(e.value("id") or "default" for e in executions)
        for name in ("", *names):
            its = [e for e in executions if (e.value("id") or "default") == (name or "default-cli")]
            holders = [found for e in (*its, *plugins) if (found := e.child("configuration"))]
            if not holders:
                continue
            goal = next((g.text for e in its for g in e.all("goals/goal")), "")
            row: dict[str, JSON] = {
                "profile": "" if profile is None else profile.value("id") or "",
                "id": name,
                "goal": goal,
                "phase": next((v for e in its if (v := e.value("phase"))), ""),
            }
            yield row | _configuration(holders)


def _configuration(holders: list[Element]) -> dict[str, JSON]:
    def first(tag: str) -> Element | None:
        return next((e for holder in holders if (e := holder.child(tag)) is not None), None)

    def text(tag: str, otherwise: str) -> str:
        element = first(tag)
        return _line(element.text) if element is not None and element.text else otherwise

    arguments, system = first("arguments"), first("systemProperties")
    words = [_word(e) for e in (arguments.children if arguments is not None else ())]
    pairs = (
        (e.value("key") or e.value("name"), e.value("value") or "")
        for e in (system.children if system is not None else ())
    )
    return {
        "main": text("mainClass", "${exec.mainClass}"),
        "executable": text("executable", "${exec.executable}"),
        "directory": text("workingDirectory", "${exec.workingdir}"),
        "commandline": text("commandlineArgs", "${exec.args}"),
        "arguments": list[JSON](words),
        "definitions": [f"{_line(key)}={_line(value)}" for key, value in pairs if key],
    }


def _word(element: Element) -> str:
    if element.tag in ("classpath", "modulepath"):
        return "%classpath"
    return _line(element.text)


def _copied(pom: Pom) -> Iterator[tuple[str, str]]:
    """Folders outside of target/ that get copies of the libraries: on `copy-dependencies` (key ""),
    and where it is bound to a phase."""
    for plugin in _plugins(pom.layers(), "maven-dependency-plugin"):
        own = plugin.value("configuration/outputDirectory")
        if own:
            yield "", _line(own)
        for execution in plugin.all("executions/execution"):
            place = execution.value("configuration/outputDirectory") or own
            if place and any(g.text == "copy-dependencies" for g in execution.all("goals/goal")):
                yield "package", _line(place)


def _plugins(layers: Iterable[Element], artifact: str) -> Iterator[Element]:
    for layer in layers:
        for path in _PLUGINS:
            yield from (e for e in layer.all(path) if e.value("artifactId") == artifact)


def rendered(found: Settings) -> tuple[tuple[GeneratedFile, ...], tuple[Run, ...], tuple[Run, ...]]:
    """The files, the layer that installs them, and what follows the code, for a lock's settings."""
    setting = found.get(SETTING)
    if not isinstance(setting, dict):
        return (), (), ()
    script = Path(__file__).with_name("mvn.sh").read_text("utf-8")
    files = (
        GeneratedFile(path=f"{_FOLDER}/mvn", content=script, executable=True),
        GeneratedFile(path=f"{_FOLDER}/maven.sh", content=described(setting)),
        GeneratedFile(
            path=f"{_FOLDER}/mvnw",
            content='#!/bin/sh\nexec /usr/local/bin/mvn "$@"\n',
            executable=True,
        ),
    )
    mounts = (Mount(source=f"vendor/{_FOLDER}", target="/mnt/maven"),)
    install = ("install", "-D", "-m")
    put = Run(
        comment="What the scripts call as Maven: it starts the program that is built already.",
        commands=(
            (*install, "0755", "/mnt/maven/mvn", "/usr/local/bin/mvn"),
            (*install, "0644", "/mnt/maven/maven.sh", "/usr/local/share/reprokit/maven.sh"),
        ),
        mounts=mounts,
    )
    wrappers = [str(path) for path in _listed(setting, "wrappers")]
    for path in wrappers:
        if path.startswith("/") or ".." in path.split("/"):
            raise BadRequest(f"the lock names {path!r} as Maven's wrapper", next="lock again")
    instead = Run(
        comment="Maven's wrapper would download Maven.",
        commands=tuple(
            ("install", "-o", "1000", "-g", "0", "-m", "0775", "/mnt/maven/mvnw", f"/app/{path}")
            for path in wrappers
        ),
        mounts=mounts,
    )
    return files, (put,), (instead,) if wrappers else ()


def described(setting: Mapping[str, JSON], root: str = "/app") -> str:
    """What the stand-in knows of the project, as functions of a shell. root: the project's place.

    Raises BadRequest for text that cannot be quoted.
    """
    modules = [m for m in _listed(setting, "modules") if isinstance(m, dict)]
    lines = ["# What the pom.xml files say, for ../../bin/mvn.", f"root={shell_word(root)}"]
    rows = [(m, row) for m in modules for row in _listed(m, "executions") if isinstance(row, dict)]
    bound = [(m, row) for m, row in rows if row["phase"] in _PHASES and _starts_java(row)]
    lines.append(f"binds={'1' if bound or any(_bound_copy(m) for m in modules) else chr(39) * 2}")
    lines += _cases("module", (_known(m) for m in modules))
    lines += _cases("by_artifact", (_by_artifact(m) for m in modules))
    lines += _cases("property", (case for m in modules for case in _property_cases(m)))
    lines += _cases("configured", (case for m, row in rows for case in _configured(m, row)))
    lines += _cases("copied", (case for m in modules for case in _copied_cases(m)))
    lines += _cases("bound", _bound(modules, bound).items())
    return "\n".join(lines) + "\n"


def _cases(name: str, cases: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
    body = [
        f"    {shell_word(key)}) {'; '.join(commands)} ;;" for key, commands in dict(cases).items()
    ]
    return [f"{name}() {{", "    case $1 in", *body, "    *) return 1 ;;", "    esac", "}"]


def _known(module: Mapping[str, JSON]) -> tuple[str, list[str]]:
    libraries = ":".join(map(str, _listed(module, "libraries")))
    said = [
        f"packaging={shell_word(str(module['packaging']))}",
        f"libraries={shell_word(libraries)}",
    ]
    return str(module["folder"]), said


def _by_artifact(module: Mapping[str, JSON]) -> tuple[str, list[str]]:
    return str(module["artifact"]), [f"printf %s {shell_word(str(module['folder']))}"]


def _property_cases(module: Mapping[str, JSON]) -> Iterator[tuple[str, list[str]]]:
    found = module["properties"]
    for name, value in sorted(found.items()) if isinstance(found, dict) else ():
        yield f"{module['folder']}:{name}", [f"value={shell_word(str(value))}"]


def _configured(
    module: Mapping[str, JSON], row: Mapping[str, JSON]
) -> Iterator[tuple[str, list[str]]]:
    where = f"{module['folder']}:{row['profile']}:{row['id']}"
    arguments = [str(word) for word in _listed(row, "arguments")]
    own = [f"{name}={shell_word(str(row[name]))}" for name in ("main", "commandline")]
    defined = [f"add_definition {shell_word(str(d))}" for d in _listed(row, "definitions")]
    yield f"java:{where}", [*own, *defined, shell_command(("run_java", *arguments))]
    own = [
        f"{name}={shell_word(str(row[name]))}"
        for name in ("executable", "commandline", "directory")
    ]
    yield f"exec:{where}", [*own, shell_command(("run_program", *arguments))]


def _copied_cases(module: Mapping[str, JSON]) -> Iterator[tuple[str, list[str]]]:
    found = module["copied"]
    for key, place in sorted(found.items()) if isinstance(found, dict) else ():
        yield f"{module['folder']}:{key}", [f"copy_libraries {shell_word(str(place))}"]


def _bound_copy(module: Mapping[str, JSON]) -> bool:
    found = module["copied"]
    return isinstance(found, dict) and "package" in found


def _bound(
    modules: Iterable[Mapping[str, JSON]],
    rows: Iterable[tuple[Mapping[str, JSON], Mapping[str, JSON]]],
) -> dict[str, list[str]]:
    """What a phase starts, by "FOLDER:PHASE"."""
    found: dict[str, list[str]] = {}
    for module in modules:
        if _bound_copy(module):
            folder = str(module["folder"])
            found[f"{folder}:package"] = [f"copied {shell_word(f'{folder}:package')}"]
    for module, row in rows:
        if row["profile"] == "":
            command = shell_command(("start", str(row["goal"]), str(row["id"])))
            found.setdefault(f"{module['folder']}:{row['phase']}", []).append(command)
    return found


def _starts_java(row: Mapping[str, JSON]) -> bool:
    goal = row["goal"]
    return goal == "java" or (goal == "exec" and row["executable"] == "java")


def _listed(found: Mapping[str, JSON], key: str) -> list[JSON]:
    listed = found.get(key)
    return listed if isinstance(listed, list) else []
