"""What the Python ecosystem finds in a folder of files."""

from __future__ import annotations

from pathlib import Path

from reprokit.ecosystems.python import PythonEcosystem
from reprokit.model import Detection
from tests.projects import write


def detect(folder: Path, files: dict[str, str]) -> Detection:
    found = PythonEcosystem().detect(write(folder, files))
    assert found is not None
    return found


def asked(detection: Detection) -> dict[str, str]:
    return {r.name: r.url or r.specifier for r in detection.requirements}


def places(detection: Detection) -> dict[str, str]:
    return {r.name: f"{r.reason.file}:{r.reason.line}" for r in detection.requirements}


def pythons(detection: Detection) -> list[str]:
    return [r.specifier for r in detection.runtimes if r.language == "python"]
