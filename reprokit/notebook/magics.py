"""`%repro VERB …`: the same verbs and options as in a shell. No logic lives here.

A ReprokitError passes through: the cell fails, also where nobody looks on (nbclient), and what is
shown is the error's own text, see `ReprokitError._render_traceback_`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.progress import Reporter

NAME = "repro"
Shell = Any  # IPython.core.interactiveshell.InteractiveShell; its types differ between versions


def load_ipython_extension(shell: Shell) -> None:
    """Register the magic, its completion and the display of results."""
    from reprokit.notebook import completion, display

    def magic(line: str) -> Any:
        return repro(shell, line)

    magic.__doc__ = repro.__doc__
    shell.register_magic_function(magic, "line", NAME)
    completion.register(shell, NAME)
    display.register(shell)


def repro(shell: Shell, line: str) -> Any:
    """%repro VERB ...: what `reprokit VERB ...` does in a shell, shown in the notebook.

    `%repro run` builds this project's environment and runs its experiment in it;
    `%repro plan` says what that would be. `%repro --help` lists the verbs,
    `%repro run --help` the options of one. `r = %repro run` keeps the result;
    the equal Python call is `reprokit.run(".")`.
    """
    from reprokit import arguments, verbs

    words, command = arguments.split_command(_split(line))
    try:
        parsed = arguments.build_parser(f"%{NAME}").parse_args(words)
    except SystemExit:  # --help and --version have said all there is to say
        return None
    reporter = _reporter(shell, line)
    try:
        result = verbs.execute(parsed, command, reporter)
    finally:
        reporter.finish()
    return _shown(result, as_json=parsed.json)


def _split(line: str) -> list[str]:
    """Words as a shell splits them; on Windows backslashes stay what they are."""
    import IPython.utils.process as processes

    from reprokit.errors import BadRequest

    ipython: Any = processes
    try:
        words: list[str] = ipython.arg_split(line, posix=os.name == "posix")
    except ValueError as error:
        raise BadRequest(f"the line cannot be read: {error}", where=f"%{NAME} {line}") from error
    return words if os.name == "posix" else [word.strip("\"'") for word in words]


def _reporter(shell: Shell, line: str) -> Reporter:
    """A live display where the shell has a front end, lines where it is a terminal's IPython."""
    if hasattr(shell, "kernel"):
        from reprokit.notebook.live import LiveReporter

        return LiveReporter(command=f"reprokit {line}".strip())
    from reprokit.terminal import TerminalReporter

    return TerminalReporter(program_to_stdout=True)


def _shown(result: Any, *, as_json: bool) -> Any:
    """The cell's value: the result, or nothing after it was printed as JSON. A run that failed
    is shown first, with what it left behind, and then fails the cell."""
    failure = getattr(result, "failure", None)
    if as_json:
        import json

        print(json.dumps(result.json(), ensure_ascii=False, indent=1, sort_keys=True))
    elif failure is not None:
        from IPython import display

        show: Any = display.display
        show(result)
    if failure is not None:
        raise failure
    return None if as_json else result
