"""Who wrote a project, what it is called and how it may be used: CITATION.cff, pyproject.toml,
DESCRIPTION and pom.xml, each field from the first of them that has it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from reprokit.citing import licences, people
from reprokit.citing.people import Author
from reprokit.ecosystems.maven import markup
from reprokit.ecosystems.r import dcf
from reprokit.errors import BadRequest
from reprokit.frozen import frozen
from reprokit.project import Project

CITATION_FILE = "CITATION.cff"


@frozen
class Metadata:
    """What a project says of itself; `None` and empty where it says nothing.

    `licence` is an SPDX expression, `licence_text` what a file says where that is none. `doi` is
    without address. `citation` is the whole of CITATION.cff, `codecheck` that of codecheck.yml.
    """

    title: str | None = None
    authors: tuple[Author, ...] = ()
    licence: str | None = None
    licence_text: str | None = None
    version: str | None = None
    doi: str | None = None
    url: str | None = None
    abstract: str | None = None
    citation: Mapping[str, Any] = field(default_factory=dict)
    codecheck: Mapping[str, Any] = field(default_factory=dict)

    def missing(self) -> tuple[str, ...]:
        """What a citation needs and no file says, each with where to write it."""
        found = []
        if not self.authors:
            found.append(
                "no file names the authors: write `authors` into CITATION.cff "
                "(or pyproject.toml, DESCRIPTION, pom.xml)"
            )
        if self.title is None:
            found.append("no file gives a title: write `title` into CITATION.cff")
        if self.licence is None:
            said = "" if self.licence_text is None else f" ({self.licence_text[:60]!r} is none)"
            found.append(
                f"no file names a licence by its SPDX name{said}: write `license` into "
                "CITATION.cff, for example `license: MIT`"
            )
        return tuple(found)


def read(root: Path) -> Metadata:
    """The metadata of the project in `root`.

    Raises BadRequest, with the file, for one that cannot be read.
    """
    project = Project(root)
    whole = Metadata()
    for name, reader in _READERS.items():
        if (root / name).is_file():
            whole = _completed(whole, reader(project.read(name)))
    return whole


def _completed(first: Metadata, second: Metadata) -> Metadata:
    """The first, with what only the second has."""
    given = {
        name: getattr(second, name)
        for name in Metadata.__dataclass_fields__
        if not getattr(first, name)
    }
    return replace(first, **given)


def _citation_file(text: str) -> Metadata:
    content = yaml_mapping(text, CITATION_FILE)
    authors = content.get("authors")
    entries = [e for e in authors if isinstance(e, Mapping)] if isinstance(authors, list) else []
    licence = content.get("license")
    if isinstance(licence, list):
        licence = " OR ".join(str(name) for name in licence)
    return _licensed(
        Metadata(
            title=_text(content.get("title")),
            authors=tuple(a for a in map(people.from_citation_file, entries) if a is not None),
            version=_text(content.get("version")),
            doi=_doi(content),
            url=_text(content.get("repository-code")) or _text(content.get("url")),
            abstract=_text(content.get("abstract")),
            citation=content,
        ),
        _text(licence),
    )


def _doi(content: Mapping[str, Any]) -> str | None:
    """The software's own DOI, written as a field or as an identifier."""
    identifiers = content.get("identifiers")
    listed = identifiers if isinstance(identifiers, list) else []
    found = [content.get("doi")]
    found += [i.get("value") for i in listed if isinstance(i, Mapping) and i.get("type") == "doi"]
    doi = next((text for text in map(_text, found) if text is not None), None)
    return None if doi is None else doi.removeprefix("https://doi.org/")


def _codecheck(text: str) -> Metadata:
    return Metadata(codecheck=yaml_mapping(text, "codecheck.yml"))


def yaml_mapping(text: str, file: str) -> dict[str, Any]:
    """The mapping in a YAML file. Raises BadRequest, with the line, for anything else."""
    import yaml

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or "cannot be understood"
        where = file if mark is None else f"{file}:{mark.line + 1}"
        raise BadRequest(f"is not valid YAML: {why}", where=where) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise BadRequest("does not hold fields with values", where=file)
    return content


def _pyproject(text: str) -> Metadata:
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadRequest(f"is not valid TOML: {error}", where="pyproject.toml") from error
    standard, poetry = _table(document, "project"), _table(document, "tool", "poetry")
    return _completed(_python_table(standard), _python_table(poetry))


def _python_table(table: Mapping[str, Any]) -> Metadata:
    """The metadata in [project], or in [tool.poetry], which writes authors as texts."""
    written = table.get("authors")
    authors = [
        people.from_name(entry if isinstance(entry, str) else str(entry.get("name", "")))
        for entry in (written if isinstance(written, list) else [])
        if isinstance(entry, str | Mapping)
    ]
    licence = table.get("license")
    if isinstance(licence, Mapping):
        licence = licence.get("text")
    urls = {str(name).lower(): url for name, url in _table(table, "urls").items()}
    named = (urls.get(name) for name in ("repository", "source", "source code", "homepage"))
    url = next((text for text in map(_text, (table.get("repository"), *named)) if text), None)
    return _licensed(
        Metadata(
            title=_text(table.get("name")),
            authors=tuple(author for author in authors if author is not None),
            version=_text(table.get("version")),
            url=url,
            abstract=_text(table.get("description")),
        ),
        _text(licence),
    )


def _table(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _description(text: str) -> Metadata:
    fields = next(dcf.paragraphs(text, "DESCRIPTION"), {})

    def value(name: str) -> str | None:
        return _text(fields[name].value) if name in fields else None

    authors = list(people.from_r(value("Authors@R") or ""))
    if not authors:
        names = _outside_brackets(value("Author") or "")
        authors = [a for a in map(people.from_name, names) if a is not None]
    return _licensed(
        Metadata(
            title=value("Title"),
            authors=tuple(authors),
            version=value("Version"),
            url=(value("URL") or "").replace(",", " ").partition(" ")[0] or None,
            abstract=value("Description"),
        ),
        value("License"),
    )


def _outside_brackets(text: str) -> Iterator[str]:
    """The names in "A B [aut, cre], C D and E F"."""
    depth, current = 0, ""
    for character in text:
        depth += (character in "[(<") - (character in "])>")
        if character == "," and depth <= 0:
            yield from current.split(" and ")
            current = ""
        else:
            current += character
    yield from current.split(" and ")


def _pom(text: str) -> Metadata:
    project = markup.parse(text, "pom.xml", root="project")
    names = [developer.value("name") for developer in project.all("developers/developer")]
    authors = [people.from_name(name) for name in names if name is not None]
    return _licensed(
        Metadata(
            title=_resolved(project.value("name")),
            authors=tuple(author for author in authors if author is not None),
            version=_resolved(project.value("version")),
            url=_resolved(project.value("scm/url")) or _resolved(project.value("url")),
            abstract=_resolved(project.value("description")),
        ),
        project.value("licenses/license/name"),
    )


def _resolved(text: str | None) -> str | None:
    """A value of a pom that needs no property to be read."""
    return None if text is None or "${" in text else _text(text)


def _licensed(found: Metadata, text: str | None) -> Metadata:
    known = None if text is None else licences.spdx(text)
    return replace(found, licence=known, licence_text=None if known else text)


def _text(value: Any) -> str | None:
    """A value as one line of text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return " ".join(str(value).split()) or None


_READERS: Mapping[str, Callable[[str], Metadata]] = {
    CITATION_FILE: _citation_file,
    "pyproject.toml": _pyproject,
    "DESCRIPTION": _description,
    "pom.xml": _pom,
    "codecheck.yml": _codecheck,
}
