"""The programs of the contract tests: each as a shell script, and as a function for the fake."""

from __future__ import annotations

from reprokit.engines.fake import Box, OutOfMemory, Program
from reprokit.model import Argv


def shell(script: str) -> Argv:
    return ("sh", "-c", script)


SPEAK = shell("echo first; echo second; sleep 0.1; echo third >&2; exit 3")
SLEEP = shell("exec sleep 60")
COPY = shell("cat /data/in > /results/out")
INTRUDE = shell("echo x > /data/in")
WHO = shell("id -u; id -g; echo $HOME; echo $GREETING")
GREEDY = shell("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done")
MAKE = shell("mkdir -p /app/deep; echo made > /app/deep/file; echo done")
COUNT = shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")
SHOW = shell("echo from execute; echo on the side >&2; exit 7")
MARKER = shell("cat /marker")


def _speak(box: Box) -> int:
    box.print("first")
    box.print("second")
    box.print("third", "stderr")
    return 3


def _sleep(box: Box) -> int:
    box.sleep(60)
    return 0


def _copy(box: Box) -> int:
    box.write("/results/out", box.read("/data/in"))
    return 0


def _intrude(box: Box) -> int:
    box.write("/data/in", b"x\n")
    return 0


def _who(box: Box) -> int:
    user, _, group = (box.request.user or "0:0").partition(":")
    for text in (user, group, box.environment.get("HOME", "/"), box.environment["GREETING"]):
        box.print(text)
    return 0


def _greedy(box: Box) -> int:
    raise OutOfMemory


def _make(box: Box) -> int:
    box.write("/app/deep/file", b"made\n")
    box.print("done")
    return 0


def _count(box: Box) -> int:
    for number in range(20000):
        box.print(f"line {number}")
    return 0


def _show(box: Box) -> int:
    box.print("from execute")
    box.print("on the side", "stderr")
    return 7


FUNCTIONS: dict[Argv, Program] = {
    SPEAK: _speak,
    SLEEP: _sleep,
    COPY: _copy,
    INTRUDE: _intrude,
    WHO: _who,
    GREEDY: _greedy,
    MAKE: _make,
    COUNT: _count,
    SHOW: _show,
}
