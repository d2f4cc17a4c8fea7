"""Pipfile and Pipfile.lock: https://pipenv.pypa.io/en/latest/pipfile.html"""

from __future__ import annotations

import json
from typing import Any

from reprokit.ecosystems.python import toml
from reprokit.ecosystems.python.former_hosts import current, moved
from reprokit.ecosystems.python.found import Found, merged
from reprokit.ecosystems.python.names import (
    inside_project,
    local_project,
    normalised,
    requirement,
    without_login,
)
from reprokit.ecosystems.python.version import recorded
from reprokit.errors import BadRequest
from reprokit.model import Reason
from reprokit.project import Project
from reprokit.site import PYPI

PATH = "Pipfile"
LOCK = "Pipfile.lock"


def read(project: Project, path: str = PATH) -> Found:
    """[packages] and [dev-packages] of a Pipfile: `pipenv install --dev` is what Binder does, and
    what notebooks are opened with often stands among the latter."""
    content, text = toml.read(project, path)
    parts = [Found(files=(path,)), _indexes(content.get("source"), path)]
    seen: set[str] = set()
    for section in ("packages", "dev-packages"):
        for name, value in toml.table(content.get(section), section, path, text).items():
            if normalised(name) in seen:
                continue
            seen.add(normalised(name))
            parts.append(_package(name, value, _reason(text, section, name, path)))
    required = toml.table(content.get("requires"), "requires", path, text)
    parts.append(_python(required, path, toml.line_of(text, "[requires]", "python")))
    return merged(*parts)


def _reason(text: str, section: str, name: str, path: str) -> Reason:
    line = toml.line_of(text, f"[{section}]", f"\n{name}") or toml.line_of(
        text, f"[{section}]", f'\n"{name}"'
    )
    return Reason(text=f"asks for {name}", file=path, line=None if line is None else line + 1)


def read_lock(project: Project, path: str = LOCK) -> Found:
    """The sections "default" and "develop" of a Pipfile.lock: every package with version and
    hashes."""
    text = project.read(path)
    try:
        content = json.loads(text)
        default, develop = content["default"], content.get("develop") or {}
        meta = content.get("_meta", {})
        if not all(isinstance(section, dict) for section in (default, develop, meta)):
            raise TypeError("a section is not an object")
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"is not valid JSON: {error.msg}",
            where=f"{path}:{error.lineno}",
            next="write it again with `pipenv lock`",
        ) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            "is not a Pipfile.lock", where=path, next="write it again with `pipenv lock`"
        ) from error
    parts = [
        Found(files=(path,), complete=True),
        _indexes(meta.get("sources"), path, complete=True),
    ]
    for section, packages in (("develop", develop), ("default", default)):
        for name, value in packages.items():
            if section == "develop" and name in default:
                continue
            line = toml.line_of(text, f'"{section}"', f'"{name}"')
            reason = Reason(text=f"locks {name}", file=path, line=line)
            parts.append(_package(name, value, reason, complete=True))
    required = meta.get("requires")
    stated = _python(required if isinstance(required, dict) else {}, path, None)
    return merged(*parts, Found(runtimes=stated.runtimes, notes=stated.notes, complete=True))


def _indexes(sources: Any, file: str, *, complete: bool = False) -> Found:
    reason = Reason(text="names the index", file=file)
    urls = [
        without_login(s["url"], reason)
        for s in sources or []
        if isinstance(s, dict) and isinstance(s.get("url"), str)
    ]
    others = [url for url in map(current, urls) if url.rstrip("/") != PYPI]
    return Found(
        indexes=tuple(("extra-index-url", url) for url in others),
        notes=tuple(note for url in urls for note in moved(url, reason)),
        complete=complete,
    )


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
