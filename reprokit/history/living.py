"""Whether the process that started a run still lives.

A process number alone is not enough: it is given again after a restart. Where the system tells
(Linux), the process's start time is kept with it; on another host nothing can be said.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path


def this_process() -> str:
    """A token for this process: "host/number/start". Kept in the index, never in a record."""
    return token(os.getpid())


def token(number: int) -> str:
    """The token of a process of this machine."""
    return f"{_host()}/{number}/{_start(number)}"


def number_here(token: str) -> int | None:
    """The process's number; `None` where it is dead or on another host."""
    if not is_alive(token) or host_of(token) != _host():
        return None
    return int(token.rsplit("/", 2)[1])


def host_of(token: str) -> str:
    """The name of the host that the process is on."""
    return token.rsplit("/", 2)[0]


def is_alive(token: str) -> bool:
    """Whether the process still runs. One on another host is taken to be alive."""
    parts = token.rsplit("/", 2)
    if len(parts) != 3 or not parts[1].isdecimal():
        return False
    host, number, start = parts[0], int(parts[1]), parts[2]
    if host != _host():
        return True
    return start != "ended" and _exists(number) and _start(number) == start


def _host() -> str:
    return platform.node()


def _start(number: int) -> str:
    """The start time in clock ticks since boot together with the boot's id; empty where unknown."""
    try:
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    # The second field is the program's name in brackets and may itself hold spaces and brackets.
    fields = status.rpartition(")")[2].split()
    # One that ended keeps its number until its parent asks how (Z): it no longer lives.
    return "ended" if fields[0] in "ZX" else f"{fields[19]}@{boot}"


def _exists(number: int) -> bool:
    if sys.platform == "win32":
        return _exists_on_windows(number)
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _exists_on_windows(number: int) -> bool:
    """`os.kill(number, 0)` would end the process there."""
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    query, still_active = 0x1000, 259
    handle = kernel.OpenProcess(query, False, number)
    if not handle:
        return False
    code = ctypes.c_ulong()
    try:
        return bool(kernel.GetExitCodeProcess(handle, ctypes.byref(code))) and (
            code.value == still_active
        )
    finally:
        kernel.CloseHandle(handle)
