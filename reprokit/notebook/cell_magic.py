"""`%%repro`: the cell in the project's container. No logic lives here, see `reprokit.cell`."""

from __future__ import annotations

import argparse
import codecs
import difflib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from reprokit.errors import BadRequest
from reprokit.notebook import kernel
from reprokit.progress import Reporter

if TYPE_CHECKING:
    from reprokit.pipeline.cells import CellResult

SHOWN = 256 * 1024
"""Letters of output that a notebook keeps of a cell; all is in the log."""
TAIL = 4096
"""Letters of its end that are shown where there was more."""


def run(
    shell: Any, command: str, text: str, parsed: argparse.Namespace, reporter: Reporter
) -> CellResult:
    """Run a cell with this kernel's values, and set those that it gives."""
    from reprokit.pipeline.cells import cell

    options = {k: v for k, v in vars(parsed).items() if k not in ("json", "inputs", "outputs")}
    stream = Stream()
    result = cell(
        text,
        inputs=variables(shell, parsed.inputs),
        outputs=names(parsed.outputs),
        line=command,
        output=stream.write,
        reporter=reporter,
        **options,
    )
    stream.close()
    shell.push(dict(result.values))
    return result


def names(words: list[str]) -> list[str]:
    """The names that an option gives, one a word or several with commas between."""
    return [name for word in words for name in word.split(",") if name]


def variables(shell: Any, words: list[str]) -> dict[str, Any]:
    """The values of this kernel's variables. Raises BadRequest for a name that has none."""
    found = {}
    for name in names(words):
        if name not in shell.user_ns:
            near = difflib.get_close_matches(name, dict(kernel.variables(shell)), 1)
            raise BadRequest(
                f"there is no variable {name} in this kernel, which -i names",
                next=f"is {near[0]} meant?" if near else "run the cell that sets it first",
            )
        found[name] = shell.user_ns[name]
    return found


class CellReporter:
    """Shows what has to be done before a cell can run, and nothing where nothing has to."""

    def __init__(self, make: Callable[[], Reporter]) -> None:
        self._make = make
        self._shown: Reporter | None = None

    def phase(self, name: str, expected: float | None = None) -> None:
        """Locking, fetching and building take their time; planning takes none."""
        if name in ("lock", "fetch", "build"):
            self._shown = self._shown or self._make()
            self._shown.phase(name, expected)
        else:
            self.finish()

    def message(self, text: str) -> None:
        """One line about what is happening now."""
        if self._shown is not None:
            self._shown.message(text)

    def log(self, line: str) -> None:
        """A line of a build's output."""
        if self._shown is not None:
            self._shown.log(line)

    def advance(self, done: int, total: int | None, unit: str = "B") -> None:
        """How far the present phase is."""
        if self._shown is not None:
            self._shown.advance(done, total, unit)

    def warning(self, text: str) -> None:
        """A line that stays."""
        if self._shown is not None:
            self._shown.warning(text)
        else:
            print(f"warning: {text}", file=sys.stderr)

    def finish(self, *, failed: bool = False, left: bool = False) -> None:
        """The container starts, or it never will."""
        if self._shown is not None:
            self._shown.finish(failed=failed, left=left)
            self._shown = None


class Stream:
    """Writes what a cell prints below it, as it comes, up to what a notebook can bear."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {"stdout": decoder("replace"), "stderr": decoder("replace")}
        self._left = SHOWN
        self._tail = ""
        self._latest: TextIO | None = None

    def write(self, stream: str, content: bytes) -> None:
        """Some bytes of a stream, which may end in the middle of a letter."""
        text = self._decoders[stream].decode(content)
        shown, rest = text[: self._left], text[self._left :]
        self._left -= len(shown)
        if shown:
            target = sys.stderr if stream == "stderr" else sys.stdout
            if target is not self._latest and self._latest is not None:
                self._latest.flush()  # so that both stand in the order in which they came
            # A kernel sends what was written a few times a second by itself.
            target.write(shown)
            self._latest = target
        if rest:
            self._tail = (self._tail + rest)[-TAIL:]

    def close(self) -> None:
        """Show the end of what was too much."""
        if self._latest is not None:
            self._latest.flush()
        if self._tail:
            end = self._tail.partition("\n")[2] or self._tail
            print(f"\n… more than is shown here; all of it: %repro logs\n{end}", flush=True)
