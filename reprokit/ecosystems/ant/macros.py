"""Tasks that a build file defines itself with <macrodef>, put in place where they are used.

NetBeans writes every <javac> and <java> of a project this way, so what a target does cannot be
seen without it. See https://ant.apache.org/manual/Tasks/macrodef.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from reprokit.ecosystems.maven.markup import Element

_PARAMETER = re.compile(r"@\{([^{}]+)\}")
_MOST = 10_000
_DEFINITIONS = frozenset({"macrodef", "presetdef", "scriptdef", "typedef", "taskdef"})


def defined(holders: Iterator[Element]) -> Mapping[str, Element]:
    """The macros that these elements define, by name; the first definition of a name counts."""
    found: dict[str, Element] = {}
    for holder in holders:
        for element in holder.descendants():
            name = element.attributes.get("name")
            if element.tag == "macrodef" and name:
                found.setdefault(name, element)
    return found


def performed(element: Element, macros: Mapping[str, Element]) -> Iterator[Element]:
    """An element and all in it that is carried out: uses of macros are replaced by what the macro
    says, and definitions, which do nothing by themselves, are left out."""
    # Macros that double at each step would never end.
    return islice(_performed(element, macros, frozenset()), _MOST)


def _performed(
    element: Element, macros: Mapping[str, Element], inside: frozenset[str]
) -> Iterator[Element]:
    yield element
    for child in element.children:
        if child.tag in _DEFINITIONS:
            continue
        macro = _macro(child, macros)
        if macro is None or child.tag in inside:
            yield from _performed(child, macros, inside)
            continue
        for part in _filled(macro, child):
            yield from _performed(part, macros, inside | {child.tag})


def _macro(element: Element, macros: Mapping[str, Element]) -> Element | None:
    """<javac> stays Ant's own where a macro of that name stands in a namespace."""
    macro = macros.get(element.tag)
    if macro is None or bool(element.prefix) != ("uri" in macro.attributes):
        return None
    return macro


def _filled(macro: Element, use: Element) -> tuple[Element, ...]:
    values = {}
    for attribute in macro.all("attribute"):
        name = attribute.attributes.get("name", "")
        value = use.attributes.get(name, attribute.attributes.get("default"))
        if value is not None:
            values[name] = value
    inner = {e.attributes.get("name", "") for e in macro.all("element")}

    def copied(element: Element) -> Element:
        attributes = {
            name: _PARAMETER.sub(lambda m: values.get(m[1], m[0]), value)
            for name, value in element.attributes.items()
        }
        children: list[Element] = []
        for child in element.children:
            if child.tag in inner and not child.children:
                given = use.child(child.tag)
                children += given.children if given is not None else []
            else:
                children.append(copied(child))
        return replace(element, attributes=attributes, children=children)

    # A sequence as the one child keeps the macro's tasks together with their nested elements.
    return tuple(copied(sequence) for sequence in macro.all("sequential"))
