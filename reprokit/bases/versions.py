"""Whether a version is one that a project accepts, and limits without their upper end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from reprokit.errors import BadRequest
from reprokit.model import Runtime

_WHOLE_SERIES = re.compile(r"==\s*(\d+\.\d+)\s*$")


def accepts(runtime: Runtime, version: str) -> bool:
    """Whether a version satisfies a runtime. People write "==3.11" for every 3.11.x, so that is
    what it means here. Raises BadRequest with file and line for a malformed specifier."""
    clauses = [clause.strip() for clause in runtime.specifier.split(",") if clause.strip()]
    widened = ",".join(_WHOLE_SERIES.sub(r"==\1.*", clause) for clause in clauses)
    try:
        specifiers = SpecifierSet(widened)
    except InvalidSpecifier as error:
        place = runtime.reason
        where = place.file if place.line is None else f"{place.file}:{place.line}"
        raise BadRequest(
            f"{runtime.specifier!r} is not a version specifier for {runtime.language}",
            where=where,
            next="write it like >=3.9,<3.12 or ==17",
        ) from error
    return specifiers.contains(version, prereleases=True)


def lower_bounds(specifier: str) -> str:
    """The specifier without what keeps newer releases out; as it is where nothing does."""
    try:
        clauses = SpecifierSet(specifier)
    except InvalidSpecifier:
        return specifier
    kept = set()
    for clause in clauses:
        if clause.operator in (">=", ">", "!="):
            kept.add(str(clause))
        elif clause.operator in ("==", "===", "~="):
            kept.add(f">={clause.version.removesuffix('.*')}")
    is_free = kept == set(map(str, clauses))
    return specifier if is_free else ",".join(sorted(kept, reverse=True))


@cache
def means_python_2(runtime: Runtime) -> bool:
    """Whether Python 2.7 will do and no Python 3: what accepts both is given a 3."""
    if runtime.language != "python" or not accepts(runtime, "2.7.18"):
        return False
    return not any(accepts(runtime, f"3.{n}.{patch}") for n in range(40) for patch in (0, 99))


def suits(runtime: Runtime, version: str) -> bool:
    """Whether a version that a base has is one to give a project: accepted, and no Python 2 where a
    3 would do."""
    is_python_2 = runtime.language == "python" and version.startswith("2.")
    return accepts(runtime, version) and (not is_python_2 or means_python_2(runtime))


def languages(runtimes: Iterable[Runtime]) -> tuple[str, ...]:
    """The languages of some runtimes, each once, in their order."""
    return tuple(dict.fromkeys(runtime.language for runtime in runtimes))
