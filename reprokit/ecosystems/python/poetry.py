"""[tool.poetry] of pyproject.toml: https://python-poetry.org/docs/pyproject/"""

from __future__ import annotations

import re
from typing import Any

from reprokit.ecosystems.python import toml
from reprokit.ecosystems.python.found import Found, information, merged
from reprokit.ecosystems.python.names import inside_project, local_project, requirement
from reprokit.ecosystems.python.version import poetry_specifier, runtime
from reprokit.errors import BadRequest
from reprokit.model import Reason, Requirement

DEVELOPERS = re.compile(
    r"dev(?:el(?:op(?:ment)?)?)?|tests?|testing|docs?|documentation|lint(?:ing|ers?)?|typing|types|"
    r"format(?:ting)?|style|quality|ci|build|release|publish|pre-commit|coverage|debug|profiling"
)
"""Names of groups that a project's developers need and its results do not."""


def read(content: dict[str, Any], text: str, path: str) -> Found:
    """The dependencies and the Python of a Poetry project."""
    title = "tool.poetry.dependencies"
    section = _section(content.get("dependencies"), title, text, path)
    return merged(Found(files=(path,)), section, _groups(content, text, path))


def _section(value: Any, title: str, text: str, path: str) -> Found:
    parts = []
    for name, stated in toml.table(value, title, path, text).items():
        line = toml.line_of(text, f"[{title}", f"\n{name}") or toml.line_of(
            text, f"[{title}", f'\n"{name}"'
        )
        number = None if line is None else line + 1
        reason = Reason(text=f"asks for {name}", file=path, line=number)
        if name.lower() == "python":
            parts.append(Found(runtimes=_python(stated, reason)))
            continue
        alternatives = stated if isinstance(stated, list) else [stated]
        parts += [_dependency(name, item, reason) for item in alternatives]
    return merged(*parts)


def _python(value: Any, reason: Reason) -> tuple[Any, ...]:
    specifier = poetry_specifier(str(value))
    because = Reason(text=f"python = {value!r}", file=reason.file, line=reason.line)
    return (runtime(specifier, because),) if specifier else ()


def _groups(content: dict[str, Any], text: str, path: str) -> Found:
    """Poetry installs every group that is not optional; those for developers are left out here."""
    groups = toml.table(content.get("group"), "tool.poetry.group", path, text)
    unused = ["dev"] if content.get("dev-dependencies") else []
    parts = []
    for name, group in groups.items():
        section = toml.table(group, f"tool.poetry.group.{name}", path, text)
        if section.get("optional") or DEVELOPERS.fullmatch(name.lower()):
            unused.append(name)
            continue
        title = f"tool.poetry.group.{name}.dependencies"
        parts.append(_section(section.get("dependencies"), title, text, path))
    if unused:
        listed = ", ".join(sorted(unused))
        parts.append(Found(notes=(information(f"dependency groups not used: {listed}", path),)))
    return merged(*parts)


def _dependency(name: str, value: Any, reason: Reason) -> Found:
    place = toml.where(reason.file or "", reason.line)
    if isinstance(value, str):
        value = {"version": value}
    if not isinstance(value, dict):
        raise BadRequest(f"{name} is neither a version nor a table", where=place)
    if value.get("optional"):
        sentence = f"{name} is optional and not used"
        return Found(notes=(information(sentence, reason.file, reason.line),))
    extras = [str(extra) for extra in value.get("extras", [])]
    if "path" in value:
        relative = inside_project(reason.file or "", str(value["path"]), reason)
        return Found(requirements=(local_project(relative, reason, tuple(sorted(extras))),))
    return Found(requirements=(_remote(name, value, extras, reason),))


def _remote(name: str, value: dict[str, Any], extras: list[str], reason: Reason) -> Requirement:
    shown = f"{name}[{','.join(extras)}]" if extras else name
    if "git" in value:
        revision = next((value[k] for k in ("rev", "tag", "branch") if k in value), None)
        suffix = f"@{revision}" if revision else ""
        below = f"#subdirectory={value['subdirectory']}" if "subdirectory" in value else ""
        shown += f" @ git+{value['git']}{suffix}{below}"
    elif "url" in value:
        shown += f" @ {value['url']}"
    else:
        shown += poetry_specifier(str(value.get("version", "*")))
    marker = _marker(value)
    return requirement(f"{shown} ; {marker}" if marker else shown, reason)


def _marker(value: dict[str, Any]) -> str | None:
    parts = [f"({value['markers']})"] if "markers" in value else []
    if "platform" in value:
        parts.append(f"sys_platform == '{value['platform']}'")
    if "python" in value:
        for piece in filter(None, poetry_specifier(str(value["python"])).split(",")):
            match = re.fullmatch(r"(~=|===?|!=|<=|>=|<|>)(.+)", piece)
            if match is not None:
                variable = "python_full_version" if match[2].count(".") > 1 else "python_version"
                parts.append(f"{variable} {match[1]} '{match[2]}'")
    return " and ".join(parts) or None
