"""Names and requirements of Python packages, checked as PEP 508 and PEP 503 say."""

from __future__ import annotations

import posixpath
import re

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.utils import canonicalize_name

from reprokit.errors import BadRequest
from reprokit.model import Reason, Requirement
from reprokit.quoting import checked_name

_LOGIN = re.compile(r"([a-z+]+://)([^/\s]+)@", re.IGNORECASE)
_VARIABLES = re.compile(r"(://)\$\{?\w+\}?(?::\$\{?\w+\}?)?@")
DISTRIBUTION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_CONDA_EXPORT = re.compile(r"([A-Za-z0-9._-]+)=([^=\s]+)=([^=\s]+)")
_SINGLE_EQUALS = re.compile(r"([A-Za-z0-9._-]+)\s*=\s*([0-9][^=\s,;]*)")
_TURNED_AROUND = re.compile(r"([A-Za-z0-9._-]+)\s*=([<>])\s*([0-9][^=\s,;]*)")
_PIP_LIST = re.compile(r"Package\s+Version\b.*|-+\s+-+.*")
_SHOWN = 80  # characters of a line that is no requirement: it may be a whole binary file


def place(reason: Reason) -> str | None:
    """ "file:line" of a reason, as errors give it."""
    if reason.file is None:
        return None
    return reason.file if reason.line is None else f"{reason.file}:{reason.line}"


def normalised(name: str) -> str:
    """A distribution's name as PyPI compares it ("Foo_Bar.baz" is "foo-bar-baz")."""
    return str(canonicalize_name(name))


def without_login(url: str, reason: Reason) -> str:
    """A URL that may be published. Variables of the environment are left out: this machine's
    logins come from elsewhere. Raises BadRequest for a user name or password that is written out,
    except for the one name that all share."""
    url = _VARIABLES.sub(r"\1", url)
    if (found := _LOGIN.match(url)) and found[2] not in ("git", "hg"):
        raise BadRequest(
            "a user name or password in a URL would be published with the project",
            where=place(reason),
            next="take it out of the file, and put `machine HOST login USER password PASSWORD` "
            "into ~/.netrc",
        )
    return url


def requirement(text: str, reason: Reason, *, hashes: tuple[str, ...] = ()) -> Requirement:
    """One PEP 508 requirement. Raises BadRequest with file and line where it is none."""
    try:
        parsed = ParsedRequirement(text)
    except InvalidRequirement as error:
        raise BadRequest(
            f"{_shortened(text)!r} is not a requirement: {str(error).splitlines()[0]}",
            where=place(reason),
            next=_suggestion(text),
        ) from error
    checked_name(parsed.name, DISTRIBUTION, "Python package", where=place(reason))
    return Requirement(
        name=parsed.name,
        specifier=str(parsed.specifier),
        reason=reason,
        extras=tuple(sorted(parsed.extras)),
        marker=str(parsed.marker) if parsed.marker else None,
        url=None if parsed.url is None else without_login(parsed.url, reason),
        hashes=hashes,
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def meant(text: str) -> str | None:
    """The requirement that a line with a plain slip stands for; `None` for any other text."""
    if match := _TURNED_AROUND.fullmatch(text):
        return f"{match[1]}{match[2]}={match[3]}"
    if match := _CONDA_EXPORT.fullmatch(text):
        return f"{match[1]}=={match[2]}"
    if match := _SINGLE_EQUALS.fullmatch(text):
        return f"{match[1]}=={match[2]}"
    return None


def _suggestion(text: str) -> str:
    if _PIP_LIST.fullmatch(text):
        return "this is what `pip list` prints; make the file with `pip freeze`"
    right = meant(text)
    if _CONDA_EXPORT.fullmatch(text):
        return (
            f"this line is conda's; write `{right}`, or make the file with `pip freeze` or "
            "`conda env export`"
        )
    if right is not None:
        return f"write `{right}`"
    if re.fullmatch(r"(?:[A-Za-z0-9._-]+[,\s]+)+[A-Za-z0-9._-]+", text):
        return "write one package a line"
    return "write it as pip does: `name`, `name==1.2` or `name>=1.2,<2`"


def local_project(relative: str, reason: Reason, extras: tuple[str, ...] = ()) -> Requirement:
    """A folder or file of the project itself as a requirement: its `url` is "file:./path"."""
    path = posixpath.normpath(relative)
    return Requirement(
        name="." if path == "." else posixpath.basename(path),
        url=f"file:./{'' if path == '.' else path}",
        extras=extras,
        reason=reason,
    )


def is_local(asked: Requirement) -> bool:
    """Whether the requirement is a folder or file of the project."""
    return asked.url is not None and asked.url.startswith("file:./")


def inside_project(base: str, relative: str, reason: Reason) -> str:
    """`relative` to the folder of the file `base`, as a path of the project.

    Raises BadRequest for a path that leaves the project.
    """
    joined = posixpath.normpath(
        posixpath.join(posixpath.dirname(base), relative.replace("\\", "/"))
    )
    if joined.startswith(("../", "/")) or joined == ".." or re.match(r"[A-Za-z]:", joined):
        raise BadRequest(
            f"{relative!r} points out of the project",
            where=place(reason),
            next="copy what it points to into the project and name it by its relative path",
        )
    return joined


def written(asked: Requirement) -> str:
    """The requirement as one line of a requirements file, without hashes."""
    extras = f"[{','.join(asked.extras)}]" if asked.extras else ""
    body = f"{asked.name}{extras}"
    body += f" @ {asked.url}" if asked.url else asked.specifier
    return f"{body} ; {asked.marker}" if asked.marker else body
