"""What a failed build means: which line of the project's files to look at."""

from __future__ import annotations

import re

from reprokit.ecosystems.maven.detecting import root_files
from reprokit.ecosystems.maven.pom import load, modules, plugin_elements
from reprokit.errors import (
    BadRequest,
    BuildFailed,
    InputUnavailable,
    NothingFits,
    ReprokitError,
    StorageFailed,
)
from reprokit.project import Project

_MISSING = re.compile(
    r"(?:Could not find artifact|Failure to find|"
    r"Non-resolvable parent POM[^:]*: \S+: Could not find artifact) "
    r"(?P<group>[\w.-]+):(?P<artifact>[\w.-]+):(?:[\w.-]+:)*?(?P<version>[\w.\[\](),+-]+)[ )]"
)
_TRANSFER = re.compile(
    r"Could not transfer artifact (?P<group>[\w.-]+):(?P<artifact>[\w.-]+):\S+ "
    r"from/to (?P<repository>\S+ \([^)\n]*\)): (?P<why>[^\n]*?)(?: -> \[Help|$)",
    re.MULTILINE,
)
_PLUGIN = re.compile(
    r"Plugin (?P<group>[\w.-]+):(?P<artifact>[\w.-]+):(?P<version>[\w.+-]+) "
    r"or one of its dependencies could not be resolved"
)
_NO_VERSION = re.compile(
    r"No versions available for (?P<group>[\w.-]+):(?P<artifact>[\w.-]+):\w+:(?P<version>\S+)"
)
_MODEL = re.compile(
    r"\(/(?:tmp/stage|build)/(?P<file>[^)\n]+)\) has \d+ errors?\n"
    r"\[ERROR\] +(?P<text>[^\n]*?)(?: @ (?:[^\n]*, )?line (?P<line>\d+), column \d+)?"
    r"(?: -> \[Help[^\n]*)?$",
    re.MULTILINE,
)
_NEWER = re.compile(r"(?:class file has wrong version|\(class file version) (\d{2,3})\.0")
_DOWNLOADER = re.compile(
    r"^\[INFO\] --- (?P<plugin>frontend|download|wagon)(?:-maven-plugin)?:\S+ "
    r"|^ *(?:\[INFO\] +)?\[get\] Getting: (?P<url>\S+)",
    re.MULTILINE,
)
"""Plugins that fetch on their own (node and what npm asks for, files), and Ant's <get>."""
_COMPILER = re.compile(
    r"^\[ERROR\] (?:/tmp/stage|/build)/(?P<file>[^:\[\n]+\.java)"
    r":\[(?P<line>\d+),\d+\] (?P<text>.*)$",
    re.MULTILINE,
)


def downloads(printed: str, project: Project) -> BuildFailed | None:
    """What Maven said of a download that its offline mode does not cover: the build in the image
    could not do it again."""
    found = _DOWNLOADER.search(printed)
    if found is None:
        return None
    plugin = "maven-antrun-plugin" if found["url"] else f"{found['plugin']}-maven-plugin"
    what = f" ({found['url']})" if found["url"] else ""
    return BuildFailed(
        f"{plugin} downloads while building{what}, but images are built without a network",
        where=_plugin_place(project, plugin) or "mvn package",
        next="keep what it fetches in the project, or leave the plugin out by a profile or a "
        "property (they may stand in .mvn/maven.config)",
    )


def _plugin_place(project: Project, artifact: str) -> str | None:
    return next(
        (
            element.where
            for root in root_files(project)
            for pom in modules(project, load(project, root))
            for element in plugin_elements(pom, artifact)
        ),
        None,
    )


def explained(printed: str, project: Project) -> ReprokitError:
    """What a failed build means: which line asks for what cannot be had, or which does not compile.

    printed: all that Maven said.
    """
    if "No space left on device" in printed:
        return StorageFailed(
            "the engine's disk is full",
            next="free some space (`reprokit clean` removes old runs and images), then try again",
        )
    broken = _TRANSFER.search(printed)
    if broken is not None and _MISSING.search(printed) is None:
        return InputUnavailable(
            f"{broken['group']}:{broken['artifact']} cannot be fetched from "
            f"{broken['repository']}: {broken['why']}",
            where=place_of(project, broken["group"], broken["artifact"]),
            next="see whether that repository can be reached, or take it out of the pom.xml",
        )
    missing = _PLUGIN.search(printed) or _MISSING.search(printed) or _NO_VERSION.search(printed)
    if missing is not None and "Could not find" not in missing.group():
        missing = _MISSING.search(printed) or missing
    if "PKIX path building failed" in printed:
        return InputUnavailable(
            "the Maven repository's certificate is not trusted",
            next="name your institute's certificates in site.toml (`certificates`)",
        )
    if missing is not None and "[ERROR]" in printed:
        name = f"{missing['group']}:{missing['artifact']}"
        return NothingFits(
            f"no Maven repository has {name} {missing['version']}",
            [name],
            where=place_of(project, missing["group"], missing["artifact"]),
            next="correct the name or version, or see whether the repository can be reached",
        )
    wrong = _MODEL.search(printed)
    if wrong is not None:
        line = f":{wrong['line']}" if wrong["line"] else ""
        return BadRequest(wrong["text"], where=f"{wrong['file']}{line}", next="correct it")
    newer = _NEWER.search(printed)
    if newer is not None:
        release = int(newer[1]) - 44  # class files of Java 8 have version 52
        place = _COMPILER.search(printed)
        return BuildFailed(
            f"a library or plugin is made for Java {release}, and the build runs on an older one",
            where=f"{place['file']}:{place['line']}" if place is not None else "mvn package",
            next=f'write version = "{release}" under [java] in repro.toml, or take an older one',
        )
    found = (f"{m['file']}:{m['line']}: {m['text']}" for m in _COMPILER.finditer(printed))
    errors = list(dict.fromkeys(found))  # Maven lists them once more at the end.
    if errors:
        return BuildFailed(
            f"the Java code does not compile: {errors[0].partition(': ')[2]}",
            where=errors[0].partition(": ")[0],
            next="\n  ".join(errors[1:5]) or "correct it, or ask for the Java version it is for",
        )
    lines = [
        line
        for line in printed.splitlines()
        if line.startswith("[ERROR]") and line.removeprefix("[ERROR]").strip()
    ]
    shown = lines or printed.strip().splitlines()[-8:]
    return BuildFailed(
        "Maven cannot build the project:\n  " + "\n  ".join(shown[:8]),
        where="mvn package",
        next="see whether `mvn package` works in a fresh copy of the project",
    )


def missing_library(printed: str) -> dict[str, str] | None:
    """Group, artifact and version of a library that no repository has; `None` where a failure is
    of another kind, or a plugin is what is missing."""
    found = None if _PLUGIN.search(printed) else _MISSING.search(printed)
    return None if found is None else found.groupdict()


def place_of(project: Project, group: str, artifact: str) -> str | None:
    """Where a pom.xml names an artifact: "file:line", or the first pom.xml where none does."""
    for root in root_files(project):
        for pom in modules(project, load(project, root)):
            current = pom
            while current is not None:
                for element in current.root.descendants():
                    declared = element.value("groupId") or "org.apache.maven.plugins"
                    names = pom.text(declared), pom.text(element.value("artifactId"))
                    if names == (group, artifact) and element.tag != "project":
                        return element.where
                current = current.parent  # type: ignore[assignment]
    return next(iter(root_files(project)), None)
