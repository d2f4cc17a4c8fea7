"""Which Python: what projects say about it, and what a base has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from reprokit import binder
from reprokit.bases.official_images import PYTHON
from reprokit.bases.versions import means_python_2
from reprokit.ecosystems.python.found import Found, information, warning
from reprokit.errors import BadRequest
from reprokit.model import BaseCandidate, LockedBase, Note, Reason, Runtime
from reprokit.project import Project

OLDEST = (3, 6)
"""The oldest Python 3 that uv installs for and that a base family has."""
_VERSION = re.compile(r"(?:c?python-?)?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:[a-z]+\d*)?", re.IGNORECASE)
_WHEELS_FOR_LINUX = "2016-03-05"
"""The day of pip 8.1.0, the first that took them (PEP 513); PyPI had none before."""
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (\d+)\.(\d+)")


def python_version(base: LockedBase | BaseCandidate, runtimes: Iterable[Runtime] = ()) -> str:
    """The Python of a base: the one in the image, else the first of those its distribution adds
    that is of the Python these runtimes mean.

    Raises BadRequest where the base has none.
    """
    if "python" in base.provides:
        return base.provides["python"]
    offers = base.offers if isinstance(base, BaseCandidate) else base.settings.get("offers")
    versions = offers.get("python") if isinstance(offers, Mapping) else None
    wants_2 = any(means_python_2(runtime) for runtime in runtimes)
    for version in map(str, versions if isinstance(versions, (list, tuple)) else ()):
        if is_2(version) == wants_2:
            return version
    raise BadRequest(
        f"the base {base.name} has no Python and its distribution offers none",
        next="choose a base with Python",
    )


def is_2(version: str) -> bool:
    """Whether a version is one of Python 2."""
    return version.startswith("2.")


def building_since(version: str) -> str:
    """The day before which nothing builds packages for a Python: that of its release, and of the
    first setuptools (40.8.0) that builds what has no pyproject.toml."""
    released = PYTHON.get(minor(version), ("",))[0]
    return max("2019-03-01", released)


def wheels_since(version: str, day: str) -> tuple[str, ...]:
    """Days on which to look for wheels for a Python that `day` is too early for: a quarter, half
    a year and a year after its release, or after there were wheels for Linux at all. Nothing where
    the day is not too early."""
    released = max(PYTHON.get(minor(version), ("",))[0], _WHEELS_FOR_LINUX)
    after = [date.fromisoformat(released) + timedelta(days=days) for days in (90, 180, 365)]
    days = tuple(found.isoformat() for found in after)
    return days if day < days[0] else ()


def minor(version: str) -> str:
    """ "3.11" of "3.11.2"."""
    return ".".join(version.split(".")[:2])


def runtime(specifier: str, reason: Reason) -> Runtime:
    """A Python runtime; raises BadRequest where the specifier is none."""
    try:
        checked = str(SpecifierSet(specifier))
    except InvalidSpecifier as error:
        raise BadRequest(
            f"{specifier!r} is not a set of Python versions",
            where=reason.file if reason.line is None else f"{reason.file}:{reason.line}",
            next='write it as PEP 440 does, for example ">=3.9,<3.12"',
        ) from error
    return Runtime(language="python", specifier=checked, reason=reason)


def recorded(text: str, what: str, file: str, line: int | None = None) -> Found:
    """A version that a tool wrote down ("3.8.5"): the minor series is asked for, not the patch."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        raise BadRequest(
            f"{text.strip()!r} is not a Python version",
            where=file if line is None else f"{file}:{line}",
            next='write it as "3.11"',
        )
    major, second, patch = match.groups()
    specifier = f"=={major}.{second}.*" if second else f"=={major}.*"
    reason = Reason(text=f"{what} Python {text.strip()}", file=file, line=line)
    notes: tuple[Note, ...] = ()
    if patch:
        sentence = f"any Python {major}.{second} is taken for {major}.{second}.{patch}"
        notes = (information(sentence, file, line),)
    return Found(files=(file,), runtimes=(runtime(specifier, reason),), notes=notes)


def version_files(project: Project) -> Found | None:
    """`.python-version` and `runtime.txt` (that of binder/, if any), where the project has one."""
    for file in (".python-version", binder.place(project, "runtime.txt") or "runtime.txt"):
        if not project.has(file) and not (file == ".python-version" and _hidden(project, file)):
            continue
        for number, line in enumerate(project.read(file).splitlines(), start=1):
            stated = line.partition("#")[0].strip()
            # runtime.txt may also name an R snapshot ("r-2024-05-01"); that is not ours.
            if not stated or stated.startswith(("r-", "pypy", "miniconda", "anaconda", "system")):
                continue
            if file == ".python-version":
                return _pyenv(stated, file, number)
            return recorded(stated, "says", file, number)
    return None


def runtime_file(project: Project) -> Found | None:
    """What runtime.txt says of Python, if anything."""
    found = version_files(project)
    named = binder.place(project, "runtime.txt")
    return found if found is not None and named in found.files else None


def _pyenv(stated: str, file: str, number: int) -> Found:
    """A line of `.python-version`: a version, uv's range, or the name of a pyenv environment."""
    if stated[0] in "<>=!~":
        reason = Reason(text=f"says Python {stated}", file=file, line=number)
        return Found(files=(file,), runtimes=(runtime(stated, reason),))
    version = stated.partition("/envs/")[0]
    if _VERSION.fullmatch(version):
        return recorded(version, "says", file, number)
    sentence = f"{stated!r} is not a Python version but an environment's name; it is not followed"
    return Found(files=(file,), notes=(warning(sentence, file, number),))


def _hidden(project: Project, file: str) -> bool:
    return (project.root / file).is_file()


def from_classifiers(classifiers: list[str], file: str, line: int | None) -> tuple[Runtime, ...]:
    """The oldest Python 3 that the classifiers name is the oldest that will do; Python 2.7 is meant
    only where no 3 is named."""
    matches = [match for match in map(_CLASSIFIER.fullmatch, classifiers) if match is not None]
    named = sorted((int(match[1]), int(match[2])) for match in matches)
    newer = [version for version in named if version[0] >= 3]
    if newer:
        major, second = newer[0]
        reason = Reason(text=f"classifiers begin at Python {major}.{second}", file=file, line=line)
        return (runtime(f">={major}.{second}", reason),)
    if (2, 7) in named and "Programming Language :: Python :: 3" not in classifiers:
        reason = Reason(text="classifiers name Python 2.7 and no 3", file=file, line=line)
        return (runtime("==2.7.*", reason),)
    return ()


def poetry_specifier(text: str) -> str:
    """Poetry's notation as PEP 440: ^ and ~ become ranges, a bare version ==, "*" nothing.

    Of alternatives ("~2.7 || ^3.6") that of the newest versions is taken, PEP 440 having none.
    Source: https://python-poetry.org/docs/dependency-specification/
    """
    newest = max(re.split(r"\s*\|\|?\s*", text.strip()), key=_first_version)
    parts = [part for part in re.split(r"\s*,\s*|(?<=[\w*])\s+(?=[<>=!~^])", newest) if part]
    return ",".join(piece for piece in map(_poetry_part, parts) if piece)


def _first_version(alternative: str) -> list[int]:
    match = re.search(r"\d+(?:\.\d+)*", alternative)
    return [int(number) for number in match[0].split(".")] if match else []


def _poetry_part(part: str) -> str:
    if part == "*":
        return ""
    match = re.fullmatch(r"(\^|~=|~|===?|!=|<=|>=|<|>)?\s*v?(\S+)", part)
    if match is None:
        return part
    operator, version = match[1] or "", match[2]
    if operator in ("^", "~"):
        return f">={version},<{_upper(version, caret=operator == '^')}"
    if operator in ("", "="):
        return f"=={version}"
    return f"{operator}{version}"


def _upper(version: str, *, caret: bool) -> str:
    numbers = [int(n) for n in re.findall(r"\d+", re.split(r"[a-z+-]", version)[0])]
    if caret:
        index = next((i for i, n in enumerate(numbers) if n), len(numbers) - 1)
    else:
        index = 1 if len(numbers) > 1 else 0
    raised = [*numbers[:index], numbers[index] + 1]
    return ".".join(str(n) for n in raised + [0] * (len(numbers) - len(raised)))
