"""What a rerun took for granted because the project does not say it: each with its reason, how sure
that is, and the line of repro.toml that says it, or something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from reprokit import configuration as configurations
from reprokit.configuration import Configuration
from reprokit.diagnosing.mend import together, toml
from reprokit.ecosystems.python.version import python_version
from reprokit.ecosystems.r.code import INSTALL_SCRIPTS
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import JSON, Entry, Lock, LockedBase, Plan, Runtime
from reprokit.phases import collect as collecting
from reprokit.pipeline.job import folder_of
from reprokit.printable import printable
from reprokit.quoting import printable_command
from reprokit.rerunning.mending import Mended
from reprokit.rerunning.origin import Origin

Confidence: TypeAlias = Literal["high", "medium", "low"]
"""high: a file says it, for other readers than us. medium: it is what most projects mean by that.
low: nothing says it, or several things are equally likely."""

_CODE = frozenset({".py", ".ipynb", ".r", ".rmd", ".qmd", ".rnw"})
_READERS = frozenset({"setup.py", *INSTALL_SCRIPTS})
_FOUND_BY_CONVENTION = 40
_MOST_SHOWN = 8
_CALL = re.compile(r": ([\w.]+\()")


@frozen
class Inference:
    """One thing that was taken for granted: `value` for people, `key` and `toml` for repro.toml."""

    about: str
    value: str
    reason: str
    confidence: Confidence
    key: str
    toml: str

    @property
    def line(self) -> str:
        """What says the same in repro.toml."""
        return f"{self.key} = {self.toml}"

    def json(self) -> JSON:
        return {
            "about": self.about,
            "value": self.value,
            "reason": self.reason,
            "confidence": self.confidence,
            "line": self.line,
        }

    def __str__(self) -> str:
        return printable(f"{self.about} {self.value}  ({self.confidence}: {self.reason})")


def inferred(
    plan: Plan,
    lock: Lock,
    entry: Entry,
    configuration: Configuration,
    *,
    own: bool = False,
    later: bool = False,
) -> tuple[Inference, ...]:
    """All that decided over this rerun and stands neither in the project's configuration nor in
    its lock. own: the lock is the project's, which says the date and the versions. later: see
    `Project`."""
    versions = (_version(runtime, lock.base, configuration, later) for runtime in plan.runtimes)
    return (
        *(() if own else _date(lock)),
        *(() if own else (item for found in versions for item in found)),
        *_packages(plan),
        *_desktop(plan),
        *_defaults(plan, lock, configuration),
        *_data(plan, configuration),
        *_command(plan, entry),
    )


def _date(lock: Lock) -> Iterator[Inference]:
    day, committed = lock.date.day, lock.date.source == "commit"
    if committed or lock.date.source == "today":
        yield Inference(
            about="date",
            value=day,
            reason="the day of the last commit that changed more than prose"
            if committed
            else "today: nothing dates the project",
            confidence="high" if committed else "low",
            key="date",
            toml=toml(day),
        )


def _version(
    runtime: Runtime, base: LockedBase, configuration: Configuration, later: bool
) -> Iterator[Inference]:
    language = runtime.language
    if getattr(configuration, f"{language}_version") is not None:
        return
    version = _of_base(runtime, base)
    if version is None:
        return
    stated = bool(runtime.specifier)
    # A README names the oldest Java that will do as often as the one that the author had.
    doubtful = later or (language == "java" and _is_readme(runtime.reason.file))
    yield Inference(
        about=language,
        value=version,
        reason=str(runtime.reason) if stated else f"what {base.name} has, of the bases of that day",
        confidence=("low" if doubtful else "high") if stated else "medium",
        key=f"{language}.version",
        toml=toml(version),
    )


def _is_readme(file: str | None) -> bool:
    return file is not None and PurePosixPath(file).name.lower().startswith("readme")


def _of_base(runtime: Runtime, base: LockedBase) -> str | None:
    if runtime.language == "python":
        return python_version(base, (runtime,))
    if runtime.language in base.provides:
        return base.provides[runtime.language]
    offers = base.settings.get("offers")
    listed = offers.get(runtime.language) if isinstance(offers, dict) else None
    known = [str(version) for version in listed] if isinstance(listed, (list, tuple)) else []
    if runtime.language == "java":
        known.sort(key=Version)  # Of those that suit, the oldest is installed.
    wanted = SpecifierSet(runtime.specifier)
    return next((version for version in known if wanted.contains(version)), next(iter(known), None))


def _packages(plan: Plan) -> Iterator[Inference]:
    """What only the code's imports ask for."""
    for detection in plan.detections:
        found = [r for r in detection.requirements if _is_code(r.reason.file)]
        names = list(dict.fromkeys(f"{r.name}{r.specifier}" for r in found))
        key = {"python": "python.requirements", "r": "r.packages"}.get(detection.ecosystem)
        if not names or key is None:
            continue
        shown = ", ".join(names[:_MOST_SHOWN])
        if len(names) > _MOST_SHOWN:
            shown += f" and {len(names) - _MOST_SHOWN} more"
        yield Inference(
            about=f"{detection.ecosystem} packages",
            value=shown,
            reason=f"{found[0].reason}; no file declares {'it' if len(names) == 1 else 'them'}",
            confidence="medium",
            key=key,
            toml=toml(tuple(names)),
        )


def _desktop(plan: Plan) -> Iterator[Inference]:
    """What R code asks of its author's desk, and is made do without."""
    for detection in plan.detections:
        asked = detection.settings.get("desktop")
        if isinstance(asked, list) and asked:
            calls = [str(reason) for reason in asked]
            yield Inference(
                about="r desktop",
                value=", ".join(_CALL.findall(call)[0] + ")" for call in calls),
                reason=f"{calls[0]} is for the author's desk",
                confidence="high",
                key="r.desktop",
                toml=toml(True),
            )


def _defaults(plan: Plan, lock: Lock, configuration: Configuration) -> Iterator[Inference]:
    """The R whose defaults the code counts on, where the R here has others."""
    locked = {ecosystem.ecosystem: ecosystem.settings for ecosystem in lock.ecosystems}
    for detection in plan.detections:
        older = detection.settings.get("defaults")
        effective = "defaults" in locked.get(detection.ecosystem, {})
        if isinstance(older, dict) and effective and configuration.r_defaults is None:
            yield Inference(
                about="r defaults",
                value=str(older["version"]),
                reason=str(older["reason"]),
                confidence="high" if older["confidence"] == "high" else "medium",
                key="r.defaults",
                toml=toml(str(older["version"])),
            )


def _is_code(file: str | None) -> bool:
    if file is None or PurePosixPath(file).name.lower() in _READERS:
        return False
    return PurePosixPath(file).suffix.lower() in _CODE


def _data(plan: Plan, configuration: Configuration) -> Iterator[Inference]:
    if configuration.line("data.paths") is not None or not plan.data.files:
        return
    folders = list(dict.fromkeys(mount.source for mount in plan.data.mounts))
    if folders and len(folders) <= _MOST_SHOWN:
        yield Inference(
            about="data",
            value=", ".join(folders),
            reason="named as data is, and read-only for the program",
            confidence="medium",
            key="data.paths",
            toml=toml(tuple(folders)),
        )


def _command(plan: Plan, entry: Entry) -> Iterator[Inference]:
    if not entry.steps or entry.rank <= 1:
        return
    several = plan.entry is None and len(plan.alternatives) > 1
    confidence: Confidence = "high" if entry.rank < _FOUND_BY_CONVENTION else "medium"
    first, *others = entry.steps
    simple = not others and first.folder == "."
    steps = ", ".join(
        f"{{ command = {toml(s.argv)}, folder = {toml(s.folder)} }}" for s in entry.steps
    )
    yield Inference(
        about="command",
        value=" && ".join(printable_command(step.argv) for step in entry.steps),
        reason=str(entry.reason),
        confidence="low" if several else confidence,
        key="command" if simple else "steps",
        toml=toml(first.argv) if simple else f"[{steps}]",
    )


def check_writable(origin: Origin) -> None:
    """Whether there is a folder of the user's that can be given a repro.toml. Raises BadRequest
    where there is none, and StorageFailed."""
    if origin.source.kind != "folder":
        raise BadRequest(
            f"nothing can be written into {origin.source}",
            next="without --write, what was taken for granted is only told",
        )
    root = folder_of(origin.root)
    if configurations.load(root).lines or (root / configurations.FILE).exists():
        raise BadRequest(
            "the project has a configuration, which is not written over",
            where=configurations.FILE,
            next="without --write each line is told, for you to add",
        )
    collecting.check_writable(root)


def configuration_text(
    found: Sequence[Inference], mended: Sequence[Mended], date: str | None = None
) -> str:
    """A repro.toml that says what was taken for granted, what was mended, and the day that was
    given."""
    lines = ["# What was taken for granted when this project was run again: change what is wrong."]
    lines += [] if date is None else ["", "# The day that was given", f"date = {toml(date)}"]
    settings = together(item.mend for item in mended).settings
    for item in found:
        value = settings.get(item.key)
        # What was mended comes on top of what the code asks for, and instead of a version.
        if value is None or isinstance(value, tuple):
            more = "" if value is None else f", {toml(value)[1:]}"
            reason = printable(" ".join(item.reason.split()))
            lines += ["", f"# {reason} ({item.confidence} confidence)"]
            lines += [item.line if value is None else item.line.removesuffix("]") + more]
    known = {item.key for item in found}
    for key, value in settings.items():
        if key not in known or not isinstance(value, tuple):
            why = next(m.cause.text for m in mended if key in m.mend.settings)
            reason = printable(" ".join(why.split()))
            lines += ["", f"# Mended: {reason}", f"{key} = {toml(value)}"]
    return "\n".join(lines) + "\n"
