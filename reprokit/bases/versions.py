"""Whether a language's version is one that a project accepts."""

from __future__ import annotations

import re
from collections.abc import Iterable

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


def languages(runtimes: Iterable[Runtime]) -> tuple[str, ...]:
    """The languages of some runtimes, each once, in their order."""
    return tuple(dict.fromkeys(runtime.language for runtime in runtimes))
