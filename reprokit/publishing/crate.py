"""A published run as a Process Run RO-Crate 1.1: who made what with which program, for programs.

An archive is one; so are the files that are attached to an image, once they lie in a folder.

The metadata is one JSON document that is written out here; the library for RO-Crates, which reads
it in the tests, would add only its two fixed entities.
See https://www.researchobject.org/workflow-run-crate/profiles/process_run_crate/
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from reprokit.citing import licences
from reprokit.citing.facts import Facts
from reprokit.citing.people import Author
from reprokit.history import reading
from reprokit.publishing.contents import BUILD, CHECKSUMS, INPUTS, RESULTS
from reprokit.publishing.member import Member

NAME = "ro-crate-metadata.json"
CITATION = "CITATION.cff"
_PROJECT = "#project"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_TERMS = "https://w3id.org/ro/terms/workflow-run#"
_CONTEXT: Sequence[Any] = (
    "https://w3id.org/ro/crate/1.1/context",
    {
        name: _TERMS + name
        for name in ("ContainerImage", "DockerImage", "containerImage", "registry", "sha256")
    },
)
_FOLDERS = {
    f"{BUILD}/": "The Dockerfile and the files that it reads",
    f"{INPUTS}/": "The data that the program read",
    f"{RESULTS}/": "What the run wrote",
}
_TYPES = {
    ".cff": "application/yaml", ".csv": "text/csv", ".json": "application/json",
    ".lock": "application/json", ".log": "text/plain", ".md": "text/markdown",
    ".npy": "application/octet-stream", ".nq": "application/n-quads", ".py": "text/x-python",
    ".r": "text/x-r", ".rdf": "application/rdf+xml", ".sha256": "text/plain",
    ".svg": "image/svg+xml", ".tar": "application/x-tar", ".toml": "application/toml",
    ".tsv": "text/tab-separated-values", ".ttl": "text/turtle", ".txt": "text/plain",
    ".yaml": "application/yaml", ".yml": "application/yaml",
}  # fmt: skip

Entity = dict[str, Any]


def document(facts: Facts, members: Sequence[Member]) -> str:
    """The text of ro-crate-metadata.json beside these files. Where the results are not among them,
    the file with their hashes stands for them."""
    graph = list(_entities(facts, members))
    return json.dumps({"@context": _CONTEXT, "@graph": graph}, ensure_ascii=False, indent=1) + "\n"


def _entities(facts: Facts, members: Sequence[Member]) -> Iterator[Entity]:
    authors = [_author(author, facts) for author in facts.metadata.authors] or [_project(facts)]
    licence = _licences(facts)
    listed = [member for member in members if _is_listed(member.path)]
    folders = [f for f in _FOLDERS if any(m.path.startswith(f) for m in members)]
    paths = {member.path for member in members}
    program = _program(facts, "./" if not folders else f"{BUILD}/")
    yield {
        "@id": NAME,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    yield {
        "@id": "./",
        "@type": "Dataset",
        "name": facts.title,
        "description": facts.metadata.abstract or f"The program, data and results of {facts.title}",
        "datePublished": _time(reading.text(facts.record, "finished")),
        "conformsTo": {"@id": _PROFILE},
        "license": _references([entity["@id"] for entity in licence]),
        "author": _references([author["@id"] for author in authors]),
        "publisher": {"@id": _PROJECT},
        "hasPart": _references([*folders, *(quote(member.path) for member in listed)]),
        "mentions": {"@id": "#run"},
        **({"version": facts.metadata.version} if facts.metadata.version else {}),
        **({"identifier": f"https://doi.org/{facts.metadata.doi}"} if facts.metadata.doi else {}),
    }
    yield {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    cited = CITATION if CITATION in paths else "./"
    people = [*authors, *_affiliations(facts, cited), _project(facts)]
    yield from {entity["@id"]: entity for entity in (*licence, *people)}.values()
    for folder in folders:
        yield {"@id": folder, "@type": "Dataset", "name": _FOLDERS[folder]}
    yield from (_file(member) for member in listed)
    yield program
    yield from _run(facts, authors[0], program, listed)


def _is_listed(path: str) -> bool:
    """Packages and code stand for themselves in their folder."""
    return not path.startswith(f"{BUILD}/")


def _run(
    facts: Facts, agent: Entity, program: Entity, listed: Sequence[Member]
) -> Iterator[Entity]:
    record = facts.record
    used = [quote(m.path) for m in listed if m.path.startswith(f"{INPUTS}/")]
    made = [quote(m.path) for m in listed if m.path.startswith(f"{RESULTS}/")]
    made = made or [m.path for m in listed if m.path == CHECKSUMS and m.size]
    digest = facts.environment
    yield {
        "@id": "#run",
        "@type": "CreateAction",
        "name": f"Run {facts.run} of {facts.title}",
        "description": reading.command_text(record) or "the command of the image",
        "startTime": _time(reading.text(record, "started")),
        "endTime": _time(reading.text(record, "finished")),
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "agent": {"@id": agent["@id"]},
        "instrument": {"@id": program["@id"]},
        "identifier": {"@id": "#environment"},
        **({"object": _references(used)} if used else {}),
        **({"result": _references(made)} if made else {}),
        **({"containerImage": {"@id": "#image"}} if facts.pushed else {}),
    }
    yield {
        "@id": "#environment",
        "@type": "PropertyValue",
        "name": "environment digest",
        "propertyID": "config digest of the canonical image",
        "value": digest,
    }
    if facts.pushed:
        push = facts.pushed[-1]
        registry, _, name = push.repository.partition("/")
        yield {
            "@id": "#image",
            "@type": "ContainerImage",
            "additionalType": {"@id": f"{_TERMS}DockerImage"},
            "registry": registry,
            "name": name,
            "sha256": push.digest.removeprefix("sha256:"),
        }


def _program(facts: Facts, place: str) -> Entity:
    """The code as a whole: it has an identifier that says exactly which it is. The profile wants
    an address, and this is the one that identifiers of this kind have. Code that is nowhere any
    more is only in its image. `place` is where in the crate the code lies."""
    if facts.source is not None:
        identifier = {
            "@id": f"https://archive.softwareheritage.org/{facts.source}",
            "identifier": facts.source,
        }
    else:
        push = facts.pushed[-1]
        registry, _, name = push.repository.partition("/")
        identifier = {"@id": f"https://{registry}/v2/{name}/manifests/{push.digest}"}
    return {
        **identifier,
        "@type": "SoftwareApplication",
        "name": facts.title,
        "softwareVersion": facts.metadata.version or facts.commit or facts.run,
        "url": facts.metadata.url or {"@id": place},
    }


def _file(member: Member) -> Entity:
    return {
        "@id": quote(member.path),
        "@type": "File",
        "name": member.path,
        "contentSize": str(member.size),
        "encodingFormat": _encoding(member.path),
    }


def _encoding(path: str) -> str:
    """The media type by the name, from a table of our own first: those of systems differ."""
    suffix = PurePosixPath(path).suffix.lower()
    known = _TYPES.get(suffix) or mimetypes.types_map.get(suffix)
    return known or "application/octet-stream"


def _author(author: Author, facts: Facts) -> Entity:
    address = None if author.orcid is None else f"https://orcid.org/{author.orcid}"
    identifier = address or f"#{quote(author.name)}"
    if author.family is None:
        return {
            "@id": identifier,
            "@type": "Organization",
            "name": author.name,
            "url": _address(facts),
        }
    stated = author.affiliation
    entity = {
        "@id": identifier,
        "@type": "Person",
        "name": author.name,
        "givenName": author.given,
        "familyName": author.family,
        "affiliation": {"@id": f"#{quote(stated)}" if stated else _PROJECT},
    }
    return {name: value for name, value in entity.items() if value is not None}


def _affiliations(facts: Facts, cited: str) -> Iterator[Entity]:
    """Each organization that an author belongs to, with what says so as its address."""
    for name in dict.fromkeys(author.affiliation for author in facts.metadata.authors):
        if name is not None:
            address = {"@id": cited}
            yield {
                "@id": f"#{quote(name)}",
                "@type": "Organization",
                "name": name,
                "url": address,
            }


def _project(facts: Facts) -> Entity:
    """The authors together: who publishes, and where a person belongs of whom no more is known."""
    name = f"The authors of {facts.title}"
    return {"@id": _PROJECT, "@type": "Organization", "name": name, "url": _address(facts)}


def _address(facts: Facts) -> Any:
    return facts.metadata.url or {"@id": "./"}


def _licences(facts: Facts) -> list[Entity]:
    expression = facts.metadata.licence
    names = None if expression is None else licences.alternatives(expression)
    if names is None:
        said = expression or facts.metadata.licence_text
        described = "No licence is stated: all rights are with the authors"
        entity = {"@id": "#licence", "@type": "CreativeWork", "name": said or "no licence"}
        return [{**entity, "description": said or described}]
    address = "https://spdx.org/licenses/"
    return [
        {"@id": address + n, "@type": "CreativeWork", "name": n, "url": f"{address}{n}.html"}
        for n in dict.fromkeys(names)
    ]


def _references(identifiers: Sequence[str]) -> Entity | list[Entity]:
    """JSON-LD has no lists of one."""
    found = [{"@id": identifier} for identifier in identifiers]
    return found[0] if len(found) == 1 else found


def _time(text: str) -> str:
    """To the second, as the profile wants it."""
    return datetime.fromisoformat(text).replace(microsecond=0).isoformat()
