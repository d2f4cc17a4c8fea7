"""The notebooks that a run executes, as the project has them when it begins.

Imports little: every run asks whether it runs a notebook.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath

from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.model import JSON, Entry, Step
from reprokit.project import Project

RUNNER = "repro-notebook"
OPTION = "--parameters"


@frozen
class Stored:
    """A notebook's path in the project and its bytes."""

    path: str
    content: bytes

    @property
    def name(self) -> str:
        """The path of the executed notebook among the results."""
        return self.path.rpartition("/")[2]


def stored(entry: Entry, project: Project) -> tuple[Stored, ...]:
    """The notebooks that an entry runs, as they are now."""
    paths = [path for path in map(step_path, entry.steps) if path is not None]
    found = []
    for path in dict.fromkeys(paths):
        if not project.has(path):
            continue  # The runner in the container says so.
        try:
            found.append(Stored(path=path, content=project.path(path).read_bytes()))
        except OSError as error:
            raise BadRequest(f"cannot be read: {error.strerror}", where=path) from error
    return tuple(found)


def step_path(step: Step) -> str | None:
    """The project's path of the notebook that a step runs; `None` for any other step."""
    if len(step.argv) < 2 or step.argv[0] != RUNNER:
        return None
    return PurePosixPath(step.folder, step.argv[1]).as_posix()


def parameters_of(steps: Sequence[Step]) -> dict[str, JSON]:
    """The parameters that the steps give to notebooks, by name."""
    found: dict[str, JSON] = {}
    for step in steps:
        if step_path(step) is not None and step.argv[2:3] == (OPTION,):
            try:
                given: JSON = json.loads("".join(step.argv[3:]))
            except (ValueError, RecursionError):
                continue  # Somebody else's record: the runner in the container says so.
            found |= given if isinstance(given, dict) else {}
    return found


def check_writable(notebooks: Sequence[Stored], *, with_parameters: bool) -> None:
    """Raises BadRequest where a run's outputs do not belong into the project's own notebook."""
    if not notebooks:
        raise BadRequest(
            "--write-back writes into the notebook that runs, and none runs here",
            next="name it: `reprokit run analysis.ipynb --write-back`",
        )
    if with_parameters:
        raise BadRequest(
            "the outputs of a run with parameters are not those of the notebook as it is",
            next="leave out --write-back; the executed notebook is among the results",
        )
