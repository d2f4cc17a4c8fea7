"""What makes a notebook give other results elsewhere, or on another day, although it works here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from reprokit.ecosystems.python.notebook_runner import without_own
from reprokit.ecosystems.python.notebooks import Notebook, python_of
from reprokit.frozen import frozen
from reprokit.history.wording import counted, shortened
from reprokit.initialising.facts import LiveKernel
from reprokit.initialising.sources import Source
from reprokit.model import JSON

_LISTED = 8
_ABSOLUTE = re.compile(r"(?:/|~[\w.-]*/|[A-Za-z]:[\\/]|\\\\\w)[^\n\0<>|*?\"]*")
_ROOTS = re.compile(
    r"(?:/(?:home|Users|mnt|media|data|scratch|srv|root|opt|tmp|var|Volumes|work|gpfs|lustre|project"
    r"s?|content|kaggle)/|~|[A-Za-z]:[\\/]|\\\\)"
)
_CONTAINER = ("/app/", "/dev/", "/proc/", "/sys/", "/etc/", "/bin/", "/usr/bin/")
_LINES = ("system", "getoutput", "run_line_magic")
"""What IPython makes of `!command` and `%magic`: methods of its shell that take the line."""
_SETS_ANY = re.compile(
    r"^\s*%(?:run|pylab)\b|^\s*%store\s+-r\s*$|\b(?:exec|globals)\s*\(", re.MULTILINE
)
_UP = re.compile(r"\.\.[\\/][^\n\0<>|*?\"]*")


@frozen
class Finding:
    """One thing to look at. `kind` is a word for programs ("order", "variable", "path", …)."""

    kind: str
    text: str
    place: str | None = None

    def json(self) -> dict[str, JSON]:
        return {"kind": self.kind, "text": self.text, "place": self.place}

    def __str__(self) -> str:
        return self.text if self.place is None else f"{self.place}: {self.text}"


def order(book: Notebook) -> Iterator[Finding]:
    """Cells that last ran before one that stands above them, and cells that never ran."""
    ran = [(number, book.counts[number]) for number, _ in book.cells if number in book.counts]
    for (above, first), (below, then) in pairwise(ran):
        if then < first:
            yield Finding(
                kind="order",
                text=f"ran before cell {above}, which stands above it ([{then}] and [{first}])",
                place=f"{book.path}, cell {below}",
            )
    if ran:
        left = [
            n for n, source in book.cells if n not in book.counts and without_own(source).strip()
        ]
        if left:
            text = f"{_cells(left)} did not run since the outputs were cleared, or ever"
            yield Finding(kind="order", text=text, place=book.path)


def live(kernel: LiveKernel, book: Notebook) -> Iterator[Finding]:
    """What this kernel ran or holds that the notebook, as last saved, does not have."""
    saved = {source.strip() for _, source in book.cells}
    edited = [
        number
        for number, source in kernel.history
        if source.strip() not in saved and without_own(source).strip()
    ]
    present, every = _bound(book)
    if not every:
        gone = sorted(name for name in kernel.names if name not in present)
        for name in gone[:_LISTED]:
            number = _set_in(kernel, name)
            came = f", which ran as [{number}]" if number is not None else ""
            yield Finding(
                kind="variable",
                text=f"no cell sets {name} ({kernel.names[name]}): it comes from a cell that was "
                f"deleted or changed{came}",
                place=book.path,
            )
        if len(gone) > _LISTED:
            text = f"and {counted(len(gone) - _LISTED, 'variable')} more that no cell sets"
            yield Finding(kind="variable", text=text, place=book.path)
    twice = _twice(kernel, book)
    if twice:
        text = (
            f"{_cells(twice)} ran more than once in this kernel: do they give the same each time?"
        )
        yield Finding(kind="order", text=text, place=book.path)
    if edited:
        shown = ", ".join(f"[{number}]" for number in edited[-_LISTED:])
        text = (
            f"ran code that no cell has as it was last saved ({shown}): a cell was edited or "
            "deleted since, or is not saved yet; save it, restart the kernel and run all cells"
        )
        yield Finding(kind="order", text=text, place=book.path)


def paths(sources: tuple[Source, ...], root: Path) -> Iterator[Finding]:
    """Absolute paths, and paths out of the project: neither is there in the container."""
    for source in sources:
        yield from _homes(source)
        for text, line in sorted(_texts(source), key=lambda found: found[1]):
            place = source.place(line)
            if _is_absolute(text):
                yield _absolute(text, place, root)
            elif _UP.fullmatch(text) and _leaves(text, source, root):
                said = f"{_shown(text)} is data outside the project: put it into data/"
                yield Finding(kind="outside", text=said, place=place)


def _is_absolute(text: str) -> bool:
    if _ABSOLUTE.fullmatch(text) is None or text.startswith(_CONTAINER) or len(text) > 500:
        return False
    return _ROOTS.match(text) is not None or (text.count("/") > 1 and _exists(Path(text)))


def _absolute(text: str, place: str, root: Path) -> Finding:
    try:
        inside = Path(text).expanduser().resolve().relative_to(root.resolve())
    except (ValueError, RuntimeError, OSError):
        said = f"{_shown(text)} exists on this machine only: put data into data/, and name it so"
        return Finding(kind="outside", text=said, place=place)
    said = f"{_shown(text)} is an absolute path: write '{inside.as_posix()}'"
    return Finding(kind="path", text=said, place=place)


def _leaves(text: str, source: Source, root: Path) -> bool:
    folder = (root / source.path).parent
    return not (folder / text.replace("\\", "/")).resolve().is_relative_to(root.resolve())


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _texts(source: Source) -> Iterator[tuple[str, int]]:
    """Texts in the code, docstrings and the like left out."""
    if source.tree is None:
        return
    alone = {
        id(node.value)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _called(node) in _LINES and "get_ipython" in source.text:
            for line in node.args:
                if isinstance(line, ast.Constant) and isinstance(line.value, str):
                    yield from ((word.strip("'\""), node.lineno) for word in line.value.split())
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone
        ):
            yield node.value, node.lineno


def _homes(source: Source) -> Iterator[Finding]:
    """The home folder, which is another one, and empty, in the container."""
    for node in ast.walk(source.tree) if source.tree is not None else ():
        if not isinstance(node, ast.Call):
            continue
        of = node.func.value if isinstance(node.func, ast.Attribute) else None
        last = getattr(of, "id", getattr(of, "attr", None))
        arguments = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        is_home = last == "Path" and _called(node) == "home"
        if is_home or (_called(node) == "expanduser" and arguments == ["~"]):
            said = "the home folder is this machine's: put data into data/, and name it so"
            yield Finding(kind="outside", text=said, place=source.place(node.lineno))


def _called(call: ast.Call) -> str:
    """The last part of a called function's name."""
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _shown(text: str) -> str:
    return f"'{shortened(text, 80)}'"


def _cells(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:_LISTED])) + (", …" if len(numbers) > _LISTED else "")
    return f"cell{'' if len(numbers) == 1 else 's'} {shown}"


def _bound(book: Notebook) -> tuple[frozenset[str], bool]:
    """The names that the cells set; and whether one may set any (`import *`, `exec`, no parse)."""
    found: set[str] = set()
    for _, source in book.cells:
        text = python_of(source)
        # A magic may set each name in its line: `%%capture out`, `%time x = 3`, `%store -r x`.
        for line in re.findall(r"^\s*%%?\w+\s+(.*)$", source, re.MULTILINE):
            found.update(re.findall(r"\w+", line))
        if text is None:
            continue
        names, every = bound_names(text)
        if every or _SETS_ANY.search(source):
            return frozenset(), True
        found |= names
        found.update(re.findall(r"^\s*(\w+)\s*=\s*[%!]", source, re.MULTILINE))
    return frozenset(found), False


def bound_names(text: str) -> tuple[frozenset[str], bool]:
    """The names that a piece of Python sets; True where these cannot be told."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset(), True
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if any(alias.name == "*" for alias in node.names):
                return frozenset(), True
            found.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, (ast.MatchAs, ast.MatchStar, ast.ExceptHandler)) and node.name:
            found.add(node.name)
    return frozenset(found), False


def _set_in(kernel: LiveKernel, name: str) -> int | None:
    """The number of the last code that set a name."""
    for number, source in reversed(kernel.history):
        text = python_of(source)
        if text is not None and name in bound_names(text)[0]:
            return number
    return None


def _twice(kernel: LiveKernel, book: Notebook) -> list[int]:
    counts: Mapping[str, int] = {
        source: sum(ran.strip() == source.strip() for _, ran in kernel.history)
        for _, source in book.cells
    }
    return [n for n, source in book.cells if counts[source] > 1 and without_own(source).strip()]
