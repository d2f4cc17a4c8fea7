"""An entry for biblatex with the biblatex-software styles.

See https://ctan.org/pkg/biblatex-software
"""

from __future__ import annotations

import re

from reprokit.citing.facts import Facts
from reprokit.citing.latex import escaped
from reprokit.citing.people import Author

_UNSAFE = re.compile(r"[{}\\%\s]")


def entry(facts: Facts) -> str:
    """`@softwareversion{…}`, keyed by the project's name and the run's time."""
    found = facts.metadata
    fields = [
        ("title", f"{{{escaped(facts.title)}}}"),
        ("author", " and ".join(map(_name, found.authors))),
        ("version", escaped(found.version or (facts.commit or "")[:12] or facts.run)),
        ("date", facts.day),
        ("license", escaped(found.licence or "")),
        ("doi", _verbatim(found.doi or "")),
        ("url", _verbatim(found.url or "")),
        ("repository", _verbatim(found.url or "")),
        ("swhid", facts.revision or facts.source or ""),
        ("note", escaped(_note(facts))),
    ]
    key = re.sub(r"[^A-Za-z0-9]+", "-", facts.name).strip("-") or "software"
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields if value]
    return f"@softwareversion{{{key}-{facts.run[:8]},\n{''.join(lines)}}}"


def _note(facts: Facts) -> str:
    image = f"; image {facts.pushed[-1].reference}" if facts.pushed else ""
    return f"Environment digest {facts.environment}{image}"


def _name(author: Author) -> str:
    """Family name first, so that nothing has to guess; a group in braces of its own."""
    if author.family is None:
        return f"{{{escaped(author.name)}}}"
    family = f"{author.particle} {author.family}" if author.particle else author.family
    return escaped(f"{family}, {author.given}" if author.given else f"{{{family}}}")


def _verbatim(text: str) -> str:
    """An address, which biblatex takes as it is: what would end the field is percent-encoded."""
    return _UNSAFE.sub(lambda match: f"%{ord(match.group()):02X}", text)
