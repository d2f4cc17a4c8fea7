"""What a project of a stranger asks for beyond the tightest isolation, and whether it may."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from reprokit.errors import BadRequest
from reprokit.history.wording import printable, size
from reprokit.model import Plan, RunOptions

_USUAL = RunOptions()


class NotAllowed(BadRequest):
    """The user does not allow what the project asks for."""


class NobodyToAsk(NotAllowed):
    """Neither did anybody allow it, nor is there anybody to ask."""


def of_run(plan: Plan) -> tuple[str, ...]:
    """In words, each way in which a project's run is less confined than one without settings."""
    options, found = plan.options, []
    if options.network:
        found.append("network access while it runs")
    if options.pids > _USUAL.pids:
        found.append(f"up to {options.pids:,} processes (usually {_USUAL.pids:,})")
    if options.shared_memory > _USUAL.shared_memory:
        usual = size(_USUAL.shared_memory)
        found.append(f"{size(options.shared_memory)} of shared memory (usually {usual})")
    if plan.dockerfile is not None:
        found.append(f"to run as the user that {plan.dockerfile} names, maybe root")
    return tuple(found)


def of_build(plan: Plan, *, foreign: bool = False) -> tuple[str, ...]:
    """The same of building its image. `foreign`: its Dockerfile is not one that we write."""
    if plan.dockerfile is not None:
        return (f"network access while its {plan.dockerfile} is built, as root",)
    if foreign:
        return ("to build the archive's own Dockerfile, which this reprokit would not write",)
    return ()


def ask(asked: Sequence[str], source: str, *, yes: bool, before: Callable[[], None]) -> None:
    """Ask on the terminal; `yes` is the answer given beforehand. `before` is called before asking.

    Raises NotAllowed where the answer is no, and NobodyToAsk.
    """
    if not asked or yes:
        return
    listed = "\n".join(f"    {printable(text)}" for text in asked)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NobodyToAsk(
            f"{source} asks for less isolation than usual:\n{listed}",
            next="if you trust it, allow that with --yes",
        )
    before()
    print(f"{source} asks for less isolation than usual:\n{listed}", file=sys.stderr)
    print("Allow it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotAllowed(
            f"{source} was not allowed {', '.join(map(printable, asked))}: it did not run"
        )
