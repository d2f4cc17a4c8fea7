"""Plan: put together what was found and what the user wants, and say why.

Pure: reads the project's files, and neither network, clock nor engine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from reprokit import binder
from reprokit.bases.protocol import BaseFamily
from reprokit.configuration import Configuration
from reprokit.ecosystems.protocol import Ecosystem
from reprokit.ecosystems.r import defaults
from reprokit.errors import BadRequest
from reprokit.files import canonical_json, sha256_text
from reprokit.frozen import frozen
from reprokit.model import (
    JSON,
    DateChoice,
    Detection,
    Entry,
    Lock,
    Note,
    Plan,
    Reason,
    Requirement,
    Runtime,
    Step,
    SystemPackage,
)
from reprokit.notebook_runs import code as notebook_code
from reprokit.phases import plan_bases, plan_runtimes
from reprokit.phases.data import CODE_ENDINGS, data_plan
from reprokit.phases.detect import detect
from reprokit.phases.entries import choose
from reprokit.phases.entries_makefile import MAKEFILES
from reprokit.phases.exclusions import code_files, link_notes, secret_notes
from reprokit.phases.plan_additions import (
    built_by_one,
    on_display,
    through_start,
    with_additions,
)
from reprokit.project import Project

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


@frozen
class Given:
    """What the command line says; it wins over the configuration."""

    steps: tuple[Step, ...] = ()
    date: str | None = None
    base: str | None = None


NOTHING_GIVEN = Given()


def plan(
    project: Project,
    ecosystems: Iterable[Ecosystem],
    families: Iterable[BaseFamily],
    configuration: Configuration,
    *,
    commit_day: str | None,
    locked_day: str | None,
    given: Given = NOTHING_GIVEN,
) -> Plan:
    """What would be built and run.

    commit_day: see `dating.commit_day`. locked_day: the date of the present lock; "YYYY-MM-DD".
    Raises BadRequest for a malformed declaration (with file and line), for a project with neither
    declarations nor code, for a runtime that no base offers, and for a base nobody knows.
    """
    known = tuple(sorted(ecosystems, key=lambda ecosystem: ecosystem.name))
    own = own_dockerfile(project, configuration)
    # What runs have written says nothing about the project: a second plan is as the first.
    read = project.without(configuration.results)
    read = _without_certificate(read)
    # Its own Dockerfile may copy and use notebooks in ways that nobody knows here.
    books = notebook_code.calling(read) if own is None else notebook_code.Calling()
    if books.drivers:
        # They run here, and not in the container.
        read = read.without(*books.drivers)
    found, notes = _found(read, known, configuration, own)
    _refuse_nothing(read, found, configuration, given, own)
    runtimes = plan_runtimes.merged(found, configuration, later=project.later)
    date = _date(configuration, commit_day, locked_day, given)
    found = tuple(defaults.dated(detection, date, configuration.r_defaults) for detection in found)
    found = tuple(plan_runtimes.overridden(detection, configuration) for detection in found)
    choice = choose(read, found, configuration, given.steps)
    named = [*([choice.entry] if choice.entry else []), *choice.alternatives]
    notebook_code.refuse_driver(choice.entry, books)
    data = data_plan(project, configuration, named)
    code, excluded = code_files(project, data, configuration, books.drivers)
    notes += [*choice.notes, *secret_notes(excluded)]
    notes += link_notes(project, configuration.results)

    def started(entry: Entry) -> Entry:
        return through_start(on_display(entry, configuration), () if own else found)

    made = Plan(
        name=_name(project, configuration),
        detections=found,
        runtimes=runtimes,
        bases=(),
        system_packages=_system_packages(project, found, configuration),
        date=date,
        entry=None if choice.entry is None else started(choice.entry),
        alternatives=tuple(map(started, choice.alternatives)),
        code=code,
        data=data,
        excluded=excluded,
        options=configuration.options,
        notes=tuple(notes),
        base_choice=plan_bases.configured(configuration),
        notebooks=notebook_code.without_outputs(choice.own, books, code) if own is None else (),
    )
    if own is not None:
        return _with_own_dockerfile(made, project, own)
    day = None if date is None else date.day
    bases = plan_bases.chosen(
        families, runtimes, day, configuration, given.base, lenient=project.lenient
    )
    return replace(made, bases=bases)


_CERTIFICATE = "codecheck"


def _without_certificate(project: Project) -> Project:
    """Without the folder in which CODECHECK keeps a checker's report: it is somebody else's work
    on the project, with packages and a Makefile of its own.

    Source: https://codecheck.org.uk/guide/community-workflow-overview
    """
    if not project.has(f"{_CERTIFICATE}.yml"):
        return project
    tops = {path.partition("/")[0] for path in project.files if "/" in path}
    rest = project.without(*(top for top in tops if top.lower() == _CERTIFICATE))
    return rest if any(path.endswith(_CODE) for path in rest.files) else project


_CODE = (".py", ".R", ".r", ".ipynb", ".Rmd", ".qmd", ".java", ".xml", ".sh", ".c", ".jl")


def inputs_digest(plan: Plan) -> str:
    """The digest of all that makes a lock stale when it changes, as "sha256:<hex>".

    Reasons, code, data and the entry are not part of it; nor is a date that nobody configured,
    because then the lock's own date is used.
    """
    dated = plan.date is not None and plan.date.source == "configuration"
    return sha256_text(
        canonical_json(
            {
                "detections": [_digested(detection) for detection in plan.detections],
                "runtimes": _runtimes(plan.runtimes),
                "system": _system(plan.system_packages),
                "base": plan.base_choice,
                "dockerfile": plan.dockerfile is not None,
                "date": plan.date.day if dated and plan.date is not None else None,
            }
        )
    )


def why_stale(plan: Plan, lock: Lock) -> str | None:
    """Why the lock does not pin this plan, in words; `None` where it does."""
    if lock.inputs != inputs_digest(plan):
        return "what the project asks for has changed"
    asked = plan.date if plan.date and plan.date.source in ("given", "configuration") else None
    if asked is not None and asked.day != lock.date.day:
        return f"it is of {lock.date.day}, not of {asked.day}"
    return None


def own_dockerfile(project: Project, configuration: Configuration) -> str | None:
    """The project's own Dockerfile, where that one is to be used.

    Raises BadRequest, with the line, for a configured path that does not exist.
    """
    if configuration.dockerfile == "generate":
        return None
    if configuration.dockerfile == "auto":
        return binder.dockerfile(project)
    if not project.has(configuration.dockerfile):
        raise BadRequest(
            f"dockerfile names {configuration.dockerfile!r}, which does not exist",
            where=configuration.where("dockerfile"),
            next='correct the path, or write dockerfile = "generate"',
        )
    return configuration.dockerfile


def _found(
    project: Project,
    ecosystems: Sequence[Ecosystem],
    configuration: Configuration,
    own: str | None,
) -> tuple[tuple[Detection, ...], list[Note]]:
    try:
        found = detect(project, ecosystems)
    except BadRequest as error:
        if own is None:
            raise
        # The project's own Dockerfile does the installing: only the entry is looked for here.
        return (), [Note(level="warning", text=str(error))]
    found, notes = built_by_one(found, configuration)
    names = tuple(ecosystem.name for ecosystem in ecosystems)
    found = with_additions(found, names, configuration, instead=project.lenient)
    return found, [*(note for detection in found for note in detection.notes), *notes]


def _refuse_nothing(
    project: Project,
    found: Sequence[Detection],
    configuration: Configuration,
    given: Given,
    own: str | None,
) -> None:
    if found or own or given.steps or configuration.steps:
        return
    code = (path.lower().endswith(CODE_ENDINGS) for path in project.files)
    if any(code) or any(project.has(name) for name in MAKEFILES):
        return
    raise BadRequest(
        "No dependency file and no code",
        where=str(project.root),
        next="name the project's folder: one with a requirements.txt, pom.xml, build.xml, "
        "DESCRIPTION, environment.yml, or with scripts or notebooks",
    )


def _date(
    configuration: Configuration, commit_day: str | None, locked_day: str | None, given: Given
) -> DateChoice | None:
    """The first of: given, configured, of the lock, of the last commit. `None`: today, which is
    not known here and is written into the lock."""
    if given.date is not None:
        return DateChoice(day=given.date, source="given")
    if configuration.date is not None:
        # A date without a line was put there by the command line.
        written = configuration.line("date") is not None
        return DateChoice(day=configuration.date, source="configuration" if written else "given")
    if locked_day is not None:
        return DateChoice(day=locked_day, source="lock")
    if commit_day is not None:
        return DateChoice(day=commit_day, source="commit")
    return None


def _system_packages(
    project: Project, found: Sequence[Detection], configuration: Configuration
) -> tuple[SystemPackage, ...]:
    """Every package once, by name; one that is needed to run is not kept out of the image."""
    reason = configuration.reason("system.packages", "a package of the distribution")
    wanted = [SystemPackage(name=name, reason=reason) for name in configuration.system_packages]
    wanted += [package for detection in found for package in detection.system_packages]
    if configuration.options.display:
        reason = configuration.reason("run.display", "a screen that nobody sees")
        wanted += [SystemPackage(name=name, reason=reason) for name in ("xauth", "xvfb")]
    makefile = next((name for name in MAKEFILES if project.has(name)), None)
    if makefile is not None:
        # Whatever is run today: a lock must not go stale when somebody runs `make` tomorrow.
        reason = Reason(text="a Makefile needs make", file=makefile)
        wanted.append(SystemPackage(name="make", reason=reason))
    by_name: dict[str, SystemPackage] = {}
    for package in wanted:
        known = by_name.get(package.name)
        if known is None or (known.stage == "build" and package.stage == "run"):
            by_name[package.name] = package
    return tuple(by_name[name] for name in sorted(by_name))


def _with_own_dockerfile(plan: Plan, project: Project, path: str) -> Plan:
    """Nothing is detected, resolved or installed beside a Dockerfile that does all this. Its own
    command runs (entry `None`, no alternatives) unless the user names another."""
    from reprokit import own_dockerfile as own_dockerfiles

    parsed = own_dockerfiles.parse(project.read(path), path)
    itself = parsed.has_command and (plan.entry is None or plan.entry.rank > 0)
    text = f"{path} says what is built{' and run' if itself else ''}"
    note = Note(
        level="information",
        text=f'{text}; dockerfile = "generate" in repro.toml makes reprokit write one instead',
        reason=Reason(text="the project's own Dockerfile", file=path, line=parsed.first_line),
    )
    return replace(
        plan,
        detections=(),
        runtimes=(),
        system_packages=(),
        dockerfile=path,
        entry=None if itself else plan.entry,
        alternatives=() if itself else plan.alternatives,
        notes=(*plan.notes, note),
    )


def _name(project: Project, configuration: Configuration) -> str:
    """A name that images can have, from the configuration or the folder's name."""
    if configuration.name is not None:
        return configuration.name
    folded = unicodedata.normalize("NFKD", project.root.name.casefold())
    plain = folded.encode("ascii", "ignore").decode()
    return _NOT_IN_NAMES.sub("-", plain).strip("-")[:60].strip("-") or "project"


def _digested(detection: Detection) -> JSON:
    return {
        "ecosystem": detection.ecosystem,
        "requirements": sorted((_requirement(r) for r in detection.requirements), key=str),
        "runtimes": _runtimes(detection.runtimes),
        "system": _system(detection.system_packages),
        "settings": dict(detection.settings),
    }


def _requirement(requirement: Requirement) -> JSON:
    return [
        requirement.name,
        requirement.specifier,
        list[JSON](sorted(requirement.extras)),
        requirement.marker,
        requirement.url,
        list[JSON](sorted(requirement.hashes)),
    ]


def _system(packages: Sequence[SystemPackage]) -> JSON:
    return sorted(([p.name, p.stage] for p in packages), key=str)


def _runtimes(runtimes: Sequence[Runtime]) -> JSON:
    return sorted(([r.language, r.specifier, r.development] for r in runtimes), key=str)
