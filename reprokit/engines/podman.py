"""A Podman service of our own, for machines that have `podman` but run no engine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from reprokit import process
from reprokit.engines.endpoint import Endpoint, ping
from reprokit.errors import NoEngine
from reprokit.history import living
from reprokit.interrupts import deferred

_READY_WITHIN = 30.0
_GONE_WITHIN = 5.0


@contextmanager
def service() -> Iterator[tuple[Endpoint, Mapping[str, str]]]:
    """Run `podman system service` for the length of the block: its address, and the environment
    that the podman command needs to see the same settings. Raises NoEngine where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="reprokit-podman-") as name:
        folder = Path(name)
        environment = _environment(folder)
        endpoint = Endpoint(url=f"unix://{folder}/podman.sock", source="an own Podman service")
        log = folder / "log"
        started = None
        try:
            with deferred():
                # In its own folder, since conmon leaves a file "oom" where it stands.
                started = process.background(
                    ["podman", "system", "service", "--time=0", endpoint.url],
                    log,
                    folder=folder,
                    environment=environment,
                )
            _wait_until_ready(started, endpoint, log)
            yield endpoint, environment
        finally:
            if started is not None:
                with deferred():
                    _stop(started, folder / "podman.sock")


def _stop(started: Popen[bytes], address: Path) -> None:
    """End the service alone: a container's monitor may share its group. Without root the process
    that was started only waits for the real service, and does not always hand a signal on."""
    listener = _listener(address)
    serving = living.token(listener) if listener not in (None, started.pid) else None
    started.terminate()
    try:
        started.wait(timeout=_GONE_WITHIN)
    except TimeoutExpired:
        started.kill()
        started.wait()
    if serving is None or _gone(serving, within=0.2):
        return
    for way in (signal.SIGTERM, signal.SIGKILL):
        number = living.number_here(serving)
        if number is not None:
            with suppress(ProcessLookupError):
                os.kill(number, way)
        if _gone(serving, within=_GONE_WITHIN):
            return


def _listener(address: Path) -> int | None:
    """The process behind a socket; `None` where none listens, or the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(address))
        except OSError:
            return None
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", told)[0]) or None


def _gone(token: str, *, within: float) -> bool:
    deadline = time.monotonic() + within
    while living.is_alive(token):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _wait_until_ready(started: Popen[bytes], endpoint: Endpoint, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while ping(endpoint).state != "answers":
        if started.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip()[-1000:]
            raise NoEngine(
                f"podman is installed but its service does not start: {said}",
                next="`podman info` may say why; `reprokit doctor` examines it",
            )
        time.sleep(0.02)


def _environment(folder: Path) -> dict[str, str]:
    """Settings for machines where Podman's defaults fail; nothing where the user has their own."""
    if os.environ.get("CONTAINERS_CONF"):
        return {}
    settings = settings_for_this_machine()
    if not settings:
        return {}
    path = folder / "containers.conf"
    path.write_text(settings, encoding="utf-8")
    return {"CONTAINERS_CONF_OVERRIDE" if _overrides() else "CONTAINERS_CONF": str(path)}


def settings_for_this_machine() -> str:
    """A containers.conf without what cannot work here: crun on hybrid control groups, systemd
    where it is not running."""
    engine = []
    unified = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    if not unified and shutil.which("runc"):
        engine.append('runtime = "runc"')
    if not Path("/run/systemd/system").exists():
        engine += ['cgroup_manager = "cgroupfs"', 'events_logger = "file"']
    if not engine:
        return ""
    files, processes = _limits()
    return "\n".join(
        (
            "[containers]",
            f'default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]',
            "[engine]",
            *engine,
            "",
        )
    )


def _limits() -> tuple[int, int]:
    """Open files and processes that this machine allows; Podman asks for more by itself."""
    import resource

    hard_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    hard_processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    unlimited = resource.RLIM_INFINITY
    return (
        16384 if hard_files == unlimited else min(16384, hard_files),
        32768 if hard_processes == unlimited else min(32768, hard_processes),
    )


def _overrides() -> bool:
    """CONTAINERS_CONF_OVERRIDE adds to the user's own settings; Podman knows it since 4.6."""
    said = process.run(["podman", "--version"], check=False, timeout=20).stdout
    match = re.search(r"(\d+)\.(\d+)", said)
    return match is not None and (int(match.group(1)), int(match.group(2))) >= (4, 6)
