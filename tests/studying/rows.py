"""Rows as a study has them, made by the code that makes them."""

from __future__ import annotations

from typing import Any

from reprokit.model import JSON
from reprokit.studying import row
from reprokit.studying.listing import Listed


def listed(name: str = "a", **more: Any) -> Listed:
    return Listed(name=name, source=name, said=name, **more)


def made(name: str = "a", **changes: JSON) -> dict[str, JSON]:
    """The row of a source that gave the same results; with `changes`."""
    survey: dict[str, JSON] = {
        "kind": "git", "identifier": "swh:1:rev:" + "a" * 40, "date": "2019-03-01",
        "ecosystems": ["apt", "python"], "languages": ["python"], "notebooks": 2,
    }  # fmt: skip
    events: list[dict[str, JSON]] = [
        {"at": 1000.0, "event": "start"},
        {"at": 1000.0, "event": "phase", "name": "clone"},
        {"at": 1002.5, "event": "phase", "name": "lock"},
        {"at": 1010.0, "event": "message", "text": "x"},
        {"at": 1012.5, "event": "phase", "name": "run"},
        {"at": 1020.0, "event": "end"},
    ]
    base = row.row(listed(name), survey, events)
    found: dict[str, JSON] = {
        "ran": True, "same": True, "grade": "identical", "basis": "record",
        "status": "identical", "files": {"identical": 2}, "run": "20260102-030405-abcd",
        "image": {"config_digest": "sha256:" + "0" * 64, "size": 1000},
        "environment_digest": "sha256:" + "0" * 64,
    }  # fmt: skip
    return {**base, **found, **changes}


def failed(name: str, cause: str, phase: str = "run", **changes: JSON) -> dict[str, JSON]:
    """The row of a source that did not run."""
    told: JSON = {"name": cause, "text": "it failed", "next": "mend it", "evidence": ["a line"]}
    given: dict[str, JSON] = {
        "ran": False, "same": None, "grade": None, "files": {}, "status": "failed",
        "built": phase == "run", "locked": phase in ("build", "run"), "phase": phase, "cause": told,
        "found": phase != "find",
    }  # fmt: skip
    return made(name, **{**given, **changes})
