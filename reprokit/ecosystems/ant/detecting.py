"""What an Ant project declares: its build file, Java level, libraries through Ivy, its program."""

from __future__ import annotations

from reprokit.ecosystems import java_calls
from reprokit.ecosystems.ant import ivy, programs
from reprokit.ecosystems.ant.buildfile import BuildFile, downloads, load
from reprokit.ecosystems.java import encoding, java_level, runtime_for
from reprokit.ecosystems.java_named import Named, java_of_readme
from reprokit.ecosystems.maven.markup import parse
from reprokit.files import canonical_json, sha256_text
from reprokit.model import JSON, Detection, Note, Reason, Requirement, Runtime
from reprokit.project import Project

OLDEST_LEVEL = 8


def detect(project: Project) -> Detection | None:
    """What the project's build.xml says. Raises BadRequest for a malformed one."""
    file = root_file(project)
    if file is None:
        return None
    build = load(project, file)
    target = programs.build_target(build)
    if target is None:
        return None  # A build.xml that compiles no Java builds something else.
    properties, runtime, notes = _java(build, java_of_readme(project))
    requirements: tuple[Requirement, ...] = ()
    files = [*build.files]
    uses_ivy = ivy.uses_ivy(build)
    module = ivy.module_file(project, build) if uses_ivy else None
    if module is not None:
        requirements, more = ivy.requirements(project, build, module)
        notes += more
        files.append(module)
    # Ivy could not resolve again without a network, so that Ant alone would be of no use.
    asks = java_calls.counts(project) and not uses_ivy
    call = next((place for place, _ in java_calls.lines(project, "ant")), None) if asks else None
    settings: dict[str, JSON] = {
        "file": file,
        "target": target,
        "ivy": uses_ivy,
        "properties": dict(properties),
        "ant_at_run": programs.run_target(build) is not None or call is not None,
        **encoding(project, project.matching("*.java")),
    }
    if ivy.cached_paths(build):
        settings["ivy_libraries"] = True
    settings["declared"] = _declared_by(project, build, module)
    bootstrap = ivy.bootstrap(build, target) if uses_ivy else None
    if bootstrap is not None:
        settings["ivy_jar"] = bootstrap.place
        if bootstrap.property is not None:
            settings["properties"] = {**properties, bootstrap.property: "true"}
    own = ivy.settings_file(project, build) if uses_ivy else None
    if own is not None:
        files.append(own)
        settings["ivy_settings"] = own
    return Detection(
        ecosystem="ant",
        files=tuple(sorted(files)),
        requirements=requirements,
        runtimes=(runtime,),
        entries=programs.entries(project, build),
        notes=(*notes, *_downloads(build, bootstrap), *_called(call)),
        settings=settings,
    )


def _called(call: Reason | None) -> tuple[Note, ...]:
    text = "a script calls Ant, so that the image has Ant and a JDK"
    return () if call is None else (Note(level="information", text=text, reason=call),)


def _declared_by(project: Project, build: BuildFile, module: str | None) -> str:
    """A digest of what decides what is made and how: another one makes a lock stale."""
    files: dict[str, JSON] = {
        file: parse(project.read(file), file).digest()
        for file in (*build.files, *([module] if module else []))
    }
    return sha256_text(canonical_json([files, dict(build.properties)]))


def root_file(project: Project) -> str | None:
    """The project's own build.xml, else the one nearest to it, where there is just one."""
    if project.has("build.xml"):
        return "build.xml"
    found = project.matching("build.xml")
    nearest = min((f.count("/") for f in found), default=0)
    candidates = [f for f in found if f.count("/") == nearest]
    return candidates[0] if len(candidates) == 1 else None


def _java(
    build: BuildFile, named: Named | None
) -> tuple[dict[str, str], Runtime, tuple[Note, ...]]:
    """Properties to set for the build, the JDKs that suit, and what to know."""
    found: list[tuple[int, Reason, str | None]] = []
    for target in build.targets.values():
        for element in build.tasks(target):
            if element.tag != "javac":
                continue
            for name in ("release", "source", "target"):
                value = element.attributes.get(name, "")
                level = java_level(build.text(value))
                if level is not None:
                    reason = element.reason(f"{name} is Java {level}")
                    found.append((level, reason, _property(value)))
    for name in ("ant.build.javac.source", "ant.build.javac.target"):
        level = java_level(build.properties.get(name, ""))
        if level is not None:
            reason = Reason(text=f"{name} is Java {level}", file=build.file)
            found.append((level, reason, name))
    if not found and named is not None:
        return {}, runtime_for(max(named.release, OLDEST_LEVEL), named.reason), ()
    if not found:
        reason = Reason(text="compiles Java of no stated release", file=build.file)
        return {}, runtime_for(None, reason), ()
    level, reason, _ = max(found, key=lambda item: item[0])
    old = {name for other, _, name in found if other < OLDEST_LEVEL}
    if level < OLDEST_LEVEL and None not in old:
        text = f"Java {level} is older than today's compilers accept: Java {OLDEST_LEVEL} instead"
        note = Note(level="warning", text=text, reason=reason)
        properties = {name: str(OLDEST_LEVEL) for name in sorted(filter(None, old))}
        return properties, runtime_for(OLDEST_LEVEL, reason), (note,)
    return {}, runtime_for(level, reason), ()


def _property(value: str) -> str | None:
    """The one property that a value consists of: the command line may set it otherwise."""
    name = value.removeprefix("${").removesuffix("}")
    return name if value == f"${{{name}}}" and name.replace(".", "").isidentifier() else None


def _downloads(build: BuildFile, bootstrap: ivy.Bootstrap | None) -> tuple[Note, ...]:
    """Tasks that fetch something: they cannot, when the image is built offline."""
    return tuple(
        Note(
            level="warning",
            text=f"<{element.tag}> downloads while building, which happens without a network: "
            "put the file into the project, or let Ivy fetch it",
            reason=element.reason(f"the target {holder.attributes.get('name', '')}"),
        )
        for holder, element in downloads(build, programs.build_target(build))
        if bootstrap is None or element is not bootstrap.element
    )
