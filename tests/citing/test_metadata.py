"""What files say of a project, in every notation that projects use."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.citing import licences, people
from reprokit.citing.metadata import read
from reprokit.errors import BadRequest

CITATION = """\
cff-version: 1.2.0
message: Please cite the paper.
title: Wheat and weather
authors:
  - family-names: Beethoven
    given-names: Ludwig
    name-particle: van
    orcid: https://orcid.org/0000-0002-1825-0097
  - name: The wheat group
license: [MIT, Apache-2.0]
doi: 10.5281/zenodo.1
"""


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).write_text(text, "utf-8")
    return root


def test_a_citation_file_is_read(tmp_path: Path) -> None:
    found = read(written(tmp_path, {"CITATION.cff": CITATION}))
    assert [author.name for author in found.authors] == ["Ludwig van Beethoven", "The wheat group"]
    assert found.authors[0].orcid == "0000-0002-1825-0097" and found.authors[1].family is None
    assert (found.title, found.doi) == ("Wheat and weather", "10.5281/zenodo.1")
    assert found.licence == "MIT OR Apache-2.0" and found.missing() == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "pyproject.toml",
            '[project]\nname = "wheat"\nversion = "2.0"\nlicense = {text = "MIT License"}\n'
            'authors = [{name = "Jane Doe", email = "j@example.org"}]\n'
            '[project.urls]\nRepository = "https://example.org/wheat"\n',
        ),
        (
            "pyproject.toml",
            '[tool.poetry]\nname = "wheat"\nversion = "2.0"\nlicense = "MIT"\n'
            'authors = ["Jane Doe <j@example.org>"]\nrepository = "https://example.org/wheat"\n',
        ),
        (
            "DESCRIPTION",
            "Title: wheat\nVersion: 2.0\nLicense: MIT + file LICENSE\n"
            "URL: https://example.org/wheat, https://example.org\n"
            'Authors@R: c(person("Jane", "Doe", role = c("aut", "cre")),\n'
            '  person("A Company", role = "cph"))\n',
        ),
        (
            "DESCRIPTION",
            "Title: wheat\nVersion: 2.0\nLicense: MIT\nURL: https://example.org/wheat\n"
            "Author: Jane Doe [aut, cre] (0000-0002-1825-0097)\n",
        ),
        (
            "pom.xml",
            "<project><name>wheat</name><version>2.0</version>"
            "<licenses><license><name>The MIT License</name></license></licenses>"
            "<developers><developer><name>Jane Doe</name></developer></developers>"
            "<url>https://example.org/wheat</url></project>",
        ),
    ],
)
def test_each_declaration_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    found = read(written(tmp_path, {name: text}))
    assert [(a.given, a.family) for a in found.authors] == [("Jane", "Doe")]
    assert (found.title, found.version, found.licence) == ("wheat", "2.0", "MIT")
    assert found.url == "https://example.org/wheat"


def test_the_citation_file_is_believed_first(tmp_path: Path) -> None:
    pyproject = '[project]\nname = "w"\nversion = "3.1"\nlicense = "GPL-3.0-only"\n'
    found = read(written(tmp_path, {"CITATION.cff": CITATION, "pyproject.toml": pyproject}))
    assert (found.title, found.version) == ("Wheat and weather", "3.1")
    assert found.licence == "MIT OR Apache-2.0"


def test_what_is_missing_is_named_with_where_to_write_it(tmp_path: Path) -> None:
    found = read(written(tmp_path, {"DESCRIPTION": "Package: wheat\nLicense: file LICENSE\n"}))
    authors, title, licence = found.missing()
    assert "authors" in authors and "CITATION.cff" in authors and "CITATION.cff" in title
    assert "'file LICENSE' is none" in licence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CITATION.cff", "title: [\n"),
        ("CITATION.cff", "- a list\n"),
        ("CITATION.cff", "? [a, b]\n: c\n"),
        ("pyproject.toml", "name = \n"),
        ("pom.xml", "<project>"),
        ("DESCRIPTION", "no field\n"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(written(tmp_path, {name: text}))
    assert (caught.value.where or "").startswith(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GPL-3", "GPL-3.0-only"),
        ("GPL (>= 2)", "GPL-2.0-or-later"),
        ("LGPL (>= 2.1)", "LGPL-2.1-or-later"),
        ("BSD_3_clause + file LICENSE", "BSD-3-Clause"),
        ("The Apache Software License, Version 2.0", "Apache-2.0"),
        ("Apache License (== 2.0)", "Apache-2.0"),
        ("Eclipse Public License - v 2.0", "EPL-2.0"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("mit", "MIT"),
        ("GPL-2 | GPL-3", "GPL-2.0-only OR GPL-3.0-only"),
        ("MIT and something else", None),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("Proprietary", None),
        ("file LICENSE", None),
    ],
)
def test_licences_get_their_standard_names(text: str, name: str | None) -> None:
    assert licences.spdx(text) == name


def test_only_alternatives_can_be_listed() -> None:
    assert licences.alternatives("MIT OR GPL-3.0-only") == ["MIT", "GPL-3.0-only"]
    assert licences.alternatives("GPL-2.0-only WITH Classpath-exception-2.0") is None
    assert licences.alternatives("LicenseRef-ours") is None


def test_names_of_people_and_groups() -> None:
    comma = people.from_name("Doe, Jane")
    assert comma is not None and (comma.given, comma.family) == ("Jane", "Doe")
    single = people.from_name("Madonna")
    assert single is not None and single.family is None
    group = people.from_name("The Wheat Team")
    assert group is not None and group.family is None
    assert people.from_name(" <a@example.org> ") is None


def test_an_orcid_with_a_wrong_check_digit_is_none() -> None:
    assert people.found_orcid("https://orcid.org/0000-0002-1694-233X") == "0000-0002-1694-233X"
    assert people.found_orcid("0000-0002-1825-0098") is None
