"""The keys of repro.toml: what each means, and how its value is read and checked.

A reader takes the value as TOML gives it and returns it in the form the rest of reprokit uses, or
raises ValueError with half a sentence ("must be …") that the caller completes with file and line.
"""

from __future__ import annotations

import datetime
import math
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from reprokit.model import Argv, Step
from reprokit.quoting import DEBIAN_PACKAGE
from reprokit.tolerance import FileRule, Tolerance

_SHELL_OPERATORS = frozenset({"&&", "||", "|", ">", ">>", "<", "<<", ";", "&", "2>&1", "2>"})
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[kmgt]?)(?:i?b)?", re.IGNORECASE)
_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|m|min|h|d)")
_SIZE_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_DURATION_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_NAME = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,60}")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_CLASS = re.compile(r"[\w$]+(?:\.[\w$]+)*")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: the reader of its value and a sentence for people (shown in docs)."""

    read: Callable[[Any], Any]
    meaning: str


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text, not {shown(value)}")
    if "\x00" in value:
        raise ValueError("must not contain a NUL character")
    return value


def texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list of texts, not {shown(value)}")
    return tuple(text(item) for item in value)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {shown(value)}")
    return value


def positive_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {shown(value)}")
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"must be more than 0, not {shown(value)}")
    return float(value)


def positive_integer(value: Any) -> int:
    number = positive_number(value)
    if number != int(number):
        raise ValueError(f"must be a whole number, not {shown(value)}")
    return int(number)


def size(value: Any) -> int:
    """Bytes, from a number of bytes or a text such as "4g" (units are powers of 1024)."""
    if isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            raise ValueError(f'must be a size such as "4g" or "512m", not {shown(value)}')
        number = float(match["number"]) * _SIZE_UNITS[match["unit"].lower()]
        return positive_integer(int(number))
    return positive_integer(value)


def duration(value: Any) -> float:
    """Seconds, from a number of seconds or a text such as "90m" or "2h"."""
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f'must be a duration such as "90m" or "2h", not {shown(value)}')
        return positive_number(float(match["number"]) * _DURATION_UNITS[match["unit"]])
    return positive_number(value)


def day(value: Any) -> str:
    """A calendar day, "YYYY-MM-DD", quoted or as a TOML date."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise ValueError(f'must be a day such as "2024-03-01", not {shown(value)}')


def choice(*allowed: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in allowed:
            listed = ", ".join(f'"{item}"' for item in allowed)
            raise ValueError(f"must be one of {listed}, not {shown(value)}")
        return str(value)

    return read


def project_name(value: Any) -> str:
    if _NAME.fullmatch(text(value)) is None or len(value) > 100:
        raise ValueError(
            f'must be lower-case letters, digits, "-", "_" and "." only, not {shown(value)}'
        )
    return str(value)


def image_name(value: Any) -> str:
    if _IMAGE.fullmatch(text(value)) is None:
        raise ValueError(f'must be a base such as "bookworm", not {shown(value)}')
    return str(value)


def relative_path(value: Any) -> str:
    """A POSIX path that stays inside the project, in its shortest form."""
    path = text(value).rstrip("/") or "/"
    if "\\" in path:
        raise ValueError(f'must be written with "/", not "\\": {shown(value)}')
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in path.split("/"):
        raise ValueError(f"must be a path inside the project, not {shown(value)}")
    return str(PurePosixPath(path))


def relative_patterns(value: Any) -> tuple[str, ...]:
    """Paths or shell patterns inside the project; a leading "!" takes one out again."""
    return tuple(
        ("!" if item.startswith("!") else "") + relative_path(item.removeprefix("!"))
        for item in texts(value)
    )


def folders(value: Any) -> tuple[str, ...]:
    return tuple(results_folder(item) for item in texts(value))


def results_folder(value: Any) -> str:
    path = relative_path(value)
    if path == ".":
        raise ValueError("must be a folder of its own, not the project itself")
    return path


def command(value: Any) -> Argv:
    """A command: a list of words, or one text that is split as a shell splits it."""
    if isinstance(value, list):
        if not value or not all(isinstance(item, str) for item in value):
            raise ValueError(f"must be a list of texts, not {shown(value)}")
        words = tuple(value)
    else:
        words = tuple(_split(text(value)))
    if any("\x00" in word for word in words):
        raise ValueError("must not contain a NUL character")
    if not words[0]:
        raise ValueError("must begin with a program")
    return words


def _split(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ValueError(f"is not a command a shell could read ({error})") from error
    operator = next((word for word in words if word in _SHELL_OPERATORS), None)
    if operator is not None:
        raise ValueError(
            f'has the shell operator "{operator}", but no shell reads it; '
            'write several [[steps]], or ["sh", "-c", "…"]'
        )
    return words


def steps(value: Any) -> tuple[Step, ...]:
    """An array of tables {command, folder}."""
    if not isinstance(value, list) or not value:
        raise ValueError("must be [[steps]] tables")
    return tuple(_step(item) for item in value)


def _step(item: Any) -> Step:
    if not isinstance(item, dict):
        raise ValueError(f"must be [[steps]] tables, not {shown(item)}")
    unknown = sorted(set(item) - {"command", "folder"})
    if unknown:
        raise ValueError(f'know "command" and "folder", not "{unknown[0]}"')
    if "command" not in item:
        raise ValueError('need a "command" each')
    try:
        return Step(argv=command(item["command"]), folder=relative_path(item.get("folder", ".")))
    except ValueError as error:
        raise ValueError(f"have a value that {error}") from error


def tolerance_part(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number, not {shown(value)}")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"must be 0 or more, not {shown(value)}")
    return float(value)


def file_rules(value: Any) -> tuple[FileRule, ...]:
    """An array of tables {paths, relative, absolute, ignore}."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("must be [[compare.files]] tables")
    return tuple(_file_rule(item) for item in value)


def _file_rule(item: dict[str, Any]) -> FileRule:
    known = ("paths", "relative", "absolute", "ignore")
    unknown = sorted(set(item) - set(known))
    if unknown:
        raise ValueError(f"know {', '.join(known)}, not {unknown[0]!r}")
    if "paths" not in item:
        raise ValueError('need "paths" each')
    if ("relative" in item) != ("absolute" in item):
        raise ValueError("need both relative and absolute, or neither")
    try:
        tolerance = None
        if "relative" in item:
            parts = tolerance_part(item["relative"]), tolerance_part(item["absolute"])
            tolerance = Tolerance(relative=parts[0], absolute=parts[1])
        return FileRule(
            paths=relative_patterns(item["paths"]),
            tolerance=tolerance,
            ignore=texts(item.get("ignore", [])),
        )
    except ValueError as error:
        raise ValueError(f"have a value that {error}") from error


def unpack(value: Any) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, list):
        raise ValueError(f"must be true, false or a list of patterns, not {shown(value)}")
    return texts(value)


def environment(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a table of texts, not {shown(value)}")
    for name, content in value.items():
        if _VARIABLE.fullmatch(name) is None:
            raise ValueError(f"has {name!r}, which is not the name of an environment variable")
        if not isinstance(content, str) or "\x00" in content:
            raise ValueError(f"must give {name} a text, not {shown(content)}")
    return tuple(sorted(value.items()))


def chosen_values(value: Any) -> tuple[tuple[str, str], ...]:
    """Names of values and where in the results each stands ("results/metrics.json:rmse")."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a table of texts, not {shown(value)}")
    for name, place in value.items():
        if _VALUE.fullmatch(name) is None:
            raise ValueError(f"has {name!r}, which is not a name of letters, digits and dashes")
        if not isinstance(place, str) or not place.strip():
            raise ValueError(f"must give {name} a place in the results, not {shown(place)}")
    return tuple(sorted(value.items()))


def version(language: str) -> Callable[[Any], str]:
    """A PEP 440 specifier set, from "3.11" (any 3.11), "3.11.4" (exactly) or ">=3.9,<3.12"."""

    def read(value: Any) -> str:
        if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
            value = str(value)
        wanted = text(value).strip()
        if re.fullmatch(r"\d+(\.\d+)*", wanted, re.ASCII):
            return _exactly(language, wanted)
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            return str(SpecifierSet(wanted))
        except InvalidSpecifier as error:
            raise ValueError(
                f'must be a version such as "3.11" or ">=3.9,<3.12", not {shown(value)}'
            ) from error

    return read


def _exactly(language: str, wanted: str) -> str:
    if language == "java":
        # "1.8" is what Java 8 was called; Java versions are compared by their first number.
        return f"=={wanted.removeprefix('1.').split('.')[0]}"
    return f"=={wanted}" if wanted.count(".") >= 2 else f"=={wanted}.*"


def series(value: Any) -> str:
    """Two numbers, such as "3.5": a minor release of R, of whatever patch level."""
    wanted = text(value).strip()
    if re.fullmatch(r"\d{1,3}\.\d{1,3}", wanted, re.ASCII) is None:
        raise ValueError(f'must be two numbers such as "3.5", not {shown(value)}')
    return wanted


def python_requirements(value: Any) -> tuple[str, ...]:
    from packaging.requirements import InvalidRequirement, Requirement

    for item in texts(value):
        try:
            Requirement(item)
        except InvalidRequirement as error:
            raise ValueError(
                f"has {item!r}, which is not a requirement ({str(error).splitlines()[0]})"
            ) from error
    return texts(value)


R_PACKAGE = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9.]*)\s*"
    r"(?:\(\s*(?P<range>(?:>=|<=|==|>|<)\s*[0-9][0-9.-]*)\s*\)|(?:@|==)\s*(?P<exact>[0-9][0-9.-]*))?"
)


def r_packages(value: Any) -> tuple[str, ...]:
    for item in texts(value):
        if R_PACKAGE.fullmatch(item) is None:
            raise ValueError(f'has {item!r}; write "dplyr", "dplyr (>= 1.1)" or "dplyr@1.1.4"')
    return texts(value)


def debian_packages(value: Any) -> tuple[str, ...]:
    for item in texts(value):
        if DEBIAN_PACKAGE.fullmatch(item) is None:
            raise ValueError(f"has {item!r}, which is not the name of a Debian package")
    return texts(value)


def class_name(value: Any) -> str:
    if _CLASS.fullmatch(text(value)) is None:
        raise ValueError(f"must be the full name of a Java class, not {shown(value)}")
    return str(value)


def shown(value: Any) -> str:
    """A value as an error quotes it: short, and on one line."""
    written = str(value).lower() if isinstance(value, bool) else repr(value)
    return written if len(written) <= 60 else written[:57] + "…"


KEYS: Mapping[str, Key] = {
    "name": Key(project_name, "The project's name in images and records; else the folder's."),
    "date": Key(day, "The day as of which unpinned requirements are resolved."),
    "command": Key(command, "The command that makes the results."),
    "steps": Key(steps, "Several commands, one after the other: tables of command and folder."),
    "base": Key(image_name, "auto, a family (debian, official, ubuntu) or one base by name."),
    "dockerfile": Key(relative_path, "auto, generate, or the path of the project's own."),
    "python.version": Key(version("python"), "The version of Python."),
    "python.requirements": Key(python_requirements, "More requirements, as pip writes them."),
    "python.build_requirements": Key(
        python_requirements, "What packages without a wheel are built with besides."
    ),
    "r.version": Key(version("r"), "The version of R."),
    "r.packages": Key(r_packages, "More R packages."),
    "r.defaults": Key(series, "The R whose defaults the code counts on."),
    "r.desktop": Key(boolean, "Whether what is for the author's desk is made do without."),
    "java.version": Key(version("java"), "The version of Java."),
    "java.build": Key(choice("auto", "maven", "ant"), "Which build tool, where there are two."),
    "java.main_class": Key(class_name, "The class to run, where there are several."),
    "system.packages": Key(debian_packages, "Packages of the base's distribution."),
    "binder.post_build": Key(boolean, "Whether Binder's postBuild runs in the build."),
    "data.paths": Key(relative_patterns, "Data besides data/ folders; !path is no data."),
    "data.mode": Key(choice("mount", "bake"), "Mounted read-only, or carried by the image."),
    "data.unpack": Key(unpack, "Which compressed data the program sees unpacked."),
    "data.unpack_limit": Key(size, "The most that one file may unpack to."),
    "run.network": Key(boolean, "Whether the program may use the network."),
    "run.read_only": Key(boolean, "Whether only results and /tmp are writable."),
    "run.memory": Key(size, "The most memory the program may use."),
    "run.cpus": Key(positive_number, "The most processors it may use."),
    "run.pids": Key(positive_integer, "The most processes it may start."),
    "run.shared_memory": Key(size, "The size of /dev/shm."),
    "run.timeout": Key(duration, "The longest it may take."),
    "run.environment": Key(environment, "Environment variables of the program."),
    "run.folders": Key(folders, "Folders that are there before the program starts."),
    "run.display": Key(boolean, "Whether the program has a screen, which nobody sees (Xvfb)."),
    "run.results": Key(results_folder, "The folder its results are put into."),
    "cite.values": Key(chosen_values, "Values of the results that `cite` names, by name."),
    "compare.relative": Key(
        tolerance_part, "How far numbers may be apart, times the expected one."
    ),
    "compare.absolute": Key(tolerance_part, "How far numbers may be apart, around 0."),
    "compare.ignore": Key(relative_patterns, "Results that are not compared."),
    "compare.files": Key(file_rules, "Other tolerances for some files; columns to ignore."),
    "exclude.paths": Key(relative_patterns, "Files that stay out of the image."),
}
