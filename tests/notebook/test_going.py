"""What is shown of runs that go on by themselves, and of what stops being shown."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reprokit import dispatch
from reprokit.errors import NoLongerAttached
from reprokit.history import following
from reprokit.history.index import Entry
from reprokit.history.run_folder import RunFolder
from reprokit.history.status import Going, Status
from reprokit.notebook import going, live, magics
from reprokit.notebook.display import Said
from reprokit.notebook.live import LiveReporter
from reprokit.pipeline.detaching import Detached

RUN = "20260102-030405-abcd"


def status(state: str, *, line: str = "step 3") -> Status:
    entry = Entry(RUN, "/work/<b>", "<b>", state, "2026-01-02T03:04:05Z")
    one = Going(
        entry=entry,
        detached=True,
        phase="run",
        seconds=70.0,
        phase_seconds=61.0,
        expected=None,
        line=line,
    )
    return Status(going=(one,), newest=entry, project=None)


def test_what_runs_now_is_a_table_of_which_nothing_runs_in_the_page() -> None:
    html = going.status(status("running", line="<script>x</script>"))
    assert "what runs now</caption>" in html and f"{RUN}</code>" in html and "1 min 01 s" in html
    assert "<b>" not in html and "<script" not in html
    assert "%repro logs" not in html
    assert f"%repro logs {RUN}" in going.status(status("lost"))
    nothing = Status(going=(), newest=None, project=Path("/work"))
    assert going.status(nothing) == "<p>Nothing runs now in this project.</p>"


def test_a_detached_run_says_how_to_see_more_of_it_as_magics() -> None:
    html = going.detached(Detached(folder=RunFolder(project=Path("/work/<b>"), id=RUN), process=7))
    assert f"%repro attach {RUN}" in html and f"%repro stop {RUN}" in html
    assert "reprokit attach" not in html and "<b>" not in html


def test_a_run_that_is_not_shown_any_more_is_not_called_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reporter = LiveReporter("reprokit attach")
    monkeypatch.setattr(reporter, "_open", lambda: None)
    reporter.phase("run", None)
    reporter.log("step 3")
    reporter.finish(left=True)
    text, html = reporter.shown.text(), reporter.shown.html()
    assert "goes on, and is not shown here any more" in text
    assert "run goes on by itself" in html
    assert "stopped" not in text + html and "progressbar" not in html


def test_a_long_time_and_what_is_said_of_a_phase_stand_apart() -> None:
    shown = live.Progress(command="reprokit attach")
    shown.phases.append(live.Phase("run", None, time.monotonic() - 67))
    shown.doing = "began at 03:09:58 UTC"
    assert re.search(r"run {5}1 min 0\d s +began at", shown.text())


def test_to_stop_looking_on_is_told_apart_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the stop button does it in the middle of `%repro attach`."""

    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    class Known:
        def find(self, run: str, project: Path) -> Entry:
            return status("running").going[0].entry

    monkeypatch.setattr(following, "_followed", interrupted)
    entry = status("running").going[0].entry
    follow = partial(following.follow, entry, Known(), tail=None)  # type: ignore[arg-type]
    monkeypatch.setattr(dispatch, "execute", lambda parsed, own, reporter: follow(reporter))
    ended: list[dict[str, bool]] = []
    monkeypatch.setattr(LiveReporter, "finish", lambda self, **how: ended.append(how))
    with pytest.raises(NoLongerAttached) as caught:
        magics.repro(SimpleNamespace(kernel=None), "attach", Said())
    assert ended == [{"failed": False, "left": True}]
    assert caught.value.next == f"`%repro attach {RUN}` shows it, `%repro stop {RUN}` ends it"
