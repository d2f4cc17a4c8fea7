"""Failures of Java programs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure


def _release(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    # Class files of Java 8 are version 52, and each release since adds one.
    return {"needed": str(int(match["needed"]) - 44), "here": str(int(match["here"]) - 44)}


DIAGNOSES = (
    Pattern(
        "java-too-old",
        re.compile(
            r"UnsupportedClassVersionError: .{1,400}class file version (?P<needed>\d{2})\.\d"
            r".{1,200}up to (?P<here>\d{2})\.\d"
        ),
        "a class was compiled for Java {needed}, and this is Java {here}",
        'write `java.version = "{needed}"` into repro.toml',
        _release,
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
    ),
    Pattern(
        "java-memory",
        re.compile(r"OutOfMemoryError: (?P<where>Java heap space|GC overhead limit exceeded)"),
        "Java's own memory limit was reached ({where})",
        "give java more: -Xmx4g in the command, for example",
    ),
)
