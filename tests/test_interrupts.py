"""What asks a command to stop leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reprokit import process
from reprokit.engines import podman
from reprokit.engines.container import created
from reprokit.engines.protocol import ContainerRequest
from reprokit.interrupts import STOPPING, deferred


def stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(params=STOPPING)
def heard(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    number: int = request.param
    before = signal.signal(number, stop)
    request.addfinalizer(lambda: signal.signal(number, before))
    return number


def test_a_signal_waits_for_the_end_of_the_block(heard: int) -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), deferred():
        os.kill(os.getpid(), heard)
        done.append(heard)
    assert done == [heard]
    assert signal.getsignal(heard) is stop


def test_a_signal_while_a_container_is_created_removes_it(heard: int) -> None:
    removed = []

    class Api:
        def create_container_from_config(self, body: object, name: str) -> dict[str, str]:
            os.kill(os.getpid(), heard)
            return {"Id": "abc"}

        def remove_container(self, identifier: str, force: bool, v: bool) -> None:
            removed.append(identifier)

    request = ContainerRequest(image="i", command=("c",))
    with (
        pytest.raises(KeyboardInterrupt),
        created(
            Api(), "docker", request, "docker", rootless=False, local=True, counted=True, keep=False
        ),
    ):
        pytest.fail("the block must not begin")
    assert removed == ["abc"]


def test_a_service_that_does_not_hear_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podman, "_GONE_WITHIN", 0.2)
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)"
    deaf = subprocess.Popen(
        [sys.executable, "-c", f"{script}; time.sleep(60)"], stdout=subprocess.PIPE
    )
    assert deaf.stdout is not None
    with deaf.stdout:
        deaf.stdout.readline()
        podman._stop(deaf, tmp_path / "no.sock")
    assert deaf.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", STOPPING)
def test_the_command_line_hears_every_signal(number: int, tmp_path: Path) -> None:
    script = (
        "import os, sys; from reprokit import cli\n"
        f"cli._run = lambda words, command: os.kill(os.getpid(), {int(number)})\n"
        "sys.exit(cli.main(['runs']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_signal_that_the_caller_switched_off_stays_so() -> None:
    script = (
        "import os, signal, sys; from reprokit import cli\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "cli._run = lambda words, command: os.kill(os.getpid(), signal.SIGHUP) or 0\n"
        "sys.exit(cli.main(['runs']))"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_another_thread_defers_nothing() -> None:
    before = [signal.getsignal(number) for number in STOPPING]

    def work() -> None:
        with deferred():
            assert [signal.getsignal(number) for number in STOPPING] == before

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_second_signal_does_not_leave_a_program_running(heard: int) -> None:
    """The program needs a moment for its own clean-up; the second signal comes within it."""
    script = (
        "import signal, sys, time\n"
        "def end(number, frame): print('ending', flush=True); time.sleep(0.5); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    started: list[subprocess.Popen[bytes]] = []
    with (
        pytest.raises(KeyboardInterrupt),
        process._started([sys.executable, "-c", script], None, None, False) as program,
    ):
        started.append(program)
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        threading.Timer(0.2, os.kill, (os.getpid(), heard)).start()
        raise KeyboardInterrupt
    assert started[0].returncode == 3
