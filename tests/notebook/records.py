"""A project folder with finished runs in it, made without an engine."""

from __future__ import annotations

from pathlib import Path

from reprokit import files
from reprokit.history.index import Index, entry_of
from reprokit.history.run_folder import RunFolder
from reprokit.model import JSON
from reprokit.phases import record as records

DIGEST = "sha256:" + "a" * 64


def record(run: str, results: list[dict[str, JSON]], status: str = "succeeded") -> dict[str, JSON]:
    """As much of a record as people are shown."""
    return {
        "schema": 1,
        "digest": DIGEST,
        "run": run,
        "status": status,
        "exit_code": 0 if status == "succeeded" else 1,
        "started": "2026-01-02T03:04:05.000+00:00",
        "finished": "2026-01-02T03:04:07.000+00:00",
        "seconds": 2.0,
        "peak_memory": None,
        "project": {"name": "pilot", "folder": "pilot", "commit": None, "dirty": False},
        "command": [{"argv": ["python", "main.py"], "folder": "."}],
        "parameters": {},
        "platform": "linux/amd64",
        "environment_digest": "sha256:" + "e" * 64,
        "context": {"sha256": DIGEST},
        "dockerfile": {"sha256": DIGEST},
        "lock": {"sha256": DIGEST},
        "options": {},
        "reprokit": {"version": "1"},
        "image": {"config_digest": "sha256:" + "c" * 64, "registry_digest": None},
        "base": {"name": "bookworm", "family": "debian", "config_digest": DIGEST},
        "engine": {"name": "docker", "version": "20.10"},
        "date": {"day": "2026-01-02", "source": "today"},
        "packages": [],
        "loosenings": [],
        "undated": [],
        "notes": [],
        "data": {"mode": "mount", "files": []},
        "results": list(results),
    }


def result_file(folder: Path, name: str, content: bytes) -> dict[str, JSON]:
    """Write a result, and say what a record says of it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {"path": name, "size": len(content), "sha256": files.sha256(path), "origin": "results"}


def finished_run(project: Path, run: str, contents: dict[str, bytes]) -> RunFolder:
    """A finished run in a project's folder and in the index."""
    folder = RunFolder(project=project, id=run)
    written = [result_file(folder.results, name, contents[name]) for name in sorted(contents)]
    made = records.sealed(record(run, written))
    files.write_text(folder.record, records.canonical(made))
    folder.log.write_text("one\ntwo\n", encoding="utf-8")
    Index().add(entry_of(made, project))
    return folder
