"""The process of one source: `python -m reprokit.studying.worker FOLDER`.

It does what request.json in the folder says, tells in progress.jsonl how it goes, and writes
result.json. It stops as Ctrl-C stops a rerun, with its container, when its standard input ends:
that is how the study asks it to, and what happens to it when the study is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType

from reprokit import files
from reprokit.errors import Interrupted, ReprokitError
from reprokit.history.progress_log import ProgressLog
from reprokit.interrupts import STOPPING
from reprokit.model import JSON
from reprokit.rerunning import rerun as rerunning
from reprokit.rerunning.limits import Limits
from reprokit.rerunning.origin import Origin
from reprokit.rerunning.result import RerunResult
from reprokit.studying import row, state, survey
from reprokit.studying.listing import Listed


def main(place: Path, report: Path) -> int:
    """Rerun the source whose folder `place` is. Returns 0 where its result is written."""
    folder = state.SourceFolder(path=place, report=report)
    asked = json.loads(folder.request.read_text(encoding="utf-8"))
    folder.request.unlink()
    listed = Listed(**asked["listed"])
    log = ProgressLog(folder)
    log.phase("find")
    _hear_stop()
    threading.Thread(target=_until_told, daemon=True).start()
    seen: dict[str, JSON] = {}
    try:
        found = _work(folder, listed, asked, log, seen)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over: what is left takes no time
        log.end(exit_code=0, error=None, results=None)
        _keep(folder, listed, seen, found)
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except ReprokitError as error:  # interrupted, or what came of it cannot be written
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _work(
    folder: state.SourceFolder,
    listed: Listed,
    asked: dict[str, JSON],
    log: ProgressLog,
    seen: dict[str, JSON],
) -> RerunResult | ReprokitError:
    def look(origin: Origin) -> None:
        seen.update(survey.of(origin, listed.date).json())
        files.write_text(folder.survey, files.canonical_json(seen))

    timeout, memory, engine = listed.timeout, asked["memory"], asked["engine"]
    wanted = rerunning.Wanted(
        yes=listed.yes,
        report=folder.report if asked["report"] else None,
        engine=engine if isinstance(engine, str) else None,
        date=listed.date,
        limits=Limits(
            memory=memory if isinstance(memory, int) else None,
            until=None if timeout is None else time.monotonic() + timeout,
        ),
        look=look,
    )
    try:
        return rerunning.rerun(listed.source, wanted, log)
    except Interrupted:
        raise
    except ReprokitError as error:
        return error


def _keep(
    folder: state.SourceFolder,
    listed: Listed,
    seen: dict[str, JSON],
    found: RerunResult | ReprokitError,
) -> None:
    base = row.row(listed, seen or None, row.events_of(folder))
    if isinstance(found, ReprokitError):
        state.keep(folder, listed, row.of_error(base, found))
        return
    if isinstance(found.failure, Interrupted):
        raise found.failure
    document = found.json()
    assert isinstance(document, dict)
    state.keep(folder, listed, row.of_rerun(base, document, found.folder / "results"))


def _hear_stop() -> None:
    """The first signal to stop counts; what cleans up after it is not disturbed."""
    heard = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if not heard:
            heard = True
            raise KeyboardInterrupt

    # Ignored signals would stay so in the programs that this starts; handlers do not.
    for number in STOPPING:
        signal.signal(number, stop)


def _until_told() -> None:
    """Wait for the end of the standard input, then interrupt the main thread, wherever it waits."""
    # Not through sys.stdin, whose lock a thread that waits would hold while Python ends.
    while os.read(0, 1):
        pass
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
