"""JSON, JSON lines and YAML: value by value, whatever the order of keys and the spaces between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from reprokit.comparators.leaves import compare_leaves, finding, leaves
from reprokit.comparators.protocol import Settings, Unreadable, reading, small_enough
from reprokit.comparators.tally import Tally
from reprokit.verdict import Finding

_LINE = 64 * 1024**2
_YAML = 8 * 1024**2
_MERGED = 100_000
"""Keys that a YAML merge may bring together: merges of merges grow without end."""


class Json:
    """JSON, GeoJSON, JSON-LD as a document."""

    name = "JSON"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 60 if path.suffix in (".json", ".geojson", ".jsonld", ".ipynb") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        small_enough(settings.limits.document, expected, actual)
        return _compared(expected, actual, settings, _json)


class JsonLines:
    """One JSON document a line."""

    name = "JSON lines"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 60 if path.suffix in (".jsonl", ".ndjson") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        tally = Tally(settings)
        olds = news = moved = 0
        with reading():
            for old, new in zip_longest(_lines(expected), _lines(actual)):
                olds += old is not None
                news += new is not None
                moved += hash(old) - hash(new)
                if old is not None and new is not None and old != new:
                    one, other = _line(old, olds), _line(new, olds)
                    left, right = leaves(one, settings.limits), leaves(other, settings.limits)
                    compare_leaves(left, right, tally)
                else:
                    tally.total += 1
        tally.notes = [*dict.fromkeys(tally.notes)]
        if olds != news:
            tally.misses(f"{news:,} lines instead of {olds:,}")
        elif moved == 0 and tally.differs:
            return tally.finding(similar=f"the same {olds:,} lines in another order")
        return tally.finding()


class Yaml:
    """YAML, several documents in one file as a list; tags that make objects are refused."""

    name = "YAML"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 60 if path.suffix in (".yaml", ".yml") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        small_enough(_YAML, expected, actual)
        return _compared(expected, actual, settings, _yaml)


def _compared(
    expected: Path, actual: Path, settings: Settings, load: Callable[[Path], object]
) -> Finding:
    with reading():
        left = leaves(load(expected), settings.limits)
        right = leaves(load(actual), settings.limits)
    tally = Tally(settings)
    compare_leaves(left, right, tally)
    return finding(left, right, tally)


def _json(path: Path) -> object:
    return json.loads(path.read_bytes())


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(_LINE):
            if len(line) == _LINE:
                raise Unreadable("it has a line that is too long")
            if line.strip():
                yield line.strip()


def _line(line: bytes, number: int) -> object:
    """One document, its paths beginning with its line."""
    return {f"line {number}": json.loads(line)}


class _Loader(yaml.SafeLoader):
    """Plain values only."""

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MERGED:
            raise Unreadable(f"it merges more than {_MERGED:,} keys")


def _yaml(path: Path) -> object:
    text = path.read_text(encoding="utf-8-sig")
    documents = list(yaml.load_all(text, _Loader))
    return documents[0] if len(documents) == 1 else documents
