"""What a jar says of itself: Maven leaves META-INF/maven/GROUP/ARTIFACT/pom.properties inside."""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import IO

_PROPERTIES = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
_WORD = re.compile(r"[\w.+-]+", re.ASCII)
_JAVAS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LARGEST = 64 * 1024
_MOST = 1000
"""Entries of a jar that are looked at; a program packed together with all it needs has some 100."""


def packages(content: IO[bytes]) -> tuple[tuple[str, str], ...]:
    """Each "group:artifact" and version in a jar, sorted; several where libraries were packed
    into one. Nothing where the jar is damaged or says nothing."""
    found = set()
    try:
        with zipfile.ZipFile(content) as archive:
            entries = [e for e in archive.infolist() if _PROPERTIES.fullmatch(e.filename)]
            for entry in entries[:_MOST]:
                if entry.file_size <= _LARGEST and entry.compress_type in _JAVAS:
                    with archive.open(entry) as file:
                        found.add(_package(file.read(_LARGEST)))
    except (
        zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, RuntimeError,
    ):  # fmt: skip
        return ()  # damaged or encrypted: its SHA-256 stands all the same
    return tuple(sorted(package for package in found if package is not None))


def _package(content: bytes) -> tuple[str, str] | None:
    words = {}
    for line in content.decode("latin-1").splitlines():
        name, _, value = line.partition("=")
        words[name.strip()] = value.strip()
    group, artifact, version = (words.get(n, "") for n in ("groupId", "artifactId", "version"))
    if not all(_WORD.fullmatch(word) for word in (group, artifact, version)):
        return None
    return f"{group}:{artifact}", version
