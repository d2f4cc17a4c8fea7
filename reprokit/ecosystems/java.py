"""What Maven and Ant projects share: Java releases, the JDK that accepts them, main classes.

Which source levels a JDK's compiler still accepts (javac's own table, com.sun.tools.javac.code.
Source): JDK 8 takes 1.3 and later, 9 to 11 take 6 and later, 12 to 19 take 7, from 20 on 8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

from reprokit.ecosystems.java_needs import DRAWING
from reprokit.errors import BadRequest
from reprokit.model import (
    JSON,
    Argv,
    BaseCandidate,
    LockedBase,
    Reason,
    Runtime,
    Settings,
    SystemPackage,
)
from reprokit.project import Project

LEVEL = re.compile(r"(?:1\.)?([1-9][0-9]?)(?:\.0)?")
CLASS_NAME = re.compile(r"[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*")
_OLDEST_JDK = 8
_LATIN = "ISO-8859-1"
_LAST_JDK = {6: 11, 7: 19}
_NOISE = re.compile(
    r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/',
    re.DOTALL,
)
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;?", re.MULTILINE)
_MAIN = re.compile(
    r"\b(?:public\s+|final\s+|synchronized\s+)*static\s+(?:public\s+|final\s+)*void\s+main\s*"
    r"\(\s*(?:final\s+)?String\s*(?:\[\s*\]|\.\.\.)?\s*\w+"
)
_KOTLIN_MAIN = re.compile(r"^(?:suspend\s+)?fun\s+main\s*\(", re.MULTILINE)
_KOTLIN_NAME = re.compile(r'@file\s*:\s*JvmName\s*\(\s*"(\w+)"')
_SCALA_MAIN = re.compile(r"\bdef\s+main\s*\(\s*\w+\s*:\s*Array\s*\[\s*String\s*\]")
_SCALA_OBJECT = re.compile(r"^\s*object\s+(\w+)(?P<app>\s+extends\s+App\b)?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class MainClass:
    """A class with a `main` method: its full name, its file, and the line of the method."""

    name: str
    file: str
    line: int

    @property
    def reason(self) -> Reason:
        """Where the class stands."""
        return Reason(text=f"{self.name} has a main method", file=self.file, line=self.line)


def java_level(text: str) -> int | None:
    """The release that "17", "1.8" or "8.0" names; `None` for anything else."""
    found = LEVEL.fullmatch(text.strip())
    return int(found[1]) if found else None


def runtime_for(level: int | None, reason: Reason) -> Runtime:
    """The JDKs that compile and run a source level; any, where the project names none (`None`)."""
    if level is None:
        return Runtime(language="java", specifier="", reason=reason, development=True)
    specifier = f">={max(level, _OLDEST_JDK)}"
    if level in _LAST_JDK:
        specifier += f",<{_LAST_JDK[level] + 1}"
    elif level < min(_LAST_JDK):
        specifier += ",<9"
    return Runtime(language="java", specifier=specifier, reason=reason, development=True)


def main_classes(project: Project, files: Iterable[str]) -> tuple[MainClass, ...]:
    """The classes among these source files (Java, Kotlin, Scala) that can be started, by name."""
    found = []
    for file in files:
        text = project.read(file)
        if "main" not in text and "App" not in text:
            continue
        # Comments and texts are blanked, line breaks kept, so that line numbers stay right.
        code = _NOISE.sub(lambda match: "\n" * match.group().count("\n") + " ", text)
        stem, _, language = file.rpartition("/")[2].rpartition(".")
        start = _STARTS[language](stem, text, code)
        if start is None:
            continue
        name, offset = start
        package = _PACKAGE.search(code)
        name = f"{package[1]}.{name}" if package else name
        if CLASS_NAME.fullmatch(name):
            found.append(MainClass(name, file, code.count("\n", 0, offset) + 1))
    return tuple(sorted(found, key=lambda main: (main.name, main.file)))


def _java_main(stem: str, text: str, code: str) -> tuple[str, int] | None:
    method = _MAIN.search(code)
    if method is None or "public" not in method.group():
        return None
    return stem, method.start()


def _kotlin_main(stem: str, text: str, code: str) -> tuple[str, int] | None:
    """A function outside of any class belongs to a class named after the file."""
    function = _KOTLIN_MAIN.search(code)
    if function is None:
        return None
    named = _KOTLIN_NAME.search(text)
    return (named[1] if named else f"{stem[:1].upper()}{stem[1:]}Kt"), function.start()


def _scala_main(stem: str, text: str, code: str) -> tuple[str, int] | None:
    method = _SCALA_MAIN.search(code)
    holder = None
    for found in _SCALA_OBJECT.finditer(code):
        if found["app"]:
            return found[1], found.start(1)
        if method is not None and found.start() < method.start():
            holder = found
    return (holder[1], holder.start(1)) if holder is not None else None


_STARTS: Mapping[str, Callable[[str, str, str], tuple[str, int] | None]] = {
    "java": _java_main,
    "kt": _kotlin_main,
    "scala": _scala_main,
}


def encoding(project: Project, files: Iterable[str]) -> dict[str, JSON]:
    """The setting `encoding` where a source is no UTF-8: Latin-1, in which every file can be read,
    and which is what older editors of the West wrote. Nothing where all sources are UTF-8."""
    for file in files:
        try:
            project.path(file).read_bytes().decode()
        except UnicodeDecodeError:
            return {"encoding": _LATIN}
        except OSError:
            continue
    return {}


def building(settings: Settings, argv: Argv) -> Argv:
    """A build's command, for which text without a stated encoding is UTF-8 (a container's own is
    ASCII, in which javac refuses a name in a comment), or what the setting `encoding` says."""
    other = settings.get("encoding") == _LATIN
    options = (f"JAVA_TOOL_OPTIONS=-Dfile.encoding={_LATIN}",) if other else ()
    return ("env", "LC_ALL=C.UTF-8", *options, *argv)


def java_packages(
    runtimes: Iterable[Runtime],
    base: BaseCandidate | LockedBase,
    offered: Mapping[str, str],
    *,
    runs_java: bool = True,
    compiles_at_run: bool = False,
) -> tuple[SystemPackage, ...]:
    """The JRE for running and the JDK for building; nothing where the base image carries Java.

    Of the releases that suit and that the distribution has, the oldest: it is the nearest to what
    the project was written with, and each suite's own default.

    offered: what the catalogue has of `candidate_packages()`.
    Raises BadRequest where the distribution has no such release.
    """
    if "java" in base.provides:
        return ()
    wanted = [r for r in runtimes if r.language == "java"]
    releases = sorted(int(n.split("-")[1]) for n in offered if n in candidate_packages())
    suits = [r for r in releases if all(SpecifierSet(w.specifier).contains(str(r)) for w in wanted)]
    if not suits:
        reason = wanted[0].reason if wanted else None
        raise BadRequest(
            f"{base.name} has no Java that suits: it offers "
            + (", ".join(map(str, releases)) or "none"),
            where=_place(reason),
            next="ask for another base or Java version in repro.toml",
        )
    release = suits[0]
    why = wanted[0].reason if wanted else Reason(text="the project is written in Java")
    jdk = f"openjdk-{release}-jdk-headless"
    packages = [SystemPackage(name=jdk, reason=why, stage="run" if compiles_at_run else "build")]
    if runs_java:
        packages.append(SystemPackage(name=f"openjdk-{release}-jre-headless", reason=why))
        draws = Reason(text="java.awt draws text with it", file=why.file, line=why.line)
        packages += [SystemPackage(name=name, reason=draws) for name in DRAWING]
    return tuple(packages)


def candidate_packages() -> tuple[str, ...]:
    """The names under which Debian and Ubuntu may have a JDK."""
    return tuple(f"openjdk-{release}-jdk-headless" for release in range(_OLDEST_JDK, 40))


def _place(reason: Reason | None) -> str | None:
    if reason is None or reason.file is None:
        return None
    return reason.file if reason.line is None else f"{reason.file}:{reason.line}"
