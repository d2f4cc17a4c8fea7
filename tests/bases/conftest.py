"""A Docker of the tests' own that takes the Hub's images from a local registry."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reprokit import files
from reprokit.bases.docker_archive import image_config, write_archive
from reprokit.engines.connect import connect
from reprokit.engines.engine import SocketEngine
from reprokit.engines.protocol import Engine

DOCKERD = shutil.which("dockerd")
STAND_INS = ("library/python:3.11-slim-bookworm", "rocker/r-ver:4.2.2")


@pytest.fixture(scope="package")
def mirrored(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SocketEngine]:
    """A Docker of our own that looks for the Hub's images in the local registry first, which
    holds stand-ins. It has its own bridge: `--bridge none` would take docker0 from the other."""
    if DOCKERD is None or shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs dockerd, ip and root")
    folder = tmp_path_factory.mktemp("dockerd")
    bridge = f"rk{os.getpid() % 100000}"
    (folder / "daemon.json").write_text(json.dumps({"registry-mirrors": [f"http://{registry}"]}))
    run("ip", "link", "add", bridge, "type", "bridge")
    try:
        run("ip", "addr", "add", "172.31.91.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        with _Daemon(folder, bridge) as address, connect(address) as engine:
            for name in STAND_INS:
                _push_stand_in(engine, address, f"{registry}/{name}", folder)
            yield engine
    finally:
        run("ip", "link", "delete", bridge)


class _Daemon:
    def __init__(self, folder: Path, bridge: str) -> None:
        self.folder, self.bridge = folder, bridge

    def __enter__(self) -> str:
        assert DOCKERD is not None
        folder = self.folder
        address = f"unix://{folder}/docker.sock"
        options = {
            "config-file": folder / "daemon.json",
            "host": address,
            "data-root": folder / "data",
            "exec-root": folder / "exec",
            "pidfile": folder / "pid",
            "bridge": self.bridge,
        }
        flags = ["--iptables=false", "--ip-forward=false", "--ip-masq=false"]
        flags += [f"--{name}={value}" for name, value in options.items()]
        with (folder / "log").open("wb") as log:
            self.running = subprocess.Popen([DOCKERD, *flags], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while (
            subprocess.run(docker_command(address, "version"), capture_output=True).returncode != 0
        ):
            assert self.running.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return address

    def __exit__(self, *_: object) -> None:
        self.running.terminate()
        self.running.wait(60)
        # Left mounted, it would keep pytest from removing the folder; and images are large.
        subprocess.run(["umount", self.folder / "exec/netns/default"], capture_output=True)
        shutil.rmtree(self.folder / "data")


def docker_command(address: str, *arguments: str) -> list[str]:
    program = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"
    return [program, "--host", address, *arguments]


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


def _push_stand_in(engine: Engine, address: str, reference: str, folder: Path) -> None:
    """Put an image that holds one file into the registry, and only there."""
    layer = folder / "layer.tar"
    with tarfile.open(layer, "w") as archive:
        entry = tarfile.TarInfo("name")
        entry.size = len(reference)
        archive.addfile(entry, io.BytesIO(reference.encode()))
    digest = files.sha256(layer)
    machine = engine.information().platform.partition("/")[2]
    config, _ = image_config(digest, architecture=machine, epoch=0, command="stand-in")
    archive_file = folder / "stand-in.tar"
    write_archive(archive_file, layer=layer, digest=digest, config=config, reference=reference)
    engine.load(archive_file)
    run(*docker_command(address, "push", reference))
    engine.remove_image(reference)
