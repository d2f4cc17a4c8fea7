"""Names of authors, as declarations of every kind write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reprokit.ecosystems.r.tokens import Token, tokens
from reprokit.frozen import frozen

_ORCID = re.compile(r"(?:https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
_ADDRESS = re.compile(r"\s*[<\[(][^<>\[\]()]*[>\])]\s*")
_GROUP = re.compile(
    r"\b(?:authors?|team|group|consortium|collaboration|project|developers?|contributors?|"
    r"community|laboratory|university|institute|inc|gmbh|ltd|foundation)\b",
    re.IGNORECASE,
)
_PARTICLES = frozenset(
    {
        "af", "al", "av", "bin", "da", "de", "del", "della", "den", "der", "di", "do", "dos", "du",
        "el", "la", "le", "ten", "ter", "van", "von", "zu", "zum", "zur",
    }
)  # fmt: skip


@frozen
class Author:
    """A person, whose `family` is set, or a group. `name` is the whole of it as people read it;
    `orcid` is the plain identifier ("0000-0002-1825-0097")."""

    name: str
    given: str | None = None
    particle: str | None = None
    family: str | None = None
    orcid: str | None = None
    affiliation: str | None = None


def from_name(text: str, *, orcid: str | None = None) -> Author | None:
    """The author of "Jane van Doe <jane@example.org>"; `None` where nothing is left of it.

    The last word, with the particles before it, is taken for the family name; a comma says so
    explicitly ("Doe, Jane"). A single word and a name that says it is a group's stay whole.
    """
    name = " ".join(_ADDRESS.sub(" ", text).split()).strip(" ,;")
    if not name:
        return None
    known = orcid if orcid is not None else found_orcid(text)
    family, comma, given = (part.strip() for part in name.partition(","))
    if comma and given and "," not in given and not _GROUP.search(name):
        return Author(name=f"{given} {family}", given=given, family=family, orcid=known)
    words = name.split()
    if len(words) == 1 or comma or _GROUP.search(name):
        return Author(name=name, orcid=known)
    start = len(words) - 1
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return Author(
        name=name,
        given=" ".join(words[:start]),
        particle=" ".join(words[start:-1]) or None,
        family=words[-1],
        orcid=known,
    )


def found_orcid(text: str) -> str | None:
    """The ORCID in a text, without its address; `None` where its check digit is wrong.

    See https://support.orcid.org/hc/en-us/articles/360006897674
    """
    match = _ORCID.search(text)
    if match is None:
        return None
    total = 0
    digits = match[1].replace("-", "")
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return match[1] if digits[-1] == ("X" if check == 10 else str(check)) else None


def from_citation_file(entry: Mapping[str, Any]) -> Author | None:
    """An entry of `authors` in CITATION.cff."""

    def word(key: str) -> str | None:
        value = entry.get(key)
        return " ".join(str(value).split()) if isinstance(value, str | int) and value else None

    given, particle, family = word("given-names"), word("name-particle"), word("family-names")
    parts = (given, particle, family, word("name-suffix"))
    name = " ".join(part for part in parts if part) or word("name") or word("alias")
    if name is None:
        return None
    return Author(
        name=name,
        given=given,
        particle=particle,
        family=family,
        orcid=found_orcid(word("orcid") or ""),
        affiliation=word("affiliation"),
    )


def from_r(code: str) -> Iterator[Author]:
    """The authors of `Authors@R`: its `person(…)` calls, read as text and never run. Where roles
    are given, people without "aut" or "cre" are left out."""
    found = list(tokens(code))
    for place, token in enumerate(found[:-1]):
        if (token.kind, token.text) == ("symbol", "person") and found[place + 1].text == "(":
            arguments = _arguments(found[place + 2 :])
            roles = arguments.get("role", [])
            given, family = _only(arguments, "given", "0"), _only(arguments, "family", "1")
            name = " ".join(text for text in (given, family) if text)
            if name and (not roles or {"aut", "cre"} & set(roles)):
                orcid = found_orcid(" ".join(arguments.get("comment", [])))
                yield Author(name=name, given=given if family else None, family=family, orcid=orcid)


def _only(arguments: Mapping[str, list[str]], name: str, position: str) -> str | None:
    return " ".join(arguments.get(name) or arguments.get(position) or []) or None


def _arguments(rest: list[Token]) -> dict[str, list[str]]:
    """The texts in each argument of a call, by name or by position ("0", "1", …)."""
    found: dict[str, list[str]] = {}
    name, position, depth = "", 0, 0
    for place, token in enumerate(rest):
        if token.kind == "operator" and token.text in ("(", "[", "{"):
            depth += 1
        elif token.kind == "operator" and token.text in (")", "]", "}"):
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and token.text == "," and token.kind == "operator":
            name, position = "", position + (not name)
        elif depth == 0 and token.kind == "symbol" and _is_assigned(rest, place):
            name = token.text
        elif token.kind == "string":
            found.setdefault(name or str(position), []).append(token.text)
    return found


def _is_assigned(rest: list[Token], place: int) -> bool:
    return place + 1 < len(rest) and rest[place + 1].text == "="
