"""The author's part of codecheck.yml: which files a codechecker shall get, and for which paper.

See https://codecheck.org.uk/spec/config/2.0
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprokit.citing.citation_file import yaml_text
from reprokit.citing.facts import Facts
from reprokit.citing.people import Author, from_citation_file
from reprokit.history import reading

_SPECIFICATION = "https://codecheck.org.uk/spec/config/2.0/"


def document(facts: Facts) -> str:
    """The text of the file: the paper as the project's own codecheck.yml says, else as CITATION.cff
    says of its preferred citation, else the project itself. What lacks is named in a comment."""
    paper = _paper(facts)
    results = [reading.text(row, "path") for row in reading.rows(facts.record, "results")]
    content = {
        "version": _SPECIFICATION,
        "manifest": [
            {"file": f"results/{path}", "comment": _comment(facts, path)} for path in results
        ],
        "paper": paper,
    }
    lacking = []
    if "reference" not in paper:
        lacking.append("paper.reference, the address of the article: https://doi.org/…")
    if not paper.get("authors"):
        lacking.append("paper.authors, a list of `name` and `ORCID`")
    elif any(not author.get("ORCID") for author in paper["authors"]):
        lacking.append("the ORCID of every author")
    comments = "".join(f"# to be written by the authors: {text}\n" for text in lacking)
    return f"---\n{comments}{yaml_text(content)}"


def _comment(facts: Facts, path: str) -> str:
    """The project's own comment on a file; else who made it."""
    manifest = facts.metadata.codecheck.get("manifest")
    for row in manifest if isinstance(manifest, list) else ():
        if isinstance(row, Mapping) and row.get("file") in (path, f"results/{path}"):
            return str(row.get("comment") or "") or f"result of run {facts.run}"
    return f"result of run {facts.run}"


def _paper(facts: Facts) -> dict[str, Any]:
    own = facts.metadata.codecheck.get("paper")
    if isinstance(own, dict):
        return own
    preferred = facts.metadata.citation.get("preferred-citation")
    if isinstance(preferred, Mapping):
        listed = preferred.get("authors")
        entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list) else []
        authors = [author for author in map(from_citation_file, entries) if author is not None]
        doi, title = preferred.get("doi"), str(preferred.get("title") or facts.title)
        address = f"https://doi.org/{doi}" if doi else preferred.get("url")
    else:
        authors, title, address = list(facts.metadata.authors), facts.title, None
    paper = {
        "title": title,
        "authors": [_author(author) for author in authors],
        "reference": str(address or ""),
    }
    return {name: value for name, value in paper.items() if value}


def _author(author: Author) -> dict[str, str]:
    orcid = {} if author.orcid is None else {"ORCID": author.orcid}
    return {"name": author.name, **orcid}
