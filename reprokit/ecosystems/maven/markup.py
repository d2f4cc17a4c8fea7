"""XML as build tools write it: elements with line numbers, and nothing that can blow up.

Entities are never expanded and external ones never fetched: a document that declares any is
refused. Namespaces are dropped from element names; pom.xml and build.xml use them loosely.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from reprokit.errors import BadRequest
from reprokit.files import canonical_json, sha256_text
from reprokit.model import JSON, Reason

DEEPEST = 100


@dataclass(slots=True)
class Element:
    """An element: `text` is its own text, stripped; its start tag stands in `file` at `line`.

    `tag` has no prefix; `prefix` keeps what stood before the colon ("ivy" in "ivy:resolve").
    """

    tag: str
    prefix: str
    attributes: dict[str, str]
    file: str
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    @property
    def where(self) -> str:
        """ "file:line", for errors."""
        return f"{self.file}:{self.line}"

    def reason(self, text: str) -> Reason:
        """This element as the reason for something."""
        return Reason(text=text, file=self.file, line=self.line)

    def child(self, tag: str) -> Element | None:
        """The first child of that name."""
        return next((c for c in self.children if c.tag == tag), None)

    def at(self, path: str) -> Element | None:
        """The element at a path of child names ("build/plugins")."""
        found: Element | None = self
        for tag in path.split("/"):
            found = found.child(tag) if found is not None else None
        return found

    def all(self, path: str) -> tuple[Element, ...]:
        """The children named last in a path, of the element that the rest of it leads to."""
        parent, _, tag = path.rpartition("/")
        holder = self.at(parent) if parent else self
        return tuple(c for c in holder.children if c.tag == tag) if holder is not None else ()

    def value(self, path: str) -> str | None:
        """The text of the element at a path; `None` where it is missing or empty."""
        found = self.at(path)
        return found.text or None if found is not None else None

    def digest(self, leave_out: frozenset[str] = frozenset()) -> str:
        """SHA-256 of what it says, whatever its comments, spaces and line breaks.

        leave_out: children that do not count.
        """
        return sha256_text(canonical_json(self._said(leave_out)))

    def _said(self, leave_out: frozenset[str] = frozenset()) -> list[JSON]:
        children: list[JSON] = [c._said() for c in self.children if c.tag not in leave_out]
        attributes: dict[str, JSON] = dict(self.attributes)
        return [self.prefix, self.tag, attributes, " ".join(self.text.split()), children]

    def descendants(self) -> Iterator[Element]:
        """This element and everything in it, in document order."""
        yield self
        for child in self.children:
            yield from child.descendants()


def parse(text: str, file: str, *, root: str | None = None) -> Element:
    """The root element of a document.

    root: the name it must have. Raises BadRequest with file and line for malformed XML, for
    declared entities, and for nesting deeper than any build file has.
    """
    # The text is decoded already: an encoding named in its first line no longer holds.
    parser = expat.ParserCreate("utf-8")
    builder = _Builder(parser, file)
    parser.StartDoctypeDeclHandler = builder.doctype
    parser.EntityDeclHandler = builder.entity
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise BadRequest(
            f"is not well-formed XML: {expat.ErrorString(error.code)}",
            where=f"{file}:{error.lineno}",
            next="correct this line",
        ) from error
    found = builder.root
    if found is None or (root is not None and found.tag != root):
        raise BadRequest(f"has no <{root}> element", where=f"{file}:1")
    return found


class _Builder:
    def __init__(self, parser: expat.XMLParserType, file: str) -> None:
        self._parser, self._file = parser, file
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self.root: Element | None = None

    def doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        if internal:
            self._refuse("declares a DTD of its own")

    def entity(self, *_: object) -> None:
        self._refuse("declares entities")

    def _refuse(self, what: str) -> None:
        raise BadRequest(
            f"{what}, which is not read: it can name other files or grow without end",
            where=f"{self._file}:{self._parser.CurrentLineNumber}",
            next="remove the <!DOCTYPE …> and use properties or <import> instead",
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise BadRequest(
                f"is nested deeper than {DEEPEST} elements",
                where=f"{self._file}:{self._parser.CurrentLineNumber}",
            )
        prefix, _, tag = name.rpartition(":")
        element = Element(tag, prefix, attributes, self._file, self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def end(self, name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop()).strip()

    def characters(self, text: str) -> None:
        self._texts[-1].append(text)
