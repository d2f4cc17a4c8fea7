"""RDF in Turtle, N-Triples, N-Quads, TriG and RDF/XML: the same graph, whatever the order, the
prefixes and the names of blank nodes."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from reprokit.comparators.protocol import Settings, Unreadable, needing, reading, small_enough
from reprokit.comparators.tally import shown
from reprokit.model import JSON
from reprokit.verdict import Finding, Grade

Statement: TypeAlias = tuple[Any, ...]
Key: TypeAlias = tuple[str, ...]

_FORMATS = {
    ".ttl": "turtle",
    ".nt": "ntriples",
    ".nq": "nquads",
    ".trig": "trig",
    ".rdf": "xml",
    ".owl": "xml",
}
_AMBIGUOUS = 12
"""Blank nodes that only an exhaustive search could tell apart, which may take for ever."""
_SHOWN = 20


class Rdf:
    """Graphs, by isomorphism."""

    name = "RDF graph"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if path.suffix in _FORMATS else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        small_enough(settings.limits.document, expected, actual)
        with needing("RDF graphs"):
            import rdflib  # noqa: F401
        format = _FORMATS[PurePosixPath(settings.path.casefold()).suffix]
        with reading(), _silent():
            return compare_graphs(_read(expected, format), _read(actual, format))


@contextmanager
def _silent() -> Iterator[None]:
    """rdflib logs a line for every odd address, which nobody asked for."""
    logger = logging.getLogger("rdflib")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _read(path: Path, format: str) -> list[Statement]:
    """Subject, predicate, object and graph of every statement."""
    from rdflib import Dataset
    from rdflib.graph import DATASET_DEFAULT_GRAPH_ID

    if format == "xml":
        _check(path)
    dataset = Dataset()
    with path.open("rb") as file:
        dataset.parse(file, format=format, publicID="file:///")
    return [
        (s, p, o) if g in (None, DATASET_DEFAULT_GRAPH_ID) else (s, p, o, g)
        for s, p, o, g in dataset.quads()
    ]


def _check(path: Path) -> None:
    """Refuse XML that rdflib should not be given. OWL files name their prefixes by entities, which
    is harmless as long as none of them names another or a file."""
    from xml.parsers import expat

    def entity(name: str, parameter: bool, value: str | None, *_: object) -> None:
        if parameter or value is None or "&" in value or len(value) > 1000:
            raise Unreadable("it declares entities that can grow without end or name other files")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = entity
    with path.open("rb") as file:
        parser.ParseFile(file)


def compare_graphs(expected: Iterable[Statement], actual: Iterable[Statement]) -> Finding:
    """Compare two graphs. Statements without blank nodes are compared as a set, the others after
    their blank nodes got names that depend only on what is said of them."""
    old, new = list(expected), list(actual)
    left, right = _coloured(old), _coloured(new)
    gone, come = left - right, right - left
    details: dict[str, JSON] = {
        "statements": [len(old), len(new)],
        "missing": [shown(" ".join(key)) for key in sorted(gone)[:_SHOWN]],
        "extra": [shown(" ".join(key)) for key in sorted(come)[:_SHOWN]],
    }
    if gone or come:
        first = min(gone or come)
        summary = (
            f"{gone.total():,} of {len(old):,} statements are missing, {come.total():,} are new; "
            f"the first {'missing' if gone else 'new'} one is {shown(' '.join(first))}"
        )
        return Finding(grade=Grade.DIFFERENT, summary=summary, details=details)
    if _isomorphic(old, new):
        summary = f"the same graph of {len(old):,} statements, written differently"
        return Finding(grade=Grade.WITHIN_TOLERANCE, summary=summary, details=details)
    return Finding(
        grade=Grade.SIMILAR,
        summary=f"{len(old):,} statements that are the same as far as its blank nodes can be told "
        "apart",
        details=details,
    )


def _coloured(statements: list[Statement]) -> Counter[Key]:
    """The statements with blank nodes named by colour refinement: equal graphs give equal ones."""
    colours = _colours(statements)
    return Counter(tuple(_name(term, colours) for term in s) for s in statements)


def _colours(statements: list[Statement]) -> dict[Any, str]:
    """A name for every blank node, from all that is said of it and of the nodes around it."""
    from rdflib import BNode

    said: dict[Any, list[Statement]] = {}
    for statement in statements:
        for term in {term for term in statement if isinstance(term, BNode)}:
            said.setdefault(term, []).append(statement)
    colours = dict.fromkeys(said, "_:")
    kinds = len(set(colours.values()))
    while said:
        colours = {node: _colour(node, said[node], colours) for node in said}
        found = len(set(colours.values()))
        if found <= kinds:
            break
        kinds = found
    return colours


def _colour(node: Any, statements: list[Statement], colours: dict[Any, str]) -> str:
    rows = sorted(
        "\x00".join("_:self" if term == node else _name(term, colours) for term in statement)
        for statement in statements
    )
    text = "\x01".join([colours[node], *rows])
    return "_:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _name(term: Any, colours: dict[Any, str]) -> str:
    colour = colours.get(term)
    return term.n3() if colour is None else colour


def _isomorphic(old: list[Statement], new: list[Statement]) -> bool:
    """Whether graphs whose coloured statements are equal are the same. Where each blank node has
    a colour of its own, the colours are the mapping; else all mappings would have to be tried."""
    from rdflib import BNode, Graph
    from rdflib.compare import isomorphic

    colours = _colours(old)
    counted = Counter(colours.values())
    alike = {node for node, colour in colours.items() if counted[colour] > 1}
    # Nodes that are alike and not tied to one another can be taken for each other.
    ambiguous = {node for s in old for node in alike.intersection(s) if len(alike & {*s}) > 1}
    if not ambiguous:
        return True
    if len(ambiguous) > _AMBIGUOUS or any(len(s) > 3 for s in (*old, *new)):
        return False
    graphs = []
    for statements in (old, new):
        graph = Graph()
        for statement in statements:
            if any(isinstance(term, BNode) for term in statement):
                graph.add(statement)
        graphs.append(graph)
    return bool(isomorphic(*graphs))
