"""Wheels and source archives that lie in the project: what they say that they depend on."""

from __future__ import annotations

import email
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from packaging.markers import Marker

from reprokit.ecosystems.python.found import Found, warning
from reprokit.ecosystems.python.names import place, requirement
from reprokit.errors import BadRequest
from reprokit.model import Reason, Requirement
from reprokit.project import Project
from reprokit.unpacking import UNREADABLE

SUFFIXES = (".whl", ".tar.gz", ".tgz", ".zip")
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA|[^/]+/PKG-INFO")
_LIMIT = 2_000_000
"""Bytes of metadata; the archive comes from a stranger."""


def dependencies(project: Project, path: str, asked: Requirement) -> Found:
    """What the archive's own metadata asks for. Nothing of it is unpacked or run.

    Raises BadRequest where the file is missing, or is no archive.
    """
    where = place(asked.reason)
    if not project.has(path):
        raise BadRequest(
            f"{path!r} is no file of the project",
            where=where,
            next="add it to the project, or take the line out",
        )
    try:
        text = _metadata(project.path(path))
    except UNREADABLE as error:
        raise BadRequest(f"{path!r} cannot be read: {error}", where=where) from error
    if text is None:
        sentence = f"{path} does not say what it depends on; name that in the same file"
        reason = asked.reason
        return Found(notes=(warning(sentence, reason.file or path, reason.line),))
    stated = email.message_from_string(text).get_all("Requires-Dist") or []
    reason = replace(asked.reason, text=f"{path} depends on it")
    return Found(requirements=tuple(_followed(map(str, stated), asked.extras, reason)))


def _followed(
    stated: Iterator[str], extras: tuple[str, ...], reason: Reason
) -> Iterator[Requirement]:
    for text in stated:
        found = requirement(text, reason)
        if found.marker is None or "extra" not in found.marker:
            yield found
        elif any(Marker(found.marker).evaluate({"extra": extra}) for extra in extras):
            yield replace(found, marker=None)


def _metadata(archive: Path) -> str | None:
    if archive.name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(archive) as found:
            name = next((n for n in found.namelist() if _METADATA.fullmatch(n)), None)
            if name is None:
                return None
            with found.open(name) as content:
                return content.read(_LIMIT).decode("utf-8", "replace")
    with tarfile.open(archive) as members:
        for member in members:
            if member.isfile() and _METADATA.fullmatch(member.name):
                inside = members.extractfile(member)
                return None if inside is None else inside.read(_LIMIT).decode("utf-8", "replace")
    return None
