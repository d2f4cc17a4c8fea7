"""A plan as people and programs read it: everything that was found, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reprokit.frozen import frozen
from reprokit.history.wording import counted
from reprokit.model import JSON, Entry, Note, Plan, Reason, Requirement, Runtime, Step
from reprokit.printable import printable, redacted, redacted_values
from reprokit.quoting import printable_command

_MOST_LISTED = 12


@frozen
class PlanReport:
    """What `reprokit plan` shows. `dockerfile` is the text of the Dockerfile, where it is known
    (it needs a lock); the plan alone names no exact versions."""

    plan: Plan
    dockerfile: str | None = None

    def json(self) -> dict[str, JSON]:
        """One JSON document with stable keys."""
        shown: dict[str, JSON] = redacted_values(self._document())
        return shown

    def _document(self) -> dict[str, JSON]:
        plan = self.plan
        return {
            "name": plan.name,
            "date": None
            if plan.date is None
            else {"day": plan.date.day, "source": plan.date.source},
            "ecosystems": [
                {
                    "name": detection.ecosystem,
                    "files": list(detection.files),
                    "requirements": [_requirement(r) for r in detection.requirements],
                    "settings": dict(detection.settings),
                }
                for detection in plan.detections
            ],
            "runtimes": [
                {
                    "language": runtime.language,
                    "specifier": runtime.specifier,
                    "development": runtime.development,
                    "reason": _reason(runtime.reason),
                }
                for runtime in plan.runtimes
            ],
            "bases": [
                {
                    "family": base.family,
                    "name": base.name,
                    "provides": dict(base.provides),
                    "offers": {name: list(versions) for name, versions in base.offers.items()},
                    "reason": _reason(base.reason),
                }
                for base in plan.bases
            ],
            "system_packages": [
                {"name": p.name, "stage": p.stage, "reason": _reason(p.reason)}
                for p in plan.system_packages
            ],
            "own_dockerfile": plan.dockerfile,
            "entry": None if plan.entry is None else _entry(plan.entry),
            "alternatives": [_entry(entry) for entry in plan.alternatives],
            "data": {
                "mode": plan.data.mode,
                "files": list(plan.data.files),
                "mounts": [
                    {"source": m.source, "target": m.target, "unpack": m.unpack}
                    for m in plan.data.mounts
                ],
            },
            "code": list(plan.code),
            "without_outputs": list(plan.notebooks),
            "excluded": [{"path": e.path, "why": e.why} for e in plan.excluded],
            "loosenings": list(plan.options.loosenings()),
            "notes": [
                {
                    "level": note.level,
                    "text": note.text,
                    "reason": None if note.reason is None else _reason(note.reason),
                }
                for note in plan.notes
            ],
            "dockerfile": self.dockerfile,
        }

    def text(self) -> str:
        """For people: a section for each part of the plan."""
        lines = [
            f"{title if number == 0 else '':<10}{line}"
            for title, content in self.sections()
            for number, line in enumerate(content)
        ]
        if self.dockerfile is not None:
            lines += ["", *map(_told, self.dockerfile.rstrip("\n").split("\n"))]
        return "\n".join(lines) + "\n"

    def sections(self) -> list[tuple[str, list[str]]]:
        """The parts of the plan that say something, each a title and lines for people."""
        plan = self.plan
        parts: tuple[tuple[str, Iterable[str]], ...] = (
            ("project", [plan.name]),
            ("date", _date_lines(plan)),
            ("needs", _needs_lines(plan)),
            ("runtimes", (_runtime(r) for r in plan.runtimes)),
            ("base", _base_lines(plan)),
            ("packages", (f"{p.name}  ({p.reason})" for p in plan.system_packages)),
            ("command", _command_lines(plan)),
            ("data", _data_lines(plan)),
            ("code", _code_lines(plan)),
            ("left out", _shortened(f"{e.path}  ({e.why})" for e in plan.excluded)),
            ("looser", plan.options.loosenings()),
            ("notes", (_note(note) for note in plan.notes)),
        )
        listed = [(title, [_told(line) for line in content]) for title, content in parts]
        return [(title, lines) for title, lines in listed if lines]


def _told(line: str) -> str:
    return printable(redacted(line))


def _date_lines(plan: Plan) -> Iterator[str]:
    if plan.date is None:
        yield "today, which the lock writes down  (nothing gives a date)"
        return
    why = {
        "given": "given with the command",
        "configuration": "from the configuration",
        "lock": "of repro.lock",
        "commit": "of the last commit",
        "today": "today",
    }[plan.date.source]
    yield f"{plan.date.day}  ({why})"


def _code_lines(plan: Plan) -> Iterator[str]:
    yield counted(len(plan.code), "file")
    yield from _shortened(f"  {path} without outputs" for path in plan.notebooks)


def _needs_lines(plan: Plan) -> Iterator[str]:
    for detection in plan.detections:
        yield f"{detection.ecosystem}: {', '.join(detection.files) or 'found in the code'}"
        wanted = (f"  {_written(r)}  ({r.reason})" for r in detection.requirements)
        yield from _shortened(wanted)


def _runtime(runtime: Runtime) -> str:
    return f"{runtime.language} {runtime.specifier or 'any version'}  ({runtime.reason})"


def _base_lines(plan: Plan) -> Iterator[str]:
    if plan.dockerfile is not None:
        yield f"as {plan.dockerfile} says"
    for index, base in enumerate(plan.bases[:3]):
        otherwise = "else " if index else ""
        yield f"{otherwise}{base.name} ({base.family})  ({base.reason})"


def _command_lines(plan: Plan) -> Iterator[str]:
    if plan.entry is not None:
        yield f"{_steps(plan.entry)}  ({plan.entry.reason})"
    elif plan.dockerfile is not None and not plan.alternatives:
        yield f"the command of {plan.dockerfile}"
    elif plan.alternatives:
        best = [e for e in plan.alternatives if e.rank == plan.alternatives[0].rank]
        yield "several commands are equally likely; choose one with `reprokit run -- COMMAND`:"
        yield from (f"  {_steps(entry)}  ({entry.reason})" for entry in best)
    else:
        yield "none found; give one with `reprokit run -- COMMAND`, or command = … in repro.toml"
    if plan.entry is not None:
        others = (f"or: {_steps(e)}  ({e.reason})" for e in plan.alternatives)
        yield from _shortened(others)


def _data_lines(plan: Plan) -> Iterator[str]:
    if not plan.data.files:
        return
    how = "mounted read-only" if plan.data.mode == "mount" else "carried by the image"
    yield f"{counted(len(plan.data.files), 'file')}, {how}"
    mounts = (
        f"  {m.source}" + ("" if m.unpack is None else f" unpacked ({m.unpack}) as {m.target}")
        for m in plan.data.mounts
    )
    yield from _shortened(mounts)


def _note(note: Note) -> str:
    where = ""
    if note.reason is not None:
        # Many notes have no other reason than what they say: then the place is enough.
        shown = replace(note.reason, text="") if note.reason.text == note.text else note.reason
        where = f"  ({str(shown).removesuffix(': ')})"
    return f"{'warning: ' if note.level == 'warning' else ''}{note.text}{where}"


def _steps(entry: Entry) -> str:
    return ", then ".join(_step(step) for step in entry.steps)


def _step(step: Step) -> str:
    command = printable_command(step.argv)
    return command if step.folder == "." else f"{command} (in {step.folder})"


def _written(requirement: Requirement) -> str:
    extras = f"[{','.join(requirement.extras)}]" if requirement.extras else ""
    url = f" @ {requirement.url}" if requirement.url else ""
    space = " " if requirement.specifier[:1].isalnum() else ""
    marker = f" ; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{space}{requirement.specifier}{url}{marker}"


def _shortened(lines: Iterable[str]) -> Iterator[str]:
    listed = list(lines)
    yield from listed[:_MOST_LISTED]
    if len(listed) > _MOST_LISTED:
        yield f"  and {len(listed) - _MOST_LISTED} more (--json lists all)"


def _requirement(requirement: Requirement) -> JSON:
    return {
        "name": requirement.name,
        "specifier": requirement.specifier,
        "extras": list(requirement.extras),
        "marker": requirement.marker,
        "url": requirement.url,
        "reason": _reason(requirement.reason),
    }


def _reason(reason: Reason) -> JSON:
    return {"text": reason.text, "file": reason.file, "line": reason.line}


def _entry(entry: Entry) -> JSON:
    return {
        "steps": [{"command": list(s.argv), "folder": s.folder} for s in entry.steps],
        "rank": entry.rank,
        "reason": _reason(entry.reason),
    }
