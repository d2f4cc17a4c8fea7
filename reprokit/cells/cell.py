"""A `%%repro` cell: what it is made of, and which languages there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.history.wording import shortened
from reprokit.model import Argv

GIVEN = "/opt/reprokit/cell"
"""Where the container has the cell and the values that go in; it is read-only."""
TAKEN = "/opt/reprokit/taken"
"""Where the container leaves the values that come out."""


_PYTHON = 'p=$(command -v python || command -v python3) || exit 127; exec "$p" "$@"'
"""The project's own is called python; a distribution's often is not."""


@frozen
class Language:
    """How cells of a language run. `runtime`: what the plan calls it, `None` where every container
    has it; `declare`: what a project without it is told; `file`: what the cell's file is called."""

    title: str
    runtime: str | None
    declare: str
    file: str
    command: Argv


LANGUAGES: Mapping[str, Language] = {
    "python": Language(
        title="Python",
        runtime="python",
        declare="name what the cell needs in a requirements.txt",
        file="cell.py",
        command=("sh", "-c", _PYTHON, "python", "-u", f"{GIVEN}/start.py", TAKEN),
    ),
    "R": Language(
        title="R",
        runtime="r",
        declare='write `r.packages = ["NAME"]` into repro.toml, of what the cell needs, or for R '
        'alone `system.packages = ["r-base-core"]`',
        file="cell.R",
        command=("Rscript", "--no-save", f"{GIVEN}/start.R", TAKEN),
    ),
    "sh": Language(
        title="shell",
        runtime=None,
        declare="",
        file="cell.sh",
        command=("sh", f"{GIVEN}/start.sh"),
    ),
}


@frozen
class Cell:
    """A cell: its first line, the text below it, and the values it is given by name. `outputs` are
    the names of those that are taken out of it."""

    language: str
    line: str
    text: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ()

    @property
    def source(self) -> str:
        """The file that runs. The first line is a comment, so that the lines have the numbers
        that an editor shows."""
        return f"# {' '.join(self.line.split())}\n{self.text}"

    @property
    def headline(self) -> str:
        """The cell in one line, for the list of runs."""
        lines = (line.strip() for line in self.text.splitlines())
        first = next((line for line in lines if line and not line.startswith("#")), "")
        return shortened(f"{self.line.strip()}: {first}" if first else self.line.strip(), 200)


def checked(cell: Cell) -> Cell:
    """The cell, or a BadRequest that says what of it makes no sense."""
    if cell.language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise BadRequest(f"there are no cells in {cell.language!r}", next=f"there are: {known}")
    if not cell.text.strip():
        raise BadRequest("the cell is empty", next="write what is to run below its first line")
    for name in (*cell.inputs, *cell.outputs):
        if not name.isidentifier() or (cell.language == "sh" and not name.isascii()):
            raise BadRequest(
                f"{name!r} is no name of a variable in both languages",
                next="-i and -o take names: letters, digits and underscores",
            )
    twice = [name for name in cell.outputs if list(cell.outputs).count(name) > 1]
    if twice:
        raise BadRequest(f"-o names {twice[0]} twice", next="name it once")
    return cell
