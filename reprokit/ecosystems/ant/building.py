"""Making a project's target once, with the network, to learn what it makes and what Ivy needs."""

from __future__ import annotations

import io
import re
import tarfile
from dataclasses import dataclass

from reprokit.ecosystems import java
from reprokit.ecosystems.ant import ivy
from reprokit.ecosystems.ant.buildfile import downloads, load
from reprokit.engines.protocol import Container
from reprokit.errors import BuildFailed, InputUnavailable, ReprokitError, StorageFailed
from reprokit.model import Argv, Detection, Settings
from reprokit.project import Project
from reprokit.quoting import refuse_control_characters
from reprokit.resolving import Resolver

IVY_JAR = "/usr/share/java/ivy.jar"
"""Where Debian and Ubuntu put it; their Ant does not load it by itself."""
_SETTINGS = "/tmp/reprokit-ivysettings.xml"
_UNRESOLVED = re.compile(
    r"::\s+(?P<name>[\w.-]+)#(?P<module>[\w.-]+);(?P<revision>\S+?): not found"
)
_PLACE = re.compile(r"(\S[^:]*\.xml:\d+): ")
_GET = re.compile(r"^ *\[get\] Getting: (\S+)", re.MULTILINE)
_COMPILER = re.compile(
    r"^\s*\[javac\] /build/(?P<file>[^:\n]+\.java):(?P<line>\d+): error: (?P<text>.*)$",
    re.MULTILINE,
)


def command(settings: Settings, ivy_settings: str | None) -> Argv:
    """How the target is made. `ivy_settings` is `None` where Ivy plays no part."""
    argv = ["ant", "-noinput", "-buildfile", f"./{settings['file']}"]
    if ivy_settings is not None:
        argv += ["-lib", IVY_JAR, f"-Divy.settings.file={ivy_settings}"]
        argv += [f"-Divy.default.ivy.user.dir={ivy.CACHE}"]
    properties = settings.get("properties")
    if isinstance(properties, dict):
        argv += [f"-D{name}={value}" for name, value in sorted(properties.items())]
    return java.building(settings, (*argv, shown_target(settings)))


def ivy_in_place(settings: Settings) -> Argv | None:
    """Puts the distribution's Ivy where the build file would have fetched it to."""
    place = settings.get("ivy_jar")
    if not isinstance(place, str):
        return None
    where = str(settings["file"])
    return ("install", "-D", IVY_JAR, refuse_control_characters(place, where=where))


def shown_target(settings: Settings) -> str:
    """The target's name, refused where a line break or control character hides in it."""
    return refuse_control_characters(str(settings["target"]), where=str(settings["file"]))


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made: `outputs` are the topmost new files and folders, `jars` the jar files
    among them that were packed here, not fetched or copied."""

    outputs: tuple[str, ...]
    jars: tuple[str, ...]


def build(detection: Detection, workshop: Container, resolver: Resolver) -> Built:
    """Make the target in /build and see what it made there.

    Raises InputUnavailable with the line of ivy.xml for a library that does not exist, BuildFailed
    for everything else.
    """
    uses_ivy = detection.settings.get("ivy") is True
    if uses_ivy:
        _put(workshop, _SETTINGS, ivy.online_settings(resolver.site.maven_mirror))
    prepared = ivy_in_place(detection.settings)
    if prepared is not None:
        workshop.execute(prepared, folder="/build")
    before = _listing(workshop)
    argv = command(detection.settings, _SETTINGS if uses_ivy else None)
    chunks: list[bytes] = []

    def take(chunk: bytes) -> None:
        chunks.append(chunk)
        for line in chunk.decode("utf-8", "replace").splitlines():
            resolver.reporter.log(line)

    done = workshop.execute(argv, folder="/build", on_output=take)
    printed = (done.stdout + done.stderr or b"".join(chunks)).decode("utf-8", "replace")
    fetched_by_itself = _GET.search(printed)
    if fetched_by_itself is not None:
        raise _downloads(fetched_by_itself[1], resolver.project, detection.settings)
    if done.code != 0:
        raise explained(printed, detection)
    after = _listing(workshop)
    fetched = {path.rpartition("/")[2] for path in (*before, *_cached(workshop))}
    packed = (path for path in after.keys() - before.keys() if path.endswith(".jar"))
    jars = sorted(path for path in packed if path.rpartition("/")[2] not in fetched)
    return Built(made(before, after), tuple(jars))


def made(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """The topmost new folders, and the new files in folders that were there before.

    Both map a path to its kind, "d" or "f", as `find -printf %y` names it.
    """
    new = {path for path, kind in after.items() if path not in before and kind in "df"}
    return tuple(
        sorted(
            path
            for path in new
            if path.rpartition("/")[0] not in new and not path.startswith(".git")
        )
    )


def _downloads(url: str, project: Project, settings: Settings) -> BuildFailed:
    found = load(project, str(settings["file"]))
    places = [element.where for _, element in downloads(found, shown_target(settings))]
    return BuildFailed(
        f"the build fetches {url} by itself, but images are built without a network",
        where=places[0] if places else found.file,
        next="put the file into the project, or let Ivy fetch it",
    )


def explained(printed: str, detection: Detection) -> ReprokitError:
    """What a failed build means. printed: all that Ant said."""
    if "No space left on device" in printed:
        return StorageFailed(
            "the engine's disk is full",
            next="free some space (`reprokit clean` removes old runs and images), then try again",
        )
    missing = _UNRESOLVED.search(printed)
    if missing is not None:
        name = f"{missing['name']}:{missing['module']}"
        reason = next((r.reason for r in detection.requirements if r.name == name), None)
        return InputUnavailable(
            f"no repository that Ivy knows has {name} {missing['revision']}",
            where=f"{reason.file}:{reason.line}" if reason is not None else None,
            next="correct the name or revision, or see whether the repository can be reached",
        )
    errors = list(_COMPILER.finditer(printed))
    if errors:
        return BuildFailed(
            f"the Java code does not compile: {errors[0]['text']}",
            where=f"{errors[0]['file']}:{errors[0]['line']}",
            next="correct it, or ask for the Java version it is for",
        )
    _, _, tail = printed.rpartition("BUILD FAILED")
    told = [
        line.replace("/build/", "", 1)
        for line in tail.strip().splitlines()
        if line.strip() and not line.startswith(("\tat ", "Total time:"))
    ]
    places = [match for line in told if (match := _PLACE.match(line)) is not None]
    return BuildFailed(
        "Ant cannot build the project:\n  " + "\n  ".join(told[:8]),
        where=places[-1][1] if places else f"ant {detection.settings['target']}",
        next="see whether this works in a fresh copy of the project",
    )


def _cached(workshop: Container) -> dict[str, str]:
    return _listing(workshop, ivy.CACHE)


def _listing(workshop: Container, folder: str = "/build") -> dict[str, str]:
    done = workshop.execute(("find", folder, "-mindepth", "1", "-printf", "%y%P\\0"))
    lines = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    return {line[1:]: line[0] for line in lines if line}


def _put(workshop: Container, path: str, text: str) -> None:
    content = text.encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(path.rpartition("/")[2])
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    workshop.write(path.rpartition("/")[0], buffer.getvalue())
