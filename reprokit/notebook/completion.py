"""Completion of `%repro`: verbs, the options of a verb, runs, and paths; of `%%repro` its options
and the kernel's variables."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reprokit.errors import ReprokitError

RUNS = 50  # how many of the last runs are offered


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


def _last(words: str) -> str:
    """The word that is being typed; empty after a space."""
    return "" if not words or words[-1].isspace() else words.split()[-1]


def complete(words: str) -> list[str]:
    """What may stand where the cursor is, after the words so far: all begin with the last one."""
    from reprokit import arguments

    symbol = _last(words)
    before = words.split()[:-1] if symbol else words.split()
    if "--" in before:
        return sorted(_paths(symbol))
    verbs = _verbs(arguments.build_parser())
    if not before:
        return sorted(verb for verb in verbs if verb.startswith(symbol))
    parser = verbs.get(before[0])
    if parser is None:
        return []
    wanted = set(_candidates(parser, before, symbol))
    return sorted(word for word in wanted if word.startswith(symbol))


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
        elif waiting.dest == "again":
            yield from ("all", "different", "failed")
        elif waiting.dest in ("path", "results", "output", "archive"):
            yield from _paths(symbol)
        return
    if symbol.startswith("-"):
        yield from (option for option in parser._option_string_actions if option != "-h")
        return
    positional = {action.dest for action in parser._actions if not action.option_strings}
    if positional & {"run", "first", "second"}:
        yield from ("last", *_runs())
    if positional & {"path", "directory", "folder", "list"}:
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
