"""From a parsed command line to the verb that it names."""

from __future__ import annotations

import argparse

from reprokit import verbs
from reprokit.progress import Reporter

_QUIET = (
    "new", "notebook-template", "init", "plan", "status", "runs", "show", "diff", "plugins",
)  # fmt: skip
"""Verbs that are done at once, and so report no progress."""


def execute(
    arguments: argparse.Namespace, command: list[str] | None, reporter: Reporter
) -> verbs.Result:
    """Call the verb that a parsed command line names. command: what stands after `--`."""
    options = {k: v for k, v in vars(arguments).items() if k not in ("verb", "json")}
    if arguments.verb == "run":
        options["command"] = command
    if arguments.verb not in _QUIET:
        options["reporter"] = reporter
    name = "detach" if options.pop("detach", False) else function_name(arguments.verb)
    result: verbs.Result = getattr(verbs, name)(**options)
    return result


def function_name(verb: str) -> str:
    """The name of a verb's function in Python."""
    return verb.replace("-", "_")
