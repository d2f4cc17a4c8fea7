"""What an image says of itself, in /usr/share/reprokit: its Dockerfile, its lock and its plan.

These files are part of the environment digest. So they hold nothing that another machine, another
folder, another day or another wording would change: no name of the project, no prose, no data.
"""

from __future__ import annotations

import json
from dataclasses import replace

from reprokit import lock_file
from reprokit.model import JSON, BuildContext, Entry, GeneratedFile, Lock, Plan
from reprokit.printable import redacted
from reprokit.quoting import copy_form

FOLDER = "/usr/share/reprokit"
PLAN = "plan.json"
_PATH = f"reprokit/{PLAN}"
_LOCK = f"reprokit/{lock_file.NAME}"


def files(plan: Plan, lock_text: str) -> tuple[GeneratedFile, ...]:
    """The files beside the Dockerfile, which is there already."""
    text = json.dumps(document(plan), ensure_ascii=True, indent=1, sort_keys=True)
    return (
        GeneratedFile(path=_PATH, content=f"{text}\n"),
        GeneratedFile(path=_LOCK, content=lock_text),
    )


def plan_text(context: BuildContext) -> str | None:
    """The plan that a context puts into its image; `None` for a project's own Dockerfile."""
    return next((file.content for file in context.files if file.path == _PATH), None)


def lock_text(context: BuildContext, lock: Lock) -> str:
    """The lock as a context puts it into its image; written anew for a project's own Dockerfile."""
    kept = next((file.content for file in context.files if file.path == _LOCK), None)
    return lock_file.dumps(lock) if kept is None else kept


def as_kept(context: BuildContext, dockerfile: str, plan: str | None) -> BuildContext:
    """A context with the Dockerfile of an earlier run, and the plan that the run kept: another
    version of reprokit may write both otherwise."""
    found = context.files
    if FOLDER not in dockerfile:
        found = tuple(file for file in found if file.path not in (_PATH, _LOCK))
    elif plan is not None:
        kept = GeneratedFile(path=_PATH, content=plan)
        found = tuple(kept if file.path == _PATH else file for file in found)
    return replace(context, dockerfile=dockerfile, files=found)


def instruction() -> str:
    """The line of the Dockerfile that puts them into the image."""
    sources = ["Dockerfile", *(f"vendor/reprokit/{name}" for name in (PLAN, lock_file.NAME))]
    return f"COPY {copy_form(sources, f'{FOLDER}/')}"


def document(plan: Plan) -> dict[str, JSON]:
    """What was asked for and what runs, with the files that say so; their lines move too often."""
    return {
        "schema": 1,
        "command": None if plan.entry is None else _command(plan.entry),
        "data": plan.data.mode,
        "ecosystems": [
            {
                "name": detection.ecosystem,
                "files": list(detection.files),
                "requirements": [
                    {
                        "name": requirement.name,
                        "specifier": requirement.specifier,
                        "extras": list(requirement.extras),
                        "marker": requirement.marker,
                        "url": None if requirement.url is None else redacted(requirement.url),
                        "file": requirement.reason.file,
                    }
                    for requirement in detection.requirements
                ],
            }
            for detection in plan.detections
        ],
        "runtimes": [
            {
                "language": runtime.language,
                "specifier": runtime.specifier,
                "development": runtime.development,
                "file": runtime.reason.file,
            }
            for runtime in plan.runtimes
        ],
        "system_packages": [
            {"name": package.name, "stage": package.stage, "file": package.reason.file}
            for package in plan.system_packages
        ],
    }


def _command(entry: Entry) -> JSON:
    steps: list[JSON] = [{"argv": list(step.argv), "folder": step.folder} for step in entry.steps]
    return {"steps": steps, "file": entry.reason.file}
