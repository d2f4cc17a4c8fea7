"""A Podman service of our own, for machines that have `podman` but run no engine."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from reprokit import process
from reprokit.engines.endpoint import Endpoint, ping
from reprokit.errors import NoEngine
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
                    _stop(started)


def _stop(service: Popen[bytes]) -> None:
    """End the service alone: a container's monitor may share its group."""
    service.terminate()
    try:
        service.wait(timeout=_GONE_WITHIN)
    except TimeoutExpired:
        # Without root this process only waits for the real service, which ends with it.
        service.kill()
        service.wait()


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
