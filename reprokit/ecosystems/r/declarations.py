"""What R projects declare: DESCRIPTION, renv.lock and install scripts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from reprokit.ecosystems.r.dcf import Field, paragraphs
from reprokit.ecosystems.r.usage import uses
from reprokit.ecosystems.r.versions import BASE_PACKAGES, PACKAGE, VERSION, listed
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import Note, Reason, Requirement, Runtime

_NEEDED = ("Depends", "Imports", "LinkingTo")
_GITHUB_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BIOCONDUCTOR = "(Bioconductor)"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@frozen
class Declared:
    """What one file declares. `package` is set for a DESCRIPTION that describes an R package."""

    requirements: tuple[Requirement, ...] = ()
    runtimes: tuple[Runtime, ...] = ()
    notes: tuple[Note, ...] = ()
    package: str | None = None


def description(file: str, text: str) -> Declared:
    """DESCRIPTION: Depends, Imports and LinkingTo are needed, Suggests is noted.

    Raises BadRequest with file and line where it is malformed.
    """
    fields = next(iter(paragraphs(text, file)), {})
    requirements, runtimes, notes = [], [], []
    for name in (*_NEEDED, "Suggests"):
        if name not in fields:
            continue
        suggested = []
        for item, specifier, number in _items(fields[name], file):
            reason = Reason(text=f"in {name}", file=file, line=number)
            if item == "R":
                runtimes.append(Runtime(language="r", specifier=specifier, reason=reason))
            elif name == "Suggests":
                suggested.append(item)
            elif item not in BASE_PACKAGES:
                requirements.append(Requirement(name=item, specifier=specifier, reason=reason))
        if suggested:
            place = Reason(text="Suggests", file=file, line=fields[name].line)
            names = ", ".join(suggested)
            notes.append(
                Note(
                    level="information",
                    text=f"suggested packages are installed only where code uses them: {names}",
                    reason=place,
                )
            )
    if "Remotes" in fields:
        place = Reason(text="Remotes", file=file, line=fields["Remotes"].line)
        notes.append(
            Note(
                level="warning",
                text="Remotes is not followed: the distribution's or CRAN's version is used; "
                "pin a commit through renv.lock to use another",
                reason=place,
            )
        )
    own = fields.get("Package")
    package = own.value if own is not None else None
    if package is not None and PACKAGE.fullmatch(package) is None:
        raise BadRequest(
            f"{package!r} is not the name of an R package",
            where=f"{file}:{own.line if own else 1}",
            next="use ASCII letters, digits and dots, with a letter first",
        )
    return Declared(
        requirements=tuple(requirements),
        runtimes=tuple(runtimes),
        notes=tuple(notes),
        package=package,
    )


def _items(field: Field, file: str) -> Iterator[tuple[str, str, int]]:
    """(name, specifier, line) of each item of a field; an item may go on in the next line."""
    number = field.line
    for part in "\n".join(field.lines).split(","):
        lead = part[: len(part) - len(part.lstrip())]
        line = number + lead.count("\n")
        for name, specifier in listed(part, f"{file}:{line}"):
            yield name, specifier, line
        number += part.count("\n")


def renv_lock(file: str, text: str) -> Declared:
    """renv.lock: R's version and each package's, with its source.

    Raises BadRequest with file and line where it is malformed.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"is not valid JSON: {error.msg} (column {error.colno})",
            where=f"{file}:{error.lineno}",
            next="let `renv::snapshot()` write it again",
        ) from error
    if not isinstance(content, dict):
        raise BadRequest("does not hold a JSON object", where=f"{file}:1")
    runtime = _renv_runtime(file, text, content.get("R"))
    packages = content.get("Packages", {})
    if not isinstance(packages, dict):
        raise BadRequest("Packages is not an object", where=f"{file}:{_line(text, 'Packages')}")
    requirements = tuple(
        _renv_package(file, _line(text, name), name, entry)
        for name, entry in packages.items()
        if name not in BASE_PACKAGES
    )
    return Declared(
        requirements=requirements,
        runtimes=(runtime,) if runtime is not None else (),
        notes=tuple(_unpinned(r) for r in requirements if r.reason.text.endswith(_BIOCONDUCTOR)),
    )


def _unpinned(requirement: Requirement) -> Note:
    text = f"the distribution's version of {requirement.name} is taken: only it can be had"
    return Note(level="warning", text=text, reason=requirement.reason)


def _line(text: str, key: str) -> int:
    """The line of an object's key; the first that is written like one."""
    match = re.search(rf"{re.escape(json.dumps(key))}\s*:", text)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def _renv_runtime(file: str, text: str, entry: object) -> Runtime | None:
    version = entry.get("Version") if isinstance(entry, dict) else None
    if version is None:
        return None
    line = _line(text, "R")
    if not isinstance(version, str) or VERSION.fullmatch(version) is None:
        raise BadRequest(f"R's version {version!r} is not a version", where=f"{file}:{line}")
    # renv records the patch release of one day; R's packages depend on the minor release.
    minor = ".".join(version.split(".")[:2])
    reason = Reason(text=f"made with R {version}", file=file, line=line)
    return Runtime(language="r", specifier=f"=={minor}.*", reason=reason)


def _renv_package(file: str, line: int, name: str, entry: object) -> Requirement:
    where = f"{file}:{line}"
    if PACKAGE.fullmatch(name) is None:
        raise BadRequest(f"{name!r} is not the name of an R package", where=where)
    fields = entry if isinstance(entry, dict) else {}
    version = fields.get("Version")
    if not isinstance(version, str) or VERSION.fullmatch(version) is None:
        raise BadRequest(f"the version {version!r} of {name} is not a version", where=where)
    source = fields.get("Source", "Repository")
    return Requirement(
        name=name,
        # Bioconductor's own repositories are not asked; Debian's r-bioc-* have one version each.
        specifier="" if source == "Bioconductor" else f"=={version}",
        reason=Reason(text=f"pinned at {version} ({source})", file=file, line=line),
        url=_github(fields, where) if source == "GitHub" else None,
    )


def _github(fields: dict[str, object], where: str) -> str:
    """The archive of the pinned commit."""
    user, repository, commit = (
        str(fields.get(key, "")) for key in ("RemoteUsername", "RemoteRepo", "RemoteSha")
    )
    if not (
        _GITHUB_PART.fullmatch(user)
        and _GITHUB_PART.fullmatch(repository)
        and _COMMIT.fullmatch(commit)
    ):
        raise BadRequest(
            "a package from GitHub lacks RemoteUsername, RemoteRepo or a full RemoteSha",
            where=where,
            next="let `renv::snapshot()` write it again",
        )
    return f"https://codeload.github.com/{user}/{repository}/tar.gz/{commit}"


def install_script(file: str, text: str) -> Declared:
    """install.R: what install.packages(), remotes::install_version() and the like name."""
    requirements, notes = [], []
    for use in uses(text):
        reason = Reason(text=use.how, file=file, line=use.line)
        if use.way != "installs" or use.package in BASE_PACKAGES:
            continue
        if use.version is not None and VERSION.fullmatch(use.version) is None:
            raise BadRequest(
                f"{use.version!r} is not a version", where=f"{file}:{use.line}",
                next="give install_version an exact version such as \"1.2.3\"",
            )  # fmt: skip
        specifier = f"=={use.version}" if use.version is not None else ""
        requirements.append(Requirement(name=use.package, specifier=specifier, reason=reason))
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"[^#]*\b(?:BiocManager::install|install_github|install_gitlab)\s*\(", line):
            place = Reason(text=line.strip()[:60], file=file, line=number)
            notes.append(
                Note(
                    level="warning",
                    text="only the distribution's version of such a package (r-bioc-*, r-cran-*) "
                    "or CRAN's can be installed",
                    reason=place,
                )
            )
    return Declared(requirements=tuple(requirements), notes=tuple(notes))
