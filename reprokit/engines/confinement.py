"""From a ContainerRequest to what the engine's API takes. Pure, so that a test can read it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Literal

from reprokit.engines.protocol import LABEL, PROCESS, Bind, ContainerRequest
from reprokit.errors import BadRequest
from reprokit.history.living import this_process

Flavour = Literal["docker", "podman"]

OPEN_FILES = 16384
"""Enough for any Maven build; below the hard limit of every machine met so far (20000)."""

PROCESSES = 32768

LOG_SIZE = "16m"
_DRIVE = re.compile(r"([A-Za-z]):")


def mount_source(path: PurePath, flavour: Flavour) -> str:
    """A host path as the engine wants it: Docker Desktop takes Windows paths as they are, a Podman
    machine sees drive C: as /mnt/c."""
    if not isinstance(path, PureWindowsPath) or flavour == "docker":
        return str(path)
    drive = _DRIVE.fullmatch(path.drive)
    if drive is None:
        raise BadRequest(
            f"{path} is on a network share, which Podman cannot mount",
            next="copy the project to a local drive",
        )
    return "/".join(["/mnt", drive.group(1).lower(), *path.parts[1:]])


def creation(
    request: ContainerRequest, flavour: Flavour, *, rootless: bool, token: str
) -> dict[str, Any]:
    """The body of POST /containers/create. `token` marks the container as that of this call."""
    config: dict[str, Any] = {
        "Image": request.image,
        "Env": [f"{key}={value}" for key, value in sorted(request.environment.items())],
        "Labels": {
            **request.labels,
            LABEL: "reprokit",
            f"{LABEL}.token": token,
            PROCESS: this_process(),
        },
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": _host(request, flavour, rootless),
    }
    if request.command is not None:
        if not request.command:
            raise BadRequest("the command is empty")
        config["Entrypoint"] = [request.command[0]]
        config["Cmd"] = list(request.command[1:])
    if request.user is not None:
        config["User"] = request.user
    if request.folder is not None:
        config["WorkingDir"] = request.folder
    return config


def _host(request: ContainerRequest, flavour: Flavour, rootless: bool) -> dict[str, Any]:
    security = ["no-new-privileges"]
    if request.binds and Path("/sys/fs/selinux/enforce").exists():
        # Relabelling would change the user's own files, which is worse than no label here.
        security.append("label=disable")
    host: dict[str, Any] = {
        "SecurityOpt": security,
        "PidsLimit": request.pids,
        "Init": True,
        "IpcMode": "private",
        "Ulimits": [
            {"Name": name, "Soft": limit, "Hard": limit}
            for name, limit in _limits(flavour, rootless)
        ],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": LOG_SIZE}},
        **_mounts(request.binds, flavour),
        "GroupAdd": list(request.groups),
        "ReadonlyRootfs": request.read_only,
    }
    if not request.privileged_setup:
        host["CapDrop"] = ["ALL"]
    if request.network != "default":
        host["NetworkMode"] = request.network
    if request.read_only:
        host["Tmpfs"] = {"/tmp": "rw,nosuid,nodev,exec,mode=1777"}
    if request.memory is not None:
        host |= {"Memory": request.memory, "MemorySwap": request.memory}
    if request.cpus is not None:
        host["NanoCpus"] = int(request.cpus * 1e9)
    if request.shared_memory is not None:
        host["ShmSize"] = request.shared_memory
    if flavour == "podman" and rootless and request.user and not request.user.startswith("0"):
        # Without it a rootless Podman gives results to a subordinate id.
        host["UsernsMode"] = "keep-id"
    return host


def _limits(flavour: Flavour, rootless: bool) -> Iterator[tuple[str, int]]:
    """Limits by their names: no core dumps, and as many files as are allowed everywhere."""
    yield "core", 0
    if os.name == "nt" or (flavour == "docker" and not rootless):
        yield "nofile", OPEN_FILES
        return
    import resource

    # Podman asks for more processes and files than a user, or a root without CAP_SYS_RESOURCE,
    # may have, and then starts nothing.
    for name, number, most in (
        ("nofile", resource.RLIMIT_NOFILE, OPEN_FILES),
        ("nproc", resource.RLIMIT_NPROC, PROCESSES),
    ):
        hard = resource.getrlimit(number)[1]
        yield name, most if hard == resource.RLIM_INFINITY else min(most, hard)


def _mounts(binds: tuple[Bind, ...], flavour: Flavour) -> dict[str, Any]:
    mounts, strings = [], []
    for bind in binds:
        if not bind.source.exists():
            # Podman would create it as an empty folder, and Docker's message names no remedy.
            raise BadRequest("is to be mounted but does not exist", where=str(bind.source))
        source = mount_source(bind.source.absolute(), flavour)
        if flavour == "podman" and "," in source:
            # It joins the fields of a mount with commas and takes them apart again at those.
            if ":" in source:
                raise BadRequest(
                    "Podman cannot mount a path with both a comma and a colon in it",
                    where=source,
                    next="rename the folder",
                )
            strings.append(f"{source}:{bind.target}:{'rw' if bind.writable else 'ro'}")
            continue
        mounts.append(
            {
                "Type": "bind",
                "Source": source,
                "Target": bind.target,
                "ReadOnly": not bind.writable,
            }
        )
    return {"Mounts": mounts, "Binds": strings}
