"""Maven: projects with a pom.xml, built offline from a vendored repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reprokit.ecosystems import java_needs
from reprokit.ecosystems.java import candidate_packages, java_packages
from reprokit.ecosystems.maven import building, explaining, repository, standing_in
from reprokit.ecosystems.maven.nearest import Substitute
from reprokit.errors import BadRequest
from reprokit.model import (
    JSON,
    Argv,
    BaseCandidate,
    BuildStage,
    Detection,
    GeneratedFile,
    LockedBase,
    LockedEcosystem,
    Mount,
    Reason,
    Rendering,
    Run,
    SystemPackage,
)
from reprokit.project import Project
from reprokit.resolving import Catalogue, Resolver

NORMALISER = "strip-nondeterminism"
"""Old jar plugins write the time of the build into the jar; this takes it out again."""


def system_packages(
    detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """A JRE to run with, and a JDK and Maven to build with, where the image does not bring them."""
    known = (*java_needs.known(detection.requirements, catalogue), *normaliser(catalogue))
    if "java" in base.provides:
        return known
    reason = Reason(text="the project is built with Maven", file=detection.files[0])
    offered = catalogue.versions(candidate_packages())
    return (
        *known,
        *java_packages(detection.runtimes, base, offered),
        SystemPackage(name="maven", reason=reason, stage="build"),
    )


def normaliser(catalogue: Catalogue) -> tuple[SystemPackage, ...]:
    """What takes times out of jars, where the distribution has it."""
    reason = Reason(text="jar files that do not carry the time of the build")
    found = catalogue.versions((NORMALISER,))
    return tuple(SystemPackage(name=name, reason=reason, stage="build") for name in found)


def resolve(detection: Detection, resolver: Resolver) -> LockedEcosystem:
    """Build once with the network and keep every file that Maven fetched."""
    requested = frozenset(r.name for r in detection.requirements)
    with resolver.workshop(project=True) as workshop:
        built = building.build(detection, workshop, resolver)
        normalises = workshop.execute(("which", NORMALISER)).code == 0

        def original(path: str) -> str:
            """Where a file comes from that lies in another one's place."""
            found = (s.original(path) for s in built.substitutes)
            return next((other for other in found if other is not None), path)

        found = repository.read(
            workshop.read(building.LOCAL_REPOSITORY), built.printed, requested, resolver, original
        )
    java_needs.ask_for_needs(found.packages, resolver)
    settings: dict[str, JSON] = {
        "epoch": resolver.epoch,
        "level": built.level,
        "metadata": {path: list(versions) for path, versions in found.metadata.items()},
        "normalise": normalises,
        "outputs": list(built.outputs),
        "roots": detection.settings["roots"],
        "skip": detection.settings.get("skip", []),
        "sources": list(built.sources),
    }
    if built.substitutes:
        settings["repaired"] = [_told(s, resolver.project) for s in built.substitutes]
    for name in ("encoding", standing_in.SETTING, standing_in.GOALS):
        if name in detection.settings:
            settings[name] = detection.settings[name]
    return LockedEcosystem(
        ecosystem="maven",
        packages=found.packages,
        settings=settings,
        undated=_undated(detection, found.metadata),
    )


def _told(found: Substitute, project: Project) -> str:
    place = explaining.place_of(project, found.group, found.artifact)
    where = "" if place is None else f"{place}: "
    return f"{where}{found.name} {found.wanted} cannot be had; {found.taken} is in its place"


def render(locked: LockedEcosystem, base: LockedBase) -> Rendering:
    """A stage that builds offline; its jars and libraries go to /app/…/target."""
    outputs = _texts(locked.settings, "outputs")
    if not outputs:
        return Rendering()
    epoch, level = locked.settings["epoch"], locked.settings.get("level")
    if not isinstance(epoch, int):
        raise BadRequest("the lock's Maven part has no epoch", next="lock again")
    commands = [
        building.command(
            locked.settings,
            root,
            level if isinstance(level, int) else None,
            epoch,
            "-o",
            "-q",
            "-Dmaven.repo.local=/m2",
            *building.skipping(locked.settings),
        )
        for root in _texts(locked.settings, "roots")
    ]
    jars = tuple(path for path in outputs if path.endswith(".jar"))
    if jars and locked.settings.get("normalise") is True:
        normal = (NORMALISER, "--type", "jar", "--timestamp", str(epoch))
        commands.append((*normal, *jars))
        commands += _copies(outputs, jars, normal)
    files, put, instead = standing_in.rendered(locked.settings)
    touch = ("touch", "--no-dereference", f"--date=@{epoch}")
    commands.append(("find", *outputs, "-exec", *touch, "{}", "+"))
    return Rendering(
        dependencies=put,
        install=instead,
        stage=BuildStage(
            name="maven",
            sources=_texts(locked.settings, "sources"),
            run=(
                Run(
                    comment="Compile, and put the libraries beside the program.",
                    commands=tuple(commands),
                    mounts=(Mount(source="vendor/m2", target="/m2", writable=True),),
                ),
            ),
            outputs=tuple((f"/build/{path}", f"/app/{path}") for path in _by_change(outputs)),
        ),
        environment=(("LANG", "C.UTF-8"),),
        files=(*_metadata(locked.settings), *files),
    )


def _by_change(outputs: tuple[str, ...]) -> list[str]:
    """Libraries first: they change less often than the program."""
    return sorted(outputs, key=lambda path: (path.endswith((".jar", "/classes")), path))


def _copies(outputs: tuple[str, ...], jars: tuple[str, ...], normal: Argv) -> list[Argv]:
    """Modules lie beside the programs of other modules too, copied before they are normalised."""
    if len({path.rpartition("/")[0] for path in outputs}) == 1:
        return []
    folders = [path for path in outputs if path not in jars]
    names = sorted({path.rpartition("/")[2] for path in jars})
    either = [word for name in names for word in ("-o", "-name", name)][1:]
    return [("find", *folders, "(", *either, ")", "-exec", *normal, "{}", "+")] if folders else []


def _metadata(settings: Mapping[str, JSON]) -> list[GeneratedFile]:
    found = settings.get("metadata")
    return [
        GeneratedFile(
            path=f"{repository.FOLDER}/{path}",
            content=repository.metadata_text(path, [str(version) for version in versions]),
        )
        for path, versions in sorted(found.items() if isinstance(found, dict) else ())
        if isinstance(versions, list)
    ]


def _undated(detection: Detection, metadata: Iterable[str]) -> tuple[str, ...]:
    """What got its version from a repository's list of today: ranges, and plugins without one."""
    warned = {note.reason for note in detection.notes if note.level == "warning"}
    found = {r.name for r in detection.requirements if r.reason in warned}
    for path in metadata:
        group, artifact, _ = path.rsplit("/", 2)
        found.add(f"{group.replace('/', '.')}:{artifact}")
    return tuple(sorted(found))


def _texts(settings: Mapping[str, JSON], key: str) -> tuple[str, ...]:
    found = settings.get(key)
    return tuple(str(item) for item in found) if isinstance(found, list) else ()
