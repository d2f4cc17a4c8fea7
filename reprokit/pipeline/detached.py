"""The process of a detached run: `python -m reprokit.pipeline.detached FOLDER`.

It does what request.json in the run's folder says, and writes down how it goes and how it ends.
SIGTERM stops it as Ctrl-C stops a run in a terminal; that a terminal was closed is not its concern.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from reprokit import errors
from reprokit.history import index as indexes
from reprokit.history import living, run_folder
from reprokit.history.progress_log import ProgressLog
from reprokit.phases.run import give_to_user
from reprokit.pipeline.detaching import OUTPUT, REQUEST, entry_of
from reprokit.pipeline.job import Wishes

ONE_STOP = 10.0  # seconds in which a second signal to stop is taken for the first one


def main(place: Path) -> int:
    """Do the run whose folder `place` is; returns the exit code of the run."""
    _hear_stop()
    folder = run_folder.RunFolder(project=place.parents[2], id=place.name)
    asked = json.loads((place / REQUEST).read_text(encoding="utf-8"))
    (place / REQUEST).unlink()
    entry = entry_of(folder, asked, living.this_process())
    index = indexes.Index()
    index.add(entry)
    log = ProgressLog(folder)
    error: errors.ReprokitError | None
    results = None
    try:
        error, results = _work(asked, folder, log)
    except KeyboardInterrupt:
        error = _stopped(folder)
    except errors.ReprokitError as raised:
        error = raised
    except Exception as defect:
        traceback.print_exc()
        error = errors.ReprokitError(
            f"reprokit itself failed: {type(defect).__name__}: {defect}", where=str(place / OUTPUT)
        )
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is over: what is left takes no time
    _settle(folder, index, entry, error)
    code = 0 if error is None else error.exit_code
    log.end(exit_code=code, error=None if error is None else {**error.json()}, results=results)
    output = place / OUTPUT
    if output.is_file() and output.stat().st_size == 0:
        output.unlink()
    give_to_user(place)
    return code


def _work(
    asked: dict[str, Any], folder: run_folder.RunFolder, log: ProgressLog
) -> tuple[errors.ReprokitError | None, Path]:
    from reprokit.pipeline import running

    words = asked["wishes"].pop("command")
    result = running.run(
        Path(asked["path"]),
        Wishes(**asked["wishes"], command=None if words is None else tuple(words)),
        log,
        no_cache=asked["no_cache"],
        results=None if asked["results"] is None else Path(asked["results"]),
        repeat=asked["repeat"],
        folder=folder,
    )
    return result.failure, result.results


def _stopped(folder: run_folder.RunFolder) -> errors.Interrupted:
    where = str(folder.path)
    if folder.record.exists():
        next = f"the results of this run are in {folder.results}"
        return errors.Interrupted("stopped while results were copied", where=where, next=next)
    return errors.Interrupted("the run was stopped before there was a record", where=where)


def _settle(
    folder: run_folder.RunFolder,
    index: indexes.Index,
    entry: indexes.Entry,
    error: errors.ReprokitError | None,
) -> None:
    """A run with a record is in the index with what that says; one that has none ended here."""
    if error is None or folder.record.exists():
        return
    with suppress(errors.StorageFailed):  # what is told then is that it is lost, which is true
        index.mark(entry, "interrupted" if isinstance(error, errors.Interrupted) else "failed")


def _hear_stop() -> None:
    heard = -ONE_STOP

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        now = time.monotonic()
        if now - heard >= ONE_STOP:
            heard = now
            raise KeyboardInterrupt

    # Whoever started it may have switched signals off (nohup, `&` in a script).
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
