"""Debian control format, as R writes it in DESCRIPTION and in a repository's PACKAGES."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reprokit.errors import BadRequest

_FIELD = re.compile(r"(?P<name>[^\s:#][^\s:]*)[ \t]*:[ \t]*(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Field:
    """A field's lines with the number of the first; continuation lines keep their own line."""

    line: int
    lines: tuple[str, ...]

    @property
    def value(self) -> str:
        """The whole value, continuation lines joined by a space."""
        return " ".join(line.strip() for line in self.lines).strip()


Paragraph = Mapping[str, Field]


def paragraphs(text: str, file: str) -> Iterator[Paragraph]:
    """The paragraphs of a file, separated by blank lines.

    Raises BadRequest with file and line for a line that is neither field nor continuation.
    """
    fields: dict[str, Field] = {}
    last: str | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, None
        elif line[0] in " \t":
            if last is None:
                raise BadRequest(
                    "a continuation line stands before any field",
                    where=f"{file}:{number}",
                    next="begin the line with a field's name and a colon, without indentation",
                )
            fields[last] = Field(fields[last].line, (*fields[last].lines, line))
        elif not line.startswith("#"):
            match = _FIELD.fullmatch(line)
            if match is None:
                raise BadRequest(
                    f"{line[:60]!r} is not of the form `Field: value`",
                    where=f"{file}:{number}",
                    next="indent it if it continues the field above",
                )
            last = match["name"]
            fields[last] = Field(number, (match["value"],))
    if fields:
        yield fields
