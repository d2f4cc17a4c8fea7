"""Completion of `%repro`: verbs, the options of a verb and their values, runs, and paths; of
`%%repro` its options and the kernel's variables."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable, Iterator
from datetime import date as Date
from pathlib import Path
from typing import Any

from reprokit.errors import ReprokitError

RUNS = 50  # how many of the last runs are offered
_VALUES = {
    "again": ("all", "different", "failed"),
    "base": ("auto", "debian", "official", "ubuntu"),
    "engine": ("docker", "podman"),
}
_PATHS = frozenset({"path", "results", "output", "archive", "key", "report", "sign", "project"})
"""Options, by the name of their value."""
_WORD = re.compile(
    r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$)|\\$)+"""
    if os.name == "posix"
    else r"""(?:[^\s"]|"[^"]*(?:"|$))+"""
)
"""A word of a line as it stands there; a quote may still be open."""


def register(shell: Any, name: str) -> None:
    """Complete `%name …`, `x = %name …` and `%%name …`. Loading the extension twice is once."""
    identifier = f"reprokit.{name}"
    matchers = shell.Completer.custom_matchers
    if any(getattr(m, "matcher_identifier", None) == identifier for m in matchers):
        return
    line = re.compile(rf"(?:\s*[\w.]+\s*=)?\s*(?P<sign>%%?){name}\s+(?P<words>.*)")

    def matcher(context: Any) -> dict[str, Any]:
        found = line.fullmatch(context.text_until_cursor)
        if found is None:
            return _none()
        words = found["words"]
        if found["sign"] == "%":
            return _matches(words, complete(words))
        from reprokit.notebook import kernel

        return _matches(words, complete_cell(words, [name for name, _ in kernel.variables(shell)]))

    # The second version of IPython's protocol: only it can keep Python's own completions,
    # which know nothing of magics, from being mixed in.
    for attribute, value in (
        ("matcher_api_version", 2),
        ("matcher_priority", 1000),
        ("matcher_identifier", identifier),
    ):
        setattr(matcher, attribute, value)
    matchers.append(matcher)


def _none() -> dict[str, Any]:
    return {"completions": []}


def _matches(words: str, found: list[str]) -> dict[str, Any]:
    from IPython.core.completer import SimpleCompletion

    return {
        "completions": [SimpleCompletion(word) for word in found],
        "matched_fragment": _last(words),
        "suppress": True,
    }


def _last(line: str) -> str:
    """The word that is being typed, as it stands there; empty after a space."""
    found = [*_WORD.finditer(line)]
    return found[-1][0] if found and found[-1].end() == len(line) else ""


def _bare(word: str) -> str:
    """A word without its quotes."""
    if os.name != "posix":
        return word.replace('"', "")
    return re.sub(r"""\\(.?)|["']""", lambda found: found[1] or "", word)


def _written(word: str, typed: str) -> str:
    """A word as it must be written to be one, in the manner of what was typed of it."""
    if typed[:1] in ('"', "'"):
        return f"{typed[0]}{word}{'' if word.endswith('/') else typed[0]}"
    if os.name != "posix":
        return f'"{word}"' if re.search(r"\s", word) else word
    return re.sub(r"""([\s"'\\])""", r"\\\1", word)


def complete(words: str) -> list[str]:
    """What may stand where the cursor is, after the words so far: all begin with the last one."""
    typed = _last(words)
    before = [_bare(word) for word in _WORD.findall(words)]
    symbol = before.pop() if typed else ""
    return [_written(word, typed) for word in sorted(set(_following(before, symbol)))]


def _following(before: list[str], symbol: str) -> Iterator[str]:
    from reprokit import arguments

    if "--" in before:
        yield from _paths(symbol)
        return
    verbs = _verbs(arguments.build_parser())
    parser = verbs.get(before[0]) if before else None
    option, equals, value = symbol.partition("=")
    if not before:
        found: Iterable[str] = verbs
    elif parser is None:
        return
    elif equals and option in parser._option_string_actions:
        found = (f"{option}={word}" for word in _candidates(parser, [*before, option], value))
    else:
        found = _candidates(parser, before, symbol)
    yield from (word for word in found if word.startswith(symbol))


def complete_cell(words: str, variables: list[str]) -> list[str]:
    """The same for the first line of a cell; `variables` are the kernel's."""
    from reprokit import arguments

    symbol = _last(words)
    before = words.split()[:-1] if symbol else words.split()
    parser = arguments.cell_parser("")
    options = [word for word in before if word in parser._option_string_actions]
    if symbol.startswith("-"):
        wanted = [option for option in parser._option_string_actions if option != "-h"]
    elif options and options[-1] in ("-i", "--input", "-o", "--output"):
        done, comma, symbol = symbol.rpartition(",")
        return sorted(done + comma + name for name in variables if name.startswith(symbol))
    elif not before:
        wanted = ["python", "R", "sh"]
    else:
        wanted = [*_candidates(parser, before, symbol)]
    return sorted(word for word in set(wanted) if word.startswith(symbol))


def _candidates(parser: argparse.ArgumentParser, before: list[str], symbol: str) -> Iterator[str]:
    waiting = parser._option_string_actions.get(before[-1])
    if waiting is not None and waiting.nargs != 0:
        if waiting.choices:
            yield from map(str, waiting.choices)
        elif waiting.dest in _VALUES:
            yield from _VALUES[waiting.dest]
        elif waiting.dest == "date":
            yield Date.today().isoformat()
        elif waiting.dest == "parameters":
            yield from (f"{name}=" for name in _parameters(before))
        elif waiting.dest in _PATHS:
            yield from _paths(symbol)
        return
    if symbol.startswith("-"):
        yield from (option for option in parser._option_string_actions if option != "-h")
        return
    positional = {action.dest for action in parser._actions if not action.option_strings}
    if positional & {"run", "first", "second", "source"}:
        yield from ("last", *_runs())
    if positional & {"path", "directory", "folder", "list", "source"}:
        yield from _paths(symbol)


def _verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _runs() -> list[str]:
    """The last runs of all projects. A broken index is not told while somebody types."""
    from reprokit.history.index import Index

    try:
        return [entry.id for entry in Index().list(RUNS)]
    except ReprokitError:
        return []


def _parameters(before: list[str]) -> tuple[str, ...]:
    """The parameters of the notebook that the line names, or of the folder's only one."""
    from reprokit.ecosystems.python import notebooks
    from reprokit.notebook_runs.parameters import declared
    from reprokit.project import Project

    named = [Path(word) for word in before[1:] if Path(word).exists()]
    path = named[0] if named else Path()
    found = [path] if path.suffix == ".ipynb" else sorted(path.glob("*.ipynb"))
    if len(found) != 1:
        return ()
    try:
        return declared(notebooks.read(Project(found[0].parent), found[0].name))
    except (ReprokitError, OSError):
        return ()


def _paths(symbol: str) -> list[str]:
    folder, separator, start = symbol.rpartition("/")
    found = []
    try:
        for path in Path(folder + separator or ".").iterdir():
            hidden = path.name.startswith(".") and not start.startswith(".")
            if path.name.startswith(start) and not hidden:
                found.append(folder + separator + path.name + ("/" if path.is_dir() else ""))
    except OSError:
        return []
    return found
