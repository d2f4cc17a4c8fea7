"""What pip's, uv's and Maven's own settings add to the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from reprokit import site_files
from reprokit.credentials import Login
from reprokit.errors import BadRequest
from reprokit.site import Site
from reprokit.site_files import completed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(site_files, "_MACHINE", tmp_path / "etc")
    for name in (".config/pip", ".config/uv", ".m2"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def complete(home: Path, site: Site | None = None, **variables: str) -> tuple[Site, list[str]]:
    warnings: list[str] = []
    return completed(site or Site(), warnings.append, {"HOME": str(home), **variables}), warnings


def test_nothing_there_changes_nothing(home: Path) -> None:
    assert complete(home) == (Site(), [])


def test_pips_indexes_and_their_logins(home: Path) -> None:
    (home / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://joe:s3cr3t@pypi.example/simple/\n"
        "extra-index-url =\n    https://a.example/simple\n    https://b.example/simple\n"
    )
    found, _ = complete(home)
    assert found.python_index == "https://pypi.example/simple"
    assert found.python_extra_indexes == ("https://a.example/simple", "https://b.example/simple")
    assert found.logins == (("pypi.example", Login("joe", "s3cr3t")),)
    assert "s3cr3t" not in repr(found)


def test_site_toml_wins_and_pypi_is_no_mirror(home: Path) -> None:
    (home / ".config/pip/pip.conf").write_text("[global]\nindex-url = https://pypi.org/simple/\n")
    assert complete(home)[0].python_index is None
    (home / ".config/pip/pip.conf").write_text("[global]\nindex-url = https://other.example/\n")
    given = Site(python_index="https://pypi.example/simple")
    assert complete(home, given)[0].python_index == "https://pypi.example/simple"


def test_pips_file_can_be_named_or_switched_off(home: Path) -> None:
    (home / ".config/pip/pip.conf").write_text("[global]\nindex-url = https://a.example/s\n")
    (home / "other.conf").write_text("[install]\nindex-url = https://b.example/s\n")
    named = complete(home, PIP_CONFIG_FILE=str(home / "other.conf"))[0]
    assert named.python_index == "https://b.example/s"
    assert complete(home, PIP_CONFIG_FILE="/dev/null")[0].python_index is None


def test_uvs_indexes_with_logins_from_the_environment(home: Path) -> None:
    (home / ".config/uv/uv.toml").write_text(
        '[[index]]\nname = "lab-private"\nurl = "https://lab.example/simple"\n'
        '[[index]]\nurl = "https://pypi.example/simple"\ndefault = true\n'
        '[[index]]\nname = "torch"\nurl = "https://torch.example/whl"\nexplicit = true\n'
    )
    found, _ = complete(
        home, UV_INDEX_LAB_PRIVATE_USERNAME="joe", UV_INDEX_LAB_PRIVATE_PASSWORD="s3cr3t"
    )
    assert found.python_index == "https://pypi.example/simple"
    assert found.python_extra_indexes == ("https://lab.example/simple",)
    assert found.logins == (("lab.example", Login("joe", "s3cr3t")),)


SETTINGS = """<?xml version="1.0"?>
<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
  <servers>
    <server><id>other</id><username>x</username><password>y</password></server>
    <server><id>institute</id><username>joe</username><password>{password}</password></server>
  </servers>
  <mirrors>
    <mirror><id>not</id><mirrorOf>*,!central</mirrorOf><url>https://no.example/</url></mirror>
    <mirror><id>institute</id><mirrorOf>{of}</mirrorOf><url>https://m.example/m2/</url></mirror>
  </mirrors>
</settings>
"""


@pytest.mark.parametrize("of", ["*", "central", "external:*", "*,!lab"])
def test_mavens_mirror_and_its_login(home: Path, of: str) -> None:
    (home / ".m2/settings.xml").write_text(SETTINGS.format(password="${env.PW}", of=of))
    found, warnings = complete(home, PW="s3cr3t")
    assert found.maven_mirror == "https://m.example/m2"
    assert found.logins == (("m.example", Login("joe", "s3cr3t")),)
    assert warnings == []


def test_a_mirror_of_something_else_is_none(home: Path) -> None:
    (home / ".m2/settings.xml").write_text(SETTINGS.format(password="x", of="lab"))
    assert complete(home)[0] == Site()


def test_an_encrypted_password_is_explained(home: Path) -> None:
    text = SETTINGS.format(password="{jSMOWnoPFgsHVpMvz5VrIt5kRbzGpI8u=}", of="*")
    (home / ".m2/settings.xml").write_text(text)
    found, warnings = complete(home)
    assert found.logins == (("m.example", Login("joe")),)
    assert len(warnings) == 1
    assert "encrypted" in warnings[0]
    assert "jSMOW" not in warnings[0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".config/pip/pip.conf", "index-url = https://joe:s3cr3t@h/simple"),
        (".config/uv/uv.toml", "index-url = https://joe:s3cr3t@h/simple"),
        (".m2/settings.xml", "<settings><password>s3cr3t</settings>"),
    ],
)
def test_a_malformed_file_is_named_without_its_content(home: Path, name: str, content: str) -> None:
    (home / name).write_text(content)
    with pytest.raises(BadRequest) as caught:
        complete(home)
    assert caught.value.where == str(home / name)
    assert "s3cr3t" not in str(caught.value)
