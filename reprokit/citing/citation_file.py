"""CITATION.cff of a run: what the project's own says, and the identifiers of code and image.

See https://citation-file-format.github.io (version 1.2.0 of the format)
"""

from __future__ import annotations

from typing import Any

from reprokit.citing import licences
from reprokit.citing.facts import Facts
from reprokit.citing.people import Author

_MESSAGE = "If you use this software, please cite it as below."


def document(facts: Facts) -> str:
    """The text of the file. What no file of the project says is named in a comment."""
    found = facts.metadata
    known: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": _MESSAGE,
        "type": "software",
        "title": facts.title,
        "authors": [_author(author) for author in found.authors]
        or [{"name": f"The authors of {facts.title}"}],
        "abstract": found.abstract,
        "version": found.version,
        "license": _licence(found.licence),
        "doi": found.doi,
        "repository-code": found.url if (found.url or "").startswith("http") else None,
        "commit": facts.commit if facts.revision else None,
    }
    said = {name: value for name, value in found.citation.items() if value not in (None, "", [])}
    content = {name: value for name, value in known.items() if value is not None} | said
    content["identifiers"] = _identifiers(facts, content.get("identifiers"))
    comments = "".join(f"# {text}\n" for text in facts.missing())
    return comments + yaml_text(content)


def yaml_text(content: dict[str, Any]) -> str:
    """YAML with the keys in the order given."""
    import yaml

    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _author(author: Author) -> dict[str, str]:
    orcid = {} if author.orcid is None else {"orcid": f"https://orcid.org/{author.orcid}"}
    if author.family is None:
        return {"name": author.name, **orcid}
    parts = {
        "given-names": author.given,
        "name-particle": author.particle,
        "family-names": author.family,
        "affiliation": author.affiliation,
    }
    return {name: value for name, value in parts.items() if value} | orcid


def _licence(expression: str | None) -> str | list[str] | None:
    names = None if expression is None else licences.alternatives(expression)
    return names if names is None or len(names) > 1 else names[0]


def _identifiers(facts: Facts, present: Any) -> list[Any]:
    """The file's own identifiers, then those of this run that it does not list yet."""
    ours = [
        {
            "type": "other",
            "value": facts.environment,
            "description": f"Environment digest of the container image of run {facts.run}",
        }
    ]
    ours += [
        {"type": "other", "value": push.reference, "description": "The container image"}
        for push in facts.pushed
    ]
    if facts.source is not None:
        described = f"The source tree of run {facts.run}"
        ours.append({"type": "swh", "value": facts.source, "description": described})
    if facts.revision is not None:
        described = "The commit of that source tree"
        ours.append({"type": "swh", "value": facts.revision, "description": described})
    kept = list(present) if isinstance(present, list) else []
    values = {entry.get("value") for entry in kept if isinstance(entry, dict)}
    return kept + [entry for entry in ours if entry["value"] not in values]
