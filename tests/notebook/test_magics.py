"""`%repro` on a real kernel: what a saved notebook holds afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nbclient.exceptions import CellExecutionError

from tests.notebook import kernels, records

FIRST, SECOND = "20260102-030405-abcd", "20260103-030405-efgh"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    kernels.at_home(tmp_path, monkeypatch)
    folder = tmp_path / "a project"
    folder.mkdir()
    return folder.resolve()


def plain(output: dict[str, Any]) -> str:
    return str(output["data"]["text/plain"])


def html(output: dict[str, Any]) -> str:
    return str(output["data"]["text/html"])


def test_a_notebook_shows_former_runs(project: Path) -> None:
    records.finished_run(project, FIRST, {"table.csv": b"x,y\n1,2\n"})
    records.finished_run(project, SECOND, {"table.csv": b"x,y\n1,3\n"})
    _, listed, shown, changed, logged, silent = kernels.execute(
        project,
        "%load_ext reprokit",
        "%repro runs",
        f"run = '{FIRST}'\n%repro show {{run}}",
        f"%repro diff {FIRST[:10]} {SECOND}",
        "%repro logs last --tail 1",
        "%repro logs last --tail 0",
    )
    assert FIRST in plain(listed[0]) and SECOND in plain(listed[0])
    assert f'<code class="copy">{SECOND}</code>' in html(listed[0])
    assert '<th scope="col" class="number">x</th>' in html(shown[0])
    assert '<td class="number">2</td>' in html(shown[0])
    assert "sha256:" + "c" * 64 in html(shown[0])
    assert "table.csv" in html(changed[0]) and "different" in html(changed[0])
    assert '<pre tabindex="0">two</pre>' in html(logged[0])
    assert "Nothing to show" in html(silent[0])
    for output, command in (
        (listed, "reprokit runs"),
        (shown, f"reprokit show {FIRST}"),
        (changed, f"reprokit diff {FIRST[:10]} {SECOND}"),
        (logged, "reprokit logs last --tail 1"),
    ):
        assert f'in a shell: <code class="copy">{command}</code>' in html(output[0])


def test_a_bad_request_fails_the_cell_without_a_traceback(project: Path) -> None:
    with pytest.raises(CellExecutionError) as failed:
        kernels.execute(project, "%load_ext reprokit", "%repro show nothing")
    assert "BadRequest" in str(failed.value)
    _, unknown, verb, quote, after = kernels.execute(
        project,
        "%load_ext reprokit",
        "%repro show nothing",
        "%repro fly",
        "%repro show 'half",
        "print('still here')",
        allow_errors=True,
    )
    assert unknown[0]["output_type"] == "error"
    assert unknown[0]["traceback"] == [
        "BadRequest: there is no run 'nothing'\n  start one: `%repro run`",
        "  in a shell: reprokit show nothing",
    ]
    assert "invalid choice: 'fly'" in verb[0]["traceback"][0]
    assert "%repro show 'half: the line cannot be read" in quote[0]["traceback"][0]
    assert after[0]["text"] == "still here\n"


def test_help_json_and_assignment(project: Path) -> None:
    records.finished_run(project, FIRST, {})
    _, helped, asked, _, asked_again, printed, kept, used = kernels.execute(
        project,
        "%load_ext reprokit",
        "%repro run --help",
        "%repro run?",
        "%reload_ext reprokit",
        "?%repro run",
        "%repro runs --json",
        "r = %repro runs",
        "r.entries[0].id",
    )
    assert "usage: %repro run" in helped[0]["text"] and len(helped) == 1
    assert asked == asked_again == helped
    # A kernel sends what is printed by the clock, in as many parts as that gives.
    assert json.loads("".join(part["text"] for part in printed))["runs"][0]["run"] == FIRST
    assert kept == []
    assert plain(used[0]) == repr(FIRST)


def test_results_of_the_python_functions_are_shown_as_well(project: Path) -> None:
    records.finished_run(project, FIRST, {})
    _, _, listed = kernels.execute(
        project, "%load_ext reprokit", "import reprokit", "reprokit.runs()"
    )
    assert f"{FIRST}</code>" in html(listed[0])
    assert "in a shell" not in html(listed[0])


LIVE = """
import time
from reprokit.notebook.live import LiveReporter
reporter = LiveReporter("reprokit run <b>")
reporter.phase("build", expected=3.0)
reporter.message("downloading")
for number in range(20):
    reporter.log("compiling")
print(reporter.shown.text())
time.sleep(0.6)
reporter.phase("run")
for number in range(5000):
    reporter.log(f"iteration <{number}>")
time.sleep(0.6)
reporter.phase("compare")
reporter.warning("no seed")
reporter.finish()
"""


def test_a_saved_notebook_holds_the_final_state_of_a_live_display(project: Path) -> None:
    (outputs,) = kernels.execute(project, LIVE)
    # A build's lines are kept nowhere else.
    assert "… 8 lines before\n" in printed(outputs)
    shown = displayed(outputs)
    lines = plain(shown).splitlines()
    assert lines[0] == "$ reprokit run <b>"
    assert [line.split()[0] for line in lines[1:5]] == ["build", "run", "compare", "warning:"]
    assert "…" not in lines[1] + lines[2]
    assert lines[5] == "… 4988 lines before; all of them: %repro logs"
    assert lines[-1] == "iteration <4999>" and len(lines) == 18
    assert "$ reprokit run &lt;b&gt;" in html(shown)
    assert "iteration &lt;4999&gt;" in html(shown) and "<details>" in html(shown)


WAY = """
import time
from reprokit.notebook.live import LiveReporter
reporter = LiveReporter("reprokit run")
reporter.phase("plan")
reporter.phase("build", expected=0.0)
reporter.advance(30, 120, "files")
{then}
print(reporter.shown.html())
reporter.finish(failed={failed})
"""


def printed(outputs: list[dict[str, Any]]) -> str:
    return "".join(o["text"] for o in outputs if o["output_type"] == "stream")


def displayed(outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return next(o for o in outputs if o["output_type"] == "display_data")


def test_phases_are_shown_with_bars_and_those_to_come(project: Path) -> None:
    (outputs,) = kernels.execute(project, WAY.format(then="", failed=True))
    for said in (
        'role="progressbar" aria-label="build" aria-valuemin="0" aria-valuemax="100" '
        'aria-valuenow="25" aria-valuetext="25 %"',
        '<span role="status">build is going on</span>',
        "30 of 120 files",
        "to come",
    ):
        assert said in printed(outputs)
    lines = plain(displayed(outputs)).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["plan", "lock", "fetch", "build"]
    assert "up to date" in lines[2] and "stopped" in lines[4]
    final = html(displayed(outputs))
    assert "progressbar" not in final and "stopped in build" in final


def test_a_guessed_bar_never_says_that_it_is_done(project: Path) -> None:
    then = "reporter.phase('run', expected=0.01); time.sleep(0.1)"
    (outputs,) = kernels.execute(project, WAY.format(then=then, failed=False))
    assert 'aria-valuetext="about 95 %, by the time it took last time"' in printed(outputs)
    assert "done in" in html(displayed(outputs))


def test_an_endless_line_of_the_log_is_cut(project: Path) -> None:
    code = (
        "from reprokit.notebook.live import LiveReporter\n"
        "reporter = LiveReporter('reprokit run')\n"
        "reporter.phase('run')\n"
        "reporter.log('x' * 50_000_000)\n"
        "reporter.finish()\n"
        "print(sum(map(len, reporter.shown.tail)))"
    )
    (outputs,) = kernels.execute(project, code)
    assert int(printed(outputs)) < 2000


STOPPED = """
from unittest import mock
from reprokit import dispatch
with mock.patch.object(dispatch, "execute", side_effect=KeyboardInterrupt):
    get_ipython().run_line_magic("repro", "run .")
"""


def test_a_stop_before_the_container_is_told_without_a_traceback(project: Path) -> None:
    _, outputs = kernels.execute(project, "%load_ext reprokit", STOPPED, allow_errors=True)
    assert [output["ename"] for output in outputs] == ["Interrupted"]
    told = "\n".join(outputs[0]["traceback"])
    assert "stopped before it was done" in told and "Traceback" not in told
    assert told.endswith("in a shell: reprokit run .")


def test_updates_are_few_and_the_log_is_cheap(project: Path) -> None:
    counting = """
import time
from unittest import mock
from IPython import display
from reprokit.notebook import live
handle = mock.Mock()
with mock.patch.object(display, "display", return_value=handle):
    reporter = live.LiveReporter("reprokit run")
    reporter.phase("run")
    started = time.monotonic()
    lines = 0
    while time.monotonic() - started < 1.0:
        reporter.log("line")
        lines += 1
    reporter.finish()
print(handle.update.call_count, lines)
"""
    (outputs,) = kernels.execute(project, counting)
    updates, lines = map(int, outputs[0]["text"].split())
    assert 2 <= updates <= 6
    assert lines > 100_000


def test_an_interrupt_passes_through_and_leaves_a_final_display(project: Path) -> None:
    code = (
        "from reprokit.notebook.live import LiveReporter\n"
        "import _thread, threading, time\n"
        "reporter = LiveReporter('reprokit run')\n"
        "reporter.phase('run')\n"
        "threading.Timer(0.5, _thread.interrupt_main).start()\n"
        "try:\n    time.sleep(20)\nfinally:\n    reporter.finish()"
    )
    (outputs,) = kernels.execute(project, code, allow_errors=True)
    assert [output["output_type"] for output in outputs] == ["display_data", "error"]
    assert outputs[1]["ename"] == "KeyboardInterrupt"
    assert "…" not in plain(outputs[0])


def test_loading_the_extension_imports_nothing_heavy() -> None:
    code = (
        "import sys, time\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "started = time.perf_counter()\n"
        "shell.run_line_magic('load_ext', 'reprokit')\n"
        "print(time.perf_counter() - started)\n"
        "print(sorted({'docker', 'nbformat', 'requests', 'yaml', 'sqlite3'} & set(sys.modules)))"
    )
    before = code.replace("shell.run_line_magic('load_ext', 'reprokit')\n", "")
    took, heavy = _printed(code)
    assert float(took) < 0.1
    assert set(json.loads(heavy.replace("'", '"'))) <= set(
        json.loads(_printed(before)[1].replace("'", '"'))
    )


def _printed(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=kernels.ROOT
    )
    return done.stdout.splitlines()
