"""What runs that were killed left behind in the engine.

A process that is killed, or whose kernel is, cannot stop its container, which then works for nobody
until the project's next run ends it.
"""

from __future__ import annotations

from pathlib import Path

from reprokit.engines.protocol import Engine
from reprokit.history.index import Index
from reprokit.progress import Reporter


def end(project: Path, index: Index, engine: Engine, reporter: Reporter) -> None:
    """End and remove the containers of the project's runs whose process does not live any more;
    what these runs printed and wrote so far stays. Raises EngineFailed as the engine does."""
    lost = index.list(project=project, status="lost")
    if not lost or not engine.leftovers(abandoned=True):
        return  # once for all: a project may have many lost runs, and a run waits for this
    for entry in lost:
        left = () if entry.process is None else engine.leftovers(process=entry.process)
        for container in left:
            engine.remove_container(container)
        if left:
            reporter.warning(
                f"run {entry.id} was killed and its container still there: it is removed; "
                "what it printed and wrote so far is kept"
            )
