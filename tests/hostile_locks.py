"""A lock by a stranger: each text of a real lock in turn becomes something that would do harm."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reprokit import lock_file
from reprokit.errors import ReprokitError
from reprokit.phases.render import render
from reprokit.pipeline.job import Wishes, prepare

MARK = "HARM"
TEXTS = (f"a\nRUN touch {MARK}", f"a; touch {MARK} #", f"$(touch {MARK})", f"a'; touch {MARK}; '")
_LINE_GOES_ON = re.compile(r"\\\n")
_QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"")

Place = tuple[str | int, ...]


def attack(project: Path) -> int:
    """Render the project under hostile locks: refused, or the same instructions with the text in
    quotes. The number of locks that were tried."""
    job = prepare(project, Wishes())
    text = (project / lock_file.NAME).read_text("utf-8")
    document = json.loads(text)
    wanted = _instructions(render(job.plan, lock_file.loads(text), job.ecosystems).dockerfile)
    tried = 0
    for place in _places(document):
        for hostile in TEXTS:
            tried += 1
            try:
                lock = lock_file.loads(json.dumps(_with(document, place, hostile)))
                written = render(job.plan, lock, job.ecosystems).dockerfile
            except ReprokitError:
                continue
            found = _instructions(written)
            assert [word for word, _ in found] == [word for word, _ in wanted], (place, hostile)
            for word, line in found:
                assert MARK not in _QUOTED.sub("", line), (place, hostile, word, line)
    return tried


def _instructions(dockerfile: str) -> list[tuple[str, str]]:
    lines = _LINE_GOES_ON.sub(" ", dockerfile).splitlines()
    return [(line.split()[0], line) for line in lines if line and not line.startswith("#")]


def _places(document: Any) -> Iterator[Place]:
    """Where texts are; of many alike in a list or a table, the first."""
    seen = set()
    for place in _leaves(document, ()):
        kind = tuple("*" if isinstance(part, int) else part for part in place)
        if kind not in seen:
            seen.add(kind)
            yield place


def _leaves(value: Any, place: Place) -> Iterator[Place]:
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*place, index))


def _with(document: Any, place: Place, text: str) -> Any:
    changed = copy.deepcopy(document)
    inner = changed
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = text
    return changed
