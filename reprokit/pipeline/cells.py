"""A `%%repro` cell from its text to its values: a run of the project whose command is the cell."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from reprokit.cells import exchange as exchanges
from reprokit.cells.cell import LANGUAGES, Cell, checked
from reprokit.engines.connect import connect
from reprokit.errors import BadRequest, CommandFailed, NoEngine, ReprokitError
from reprokit.frozen import frozen
from reprokit.history import living, run_folder
from reprokit.model import JSON
from reprokit.pipeline import running
from reprokit.pipeline.job import Job, Wishes, folder_of, without_notebooks
from reprokit.progress import Reporter, Silent

_PACKAGES = {"python": "python3", "r": "r-base"}
"""What the distribution's packages of a language begin with."""
_PREFIX, _PROCESS = "cell-", "process"
"""What the folder of a cell that runs is called, and the file in it that names its process."""
_TOO_OLD = b"future feature annotations is not defined"


@frozen
class CellResult:
    """A cell that ran: a run, and the values that were taken out of it, by name."""

    record: dict[str, JSON]
    folder: Path
    results: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    failure: ReprokitError | None = None

    def json(self) -> JSON:
        return self.record

    def text(self) -> str:
        from reprokit.cells.telling import told

        return told(self.record, self.folder)


def cell(
    text: str,
    language: str = "python",
    *,
    inputs: Mapping[str, Any] | None = None,
    outputs: Sequence[str] = (),
    path: str | Path = ".",
    date: str | None = None,
    base: str | None = None,
    engine: str | None = None,
    network: bool = False,
    memory: str | None = None,
    timeout: float | None = None,
    results: str | Path | None = None,
    line: str | None = None,
    output: exchanges.Output | None = None,
    reporter: Reporter | None = None,
) -> CellResult:
    """Run a piece of code in a project's container, with values that go in and come out.

    language: "python", "R" or "sh". inputs: values by name, which the code has as variables.
    outputs: names of variables whose values are wanted. path: the project. output: receives what
    the code prints, by stream. line: what the cell was begun with. The others are those of `run`.
    Returns the result also where the code failed: see `CellResult.failure`. Raises BadRequest also
    for a value that cannot be carried.
    """
    made = checked(
        Cell(
            language=language,
            line=line or " ".join(["%%repro", language, *(f"-o {name}" for name in outputs)]),
            text=text,
            inputs=dict(inputs or {}),
            outputs=tuple(outputs),
        )
    )
    wishes = Wishes(
        command=LANGUAGES[language].command,
        date=date,
        base=base,
        engine=engine,
        network=network,
        memory=memory,
        timeout=timeout,
    )
    target = None if results is None else Path(results)
    return _run(made, Path(path), wishes, target, output, reporter or Silent())


def _run(
    cell: Cell,
    path: Path,
    wishes: Wishes,
    results: Path | None,
    output: exchanges.Output | None,
    reporter: Reporter,
) -> CellResult:
    """The values lie beside the runs while the cell runs: engines that see only the user's folders
    see the project's."""
    if not path.exists():
        raise BadRequest(f"there is no {path}", next="--project takes the project's folder")
    project = folder_of(path).resolve()
    run_folder.make_runs_folder(project)
    beside = run_folder.runs_folder(project).parent
    _sweep(beside, wishes.engine)
    with tempfile.TemporaryDirectory(
        dir=beside, prefix=_PREFIX, ignore_cleanup_errors=True
    ) as folder:
        (Path(folder) / _PROCESS).write_text(living.this_process(), "utf-8")
        exchange = exchanges.lay_out(cell, Path(folder), output)
        done = running.run(path, wishes, reporter, results=results, cell=exchange)
        result = CellResult(
            record=done.record, folder=done.folder, results=done.results, failure=done.failure
        )
        try:
            if done.failure is None:
                return replace(result, values=exchanges.values(exchange))
            if done.record["status"] == "failed":
                told = exchanges.failure(exchange, done.record.get("failure"))
                why = told or _unsuited(cell, done) or done.failure
                return replace(result, failure=why)
        except (BadRequest, CommandFailed) as error:
            return replace(result, failure=error)
        return result


def _sweep(beside: Path, engine: str | None) -> None:
    """Remove what kernels that were killed left of their cells: containers that work for nobody,
    and values, which may be large."""
    for folder in beside.glob(f"{_PREFIX}*"):
        with suppress(OSError, NoEngine):
            process = (folder / _PROCESS).read_text("utf-8", "replace")
            if living.is_alive(process):
                continue
            with connect(engine) as connected:
                for container in connected.leftovers(process=process):
                    connected.remove_container(container)
            shutil.rmtree(folder)


def _unsuited(cell: Cell, done: running.RunResult) -> CommandFailed | None:
    """The error for a container that cannot run cells of the language, `None` where it can."""
    language, code = LANGUAGES[cell.language], done.record["exit_code"]
    if language.runtime is None:
        return None
    if code == 127:
        return CommandFailed(f"the container has no {language.title}", next=language.declare)
    with (done.folder / "log.txt").open("rb") as log:
        if code == 1 and _TOO_OLD in log.read(4096):
            return CommandFailed(
                "cells need Python 3.7, and the container's is older",
                next="run the project's own command instead: `reprokit run`",
            )
    return None


def fitted(job: Job, cell: Cell) -> Job:
    """The project's job for a cell. Raises BadRequest where the project has not the language."""
    language, plan = LANGUAGES[cell.language], job.plan
    wanted = language.runtime
    there = {runtime.language for found in plan.detections for runtime in found.runtimes}
    packages = tuple(package.name for package in plan.system_packages)
    if (
        wanted is not None
        and wanted not in there
        and plan.dockerfile is None
        and not any(name.startswith(_PACKAGES[wanted]) for name in packages)
    ):
        raise BadRequest(
            f"the project's container has no {language.title}, as nothing in the project asks for "
            "it",
            where=str(job.project.root),
            next=language.declare,
        )
    return without_notebooks(job)
