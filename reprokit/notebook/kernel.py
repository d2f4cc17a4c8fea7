"""What the kernel that asks knows: its modules, its history, its variables and its notebook."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from reprokit.initialising.facts import LiveKernel, this_interpreter

_SHELLS_OWN = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open"})


def current() -> LiveKernel | None:
    """The kernel, or the terminal's IPython, that this code runs in; `None` where there is none."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return None if shell is None else live(shell)


def live(shell: Any) -> LiveKernel:
    """Read, nothing else: no variable is looked into, nothing is imported."""
    notebook, said = _notebook(shell)
    # What a terminal ran is nobody's notebook.
    is_terminal = not hasattr(shell, "kernel")
    ran = [] if is_terminal else list(enumerate(shell.history_manager.input_hist_raw))[1:]
    held = [] if is_terminal else variables(shell)
    return LiveKernel(
        modules=frozenset(name.partition(".")[0] for name in list(sys.modules)),
        history=tuple((number, source) for number, source in ran if source.strip()),
        names={name: type(value).__name__ for name, value in held},
        notebook=notebook,
        notebook_said=said,
        environment=this_interpreter("this kernel's"),
    )


def variables(shell: Any) -> list[tuple[str, Any]]:
    """The user's own variables, by name."""
    hidden = getattr(shell, "user_ns_hidden", {})
    return [
        (name, value)
        for name, value in list(shell.user_ns.items())
        if not name.startswith("_")
        and name not in _SHELLS_OWN
        and not isinstance(value, ModuleType)
        and not (name in hidden and hidden[name] is value)
    ]


def _notebook(shell: Any) -> tuple[Path | None, str]:
    """The kernel's notebook, and how it is known; no kernel is told, only its front end knows."""
    if not hasattr(shell, "kernel"):
        return None, "none: this is a terminal"
    stated = {
        "VS Code": shell.user_ns.get("__vsc_ipynb_file__"),
        "Jupyter": os.environ.get("JPY_SESSION_NAME"),
    }
    for front_end, name in stated.items():
        if not isinstance(name, str) or not name.endswith(".ipynb"):
            continue
        for place in (Path(name), Path.cwd() / Path(name).name):
            if place.is_file():
                return place, f"named by {front_end}"
        return None, (
            f"not known: {front_end} began this kernel for {Path(name).name}, which is not there; "
            "name the notebook: %repro init NAME.ipynb"
        )
    return None, "not known: nobody told this kernel; name it: %repro init NAME.ipynb"
