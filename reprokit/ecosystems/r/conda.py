"""R's share of a conda environment: r-base, r-NAME and bioconductor-NAME."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from reprokit.ecosystems.conda.environment import Asked, read
from reprokit.ecosystems.conda.files import place
from reprokit.ecosystems.r.code import CodeFile
from reprokit.ecosystems.r.declarations import Declared
from reprokit.ecosystems.r.usage import Use
from reprokit.ecosystems.r.versions import BASE_PACKAGES, PACKAGE
from reprokit.errors import BadRequest
from reprokit.model import Note, Reason, Requirement, Runtime
from reprokit.project import Project

_BASE = frozenset({"r", "r-base"})
# Collections: what code uses of them is found in the code.
_COLLECTIONS = frozenset({"r-essentials", "r-recommended"})
# conda's names are in small letters; CRAN has no two names that differ in nothing else.
_LOWER_BASE = {name.lower() for name in BASE_PACKAGES}


def declared(
    project: Project, used: Callable[[], Iterable[tuple[CodeFile, Use]]]
) -> tuple[Declared, str] | None:
    """What the project's environment file asks of R, and the file; `None` for nothing.

    used: what the code uses, which tells how a name is spelled; it is asked only if needed.
    """
    path = place(project)
    if path is None:
        return None
    mine = [asked for asked in read(project, path).packages if asked.kind == "r"]
    if not mine:
        return None
    packages = [a for a in mine if a.name not in _BASE | _COLLECTIONS]
    wanted = [r for r in map(_requirement, packages) if r.name not in _LOWER_BASE]
    spelled = {use.package.lower(): use.package for _, use in used()} if wanted else {}
    found = Declared(
        requirements=tuple(replace(r, name=spelled.get(r.name, r.name)) for r in wanted),
        runtimes=tuple(_runtime(a) for a in mine if a.name in _BASE),
        notes=tuple(_collection(a) for a in mine if a.name in _COLLECTIONS),
    )
    return found, path


def _requirement(asked: Asked) -> Requirement:
    name = asked.name.partition("-")[2]
    if PACKAGE.fullmatch(name) is None:
        raise BadRequest(
            f"{asked.name!r} is not a package of R",
            where=f"{asked.reason.file}:{asked.reason.line}",
            next="conda calls R's packages r-NAME",
        )
    return Requirement(name=name, specifier=_specifier(asked), reason=asked.reason)


def _runtime(asked: Asked) -> Runtime:
    # As with renv.lock: packages depend on the minor release.
    exact = re.fullmatch(r"={0,2}(\d+\.\d+)(?:[.\d]*|\.\*)", asked.versions)
    specifier = f"=={exact[1]}.*" if exact else asked.versions
    return Runtime(language="r", specifier=specifier, reason=asked.reason)


def _specifier(asked: Asked) -> str:
    """conda writes R's "3.1-162" as "3.1_162". A shortened version ("=3.4") is a prefix."""
    versions = asked.versions.replace("_", "-")
    exact = re.fullmatch(r"(={0,2})([0-9][0-9.-]*?)(?:\.?\*)?", versions)
    if exact is None:
        return versions if re.fullmatch(r"[<>=!0-9.,-]*", versions) else ""
    whole = asked.build is not None or exact[1] == "==" or exact[2].count(".") > 1
    if (whole or "-" in exact[2]) and not versions.endswith("*"):
        return f"=={exact[2]}"
    numbers = [int(n) for n in re.split(r"[.-]", exact[2])]
    above = ".".join(map(str, [*numbers[:-1], numbers[-1] + 1]))
    return f">={exact[2]},<{above}"


def _collection(asked: Asked) -> Note:
    text = f"{asked.name} is a collection; of it what the code uses is installed"
    reason = Reason(text=text, file=asked.reason.file, line=asked.reason.line)
    return Note(level="information", text=text, reason=reason)
