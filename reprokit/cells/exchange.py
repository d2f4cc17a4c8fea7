"""The two folders that a cell's container has besides the results: what is given, what is taken.

What is taken was written by the container, and nobody knows what it is: it is looked at only after
`examine` has found that it holds nothing but files and folders.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reprokit import files
from reprokit.cells import carrying, for_r, for_shell
from reprokit.cells.cell import GIVEN, LANGUAGES, TAKEN, Cell
from reprokit.engines.protocol import Bind
from reprokit.errors import BadRequest, CommandFailed
from reprokit.frozen import frozen
from reprokit.model import JSON
from reprokit.printable import printable, redacted

LARGEST = 8 * 1024**3
"""Bytes that a container may leave among its values."""
_ENDING = "ending.json"
"""Where a cell that fails leaves word of why."""
FIGURES = 40
"""Figures that are kept."""
_OF_R = (
    "NULL, vectors of truth values, numbers and text, lists of these, arrays of numbers, and "
    "data.frames, whose columns may also be factors and times; for most others there is a function "
    "that makes one of these, such as as.character, coef or as.data.frame"
)
_OWN = Path(__file__).parent
Output = Callable[[str, bytes], None]
"""Receives the name of a stream and bytes that the cell wrote to it."""


@frozen
class Exchange:
    """A cell with its folders. `output` receives what it prints, as it comes."""

    cell: Cell
    folder: Path
    output: Output | None = None

    @property
    def given(self) -> Path:
        return self.folder / "given"

    @property
    def taken(self) -> Path:
        return self.folder / "taken"

    def binds(self) -> tuple[Bind, ...]:
        """What the container sees of it."""
        return (
            Bind(source=self.given, target=GIVEN),
            Bind(source=self.taken, target=TAKEN, writable=True),
        )

    def account(self, folder: Path) -> dict[str, JSON]:
        """What the record says of the cell, once its container has ended; its text and its figures
        are kept in `folder`, the run's own. What is unfit to be looked at is left out."""
        cell, file = self.cell, LANGUAGES[self.cell.language].file
        shutil.copyfile(self.given / file, folder / file)
        try:
            examine(self)
            fit = True
        except CommandFailed:
            fit = False  # `values` says so
        failed = (self.taken / _ENDING).exists()
        return {
            "language": cell.language,
            "headline": redacted(cell.headline),
            "source": redacted(cell.source),
            "sha256": files.sha256(folder / file),
            "inputs": [*_carried(self.given / "in", cell.inputs)],
            "outputs": [*_carried(self.taken, cell.outputs)] if fit and not failed else [],
            "figures": [*_figures(self, folder)] if fit else [],
        }


def lay_out(cell: Cell, folder: Path, output: Output | None = None) -> Exchange:
    """Write the cell, the program that runs it and the values below an empty folder.

    Raises BadRequest for a value that cannot be carried.
    """
    exchange = Exchange(cell=cell, folder=folder, output=output)
    language = LANGUAGES[cell.language]
    try:
        values = exchange.given / "in"
        values.mkdir(parents=True)
        exchange.taken.mkdir()
        (exchange.given / language.file).write_bytes(cell.source.encode("utf-8"))
        _WRITERS[cell.language](cell, exchange.given)
        _readable(exchange.given)
    except carrying.CannotCarry as error:
        raise BadRequest(
            f"{error}: it cannot be carried into the container",
            where=cell.line,
            next=f"these can: {carrying.CARRIED}",
        ) from error
    except UnicodeEncodeError as error:
        raise BadRequest("the cell holds half a character", where=cell.line) from error
    except OSError as error:
        raise files.storage_failed(error, exchange.given) from error
    return exchange


def _for_python(cell: Cell, given: Path) -> None:
    for at, (name, value) in enumerate(cell.inputs.items()):
        carrying.write(value, given / "in", str(at), name)
    asked = {"inputs": [*cell.inputs], "outputs": [*cell.outputs]}
    (given / "cell.json").write_text(json.dumps(asked), "ascii")
    shutil.copyfile(_OWN / "start.py", given / "start.py")
    (given / "carrying").mkdir()
    for module in sorted((_OWN / "carrying").glob("*.py")):
        shutil.copyfile(module, given / "carrying" / module.name)


def _for_r(cell: Cell, given: Path) -> None:
    (given / "given.R").write_text(for_r.write(cell.inputs, given / "in"), "utf-8")
    names = ", ".join(map(for_r.quoted, cell.outputs))
    (given / "outputs.R").write_text(f"c({names})\n", "utf-8")
    shutil.copyfile(_OWN / "start.R", given / "start.R")


def _for_shell(cell: Cell, given: Path) -> None:
    written = for_shell.write(cell.inputs, given / "in")
    (given / "given.sh").write_bytes(written.encode("utf-8", "surrogateescape"))
    (given / "outputs.sh").write_text(for_shell.taking(cell.outputs), "ascii")
    shutil.copyfile(_OWN / "start.sh", given / "start.sh")


_WRITERS: Mapping[str, Callable[[Cell, Path], None]] = {
    "python": _for_python,
    "R": _for_r,
    "sh": _for_shell,
}


def _readable(folder: Path) -> None:
    """Whatever the user's umask: the container may run as somebody else."""
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in names:
            (Path(parent) / name).chmod(0o644)


def examine(exchange: Exchange) -> None:
    """Raises CommandFailed where the container left something else than files and folders, or more
    than is looked at."""
    size = 0
    for parent, folders, names in os.walk(exchange.taken):
        for name in (*folders, *names):
            found = (Path(parent) / name).lstat()
            size += found.st_size
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise _unfit(f"{name!r} is a link or a device", exchange)
    if size > LARGEST:
        raise _unfit(f"they have more than {LARGEST // 1024**3} GiB", exchange)


def _unfit(why: str, exchange: Exchange) -> CommandFailed:
    return CommandFailed(
        f"the container left values that are not looked at: {printable(why)}",
        where=exchange.cell.line,
        next="only the cell itself can have done that",
    )


def _no_table(why: str, exchange: Exchange) -> CommandFailed:
    """A shell's variable is taken for a file wherever it is the name of one."""
    return CommandFailed(
        why,
        where=exchange.cell.line,
        next="of a .csv or .json file that a variable names, the content is taken out, which must "
        "be what its name says; to take it as text, set the variable to it: x=$(cat FILE)",
    )


def _carried(folder: Path, names: Any) -> Iterator[JSON]:
    """Each value that there is, with the hash of its file; of a folder that of the list of its
    files, as sha256sum prints it."""
    for at, name in enumerate(names):
        place = carrying.place(folder, str(at))
        if place is None:
            continue
        parts = sorted(place.iterdir()) if place.is_dir() else [place]
        sums = [(part.name, files.sha256(part)) for part in parts]
        listing = "".join(f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in sums)
        yield {
            "name": name,
            "kind": carrying.KINDS[place.suffix],
            "size": sum(part.stat().st_size for part in parts),
            "sha256": files.sha256_text(listing) if place.is_dir() else sums[0][1],
        }


def _figures(exchange: Exchange, folder: Path) -> Iterator[JSON]:
    """Move the figures into the run's folder."""
    for number in range(1, FIGURES + 1):
        name = f"figures/figure-{number}.png"
        if (exchange.taken / name).is_file():
            (folder / "figures").mkdir(exist_ok=True)
            shutil.copyfile(exchange.taken / name, folder / name)
            size = (folder / name).stat().st_size
            yield {"path": name, "size": size, "sha256": files.sha256(folder / name)}


def values(exchange: Exchange) -> dict[str, Any]:
    """The values that were taken out, by name. Raises CommandFailed for what is damaged, BadRequest
    for what this kernel cannot hold."""
    examine(exchange)
    found = {}
    for at, name in enumerate(exchange.cell.outputs):
        place = carrying.place(exchange.taken, str(at))
        if place is None:
            raise _unfit(f"there is no {name}", exchange)
        try:
            found[name] = carrying.read(place, name)
        except carrying.Damaged as error:
            if exchange.cell.language == "sh":
                raise _no_table(printable(str(error)), exchange) from error
            raise _unfit(str(error), exchange) from error
        except carrying.CannotCarry as error:
            raise BadRequest(
                str(error),
                where=exchange.cell.line,
                next=f"install it for this kernel: %pip install {error.library}",
            ) from error
    return found


def failure(exchange: Exchange, cause: JSON = None) -> CommandFailed | None:
    """Why the cell failed, where it left word of that. cause: what the record says of it."""
    try:
        examine(exchange)
        said = json.loads((exchange.taken / _ENDING).read_bytes()[:65536])
        error, line = str(said["error"]), said.get("line")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    where = f"line {line} of the cell" if isinstance(line, int) else exchange.cell.line
    known = str(cause["next"]) if isinstance(cause, dict) and cause["next"] else None
    advice = _advice(said, exchange.cell, known)
    return CommandFailed(printable(error)[:1000], where=where, next=advice)


def _advice(said: dict[str, Any], cell: Cell, known: str | None) -> str:
    """What to do next. known: what a run that fails with such a log is told."""
    missing = said.get("missing") or said.get("library")
    if isinstance(missing, str):
        package = printable(missing)[:60].partition(".")[0]
        known = known or f"name {package} in the project's requirements, and run it again"
        return f"the container has what the project declares, not what this kernel has: {known}"
    if said.get("carried"):
        return f"these can be taken out: {_OF_R if cell.language == 'R' else carrying.CARRIED}"
    if any(line.lstrip().startswith(("%", "!")) for line in cell.text.splitlines()):
        return "magics and ! belong to the notebook's kernel; for commands there is %%repro sh"
    return known or "what it printed is above and in the log; results so far are kept"
