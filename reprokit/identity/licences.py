"""The licences that packages declare, word for word; nothing is concluded from a licence's text."""

from __future__ import annotations

import re

_LONGEST = 100
"""Characters of a name. Old Python packages have the whole text of the licence in that field."""
_MACHINE_READABLE = re.compile(r"Format:\s*https?://\S*copyright-format/1\.0/?\s*")
_CLASSIFIER = re.compile(r"Classifier:\s*License :: (?:OSI Approved :: )?(?P<name>\S.*)")


def plain(text: str) -> tuple[str, ...]:
    """A field that names a licence on one line; nothing where it says no more than "a licence"."""
    text = " ".join(text.split())
    usable = 0 < len(text) <= _LONGEST and text.isprintable() and text.upper() != "UNKNOWN"
    return (text,) if usable else ()


def python(head: str) -> tuple[str, ...]:
    """By a distribution's metadata: its expression, else its field, else its classifiers.

    See https://packaging.python.org/en/latest/specifications/core-metadata/#license-expression
    """
    lines = head.split("\n")
    for field in ("License-Expression:", "License:"):
        for number, line in enumerate(lines):
            continued = number + 1 < len(lines) and lines[number + 1].startswith((" ", "\t"))
            if line.startswith(field) and not continued:
                named = plain(line.removeprefix(field))
                if named:
                    return named
    found = [match["name"] for line in lines if (match := _CLASSIFIER.fullmatch(line.strip()))]
    return tuple(sorted({name for text in found for name in plain(text) if name != "OSI Approved"}))


def debian(text: str) -> tuple[str, ...]:
    """The licences of every file of a package, where its copyright file can be read by machines.

    See https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
    """
    first, _, rest = text.lstrip("\ufeff\n").partition("\n")
    if _MACHINE_READABLE.fullmatch(first) is None:
        return ()
    found: set[str] = set()
    for paragraph in re.split(r"\n\s*\n", rest):
        lines = paragraph.split("\n")
        # A paragraph without files only has the text of a licence.
        if any(line.startswith("Files:") for line in lines):
            named = (line for line in lines if line.startswith("License:"))
            found.update(name for line in named for name in plain(line.removeprefix("License:")))
    return tuple(sorted(found))
