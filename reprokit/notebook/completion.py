"""Completion of `%repro`: verbs, the options of a verb, runs, and paths."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from reprokit.errors import ReprokitError

RUNS = 50  # how many of the last runs are offered


class Event(Protocol):
    """What IPython tells a completer."""

    text_until_cursor: str
    symbol: str


def register(shell: Any, name: str) -> None:
    """Complete `%name …` and `x = %name …`."""

    def completer(completing: Any, event: Event) -> list[str]:
        return complete(event)

    shell.set_hook("complete_command", completer, str_key=f"%{name}")
    assigned = re.compile(rf"\s*[\w.]+\s*=\s*%{name}\s")
    shell.set_hook("complete_command", completer, re_key=assigned)


def complete(event: Event) -> list[str]:
    """What may stand where the cursor is; everything begins with `event.symbol`."""
    from reprokit import arguments

    before = event.text_until_cursor.partition("%")[2].split()[1:]
    if event.symbol and before and before[-1].endswith(event.symbol):
        before = before[:-1]
    if "--" in before:
        return _paths(event.symbol)
    verbs = _verbs(arguments.build_parser())
    if not before:
        return sorted(verb for verb in verbs if verb.startswith(event.symbol))
    parser = verbs.get(before[0])
    if parser is None:
        return []
    wanted = set(_candidates(parser, before, event.symbol))
    return sorted(word for word in wanted if word.startswith(event.symbol))


def _candidates(parser: argparse.ArgumentParser, before: list[str], symbol: str) -> Iterator[str]:
    waiting = parser._option_string_actions.get(before[-1])
    if waiting is not None and waiting.nargs != 0:
        if waiting.choices:
            yield from map(str, waiting.choices)
        elif waiting.dest in ("path", "results"):
            yield from _paths(symbol)
        return
    if symbol.startswith("-"):
        yield from (option for option in parser._option_string_actions if option != "-h")
        return
    positional = {action.dest for action in parser._actions if not action.option_strings}
    if positional & {"run", "first", "second"}:
        yield from ("last", *_runs())
    if positional & {"path", "directory"}:
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
