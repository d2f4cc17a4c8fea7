"""Failures of programs that want a screen, which a container has not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprokit.diagnosing.mend import Mend
from reprokit.diagnosing.pattern import Pattern
from reprokit.diagnosing.protocol import Failure


def _screen(match: re.Match[str], failure: Failure) -> Mapping[str, str]:
    """`backend` is Matplotlib's without a screen, where Matplotlib is what asks for one."""
    drawing = any("matplotlib" in line or "pyplot" in line for line in failure.lines)
    return {"backend": "Agg" if drawing else ""}


DIAGNOSES = (
    Pattern(
        "no-screen",
        re.compile(
            r"(?:TclError: (?:no display name|couldn't connect to display)"
            r"|could not connect to display|cannot connect to X server|Can't open display"
            r"|unable to open X|HeadlessException|no DISPLAY environment variable"
            r"|as 'headless' is currently running|unable to start device|Can't connect to X11"
            r"|pyglet\.canvas\.xlib\.NoSuchDisplayException|bad X server connection"
            r"|unable to open connection to X11 display)",
            re.IGNORECASE,
        ),
        "the program wants a screen, and a container has none",
        "let it write its figures to files; for Matplotlib write "
        '`run.environment = {{ MPLBACKEND = "Agg" }}` into repro.toml; where it insists, '
        "`run.display = true` gives it one that nobody sees",
        _screen,
        (
            Mend(settings={"run.environment": {"MPLBACKEND": "{backend}"}}),
            Mend(settings={"run.display": True}),
        ),
    ),
)
