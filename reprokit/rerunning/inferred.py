"""What a rerun took for granted because the project does not say it: each with its reason, how sure
that is, and the line of repro.toml that says it, or something else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from reprokit.configuration import Configuration
from reprokit.ecosystems.python.version import python_version
from reprokit.frozen import frozen
from reprokit.model import JSON, Entry, LockedBase, Lock, Plan, Runtime
from reprokit.printable import printable
from reprokit.quoting import printable_command

Confidence: TypeAlias = Literal["high", "medium", "low"]
"""high: a file says it, for other readers than us. medium: it is what most projects mean by that.
low: nothing says it, or several things are equally likely."""

_CODE = frozenset({".py", ".ipynb", ".r", ".rmd", ".qmd", ".rnw"})
_READERS = ("setup.py",)
_FOUND_BY_CONVENTION = 40
_MOST_SHOWN = 8


@frozen
class Inference:
    """One thing that was taken for granted. `line` is TOML on one line, the equal of it."""

    about: str
    value: str
    reason: str
    confidence: Confidence
    line: str

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
    plan: Plan, lock: Lock, entry: Entry, configuration: Configuration
) -> tuple[Inference, ...]:
    """All that decided over this rerun and stands neither in the project's configuration nor in
    its lock."""
    return (
        *_date(lock),
        *(i for runtime in plan.runtimes for i in _version(runtime, lock.base, configuration)),
        *_packages(plan),
        *_data(plan, configuration),
        *_command(plan, entry),
    )


def _date(lock: Lock) -> Iterator[Inference]:
    day = lock.date.day
    line = f'date = "{day}"'
    if lock.date.source == "commit":
        reason = "the day of the last commit"
        yield Inference(about="date", value=day, reason=reason, confidence="high", line=line)
    elif lock.date.source == "today":
        reason = "nothing dates the project: today"
        yield Inference(about="date", value=day, reason=reason, confidence="low", line=line)


def _version(
    runtime: Runtime, base: LockedBase, configuration: Configuration
) -> Iterator[Inference]:
    language = runtime.language
    if configuration.line(f"{language}.version") is not None:
        return
    version = _of_base(runtime, base)
    if version is None:
        return
    stated = bool(runtime.specifier)
    yield Inference(
        about=language,
        value=version,
        reason=str(runtime.reason) if stated else f"what {base.name} has, of the bases of that day",
        confidence="high" if stated else "medium",
        line=f'{language}.version = "{version}"',
    )


def _of_base(runtime: Runtime, base: LockedBase) -> str | None:
    if runtime.language == "python":
        return python_version(base, (runtime,))
    if runtime.language in base.provides:
        return base.provides[runtime.language]
    offers = base.settings.get("offers")
    listed = offers.get(runtime.language) if isinstance(offers, dict) else None
    return str(listed[0]) if isinstance(listed, (list, tuple)) and listed else None


def _packages(plan: Plan) -> Iterator[Inference]:
    """What only the code's imports ask for."""
    for detection in plan.detections:
        found = [r for r in detection.requirements if _is_code(r.reason.file)]
        names = list(dict.fromkeys(r.name for r in found))
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
            line=f"{key} = {_toml(names)}",
        )


def _is_code(file: str | None) -> bool:
    if file is None or PurePosixPath(file).name in _READERS:
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
            line=f"data.paths = {_toml(folders)}",
        )


def _command(plan: Plan, entry: Entry) -> Iterator[Inference]:
    if not entry.steps or entry.rank <= 1:
        return
    several = plan.entry is None and len(plan.alternatives) > 1
    confidence: Confidence = "high" if entry.rank < _FOUND_BY_CONVENTION else "medium"
    steps = [
        {"command": list(step.argv), **({} if step.folder == "." else {"folder": step.folder})}
        for step in entry.steps
    ]
    simple = len(steps) == 1 and "folder" not in steps[0]
    tables = ", ".join(
        "{" + ", ".join(f"{key} = {_toml(value)}" for key, value in step.items()) + "}"
        for step in steps
    )
    yield Inference(
        about="command",
        value=" && ".join(printable_command(step.argv) for step in entry.steps),
        reason=str(entry.reason),
        confidence="low" if several else confidence,
        line=f"command = {_toml(steps[0]['command'])}" if simple else f"steps = [{tables}]",
    )


def _toml(value: object) -> str:
    """A text or a list of texts: JSON's notation of them is TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def configuration_text(found: tuple[Inference, ...], others: tuple[str, ...] = ()) -> str:
    """A repro.toml that says what was inferred; `others` are lines of it with other reasons."""
    lines = ["# What was taken for granted when this project was run again; change what is wrong."]
    for item in found:
        reason = printable(" ".join(item.reason.split()))
        lines += ["", f"# {reason} ({item.confidence} confidence)", item.line]
    return "\n".join([*lines, *others]) + "\n"
