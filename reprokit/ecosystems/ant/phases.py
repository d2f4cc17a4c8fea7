"""Ant: projects with a build.xml, built offline, with Ivy's libraries from vendored files."""

from __future__ import annotations

from reprokit.ecosystems import java_needs
from reprokit.ecosystems.ant import building, ivy
from reprokit.ecosystems.java import candidate_packages, java_packages
from reprokit.ecosystems.maven.phases import NORMALISER, normaliser
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
    LockedPackage,
    Mount,
    Reason,
    Rendering,
    Run,
    SystemPackage,
)
from reprokit.resolving import Catalogue, Resolver

_OFFLINE_SETTINGS = "/ivy/ivysettings.xml"


def system_packages(
    detection: Detection, base: BaseCandidate | LockedBase, catalogue: Catalogue
) -> tuple[SystemPackage, ...]:
    """Java, and Ant to build with (to run with as well, where a target runs the program)."""
    reason = Reason(text="the project is built with Ant", file=str(detection.settings["file"]))
    at_run = detection.settings.get("ant_at_run") is True
    found = [SystemPackage(name="ant", reason=reason, stage="run" if at_run else "build")]
    found += java_needs.known(detection.requirements, catalogue)
    if detection.settings.get("ivy") is True:
        # A target that runs the program may depend on the one that resolves.
        found.append(SystemPackage(name="ivy", reason=reason, stage=found[0].stage))
    if "java" not in base.provides:
        offered = catalogue.versions(candidate_packages())
        found += java_packages(detection.runtimes, base, offered, compiles_at_run=at_run)
    return (*found, *normaliser(catalogue))


def resolve(detection: Detection, resolver: Resolver) -> LockedEcosystem:
    """Build once with the network, see what the build makes, keep what Ivy fetched."""
    requested = frozenset(r.name for r in detection.requirements)
    packages: tuple[LockedPackage, ...] = ()
    with resolver.workshop(project=True) as workshop:
        built = building.build(detection, workshop, resolver)
        normalises = workshop.execute(("which", NORMALISER)).code == 0
        if detection.settings.get("ivy") is True:
            packages = ivy.read(workshop.read(f"{ivy.CACHE}/cache"), requested, resolver)
    java_needs.ask_for_needs(packages, resolver)
    libraries = [ivy.LIBRARIES] if detection.settings.get("ivy_libraries") is True else []
    settings: dict[str, JSON] = {
        **detection.settings,
        "epoch": resolver.epoch,
        "jars": list(built.jars) if normalises else [],
        "outputs": [*built.outputs, *libraries],
    }
    warned = {note.reason for note in detection.notes if note.level == "warning"}
    undated = tuple(sorted(r.name for r in detection.requirements if r.reason in warned))
    return LockedEcosystem(ecosystem="ant", packages=packages, settings=settings, undated=undated)


def render(locked: LockedEcosystem, base: LockedBase) -> Rendering:
    """A stage that makes the target offline; what it made goes to /app."""
    settings = locked.settings
    epoch, listed = settings.get("epoch"), settings.get("outputs")
    if not isinstance(epoch, int) or not isinstance(listed, list):
        raise BadRequest("the lock's Ant part is incomplete", next="lock again")
    outputs = [str(path) for path in listed]
    if not outputs:
        return Rendering()
    uses_ivy = settings.get("ivy") is True
    commands: list[Argv] = []
    own = settings.get("ivy_settings")
    if uses_ivy and own is not None:
        commands.append(("cp", _OFFLINE_SETTINGS, _inside(str(own))))
    prepared = building.ivy_in_place(settings)
    if prepared is not None:
        commands.append(prepared)
    commands.append(building.command(settings, _OFFLINE_SETTINGS if uses_ivy else None))
    if settings.get("ivy_libraries") is True:
        # Caches of Ivy note times; the libraries proper are all that a program needs.
        commands.append(("mkdir", "-p", ivy.LIBRARIES))
        copied = ("-exec", "cp", "-t", ivy.LIBRARIES, "{}", "+")
        commands.append(("find", f"{ivy.CACHE}/cache", "-name", "*.jar", *copied))
    jars = settings.get("jars")
    if isinstance(jars, list) and jars:
        strip = (NORMALISER, "--type", "jar", "--timestamp", str(epoch))
        commands.append((*strip, *(_inside(str(jar)) for jar in jars)))
    paths = tuple(_inside(path) for path in outputs)
    touch = ("touch", "--no-dereference", f"--date=@{epoch}")
    commands.append(("find", *paths, "-exec", *touch, "{}", "+"))
    mounts = (Mount(source="vendor/ivy", target="/ivy"),) if uses_ivy else ()
    files = (
        (GeneratedFile(path="ivy/ivysettings.xml", content=ivy.offline_settings()),)
        if uses_ivy
        else ()
    )
    return Rendering(
        stage=BuildStage(
            name="ant",
            run=(
                Run(
                    comment=f"Compile: ant {building.shown_target(settings)}",
                    commands=tuple(commands),
                    mounts=mounts,
                ),
            ),
            outputs=tuple((f"/build/{path}", f"/app/{path}") for path in outputs),
        ),
        environment=(("LANG", "C.UTF-8"),),
        files=files,
    )


def _inside(path: str) -> str:
    """A project path as an argument that no program takes for an option."""
    return f"./{path}"
