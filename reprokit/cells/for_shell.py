"""Values for a cell of a shell: variables, and files for what has no place in one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reprokit.cells import carrying
from reprokit.cells.carrying import CannotCarry, plain
from reprokit.cells.cell import GIVEN

LONGEST = 100_000
"""Bytes of a variable: the kernel lets no program be started with longer ones."""


def write(values: Mapping[str, Any], folder: Path) -> str:
    """Write the values below `folder`; shell that sets the variables. Raises CannotCarry."""
    lines = []
    for at, (name, value) in enumerate(values.items()):
        place = carrying.write(value, folder, str(at), name)
        text = f"{GIVEN}/in/{place.name}"
        if place.suffix == ".frame":
            text = f"{GIVEN}/in/{at}.csv"
            has_index = type(value.index).__name__ != "RangeIndex"
            try:
                value.to_csv(folder / f"{at}.csv", index=has_index, encoding="utf-8")
            except UnicodeEncodeError:
                raise CannotCarry(f"{name} holds half a character, which is no UTF-8") from None
        elif place.suffix == ".json":
            text = _text(plain.plain(value, name), name)
        lines.append(f"export {name}={shlex.quote(text)}\n")
    return "".join(lines)


def _text(value: Any, called: str) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    if "\0" in text:
        raise CannotCarry(f"{called} has a zero character, which no variable of a shell holds")
    try:
        size = len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise CannotCarry(f"{called} holds half a character, which is no UTF-8") from None
    if size > LONGEST:
        raise CannotCarry(f"{called} is longer than a variable of a shell can be")
    return text


def taking(names: Sequence[str]) -> str:
    """Shell that takes the variables of these names."""
    return "".join(
        f'_repro_take {at} {name} "${{{name}-}}" "${{{name}+set}}"\n'
        for at, name in enumerate(names)
    )
