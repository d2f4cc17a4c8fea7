"""Pipfile and Pipfile.lock: https://pipenv.pypa.io/en/latest/pipfile.html"""

from __future__ import annotations

import json
from typing import Any

from reprokit.ecosystems.python import toml
from reprokit.ecosystems.python.found import Found, information, merged
from reprokit.ecosystems.python.names import (
    inside_project,
    local_project,
    requirement,
    without_login,
)
from reprokit.ecosystems.python.version import recorded
from reprokit.errors import BadRequest
from reprokit.model import Reason
from reprokit.project import Project

PATH = "Pipfile"
LOCK = "Pipfile.lock"
_PYPI = ("https://pypi.org/simple", "https://pypi.python.org/simple")


def read(project: Project) -> Found:
    """[packages] of a Pipfile; [dev-packages] are noted."""
    content, text = toml.read(project, PATH)
    parts = [Found(files=(PATH,)), _indexes(content.get("source"), PATH)]
    packages = toml.table(content.get("packages"), "packages", PATH, text)
    for name, value in packages.items():
        line = toml.line_of(text, "[packages]", f"\n{name}") or toml.line_of(
            text, "[packages]", f'\n"{name}"'
        )
        reason = Reason(text=f"asks for {name}", file=PATH, line=None if line is None else line + 1)
        parts.append(_package(name, value, reason))
    if content.get("dev-packages"):
        parts.append(Found(notes=(information("[dev-packages] are not used", PATH),)))
    required = toml.table(content.get("requires"), "requires", PATH, text)
    parts.append(_python(required, PATH, toml.line_of(text, "[requires]", "python")))
    return merged(*parts)


def read_lock(project: Project) -> Found:
    """The "default" section of a Pipfile.lock: every package with version and hashes."""
    text = project.read(LOCK)
    try:
        content = json.loads(text)
        default = content["default"]
        meta = content.get("_meta", {})
        if not isinstance(default, dict) or not isinstance(meta, dict):
            raise TypeError("a section is not an object")
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"is not valid JSON: {error.msg}",
            where=f"{LOCK}:{error.lineno}",
            next="write it again with `pipenv lock`",
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            "is not a Pipfile.lock", where=LOCK, next="write it again with `pipenv lock`"
        ) from error
    parts = [
        Found(files=(LOCK,), complete=True),
        _indexes(meta.get("sources"), LOCK, complete=True),
    ]
    for name, value in default.items():
        line = toml.line_of(text, '"default"', f'"{name}"')
        reason = Reason(text=f"locks {name}", file=LOCK, line=line)
        parts.append(_package(name, value, reason, complete=True))
    required = meta.get("requires")
    stated = _python(required if isinstance(required, dict) else {}, LOCK, None)
    return merged(*parts, Found(runtimes=stated.runtimes, notes=stated.notes, complete=True))


def _indexes(sources: Any, file: str, *, complete: bool = False) -> Found:
    reason = Reason(text="names the index", file=file)
    urls = [
        without_login(s["url"], reason)
        for s in sources or []
        if isinstance(s, dict) and isinstance(s.get("url"), str)
    ]
    others = [url for url in urls if url.rstrip("/") not in _PYPI]
    return Found(indexes=tuple(("extra-index-url", url) for url in others), complete=complete)


def _python(required: dict[str, Any], file: str, line: int | None) -> Found:
    stated = required.get("python_version") or required.get("python_full_version")
    return recorded(str(stated), "requires", file, line) if stated else Found()


def _package(name: str, value: Any, reason: Reason, *, complete: bool = False) -> Found:
    if isinstance(value, str):
        value = {"version": value}
    if not isinstance(value, dict):
        raise BadRequest(
            f"{name} is neither a version nor a table",
            where=toml.where(reason.file or "", reason.line),
        )
    extras = sorted(str(extra) for extra in value.get("extras", []))
    shown = f"{name}[{','.join(extras)}]" if extras else name
    if "path" in value or str(value.get("file", "")).startswith("."):
        relative = inside_project(
            reason.file or "", str(value.get("path") or value["file"]), reason
        )
        asked = local_project(relative, reason, tuple(extras))
        return Found(requirements=(asked,), complete=complete)
    if "git" in value:
        suffix = f"@{value['ref']}" if "ref" in value else ""
        shown += f" @ git+{value['git']}{suffix}"
    elif "file" in value:
        shown += f" @ {value['file']}"
    elif value.get("version", "*") != "*":
        shown += str(value["version"])
    if "markers" in value:
        shown += f" ; {value['markers']}"
    hashes = tuple(sorted(str(item) for item in value.get("hashes", [])))
    return Found(requirements=(requirement(shown, reason, hashes=hashes),), complete=complete)
