"""Installing and starting an engine on Debian and Ubuntu, with or without systemd.

Standard library only, so that `dev/engine` can use it before anything is installed. What already
answers is used as it is; only what was started here is ever stopped here.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from reprokit import process
from reprokit.engines.endpoint import (
    DEFAULT_DOCKER,
    Endpoint,
    candidates,
    no_permission,
    ping,
    usual_docker,
    usual_podman,
)
from reprokit.errors import NoEngine
from reprokit.frozen import frozen

Kind = Literal["docker", "podman"]
Say = Callable[[str], None]

DEBIAN_BASE_PACKAGES = ("mmdebstrap", "debian-archive-keyring", "uidmap")
"""What making a debian base needs on the host."""

PACKAGES: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "docker": (
        ("docker.io", "iptables", "ca-certificates"),
        ("docker-cli", "docker-buildx", "tini"),
    ),
    "podman": (
        ("podman", "runc", "uidmap", "catatonit", "ca-certificates"),
        ("slirp4netns", "fuse-overlayfs", "netavark", "aardvark-dns"),
    ),
}
"""By engine: packages it needs, and those that only some releases have or need."""

_READY_WITHIN = 60.0


@frozen
class Started:
    """An engine that answers. `ours` says whether it runs because of this call; `stop` knows it
    by `name`."""

    endpoint: Endpoint
    ours: bool
    name: str


def running(kind: Kind | None = None) -> Endpoint | None:
    """The first address where an engine (of that kind) answers."""
    found = candidates(os.environ, Path.home())
    for endpoint in found:
        answer = ping(endpoint)
        if answer.state == "answers" and kind in (None, "podman" if answer.podman else "docker"):
            return endpoint
    return None


def ensure(kind: Kind | None, say: Say) -> Started:
    """Use the engine that answers, and change nothing; else install what is missing and start it.

    kind: `None` takes Docker; Podman, if it is there, where a Docker runs that is not for this
    user, and also where Docker does not start here (it needs more of the kernel). Installs what
    debian bases need as well.
    Raises NoEngine with the reason where that is not possible here.
    """
    found = running(kind)
    if found is not None:
        return Started(endpoint=found, ours=False, name=kind or "docker")
    places = () if kind == "podman" else tuple(candidates(os.environ, Path.home()))
    locked = [place for place in places if ping(place).state == "forbidden"]
    wanted: Kind = kind or ("podman" if locked and installed("podman") else "docker")
    if wanted == "docker" and locked:
        raise no_permission(locked[0])  # it runs: neither a second one nor its owner is our affair
    try:
        return _installed_and_started(wanted, say)
    except DoesNotStart as error:
        if kind is not None or wanted == "podman":
            raise
        say(f"{error.what}\ntaking Podman instead")
        try:
            return _installed_and_started("podman", say)
        except NoEngine as other:
            raise error from other


class DoesNotStart(NoEngine):
    """An engine is installed, and ends or says nothing when it is started."""


def _installed_and_started(kind: Kind, say: Say) -> Started:
    missing = [] if shutil.which("mmdebstrap") else list(DEBIAN_BASE_PACKAGES)
    if not installed(kind):
        needed, optional = PACKAGES[kind]
        missing += [*needed, *available(optional)]
    if missing and (shutil.which("apt-get") or not installed(kind)):
        install(missing, say)
    started = _start_docker(say) if kind == "docker" else _start_podman(say)
    return Started(endpoint=started, ours=True, name=kind)


def installed(kind: Kind) -> bool:
    """Whether this machine has the engine's programs. Debian keeps dockerd out of users' PATH."""
    if kind == "podman":
        return shutil.which("podman") is not None
    return shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def available(packages: Sequence[str]) -> tuple[str, ...]:
    """Those of the packages that this release has. Updates apt's lists if there are none."""
    if shutil.which("apt-cache") is None:
        return ()
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        _apt(["update"], lambda line: None)
    known = (process.run(["apt-cache", "show", name], check=False) for name in packages)
    return tuple(
        name
        for name, shown in zip(packages, known, strict=True)
        if shown.returncode == 0 and "Package:" in shown.stdout
    )


def install(packages: Sequence[str], say: Say) -> None:
    """Install packages with apt, as root or through sudo. Raises NoEngine where that fails."""
    if shutil.which("apt-get") is None:
        raise NoEngine(
            "only Debian and Ubuntu are set up automatically",
            next="install Docker (https://docs.docker.com/get-docker) or Podman "
            "(https://podman.io) yourself",
        )
    say(f"installing {' '.join(packages)} (apt-get)")
    arguments = ["install", "--yes", "--no-install-recommends", *packages]
    try:
        _apt(arguments, lambda line: None)
    except process.ProcessFailed:
        # Mostly: the lists are missing, or older than the archive.
        try:
            _apt(["update"], lambda line: None)
            _apt(arguments, lambda line: None)
        except process.ProcessFailed as error:
            tail = "\n".join(error.completed.stdout.splitlines()[-12:])
            raise NoEngine(
                f"apt-get could not install {' '.join(packages)}:\n{tail}",
                next="mend that, or install Docker or Podman yourself",
            ) from error


def _apt(arguments: Sequence[str], on_line: Say) -> None:
    settings = ["-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
    command = ["apt-get", *settings, *arguments]
    process.stream(as_root(command, {"DEBIAN_FRONTEND": "noninteractive"}), on_line)


def as_root(argv: Sequence[str], environment: dict[str, str] | None = None) -> list[str]:
    """The command as root runs it: as it is for root, else through sudo, proxies kept.

    Raises NoEngine where there is neither.
    """
    kept = {k: v for k, v in os.environ.items() if k.lower().endswith("_proxy")}
    settings = [f"{key}={value}" for key, value in {**kept, **(environment or {})}.items()]
    command = ["env", *settings, *argv] if settings else list(argv)
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return command
    if shutil.which("sudo") is None:
        raise NoEngine(
            "this needs root, and there is no sudo",
            next="ask whoever administers this machine for Docker or Podman",
        )
    return ["sudo", *command]


# -- starting ----------------------------------------------------------------------------------


def state_folder() -> Path:
    """Where it is noted what was started here."""
    override = os.environ.get("REPROKIT_HOME")
    base = Path(override) if override else Path.home() / ".local/state/reprokit"
    folder = base / "engines"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _start_docker(say: Say) -> Endpoint:
    endpoint = Endpoint(url=f"unix://{DEFAULT_DOCKER}", source="the usual socket")
    log = state_folder() / "dockerd.log"
    if Path("/run/systemd/system").is_dir():
        say("starting Docker (systemctl start docker)")
        process.run(as_root(["systemctl", "start", "docker"]), check=False, timeout=120)
        note("docker", {"systemd": "docker"})
        running = None
    else:
        say(f"starting dockerd (log: {log})")
        _clear_stale()
        log.unlink(missing_ok=True)
        running = process.background(as_root(["dockerd", "--host", endpoint.url]), log)
        note("docker", {"pid": running.pid, "program": "dockerd"})
    deadline = time.monotonic() + _READY_WITHIN
    while (answer := ping(endpoint)).state in ("missing", "stopped"):
        if time.monotonic() > deadline or (running is not None and running.poll() is not None):
            said = log.read_text(errors="replace")[-2000:] if log.exists() else answer.detail
            stop("docker")
            advice = "see `journalctl -u docker`" if running is None else f"see {log}"
            raise DoesNotStart(f"Docker does not start:\n{said}", next=advice)
        time.sleep(0.1)
    if answer.state == "forbidden":
        # Group membership would count only after the next login; this counts at once.
        process.run(as_root(["chown", str(os.getuid()), DEFAULT_DOCKER]))
    return endpoint


def _clear_stale() -> None:
    """Remove pid files whose process is gone or another program: dockerd would refuse to start."""
    for place, program in (
        ("/var/run/docker.pid", "dockerd"),
        ("/var/run/docker/containerd/containerd.pid", "containerd"),
    ):
        try:
            number = int(Path(place).read_text())
        except (OSError, ValueError):
            continue
        if program_of(number) != program:
            process.run(as_root(["rm", "-f", place]))


def _start_podman(say: Say) -> Endpoint:
    from reprokit.engines import podman

    place = next(usual_podman(os.environ))
    if place.socket is None:
        raise NoEngine("Podman is started by its machine here", next="`podman machine start`")
    folder = state_folder()
    if hasattr(os, "geteuid") and os.geteuid() != 0 and "XDG_RUNTIME_DIR" not in os.environ:
        # Behind su and sudo there is no session; the usual socket is root's.
        place = Endpoint(url=f"unix://{folder}/podman.sock", source="an own Podman service")
    assert place.socket is not None
    settings = folder / "containers.conf"
    environment = {}
    if not os.environ.get("CONTAINERS_CONF") and (text := podman.settings_for_this_machine()):
        settings.write_text(text, encoding="utf-8")
        environment["CONTAINERS_CONF"] = str(settings)
    place.socket.parent.mkdir(parents=True, exist_ok=True)
    place.socket.unlink(missing_ok=True)  # nobody answered there
    log = folder / "podman.log"
    say(f"starting Podman's service (log: {log})")
    running = process.background(
        ["podman", "system", "service", "--time=0", place.url],
        log,
        folder=folder,
        environment=environment,
    )
    note("podman", {"pid": running.pid, "program": "podman"})
    deadline = time.monotonic() + _READY_WITHIN
    while ping(place).state != "answers":
        if time.monotonic() > deadline or running.poll() is not None:
            said = log.read_text(errors="replace")[-2000:]
            raise DoesNotStart(f"Podman does not start:\n{said}", next=f"see {log}")
        time.sleep(0.05)
    return place


# -- stopping ----------------------------------------------------------------------------------


def note(name: str, what: dict[str, str | int]) -> None:
    """Remember what was started under that name."""
    (state_folder() / f"{name}.json").write_text(json.dumps(what), encoding="utf-8")


def stop(name: str) -> bool:
    """Stop what was started here under that name; says whether there was anything to stop."""
    path = state_folder() / f"{name}.json"
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    path.unlink(missing_ok=True)
    if "systemd" in noted:
        units = [f"{noted['systemd']}.service", f"{noted['systemd']}.socket"]
        process.run(as_root(["systemctl", "stop", *units]), check=False, timeout=120)
        return True
    number = int(noted["pid"])
    if not _is(number, noted["program"]):
        return False
    # The shell's own kill: a bare Debian has no program of that name.
    process.run(as_root(["sh", "-c", 'kill "$1"', "sh", str(number)]), check=False)
    deadline = time.monotonic() + 30
    while _is(number, noted["program"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return True


def _is(number: int, program: str) -> bool:
    # What sudo started runs below it, and sudo passes the signal on.
    return program_of(number) in (program, "sudo")


def program_of(number: int) -> str | None:
    """The program that runs under a process id; `None` where none does, or it has ended."""
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return None
    name, _, rest = status.partition("(")[2].rpartition(")")
    return None if rest.split()[0] == "Z" else name


def answers() -> list[tuple[Endpoint, str]]:
    """Every usual address and what it says ("answers", "missing", "stopped", "forbidden")."""
    places = [*usual_docker(os.environ, Path.home()), *usual_podman(os.environ)]
    return [(place, ping(place).state) for place in places]


def to_stderr(text: str) -> None:
    """Say something to people."""
    print(text, file=sys.stderr, flush=True)
