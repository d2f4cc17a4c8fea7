"""Runs that outlive who started them: the process, what it leaves, and what is said of it."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped,unused-ignore]

from reprokit import verbs
from reprokit.engines.fake import FakeEngine
from reprokit.errors import BadRequest, BuildFailed, CommandFailed, Interrupted, StorageFailed
from reprokit.history import living, progress_log
from reprokit.history.index import Index
from reprokit.notebook_runs import unsaved
from reprokit.pipeline import attaching, detached, detaching
from reprokit.pipeline.detaching import Detached
from reprokit.progress import Silent
from reprokit.schemas import schema
from tests import detached_program

PATIENCE = 30.0


class Told(Silent):
    """A Reporter that remembers."""

    def __init__(self) -> None:
        self.phases: list[str] = []
        self.lines: list[str] = []
        self.messages: list[str] = []
        self.warnings: list[str] = []

    def phase(self, name: str, expected: float | None = None) -> None:
        self.phases.append(name)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def log(self, line: str) -> None:
        self.lines.append(line)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose detached runs use an engine in memory; none of them is left running."""

    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[FakeEngine]:
        yield FakeEngine()

    root = tmp_path / "a project, é & $(touch evil)"
    root.mkdir()
    (root / "Dockerfile").write_text(detached_program.DOCKERFILE)
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(detaching, "PROGRAM", ("-P", detached_program.__file__))
    monkeypatch.setattr(detaching, "connect", connect)
    monkeypatch.chdir(root)
    yield root
    for entry in Index().list(status="running"):
        if (number := living.number_here(entry.process or "")) not in (None, os.getpid()):
            os.kill(number, signal.SIGKILL)


def eventually(true: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until, f"{what}: not within {PATIENCE} s"
        time.sleep(0.02)


def begun(project: Path, *, go: str | None = None) -> Detached:
    """A detached run whose container runs; with `go` it may end, with that status."""
    started = verbs.detach(project)
    eventually(lambda: "begun" in read(started.folder.log), "the container's start")
    if go is not None:
        (project / "go").write_text(go)
    return started


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def gone(started: Detached) -> bool:
    return not living.is_alive(living.token(started.process))


def check(name: str, document: object) -> None:
    Draft202012Validator(schema(name)).validate(document)


def test_a_run_goes_on_and_is_attached_to_until_its_end(project: Path) -> None:
    started = begun(project)
    [going] = verbs.status().going
    assert (going.entry.id, going.phase, going.line) == (started.folder.id, "run", "begun")
    assert going.detached and going.seconds >= 0
    check("detach-1", started.json())
    check("status-1", verbs.status().json())
    threading.Timer(0.5, (project / "go").touch).start()
    told = Told()
    result = verbs.attach(reporter=told)
    assert (result.failure, told.lines) == (None, ["begun", "done"])
    assert [re.sub("[0-9]", "9", text) for text in told.messages] == ["began at 99:99:99 UTC"]
    assert result.record["status"] == "succeeded" and result.record["run"] == started.folder.id
    assert result.results == project / "results" and (project / "results" / "a.txt").exists()
    left = {path.name for path in started.folder.path.iterdir()}
    assert left >= {"record.json", "log.txt", "progress.jsonl"}
    assert not left & {detaching.REQUEST, detaching.OUTPUT}
    assert verbs.status().text().endswith(f"The last run, {started.folder.id}: succeeded.")
    assert verbs.attach(reporter=Told()).record == result.record


def test_what_its_kernel_warns_of_is_told_at_once_and_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsaved, "told", lambda books, project: ("not saved",))
    told = Told()
    verbs.detach(project, reporter=told)
    assert told.warnings == ["not saved"]
    (project / "go").touch()
    record = verbs.attach(reporter=told).record
    assert {"level": "warning", "text": "not saved", "reason": None} in record["notes"]  # type: ignore[operator]


def test_the_process_has_a_session_of_its_own(project: Path) -> None:
    started = begun(project)
    assert os.getsid(started.process) == started.process != os.getsid(0)
    os.kill(started.process, signal.SIGHUP)
    (project / "go").touch()
    assert verbs.attach().failure is None


def test_it_outlives_the_process_that_started_it(project: Path) -> None:
    script = (
        "import contextlib, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from reprokit.pipeline import detaching\n"
        "from reprokit import verbs\n"
        f"detaching.PROGRAM = {detaching.PROGRAM!r}\n"
        "detaching.connect = lambda engine: contextlib.nullcontext()\n"
        "print(verbs.detach('.').process, flush=True)\n"
        "import os, signal; os.killpg(os.getpgid(0), signal.SIGKILL)\n"
    )
    starter = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True
    )
    assert starter.returncode == -signal.SIGKILL
    assert [run.entry.status for run in verbs.status().going] == ["running"]
    (project / "go").touch()
    assert verbs.attach().record["status"] == "succeeded"


def test_the_failure_of_a_run_is_that_of_attach(project: Path) -> None:
    begun(project, go="3")
    failure = verbs.attach().failure
    assert isinstance(failure, CommandFailed)
    assert "ended with status 3" in failure.what and failure.where is not None


def test_a_build_that_fails_is_told_with_its_lines(project: Path) -> None:
    with (project / "Dockerfile").open("a") as file:
        file.write("RUN echo no; exit 4\n")
    verbs.detach(project)
    with pytest.raises(BuildFailed, match=r"Dockerfile:3: .*could not be built"):
        verbs.attach()
    with pytest.raises(BadRequest, match=r"reprokit attach .* how it ended"):
        verbs.show()
    assert [entry.status for entry in Index().list()] == ["failed"]


def test_progress_is_seen_while_the_image_is_built(project: Path) -> None:
    (project / "building").touch()
    started = verbs.detach(project)
    eventually(lambda: verbs.status().going[0].line == "a step", "the build's output")
    assert verbs.status().going[0].phase == "build"
    told = Told()

    def proceed() -> None:
        (project / "go").touch()
        (project / "building").unlink()

    threading.Timer(0.5, proceed).start()
    assert verbs.attach(reporter=told).record["run"] == started.folder.id
    assert told.phases == ["build", "run"]  # each once, though a build has two parts
    assert told.lines[-2:] == ["begun", "done"]


def test_stopped_while_the_image_is_built(project: Path) -> None:
    (project / "building").touch()
    started = verbs.detach(project)
    eventually(lambda: verbs.status().going[0].line == "a step", "the build's output")
    stopped = verbs.stop()
    assert stopped.entry.status == "interrupted" and gone(started)
    with pytest.raises(Interrupted, match="before there was a record"):
        verbs.attach()


def test_stopped_while_it_runs_twice_at_once(project: Path) -> None:
    started = begun(project)
    ended: list[attaching.Stopped] = []
    stoppers = [threading.Thread(target=lambda: ended.append(verbs.stop())) for _ in range(3)]
    for stopper in stoppers:
        stopper.start()
    for stopper in stoppers:
        stopper.join()
    assert [stopped.entry.status for stopped in ended] == ["interrupted"] * 3
    check("stop-1", ended[0].json())
    record = json.loads(started.folder.record.read_text())
    assert record["status"] == "interrupted"
    assert [row["path"] for row in record["results"]] == ["a.txt"]
    assert isinstance(verbs.attach().failure, Interrupted)
    again = verbs.stop()
    assert not again.asked and "had ended already: interrupted" in again.text()


def test_stopped_before_it_can_hear(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detaching, "PROGRAM", ("-c", "import time; time.sleep(60)"))
    started = verbs.detach(project)
    assert verbs.stop().entry.status == "interrupted" and gone(started)


def test_a_killed_process_is_told_and_left_to_clean(project: Path) -> None:
    started = begun(project)
    os.kill(started.process, signal.SIGKILL)
    eventually(lambda: gone(started), "the death of the process")
    status = verbs.status()
    assert [run.entry.status for run in status.going] == ["lost"]
    assert "was killed, or the machine restarted" in status.text()
    with pytest.raises(Interrupted, match="ended without a word"):
        verbs.attach()
    assert not verbs.stop().asked
    assert verbs.logs().text() == "begun"


def test_a_killed_process_ends_who_is_attached(project: Path) -> None:
    started = begun(project)
    threading.Timer(0.5, os.kill, (started.process, signal.SIGKILL)).start()
    with pytest.raises(Interrupted, match="ended without a word"):
        verbs.attach()


def test_after_a_reboot_another_process_may_have_its_number(project: Path) -> None:
    begun(project, go="0")
    verbs.attach()
    token = living.this_process().rpartition("@")[0] + "@another-boot"
    Index().mark(Index().find("last")._replace(process=token), "running")
    assert [run.entry.status for run in verbs.status().going] == ["lost"]
    assert not verbs.stop().asked


def test_detach_takes_what_run_takes() -> None:
    wanted, taken = (inspect.signature(verb).parameters for verb in (verbs.run, verbs.detach))
    assert dict(wanted) == dict(taken)


def test_a_zombie_does_not_live() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    token = living.token(child.pid)
    try:
        eventually(lambda: not living.is_alive(token), "the end of the child")
        assert not living.is_alive(living.token(child.pid))
    finally:
        child.wait()


@pytest.mark.parametrize("watch", [verbs.attach, partial(verbs.logs, follow=True)])
def test_interrupting_who_watches_leaves_the_run_alone(
    project: Path, watch: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = begun(project)

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    told = Told()
    monkeypatch.setattr(told, "log", interrupted)
    with pytest.raises(Interrupted, match=f"run {started.folder.id} goes on"):
        watch(reporter=told)
    assert verbs.status().going[0].entry.status == "running"
    (project / "go").touch()
    verbs.attach()
    with pytest.raises(Interrupted, match="had ended"):
        watch(reporter=told)


def test_a_log_is_followed_to_its_end(project: Path) -> None:
    started = begun(project)
    threading.Timer(0.3, (project / "go").touch).start()
    told = Told()
    followed = verbs.logs(follow=True, reporter=told)
    assert told.lines == ["begun", "done"]
    assert followed.text() == f"Run {started.folder.id}: succeeded."
    check("logs-1", followed.json())
    last = Told()
    verbs.logs(follow=True, tail=1, reporter=last)
    assert last.lines == ["done"]


def test_two_runs_of_one_project_at_once(project: Path) -> None:
    runs = [verbs.detach(project).folder.id for _ in range(2)]
    (project / "go").touch()
    assert [verbs.attach(run).record["status"] for run in runs] == ["succeeded"] * 2
    assert (project / "results" / "a.txt").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("change", "error"),
    [({"path": "nowhere"}, "there is no nowhere"), ({"repeat": 0}, "cannot be run 0 times")],
)
def test_what_can_be_checked_at_once_is(
    project: Path, change: dict[str, object], error: str
) -> None:
    with pytest.raises(BadRequest, match=error):
        verbs.detach(**change)  # type: ignore[arg-type]
    assert not (project / ".reprokit").exists()


def test_several_commands_are_told_at_once(project: Path) -> None:
    (project / "Dockerfile").unlink()
    for name in ("a.py", "b.py"):
        (project / name).touch()
    with pytest.raises(BadRequest, match="several ways to run"):
        verbs.detach(project)


def test_a_process_that_cannot_start_leaves_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StorageFailed, match="no process could be started"):
        verbs.detach(project)
    assert Index().list() == () and list((project / ".reprokit" / "runs").iterdir()) == []


def test_modules_of_the_project_are_not_taken_for_ours(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    (project / "reprokit.py").write_text("open('evil', 'w')")
    done = subprocess.run(
        [sys.executable, *detaching.PROGRAM, "/nowhere/x/y/z"], cwd=project, capture_output=True
    )
    assert done.returncode != 0 and not (project / "evil").exists()


def test_a_run_in_a_terminal_is_seen_but_not_stopped(project: Path) -> None:
    """It may be a kernel's, which SIGTERM would end."""
    from datetime import UTC, datetime

    from reprokit.history import index as indexes
    from reprokit.history import run_folder

    now = datetime.now(UTC)
    folder = run_folder.create(project, now)
    Index().add(indexes.running(folder.id, project, "p", now, "make"))
    folder.log.write_text("one\ntwo\n")
    [going] = verbs.status().going
    assert (going.phase, going.line, going.detached) == ("run", "two", False)
    with pytest.raises(BadRequest, match="is not detached"):
        verbs.stop()
    Index().mark(Index().find("last"), "interrupted")


def test_a_run_on_another_machine_is_not_stopped(project: Path) -> None:
    started = begun(project)
    index = Index()
    entry = index.find("last")
    index.mark(entry._replace(process="other/1/2@3"), "running")
    with pytest.raises(BadRequest, match="another machine"):
        verbs.stop()
    assert not gone(started)
    index.mark(entry, "running")


def test_a_defect_of_ours_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = begun(project, go="0")
    verbs.attach()

    def fails(*words: object) -> None:
        raise ZeroDivisionError("x")

    started.folder.record.unlink()
    request = {"name": "p", "command": "make"}
    (started.folder.path / detaching.REQUEST).write_text(json.dumps(request))
    monkeypatch.setattr(detached, "_work", fails)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    try:
        assert detached.main(started.folder.path) == 1
    finally:
        for number, handler in zip(("TERM", "INT", "HUP"), before, strict=True):
            signal.signal(getattr(signal, f"SIG{number}"), handler)
    with pytest.raises(Exception, match="reprokit itself failed: ZeroDivisionError: x"):
        verbs.attach()


def test_progress_from_a_stranger_is_read_with_care(project: Path) -> None:
    started = begun(project, go="0")
    verbs.attach()
    events: list[object] = [
        {"event": "phase", "name": ["x"], "expected": 1e300, "at": "now"},
        {"event": "advance", "done": "x", "total": {}, "unit": 3},
        {"event": "end", "error": {"class": "__doc__", "what": 3}, "results": 5},
        [],
    ]
    text = "\n".join(json.dumps(event) for event in events)
    progress_log.place(started.folder).write_text(text + '\n{"event": "ph\n' + "[" * 100_000)
    result = verbs.attach(reporter=Told())
    assert result.failure is not None and result.results == started.folder.results


def test_a_full_disk_does_not_end_a_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = begun(project, go="0")
    verbs.attach()
    log = progress_log.ProgressLog(started.folder)

    def full(descriptor: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    log.phase("run")
    log.end(exit_code=0, error=None, results=None)
