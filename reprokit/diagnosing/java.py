"""Failures of Java programs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure


def _release(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    # Class files of Java 8 are version 52, and each release since adds one.
    return {"needed": str(int(match["needed"]) - 44), "here": str(int(match["here"]) - 44)}


def _level(match: re.Match[str], failure: Failure) -> Mapping[str, str] | None:
    """Which JDKs compile a level: https://openjdk.org/jeps/182, and the JDKs' release notes."""
    level = int(match["old"] or match["new"])
    if match["new"] and level >= 8:
        return {"level": str(level), "wanted": f">={level}"}
    newest = {5: "8", 6: "11", 7: "19"}.get(level)
    return None if newest is None else {"level": str(level), "wanted": f"<={newest}"}


# Classes that came into java.lang, of which every file imports all: https://openjdk.org/jeps/359
# and https://openjdk.org/jeps/261
_SINCE = {"Record": "14", "Module": "9"}


def _taken(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    """`newest`: what came with Java 9 is in use where the code was compiled with it."""
    since = _SINCE[match["name"]]
    return {
        "name": match["name"],
        "since": since,
        "newest": "" if since == "9" else f">=9,<{since}",
    }


DIAGNOSES = (
    Pattern(
        "java-level",
        re.compile(
            r"(?:Source|Target) option (?:1\.)?(?P<old>\d+) is no longer supported"
            r"|(?:invalid (?:source|target) release|release version):? (?:1\.)?(?P<new>\d+)\b"
        ),
        "the code is for Java {level}, which this JDK does not compile",
        'write `java.version = "{wanted}"` into repro.toml',
        _level,
        (Mend(settings={"java.version": "{wanted}"}),),
        ("lock", "build", "run"),
    ),
    Pattern(
        "java-part-removed",
        re.compile(
            r"(?:package |NoClassDefFoundError: |ClassNotFoundException: )"
            r"(?P<name>(?:javax[./](?:xml[./](?:bind|ws|soap)|activation|annotation[./](?!processing)"
            r"|jws)|sun[./]misc[./]BASE64|com[./]sun[./]image[./]codec|org[./]omg)[\w./]*)"
        ),
        "the code uses {name}, which Java has no more since 11",
        'write `java.version = "8"` into repro.toml, or declare the library that has it now',
        mends=(Mend(settings={"java.version": "8"}),),
        phases=("lock", "build", "run"),
    ),
    Pattern(
        "java-name-taken",
        re.compile(r"reference to (?P<name>Record|Module) is ambiguous"),
        "the code has a class {name} of its own; since Java {since} every program has another",
        'write `java.version = "<{since}"` into repro.toml',
        _taken,
        (
            Mend(settings={"java.version": "{newest}"}),
            Mend(settings={"java.version": "<{since}"}),
        ),
        ("lock", "build", "run"),
    ),
    Pattern(
        "java-too-old",
        re.compile(
            r"UnsupportedClassVersionError: .{1,400}class file version (?P<needed>\d{2})\.\d"
            r".{1,200}up to (?P<here>\d{2})\.\d"
        ),
        "a class was compiled for Java {needed}, and this is Java {here}",
        'write `java.version = ">={needed}"` into repro.toml',
        _release,
        (Mend(settings={"java.version": ">={needed}"}),),
    ),
    Pattern(
        "missing-class",
        re.compile(
            r"(?:ClassNotFoundException|NoClassDefFoundError|Could not find or load main class)"
            r":? (?P<name>[\w.$/]+)"
        ),
        "the Java class {name} is not on the class path",
        "declare the dependency that has it, or correct the main class or the class path of the "
        "command",
    ),
    Pattern(
        "java-modules",
        re.compile(
            r"InaccessibleObjectException: Unable to make|module java\.base does not .opens"
        ),
        "the program reaches into Java's own classes, which Java 17 and later refuse",
        'write `java.version = "11"` into repro.toml, or give java the option --add-opens that '
        "the message names",
        mends=(Mend(settings={"java.version": "11"}),),
    ),
    Pattern(
        "java-memory",
        re.compile(r"OutOfMemoryError: (?P<where>Java heap space|GC overhead limit exceeded)"),
        "Java's own memory limit was reached ({where})",
        "give java more: -Xmx4g in the command, for example",
    ),
)
