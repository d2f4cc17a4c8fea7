#!/usr/bin/env python3
"""Make the two food ontologies and their reference alignment from tools/concepts.txt.

Ontology A is a small thesaurus as an English-speaking cook would write it: CamelCase names,
rdfs:label, a deep tree. Ontology B imitates the coding tables of food agencies: numbers instead of
names, inverted labels ("Onion, red") or shortened ones ("Red", below "Onion"), other preferred words (aubergine against eggplant), plurals,
misspellings, and a tree with some levels left out. Neither holds all concepts of the list.

The same list always gives the same bytes: every choice hangs on a hash of the concept's name.
Run it in the project folder: python3 tools/generate.py
"""

import gzip
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

A = "http://example.org/food-a#"
B = "http://example.org/food-b/"
GRAPH_A = "http://example.org/graph/food-a"
GRAPH_B = "http://example.org/graph/food-b"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
OWL_CLASS = "http://www.w3.org/2002/07/owl#Class"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
SUBCLASS = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
PREFERRED = "http://www.w3.org/2004/02/skos/core#prefLabel"
ALTERNATIVE = "http://www.w3.org/2004/02/skos/core#altLabel"


@dataclass
class Concept:
    name: str
    synonyms: list
    parent: object
    children: list

    def chance(self, question):
        """A number from 0 to 99 that depends on the concept and the question only."""
        return hashlib.sha256(f"{question}:{self.name}".encode()).digest()[0] * 100 // 256


def read_concepts(path):
    found, ancestors = [], []
    for line in path.read_text().splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, *synonyms = [part.strip() for part in line.split("|")]
        parent = ancestors[depth - 1] if depth else None
        concept = Concept(name, synonyms, parent, [])
        if parent:
            parent.children.append(concept)
        ancestors[depth:] = [concept]
        found.append(concept)
    return found


def parent_within(concept, present):
    """The nearest ancestor that the ontology holds."""
    parent = concept.parent
    while parent is not None and parent.name not in present:
        parent = parent.parent
    return parent


def quad(subject, predicate, value, graph):
    return f"<{subject}> <{predicate}> {value} <{graph}> ."


def text(value):
    return '"%s"@en' % value.replace("\\", "\\\\").replace('"', '\\"')


def camel_case(name):
    return "".join(word.capitalize() for word in name.replace("'", "").replace("-", " ").split())


def inverted(name):
    """"red onion" as an agency files it: "Onion, red"."""
    *first, last = name.split()
    return f"{last.capitalize()}, {' '.join(first)}" if first else name.capitalize()


def plural(word):
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "sh", "ch", "x", "o")) else "s")


def shortened(name, parent):
    """"red onion" as a table lists it below "onion": "red"."""
    if parent is not None and name.endswith(f" {parent.name}"):
        return name.removesuffix(f" {parent.name}")
    return name


def misspelt(name):
    """Two letters in the middle of the longest word change places."""
    word = max(name.split(), key=len)
    middle = len(word) // 2
    wrong = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return name.replace(word, wrong)


def ontology_a(concepts):
    present = {c.name for c in concepts if c.children or c.chance("left out of A") >= 8}
    lines, names = [], {}
    for concept in concepts:
        if concept.name not in present:
            continue
        iri = names[concept.name] = A + camel_case(concept.name)
        lines.append(quad(iri, RDF_TYPE, f"<{OWL_CLASS}>", GRAPH_A))
        lines.append(quad(iri, LABEL, text(concept.name), GRAPH_A))
        for synonym in concept.synonyms:
            if concept.chance("synonym in A") < 35:
                lines.append(quad(iri, ALTERNATIVE, text(synonym), GRAPH_A))
        parent = parent_within(concept, present)
        if parent:
            lines.append(quad(iri, SUBCLASS, f"<{names[parent.name]}>", GRAPH_A))
    return lines, names


def ontology_b(concepts):
    present = {c.name for c in concepts if c.chance("left out of B") >= 12 or c.parent is None}
    lines, codes = [], {}
    order = sorted(present, key=lambda n: hashlib.sha256(f"code:{n}".encode()).digest())
    codes = {name: f"{B}FD{1000 + 7 * place}" for place, name in enumerate(order)}
    for concept in concepts:
        if concept.name not in present:
            continue
        iri = codes[concept.name]
        words = [concept.name, *concept.synonyms]
        if concept.synonyms and concept.chance("other word in B") < 60:
            words.reverse()
        if concept.chance("other words unknown to B") < 65:
            words = words[:1]
        preferred = words[0]
        if concept.chance("shortened in B") < 60:
            preferred = shortened(preferred, concept.parent)
        if concept.chance("plural in B") < 30:
            preferred = plural(preferred)
        if len(preferred) > 7 and concept.chance("misspelt in B") < 12:
            preferred = misspelt(preferred)
        lines.append(quad(iri, RDF_TYPE, f"<{OWL_CLASS}>", GRAPH_B))
        lines.append(quad(iri, PREFERRED, text(inverted(preferred)), GRAPH_B))
        for word in words[1:]:
            lines.append(quad(iri, ALTERNATIVE, text(inverted(word)), GRAPH_B))
        parent = parent_within(concept, present)
        if parent:
            lines.append(quad(iri, SUBCLASS, f"<{codes[parent.name]}>", GRAPH_B))
    return lines, codes


def write_gzip(path, lines):
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        file.write(("\n".join(lines) + "\n").encode())
    path.write_bytes(buffer.getvalue())


def main():
    concepts = read_concepts(Path("tools/concepts.txt"))
    lines_a, names = ontology_a(concepts)
    lines_b, codes = ontology_b(concepts)
    write_gzip(Path("data/food-a.nq.gz"), lines_a)
    write_gzip(Path("data/food-b.nq.gz"), lines_b)
    pairs = sorted((names[n], codes[n]) for n in names.keys() & codes.keys())
    rows = ["entity1,entity2"] + [f"{a},{b}" for a, b in pairs]
    Path("data/reference.csv").write_text("\n".join(rows) + "\n")
    print(f"A: {len(names)} classes, B: {len(codes)} classes, reference: {len(pairs)} pairs")


if __name__ == "__main__":
    main()
