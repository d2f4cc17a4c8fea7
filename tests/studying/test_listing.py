"""LIST.toml: what it says, and what is said of its slips."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit.errors import BadRequest
from reprokit.studying import listing
from reprokit.studying.listing import default_name


def read(tmp_path: Path, text: str) -> listing.StudyList:
    place = tmp_path / "papers.toml"
    place.write_text(text)
    return listing.read(place)


def test_a_list_with_everything(tmp_path: Path) -> None:
    (tmp_path / "paper").mkdir()
    found = read(
        tmp_path,
        """
        name = "Ten years"
        memory = "8g"
        timeout = "30m"
        group = "all of them"
        sources = ["https://example.org/a/wheat.git#v1", "paper"]

        [[source]]
        source = "paper#a1b2c3d"
        name = "the same, earlier"
        date = 2019-03-01
        year = 2018
        group = "older"
        timeout = "2h"
        yes = true
        """,
    )
    assert (found.name, found.memory) == ("Ten years", 8 * 1024**3)
    wheat, paper, earlier = found.sources
    assert (wheat.name, wheat.source) == ("a/wheat", "https://example.org/a/wheat.git#v1")
    assert (paper.name, paper.source, paper.said) == ("paper", str(tmp_path / "paper"), "paper")
    assert (paper.timeout, paper.group, paper.yes) == (1800, "all of them", False)
    assert earlier.source == f"{tmp_path / 'paper'}#a1b2c3d"
    assert (earlier.date, earlier.year, earlier.group) == ("2019-03-01", 2018, "older")
    assert (earlier.timeout, earlier.yes) == (7200, True)
    assert len({source.key for source in found.sources}) == 3


def test_a_list_without_a_name_has_that_of_its_file(tmp_path: Path) -> None:
    assert read(tmp_path, 'sources = ["a"]').name == "papers"


@pytest.mark.parametrize(
    ("text", "where", "what", "next"),
    [
        ('sources = ["a"]\ntimout = "1h"', "papers.toml:2", "unknown key 'timout'", "timeout"),
        ('[[source]]\nsource = "a"\n\n[[source]]\nsorce = "b"', "papers.toml:5", "sorce", "source"),
        ('[[source]]\nsource = "a"\nyear = 19', "papers.toml:3", "must be a year", None),
        ('[[source]]\nsource = "a"\nyear = "2019"', "papers.toml:3", "must be a number", None),
        ('[[source]]\nname = "a"', "papers.toml:1", "has no `source`", "say what to rerun"),
        ('\nsources = "a"', "papers.toml:2", "must be a list", None),
        ('[source]\nsource = "a"', "papers.toml:1", "[[source]]", None),
        ('timeout = "soon"\nsources = ["a"]', "papers.toml:1", "must be a duration", None),
        ('memory = -1\nsources = ["a"]', "papers.toml:1", "must be", None),
        ('[[source]]\nsource = "a"\nname = "x\\u001b[2J"', "papers.toml:3", "one line", None),
        ('sources = [\n  "a",\n  "b",\n  "x/a",\n]', "papers.toml:4", "called 'a'", "name"),
        ('sources = ["a"]\n[[source]]\nsource = "b"\nname = "a"', "papers.toml:2", "'a'", "name"),
        ("name = 'nothing'", "papers.toml", "lists no source", "sources"),
        ("sources = [", "papers.toml:1", "is not valid TOML", "toml.io"),
    ],
)
def test_slips(tmp_path: Path, text: str, where: str, what: str, next: str | None) -> None:
    with pytest.raises(BadRequest) as raised:
        read(tmp_path, text)
    assert raised.value.where == where and what in raised.value.what
    assert next is None or next in (raised.value.next or "")


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="there is no ") as raised:
        listing.read(tmp_path / "nothing.toml")
    assert "sources = [" in (raised.value.next or "")
    with pytest.raises(BadRequest, match="cannot be read: Is a directory") as raised:
        listing.read(Path())
    assert raised.value.where == "."


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("https://github.com/a/wheat.git#v1", "a/wheat"),
        ("https://me:secret@example.org/a/wheat/", "a/wheat"),
        ("https://example.org/wheat", "wheat"),
        ("papers/one.zip", "one.zip"),
        ("../x/", "x"),
        ("ghcr.io/me/wheat@sha256:" + "0" * 64, "wheat"),
        ("/", "source"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_names(source: str, name: str) -> None:
    assert default_name(source) == name
