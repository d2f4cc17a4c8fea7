"""What the user says about a project: repro.toml, or [tool.reprokit] in pyproject.toml.

All of it is optional. This is the only place that reads either table; every error names the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Literal, cast

from reprokit import toml_lines
from reprokit.configuration_keys import KEYS
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import Reason, RunOptions, Step
from reprokit.tolerance import CompareOptions, Tolerance

FILE = "repro.toml"
_OWN_SECTIONS = ("python", "r", "java", "system", "binder")
_SECTIONS = frozenset(key.partition(".")[0] for key in KEYS if "." in key)


@frozen
class Configuration:
    """The user's wishes; the defaults are those of a project that says nothing.

    `file` is where they stand, `lines` the line of each key ("run.memory"). Versions are PEP 440
    specifier sets. `data_unpack`, `r_defaults` and `r_desktop` are `None` where reprokit shall find
    out. `steps` is empty where no command is given. `results` is a folder of the project.
    """

    file: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    name: str | None = None
    date: str | None = None
    steps: tuple[Step, ...] = ()
    base: str = "auto"
    dockerfile: str = "auto"
    python_version: str | None = None
    python_requirements: tuple[str, ...] = ()
    python_build_requirements: tuple[str, ...] = ()
    r_version: str | None = None
    r_packages: tuple[str, ...] = ()
    r_defaults: str | None = None
    r_desktop: bool | None = None
    java_version: str | None = None
    java_build: Literal["auto", "maven", "ant"] = "auto"
    java_main_class: str | None = None
    system_packages: tuple[str, ...] = ()
    binder_post_build: bool = True
    data_paths: tuple[str, ...] = ()
    data_mode: Literal["mount", "bake"] = "mount"
    data_unpack: bool | tuple[str, ...] | None = None
    data_unpack_limit: int | None = None
    options: RunOptions = field(default_factory=RunOptions)
    results: str = "results"
    exclude: tuple[str, ...] = ()
    cite_values: tuple[tuple[str, str], ...] = ()
    compare: CompareOptions = field(default_factory=CompareOptions)

    def line(self, key: str) -> int | None:
        """The line of a key, of the first thing in it, or of the table it stands in."""
        inside = [line for name, line in self.lines.items() if name.startswith(f"{key}.")]
        if key not in self.lines and inside:
            return min(inside)
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            found = self.lines.get(".".join(parts[:length]))
            if found is not None:
                return found
        return None

    def reason(self, key: str, text: str) -> Reason:
        """A reason that names the line of a key."""
        return Reason(text=text, file=self.file, line=self.line(key))

    def where(self, key: str) -> str | None:
        """The place of a key, for errors."""
        if self.file is None:
            return None
        line = self.line(key)
        return self.file if line is None else f"{self.file}:{line}"


def load(root: Path) -> Configuration:
    """The configuration of the project in `root`.

    Raises BadRequest, with file and line, for TOML that cannot be read, an unknown key (naming
    the nearest known one), a value of the wrong kind, and for two places that both configure.
    """
    own = toml_lines.parsed(root / FILE)
    shared = toml_lines.parsed(root / "pyproject.toml")
    table = _tool_table(shared[0]) if shared is not None else None
    if own is not None and table is not None:
        raise BadRequest(
            "both repro.toml and [tool.reprokit] configure this project",
            where="pyproject.toml",
            next="keep one of the two",
        )
    if own is not None:
        return _configuration(FILE, own[0], toml_lines.lines_of(own[1]))
    if shared is not None and table is not None:
        prefix = "tool.reprokit."
        lines = {
            key.removeprefix(prefix): line
            for key, line in toml_lines.lines_of(shared[1]).items()
            if key.startswith(prefix)
        }
        return _configuration("pyproject.toml", table, lines)
    return Configuration()


def _tool_table(document: dict[str, Any]) -> dict[str, Any] | None:
    tool = document.get("tool")
    table = tool.get("reprokit") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise BadRequest("[tool.reprokit] must be a table", where="pyproject.toml")
    return table


def _configuration(file: str, table: dict[str, Any], lines: dict[str, int]) -> Configuration:
    places = Configuration(file=file, lines=lines)
    values: dict[str, Any] = {}
    for key, value in _flattened(table, places):
        if key not in KEYS:
            raise _unknown(key, places)
        try:
            values[key] = KEYS[key].read(value)
        except ValueError as error:
            raise BadRequest(f"{key} {error}", where=places.where(key)) from error
    if "command" in values and "steps" in values:
        raise BadRequest(
            "both command and steps are given",
            where=places.where("steps"),
            next="make the command the first of the steps",
        )
    if ("compare.relative" in values) != ("compare.absolute" in values):
        given = "relative" if "compare.relative" in values else "absolute"
        raise BadRequest(
            f"compare.{given} is given alone",
            where=places.where(f"compare.{given}"),
            next="give both relative and absolute: a hidden default lets differences pass unseen",
        )
    return _assembled(file, lines, values)


def _assembled(file: str, lines: dict[str, int], values: dict[str, Any]) -> Configuration:
    options = {
        name: values[f"run.{name}"]
        for name in RunOptions.__dataclass_fields__
        if f"run.{name}" in values
    }
    fields = {"data.paths", "data.mode", "data.unpack", "data.unpack_limit"}
    fields |= {key for key in KEYS if key.partition(".")[0] in _OWN_SECTIONS}
    named = {key.replace(".", "_"): values[key] for key in fields if key in values}
    named |= {key: values[key] for key in ("name", "date", "base", "dockerfile") if key in values}
    steps = values.get("steps", ())
    if "command" in values:
        steps = (Step(argv=values["command"]),)
    return Configuration(
        file=file,
        lines=lines,
        steps=steps,
        options=RunOptions(**options),
        results=values.get("run.results", "results"),
        exclude=values.get("exclude.paths", ()),
        cite_values=values.get("cite.values", ()),
        compare=_compare(values),
        **cast(Any, named),
    )


def _compare(values: dict[str, Any]) -> CompareOptions:
    given = {name: values[f"compare.{name}"] for name in ("ignore", "files")
             if f"compare.{name}" in values}  # fmt: skip
    if "compare.relative" in values:
        given["tolerance"] = Tolerance(
            relative=values["compare.relative"], absolute=values["compare.absolute"]
        )
    return CompareOptions(**given)


def _flattened(table: dict[str, Any], places: Configuration) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if name not in _SECTIONS:
            yield name, value
        elif not isinstance(value, dict):
            raise BadRequest(f"[{name}] must be a table", where=places.where(name))
        else:
            for inner, content in value.items():
                yield f"{name}.{inner}", content


def _unknown(key: str, places: Configuration) -> BadRequest:
    section, dot, last = key.rpartition(".")
    siblings = [k.removeprefix(section + dot) for k in KEYS if k.startswith(section + dot)]
    if not section:
        siblings = sorted({k.partition(".")[0] for k in KEYS})
    near = toml_lines.nearest(last, siblings)
    elsewhere = [k for k in KEYS if k.rpartition(".")[2] == last]
    if near is not None:
        hint = f"did you mean {section + dot + near}?"
    elif elsewhere:
        hint = f"did you mean {elsewhere[0]}?"
    else:
        hint = f"known here: {', '.join(siblings)}"
    return BadRequest(f"unknown key {key!r}", where=places.where(key), next=hint)
