"""What the configuration adds to what the ecosystems found, and takes away from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reprokit.configuration import Configuration
from reprokit.configuration_keys import R_PACKAGE
from reprokit.errors import BadRequest
from reprokit.model import JSON, Detection, Entry, Note, Reason, Requirement, Runtime

_JAVA_BUILDS = ("ant", "maven")
_BINDER = "repo2docker"
_DISPLAY = ("xvfb-run", "-a")
_WITHOUT_DISPLAY = ("xvfb-run", "repro-notebook")


def built_by_one(
    detections: tuple[Detection, ...], configuration: Configuration
) -> tuple[tuple[Detection, ...], list[Note]]:
    """Only one of Maven and Ant builds a project: the configured one, else Maven.

    Raises BadRequest where the configured one has no build file in this project.
    """
    present = {d.ecosystem: d for d in detections if d.ecosystem in _JAVA_BUILDS}
    wanted = configuration.java_build
    if wanted != "auto" and wanted not in present:
        raise BadRequest(
            f'java.build is "{wanted}", but this project has no {_build_file(wanted)}',
            where=configuration.where("java.build"),
        )
    notes = []
    if wanted == "auto":
        if len(present) < 2:
            return detections, []
        wanted = "maven"
        notes = [
            Note(
                level="information",
                text='Maven builds this project; build = "ant" under [java] lets Ant do it',
                reason=Reason(text="there is a build.xml as well", file=_first(present["ant"])),
            )
        ]
    kept = tuple(d for d in detections if d.ecosystem not in _JAVA_BUILDS or d.ecosystem == wanted)
    return kept, notes


def with_additions(
    detections: tuple[Detection, ...],
    ecosystems: Sequence[str],
    configuration: Configuration,
    *,
    instead: bool = False,
) -> tuple[Detection, ...]:
    """The detections with the configured requirements and main class.

    instead: what is configured of a package stands in place of the version to which the project's
    files pin it; else both count, and may contradict each other. Where nothing of a language was
    found, its ecosystem gets a detection of its own. Raises BadRequest where no plugin knows the
    language.
    """
    by_name = {detection.ecosystem: detection for detection in detections}
    for language, key, requirements in (
        ("python", "python.requirements", _python(configuration)),
        ("r", "r.packages", _r(configuration)),
    ):
        if not requirements:
            continue
        if language not in by_name:
            by_name[language] = _new(language, key, ecosystems, configuration)
        present = by_name[language]
        if instead:
            present = _without_pins(present, requirements)
        by_name[language] = replace(present, requirements=(*present.requirements, *requirements))
    if configuration.r_desktop is not None and "r" in by_name:
        by_name["r"] = _desktop(by_name["r"], wanted=configuration.r_desktop)
    if configuration.python_build_requirements and "python" in by_name:
        wanted: list[JSON] = [*configuration.python_build_requirements]
        settings = {**by_name["python"].settings, "build_requirements": wanted}
        by_name["python"] = replace(by_name["python"], settings=settings)
    if not configuration.binder_post_build and _BINDER in by_name:
        left = {k: v for k, v in by_name[_BINDER].settings.items() if k != "post_build"}
        by_name[_BINDER] = replace(by_name[_BINDER], settings=left)
    if configuration.java_main_class is not None:
        for name in _JAVA_BUILDS:
            if name in by_name:
                settings = {**by_name[name].settings, "main_class": configuration.java_main_class}
                by_name[name] = replace(by_name[name], settings=settings)
    return tuple(by_name[name] for name in sorted(by_name))


def _desktop(detection: Detection, *, wanted: bool) -> Detection:
    """With or without what makes do where the code is for its author's desk."""
    settings = {key: value for key, value in detection.settings.items() if key != "desktop"}
    if wanted:
        settings["desktop"] = True
    told = detection.settings.get("desktop")
    dropped = set(map(str, told)) if isinstance(told, list) and not wanted else set()
    notes = tuple(note for note in detection.notes if str(note.reason) not in dropped)
    return replace(detection, settings=settings, notes=notes)


def _without_pins(detection: Detection, given: Sequence[Requirement]) -> Detection:
    """Without the exact versions of packages of which a version is given."""
    names = {_plain(asked.name) for asked in given if asked.specifier}
    kept = tuple(
        asked
        for asked in detection.requirements
        if not (_plain(asked.name) in names and asked.specifier.startswith("=="))
    )
    return replace(detection, requirements=kept)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def on_display(entry: Entry, configuration: Configuration) -> Entry:
    """The entry with a screen that nobody sees, where the configuration wants one. Notebooks have
    none: their figures go into the notebook."""
    if not configuration.options.display:
        return entry
    steps = tuple(
        step if step.argv[0] in _WITHOUT_DISPLAY else replace(step, argv=(*_DISPLAY, *step.argv))
        for step in entry.steps
    )
    return replace(entry, steps=steps)


def through_start(entry: Entry, detections: Sequence[Detection]) -> Entry:
    """The entry as Binder starts it, where the project has a script for that."""
    settings = (d.settings for d in detections if d.ecosystem == _BINDER)
    start = next((found["start"] for found in settings if "start" in found), None)
    return entry if start is None else replace(entry, through=(f"/app/{start}",))


def _new(
    language: str, key: str, ecosystems: Sequence[str], configuration: Configuration
) -> Detection:
    if language not in ecosystems:
        raise BadRequest(
            f"{key} is set, but no plugin handles {language}",
            where=configuration.where(key),
            next="`reprokit plugins` lists what is installed",
        )
    reason = configuration.reason(key, "the configuration asks for packages of it")
    return Detection(
        ecosystem=language,
        files=(configuration.file,) if configuration.file else (),
        runtimes=(Runtime(language=language, specifier="", reason=reason),),
    )


def _python(configuration: Configuration) -> tuple[Requirement, ...]:
    if not configuration.python_requirements:
        return ()
    from packaging.requirements import Requirement as Parsed

    reason = configuration.reason("python.requirements", "asked for in the configuration")
    found = []
    for line in configuration.python_requirements:
        parsed = Parsed(line)
        found.append(
            Requirement(
                name=parsed.name,
                specifier=str(parsed.specifier),
                reason=reason,
                extras=tuple(sorted(parsed.extras)),
                marker=None if parsed.marker is None else str(parsed.marker),
                url=parsed.url,
            )
        )
    return tuple(found)


def _r(configuration: Configuration) -> tuple[Requirement, ...]:
    reason = configuration.reason("r.packages", "asked for in the configuration")
    found = []
    for line in configuration.r_packages:
        match = R_PACKAGE.fullmatch(line)
        if match is not None:
            specifier = match["range"] or match["exact"] or ""
            found.append(Requirement(name=match["name"], specifier=specifier, reason=reason))
    return tuple(found)


def _build_file(tool: str) -> str:
    return {"ant": "build.xml", "maven": "pom.xml"}[tool]


def _first(detection: Detection) -> str | None:
    return detection.files[0] if detection.files else None
