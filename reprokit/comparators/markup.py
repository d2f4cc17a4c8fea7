"""XML: elements, attributes and texts, numbers by tolerance. Nothing that can blow up is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from xml.parsers import expat

from reprokit.comparators.leaves import compare_leaves, finding
from reprokit.comparators.protocol import Limits, Settings, Unreadable, small_enough
from reprokit.comparators.tally import Tally
from reprokit.verdict import Finding

_DEEPEST = 200
_CHUNK = 1024 * 1024


class Xml:
    """XML of any vocabulary. Comments, and spaces between elements, say nothing."""

    name = "XML"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        if path.suffix in (".xml", ".xsd", ".xsl", ".kml", ".gml", ".graphml", ".gexf", ".owl"):
            return 60
        return 40 if first.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<?xml") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        small_enough(settings.limits.document, expected, actual)
        left, right = (read(path, settings.limits) for path in (expected, actual))
        tally = Tally(settings)
        compare_leaves(left, right, tally, texts=True)
        return finding(left, right, tally)


def read(path: Path, limits: Limits) -> dict[str, str]:
    """The texts and attributes of a document by their paths ("/a/b[1]/@c"). An element without
    either is there with an empty text. Raises Unreadable."""
    with path.open("rb") as file:
        return read_from(file.read, limits)


def read_from(source: Callable[[int], bytes], limits: Limits) -> dict[str, str]:
    """As `read`, from whatever gives bytes."""
    builder = _Builder(limits)
    parse(source, builder.start, builder.end, builder.characters)
    return builder.found


def parse(
    source: Callable[[int], bytes],
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    characters: Callable[[str], None],
) -> None:
    """Read XML in pieces. Entities are never expanded, other files never fetched: a document that
    declares either is Unreadable. A reference to a published DTD is passed over."""
    parser = expat.ParserCreate()
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    try:
        while chunk := source(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        said = expat.ErrorString(error.code)
        raise Unreadable(f"line {error.lineno}: {said}") from error
    except (LookupError, ValueError) as error:
        raise Unreadable(str(error)) from error


def _refuse(*_: object) -> None:
    raise Unreadable("it declares entities, which can grow without end")


class _Builder:
    """Collects leaves while a document is read."""

    def __init__(self, limits: Limits) -> None:
        self.found: dict[str, str] = {}
        self._limits = limits
        self._paths: list[str] = [""]
        self._texts: list[list[str]] = [[]]
        self._counts: list[Counter[str]] = [Counter()]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._paths) > _DEEPEST:
            raise Unreadable(f"it is nested deeper than {_DEEPEST} levels")
        at = self._counts[-1][name]
        self._counts[-1][name] += 1
        path = f"{self._paths[-1]}/{name}" + (f"[{at}]" if len(self._paths) > 1 else "")
        self._paths.append(path)
        self._texts.append([])
        self._counts.append(Counter())
        for key in sorted(attributes):
            self._keep(f"{path}/@{key}", attributes[key])

    def end(self, name: str) -> None:
        text = " ".join("".join(self._texts.pop()).split())
        path = self._paths.pop()
        has_children = bool(self._counts.pop())
        if text or not has_children:
            self._keep(path, text)

    def characters(self, text: str) -> None:
        self._texts[-1].append(text)

    def _keep(self, path: str, value: str) -> None:
        self.found[path] = value
        if len(self.found) > self._limits.values:
            raise Unreadable(f"it holds more than {self._limits.values:,} values")
