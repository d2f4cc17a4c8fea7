"""What the kernel that asks knows: its modules, its history, its variables and its notebook."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from reprokit.initialising.facts import LiveKernel, this_interpreter
from reprokit.notebook import clock
from reprokit.notebook_runs.unsaved import Ran

_SHELLS_OWN = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open"})


def current() -> LiveKernel | None:
    """The kernel, or the terminal's IPython, that this code runs in; `None` where there is none."""
    shell = _shell()
    return None if shell is None else live(shell)


def ran() -> Ran | None:
    """What this kernel ran of its notebook; `None` where there is no kernel, or it was not told
    which notebook is its."""
    import psutil  # comes with ipykernel

    shell = _shell()
    notebook = None if shell is None else _notebook(shell)[0]
    if notebook is None:
        return None
    known = clock.of(shell)
    began = {} if known is None else known.began
    return Ran(
        notebook=notebook,
        since=psutil.Process().create_time(),
        cells=tuple((number, source, began.get(number)) for number, source in _history(shell)),
    )


def live(shell: Any) -> LiveKernel:
    """Read, nothing else: no variable is looked into, nothing is imported."""
    notebook, said = _notebook(shell)
    # What a terminal ran is nobody's notebook.
    is_terminal = not hasattr(shell, "kernel")
    held = [] if is_terminal else variables(shell)
    return LiveKernel(
        modules=frozenset(name.partition(".")[0] for name in list(sys.modules)),
        history=() if is_terminal else _history(shell),
        names={name: type(value).__name__ for name, value in held},
        notebook=notebook,
        notebook_said=said,
        environment=this_interpreter("this kernel's"),
    )


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _history(shell: Any) -> tuple[tuple[int, str], ...]:
    """What was run since the kernel began, by number."""
    listed = list(enumerate(shell.history_manager.input_hist_raw))[1:]
    return tuple((number, source) for number, source in listed if source.strip())


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
