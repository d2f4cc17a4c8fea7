"""A newer Docker beside the machine's own: trixie's, unpacked from its packages, nothing installed.

It has a socket, a data folder and a bridge of its own, so that the two never meet. Its containerd
image store makes image ids differ from config digests, which is why the tests want it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from reprokit import process
from reprokit.engines import start
from reprokit.engines.endpoint import Endpoint, ping
from reprokit.errors import NoEngine

NAME = "docker-modern"
BRIDGE = "reprokit0"
ADDRESS = "172.31.77.1/24"
# What dockerd would do for its bridge if it were the only one here: both write the same chains.
RULES = (
    f"-t nat POSTROUTING -s 172.31.77.0/24 ! -o {BRIDGE} -j MASQUERADE",
    f"-t filter FORWARD -i {BRIDGE} -j ACCEPT",
    f"-t filter FORWARD -o {BRIDGE} -j ACCEPT",
)
PACKAGES = "docker.io,docker-cli,docker-buildx,containerd"
PROGRAMS = (
    "usr/sbin/dockerd",
    "usr/bin/docker",
    "usr/bin/containerd",
    "usr/bin/containerd-shim-runc-v2",
    "usr/sbin/docker-proxy",
    "usr/bin/docker-proxy",
)
MIRROR = "http://127.0.0.1:5000"
"""Where dev/registry listens: Hub names are looked for there first."""


def folder() -> Path:
    """Everything of this engine."""
    return start.state_folder() / NAME


def endpoint() -> Endpoint:
    """Its address."""
    return Endpoint(url=f"unix://{folder()}/docker.sock", source=NAME)


def state() -> str:
    """What its address says."""
    return ping(endpoint()).state


def command_folder() -> Path:
    """Goes first on PATH, with DOCKER_CONFIG beside it, for its own docker command."""
    return folder() / "bin"


def start_modern(say: Callable[[str], None]) -> start.Started:
    """Unpack it if need be, and start it. Root only. Raises NoEngine."""
    if state() == "answers":
        return start.Started(endpoint=endpoint(), ours=False, name=NAME)
    if os.geteuid() != 0:
        raise NoEngine("a second Docker needs root", next="run it with sudo")
    _unpack(say)
    _bridge()
    base = folder()
    settings = {
        "features": {"containerd-snapshotter": True},
        "registry-mirrors": [MIRROR],
        "insecure-registries": ["127.0.0.0/8"],
    }
    (base / "daemon.json").write_text(json.dumps(settings), encoding="utf-8")
    (base / "docker.sock").unlink(missing_ok=True)
    (base / "docker.pid").unlink(missing_ok=True)
    log = base / "dockerd.log"
    log.unlink(missing_ok=True)
    say(f"starting Docker of trixie (log: {log})")
    command = [str(command_folder() / "dockerd"), "--config-file", str(base / "daemon.json")]
    command += ["--host", endpoint().url, "--data-root", str(base / "data")]
    command += ["--exec-root", str(base / "exec"), "--pidfile", str(base / "docker.pid")]
    # Never `--bridge none`: that deletes the other daemon's docker0.
    command += ["--bridge", BRIDGE, "--iptables=false", "--ip-forward=false", "--ip-masq=false"]
    path = f"{command_folder()}:{os.environ.get('PATH', os.defpath)}"
    running = process.background(command, log, environment={"PATH": path})
    start.note(NAME, {"pid": running.pid, "program": "dockerd"})
    deadline = time.monotonic() + 60
    while state() != "answers":
        if running.poll() is not None or time.monotonic() > deadline:
            raise NoEngine(f"it does not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
    return start.Started(endpoint=endpoint(), ours=True, name=NAME)


def _unpack(say: Callable[[str], None]) -> None:
    base = folder()
    if (command_folder() / "dockerd").exists():
        return
    if shutil.which("mmdebstrap") is None:
        start.install(start.DEBIAN_BASE_PACKAGES, say)
    base.mkdir(parents=True, exist_ok=True)
    root = base / "root"
    say("unpacking Docker of trixie (mmdebstrap)")
    command = ["mmdebstrap", "--variant=extract", f"--include={PACKAGES}", "trixie", str(root)]
    process.stream([*command, "http://deb.debian.org/debian"], lambda line: None)
    command_folder().mkdir(exist_ok=True)
    for program in PROGRAMS:
        if (root / program).exists():
            link = command_folder() / Path(program).name
            link.unlink(missing_ok=True)
            link.symlink_to(root / program)
    plugins = base / "config/cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    for place in root.glob("usr/*/docker/cli-plugins/docker-buildx"):
        (plugins / "docker-buildx").unlink(missing_ok=True)
        (plugins / "docker-buildx").symlink_to(place)


def _bridge() -> None:
    """A bridge with a way out, untouched by the machine's own Docker."""
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        process.run(["ip", "link", "add", BRIDGE, "type", "bridge"])
        process.run(["ip", "addr", "add", ADDRESS, "dev", BRIDGE])
        process.run(["ip", "link", "set", BRIDGE, "up"])
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for rule in RULES:
        option, table, chain, *words = rule.split()
        there = ["iptables", option, table, "--check", chain, *words]
        if process.run(there, check=False).returncode != 0:
            process.run(["iptables", option, table, "--insert", chain, *words])
