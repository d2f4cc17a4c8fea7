"""The highest memory use of a container, read from its cgroup where this machine runs it."""

from __future__ import annotations

from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def peak_file(pid: int, container: str) -> Path | None:
    """The file that holds the peak of process `pid` of that container, in bytes.

    `None` where the container runs elsewhere (Docker Desktop's machine, a remote engine): its
    process id then names another process here, or none.
    """
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if container not in path:
            continue
        below = path.lstrip("/")
        if "memory" in controllers.split(","):
            found = _CGROUPS / "memory" / below / "memory.max_usage_in_bytes"
        elif controllers == "":
            found = _CGROUPS / below / "memory.peak"
        else:
            continue
        if found.exists():
            return found
    return None


def read_number(path: Path) -> int | None:
    """The number in a cgroup file, `None` once the cgroup is gone."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def kills() -> int | None:
    """How many processes this machine's kernel has killed for want of memory since it started."""
    try:
        text = Path("/proc/vmstat").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            return int(value)
    return None
