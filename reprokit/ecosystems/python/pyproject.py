"""pyproject.toml: PEP 621 (https://packaging.python.org/specifications/pyproject-toml/) with
uv's sources, and Poetry's own tables."""

from __future__ import annotations

from typing import Any

from reprokit.ecosystems.python import poetry, requirements_txt, toml
from reprokit.ecosystems.python.found import Found, information, merged
from reprokit.ecosystems.python.names import (
    inside_project,
    local_project,
    normalised,
    requirement,
)
from reprokit.ecosystems.python.version import from_classifiers, runtime
from reprokit.errors import BadRequest
from reprokit.model import Note, Reason, Requirement, Runtime
from reprokit.project import Project

PATH = "pyproject.toml"


def read(project: Project) -> Found | None:
    """What pyproject.toml declares; `None` where it only configures tools."""
    content, text = toml.read(project, PATH)
    tool = toml.table(content.get("tool"), "tool", PATH, text)
    parts = []
    if "project" in content:
        parts.append(_project(project, content, tool, text))
    if isinstance(tool.get("poetry"), dict) and "dependencies" in tool["poetry"]:
        parts.append(poetry.read(tool["poetry"], text, PATH))
    if not parts and isinstance(tool.get("flit"), dict) and "metadata" in tool["flit"]:
        parts.append(_flit(tool["flit"]["metadata"], text))
    groups = _groups(content, tool, text, alone=not parts)
    if groups.requirements or parts:
        parts.append(groups)
    if not parts:
        return None
    return merged(*parts, _itself(content, tool, text))


def pythons(project: Project) -> tuple[Runtime, ...]:
    """Only the Python versions, for projects whose dependencies another file declares."""
    content, text = toml.read(project, PATH)
    tool = toml.table(content.get("tool"), "tool", PATH, text)
    found = list(_pythons(toml.table(content.get("project"), "project", PATH, text), text))
    if not found and isinstance(tool.get("poetry"), dict):
        found += poetry.read(tool["poetry"], text, PATH).runtimes
    return tuple(found)


def _project(project: Project, content: dict[str, Any], tool: dict[str, Any], text: str) -> Found:
    section = toml.table(content["project"], "project", PATH, text)
    sources = _sources(tool, text)
    requirements = []
    for stated in toml.strings(section.get("dependencies"), "dependencies", PATH, text):
        line = toml.line_of(text, "dependencies", stated)
        reason = Reason(text=f"asks for {stated}", file=PATH, line=line)
        requirements += _sourced(project, requirement(stated, reason), sources)
    parts = [
        Found(
            files=(PATH,),
            requirements=tuple(requirements),
            runtimes=_pythons(section, text),
            notes=_extras_note(section),
        )
    ]
    if "dependencies" in toml.strings(section.get("dynamic"), "dynamic", PATH, text):
        parts.append(_dynamic(project, tool))
    return merged(*parts)


def _pythons(section: dict[str, Any], text: str) -> tuple[Runtime, ...]:
    if "requires-python" in section:
        stated = str(section["requires-python"])
        line = toml.line_of(text, "requires-python")
        return (runtime(stated, Reason(text=f"requires-python {stated}", file=PATH, line=line)),)
    classifiers = toml.strings(section.get("classifiers"), "classifiers", PATH, text)
    return from_classifiers(classifiers, PATH, toml.line_of(text, "classifiers"))


def _extras_note(section: dict[str, Any]) -> tuple[Note, ...]:
    named = section.get("optional-dependencies")
    if not isinstance(named, dict) or not named:
        return ()
    return (information(f"extras not used: {', '.join(sorted(map(str, named)))}", PATH),)


def _groups(content: dict[str, Any], tool: dict[str, Any], text: str, *, alone: bool) -> Found:
    """[dependency-groups] (PEP 735): those that uv installs by itself, those for developers left
    out; all others too in a project that declares nothing else."""
    groups = toml.table(content.get("dependency-groups"), "dependency-groups", PATH, text)
    uv = toml.table(tool.get("uv"), "tool.uv", PATH, text)
    stated = uv.get("default-groups")
    default = list(groups) if stated == "all" else stated if isinstance(stated, list) else []
    used = [
        name
        for name in groups
        if (alone or name in default) and not poetry.DEVELOPERS.fullmatch(normalised(name))
    ]
    unused = sorted(set(groups) - set(used))
    notes = (information(f"groups not used: {', '.join(unused)}", PATH),) if unused else ()
    found = [_group(groups, name, text, ()) for name in used]
    files = (PATH,) if used else ()
    return merged(Found(files=files, notes=notes), *found)


def _group(groups: dict[str, Any], name: str, text: str, above: tuple[str, ...]) -> Found:
    line = toml.line_of(text, "[dependency-groups]", name)
    items = groups.get(name)
    if not isinstance(items, list) or name in above:
        problem = "includes itself" if name in above else "is not a list"
        raise BadRequest(f"the group {name} {problem}", where=toml.where(PATH, line))
    parts = []
    for item in items:
        if isinstance(item, str):
            place = toml.line_of(text, "[dependency-groups]", name, item)
            reason = Reason(text=f"asks for {item}", file=PATH, line=place)
            parts.append(Found(requirements=(requirement(item, reason),)))
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
            parts.append(_group(groups, item["include-group"], text, (*above, name)))
        else:
            sentence = f"the group {name} has an item that is no text"
            raise BadRequest(sentence, where=toml.where(PATH, line))
    return merged(*parts)


def _flit(metadata: Any, text: str) -> Found:
    """The tables that flit had before PEP 621."""
    section = toml.table(metadata, "tool.flit.metadata", PATH, text)
    requirements = []
    for stated in toml.strings(section.get("requires"), "requires", PATH, text):
        line = toml.line_of(text, "[tool.flit.metadata]", stated)
        reason = Reason(text=f"asks for {stated}", file=PATH, line=line)
        requirements.append(requirement(stated, reason))
    return Found(files=(PATH,), requirements=tuple(requirements), runtimes=_pythons(section, text))


def extras(project: Project, wanted: tuple[str, ...]) -> Found:
    """The requirements of some of a package's extras; pip, too, only warns of unknown ones."""
    if not project.has(PATH):
        return Found()
    content, text = toml.read(project, PATH)
    section = toml.table(content.get("project"), "project", PATH, text)
    listed = toml.table(section.get("optional-dependencies"), "optional-dependencies", PATH, text)
    by_name = {normalised(name): value for name, value in listed.items()}
    requirements = []
    for extra in wanted:
        for stated in toml.strings(by_name.get(normalised(extra)), extra, PATH, text):
            line = toml.line_of(text, "optional-dependencies", stated)
            reason = Reason(text=f"asks for {stated}", file=PATH, line=line)
            requirements.append(requirement(stated, reason))
    return Found(requirements=tuple(requirements))


def _dynamic(project: Project, tool: dict[str, Any]) -> Found:
    try:
        named = tool["setuptools"]["dynamic"]["dependencies"]["file"]
    except (KeyError, TypeError):
        return Found()
    files = [named] if isinstance(named, str) else list(named)
    return merged(*(requirements_txt.read(project, str(file)) for file in files))


def _sources(tool: dict[str, Any], text: str) -> dict[str, Any]:
    uv = toml.table(tool.get("uv"), "tool.uv", PATH, text)
    named = toml.table(uv.get("sources"), "tool.uv.sources", PATH, text)
    return {normalised(name): value for name, value in named.items()}


def _sourced(project: Project, asked: Requirement, sources: dict[str, Any]) -> list[Requirement]:
    """A requirement as [tool.uv.sources] redirects it."""
    source = sources.get(normalised(asked.name))
    if not isinstance(source, dict):
        return [asked]
    if "path" in source:
        relative = inside_project(PATH, str(source["path"]), asked.reason)
        return [local_project(relative, asked.reason, asked.extras)]
    if "git" in source:
        revision = next((source[k] for k in ("rev", "tag", "branch") if k in source), None)
        suffix = f"@{revision}" if revision else ""
        below = f"#subdirectory={source['subdirectory']}" if "subdirectory" in source else ""
        return [requirement(f"{asked.name} @ git+{source['git']}{suffix}{below}", asked.reason)]
    if "url" in source:
        return [requirement(f"{asked.name} @ {source['url']}", asked.reason)]
    if source.get("workspace"):
        return [local_project(_member(project, asked), asked.reason, asked.extras)]
    return [asked]


def _member(project: Project, asked: Requirement) -> str:
    """The folder of the uv workspace whose project has the requirement's name."""
    for path in project.matching(PATH):
        folder = path.rpartition("/")[0]
        if folder:
            section = toml.read(project, path)[0].get("project")
            name = section.get("name") if isinstance(section, dict) else None
            if isinstance(name, str) and normalised(name) == normalised(asked.name):
                return folder
    raise BadRequest(
        f"no project of the workspace is called {asked.name}",
        where=toml.where(PATH, asked.reason.line),
        next='name its folder: `{ path = "…" }`',
    )


def is_package(project: Project) -> bool:
    """Whether pyproject.toml says how to build the project as a package."""
    content, text = toml.read(project, PATH)
    tool = toml.table(content.get("tool"), "tool", PATH, text)
    named = "project" in content or isinstance(tool.get("poetry"), dict)
    return named and bool(_itself(content, tool, text).requirements)


def _itself(content: dict[str, Any], tool: dict[str, Any], text: str) -> Found:
    """The project as a package of its own: where a build system says how to make one."""
    if "build-system" not in content:
        return Found()
    uv, poetry_table = tool.get("uv"), tool.get("poetry")
    if isinstance(uv, dict) and uv.get("package") is False:
        return Found()
    if isinstance(poetry_table, dict) and poetry_table.get("package-mode") is False:
        return Found()
    line = toml.line_of(text, "[build-system]")
    reason = Reason(text="the project is a package itself", file=PATH, line=line)
    return Found(requirements=(local_project(".", reason),))
