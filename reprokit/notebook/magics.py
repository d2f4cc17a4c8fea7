"""`%repro VERB …`: the same verbs and options as in a shell. No logic lives here.

A ReprokitError passes through: the cell fails, also where nobody looks on (nbclient), and what is
shown is the error's own text, see `ReprokitError._render_traceback_`.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprokit.errors import ReprokitError
    from reprokit.notebook.display import Said
    from reprokit.progress import Reporter

NAME = "repro"
_VERB = re.compile(r"((?<=`)|(?<=    ))reprokit (?=[a-z])")
"""A command in an advice: in back-ticks, or on an indented line of its own."""
_ASKED = re.compile(
    r"^[ \t]*(?:\?\??[ \t]*%repro[ \t]+([\w-]+)|%repro[ \t]+([\w-]+)[ \t]*\?\??)[ \t]*$"
)
"""`%repro run?` or `?%repro run`, on a line of its own."""
Shell = Any  # IPython.core.interactiveshell.InteractiveShell; its types differ between versions


def load_ipython_extension(shell: Shell) -> None:
    """Register the magic, its completion and the display of results."""
    from reprokit.notebook import clock, completion, display

    said = display.Said()

    def magic(line: str, cell: str | None = None) -> Any:
        return repro(shell, line, said) if cell is None else repro_cell(shell, line, cell)

    magic.__doc__ = f"{repro.__doc__}\n\n{repro_cell.__doc__}"
    shell.register_magic_function(magic, "line_cell", NAME)
    if _help_of_verbs not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_help_of_verbs)
    clock.register(shell)
    completion.register(shell, NAME)
    display.register(shell, said)


def _help_of_verbs(lines: list[str]) -> list[str]:
    """`%repro run?` asks for the help of the verb: IPython would look for a magic `%run`."""
    asked = _ASKED.match(lines[0]) if len(lines) == 1 else None
    return lines if asked is None else [f"%repro {asked[1] or asked[2]} --help\n"]


def repro(shell: Shell, line: str, said: Said) -> Any:
    """%repro VERB ...: what `reprokit VERB ...` does in a shell, shown in the notebook.

    `%repro run` builds this project's environment and runs its experiment in it;
    `%repro plan` says what that would be. `%repro --help` lists the verbs,
    `%repro run?` the options of one. `r = %repro run` keeps the result;
    the equal Python call is `reprokit.run(".")`.
    """
    from reprokit.errors import ReprokitError

    command = f"reprokit {line}".strip()
    try:
        return _done(shell, line, command, said)
    except ReprokitError as error:
        _teach(error, command)
        raise


def repro_cell(shell: Shell, line: str, text: str) -> Any:
    """%%repro [python|R|sh] [-i NAME ...] [-o NAME ...]: the cell in the project's container.

    It has the same packages as `%repro run`, no network, and nothing of this kernel but the
    variables that -i names; those that -o names are set here afterwards. Figures that are open
    when it ends are shown, and what it writes to results/. The record keeps it.

        %%repro -i data threshold -o fit
        %%repro R -i data -o model
        %%repro sh -o version

    Plain values, NumPy arrays, pandas data frames and series can be carried. Other options:
    --project PATH, --memory SIZE, --timeout SECONDS, --network, --results DIR, --date YYYY-MM-DD,
    --base NAME, --engine NAME, --json (the record is printed). In Python the same is
    `reprokit.cell(text, "python", inputs={"x": x}, outputs=["y"])`.
    """
    from reprokit import arguments
    from reprokit.errors import ReprokitError
    from reprokit.notebook import cell_magic

    try:
        parsed = arguments.cell_parser(f"%%{NAME}").parse_args(_split(line))
    except SystemExit:
        return None
    except ReprokitError as error:
        _teach(error, None)
        raise
    command = f"%%{NAME} {line}".strip()
    reporter = cell_magic.CellReporter(lambda: _reporter(shell, command))
    failed = True
    try:
        result = cell_magic.run(shell, command, text, parsed, reporter)
        failed = False
    except KeyboardInterrupt:
        raise _interrupted() from None
    except ReprokitError as error:
        _teach(error, None)
        raise
    finally:
        reporter.finish(failed=failed)
    if result.failure is not None:
        _teach(result.failure, None)
    return _shown(result, as_json=parsed.json)


def _done(shell: Shell, line: str, command: str, said: Said) -> Any:
    from reprokit import arguments, dispatch
    from reprokit.errors import CommandFailed, Interrupted, NoLongerAttached

    words, own = arguments.split_command(_split(line))
    try:
        parsed = arguments.build_parser(f"%{NAME}").parse_args(words)
    except SystemExit:  # --help and --version have said all there is to say
        return None
    reporter = _reporter(shell, command)
    failed, left = True, False
    try:
        result = dispatch.execute(parsed, own, reporter)
        failed = isinstance(getattr(result, "failure", None), CommandFailed | Interrupted)
    except NoLongerAttached:
        failed, left = False, True
        raise
    except KeyboardInterrupt:
        raise _interrupted() from None
    finally:
        reporter.finish(failed=failed, left=left)
    said.result, said.command = result, command
    return _shown(result, as_json=parsed.json)


def _interrupted() -> ReprokitError:
    """The stop button was pressed while no container of the project's ran."""
    from reprokit.errors import Interrupted

    return Interrupted(
        "stopped before it was done",
        next="nothing is left running; what was fetched and built is kept for the next time",
    )


def _teach(error: ReprokitError, command: str | None) -> None:
    """In a notebook the way on is a magic, and the equal command, where there is one, is what a
    shell would be given."""
    if error.next is not None:
        error.next = _VERB.sub(f"%{NAME} ", error.next)
    if command is not None:
        error.add_note(f"in a shell: {command}")


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


def _reporter(shell: Shell, command: str) -> Reporter:
    """A live display where the shell has a front end, lines where it is a terminal's IPython."""
    if hasattr(shell, "kernel"):
        from reprokit.notebook.live import LiveReporter

        return LiveReporter(command)
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
