"""Logins: where they are found, and that they are shown nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reprokit import credentials
from reprokit.credentials import Credentials, Login, joined, netrc_line, split
from reprokit.errors import BadRequest

URL = "https://pypi.example/simple"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    return tmp_path


@pytest.fixture
def keyring(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A `keyring` command that answers with what a shell script prints; the file of its calls."""

    def install(script: str) -> Path:
        program, calls = home / "bin" / "keyring", home / "calls"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
        return calls

    return install


@pytest.mark.parametrize(
    ("url", "plain", "login"),
    [
        ("https://h/simple", "https://h/simple", None),
        ("https://joe:p%40ss@h:8/simple", "https://h:8/simple", Login("joe", "p@ss")),
        ("https://joe:p@ss@h/s", "https://h/s", Login("joe", "p@ss")),
        ("https://token@h/s", "https://h/s", Login("token")),
        ("https://joe:@h/s", "https://h/s", Login("joe", "")),
    ],
)
def test_a_url_and_its_login(url: str, plain: str, login: Login | None) -> None:
    assert split(url) == (plain, login)
    assert split(joined(plain, login)) == (plain, login)


def test_a_password_is_not_printed() -> None:
    assert "s3cr3t" not in repr(Login("joe", "s3cr3t"))


def test_what_the_settings_say_comes_first(home: Path) -> None:
    (home / ".netrc").write_text("machine pypi.example login other password elsewhere\n")
    known = Credentials((("pypi.example", Login("joe", "s3cr3t")),))
    assert known.known(URL) == Login("joe", "s3cr3t")
    assert known.known("https://pypi.example:8443/") == Login("other", "elsewhere")


def test_a_user_name_alone_is_completed(home: Path) -> None:
    (home / ".netrc").write_text("machine pypi.example login joe password s3cr3t\n")
    assert Credentials((("pypi.example", Login("joe")),)).known(URL) == Login("joe", "s3cr3t")
    assert Credentials((("pypi.example", Login("ann")),)).known(URL) is None
    assert Credentials((("pypi.example", Login("ann")),)).asked(URL) == Login("ann", "")


def test_a_default_entry_is_sent_nowhere(home: Path) -> None:
    (home / ".netrc").write_text("default login anonymous password me@example.org\n")
    assert Credentials().known(URL) is None


def test_a_malformed_netrc_is_named_without_its_content(home: Path) -> None:
    (home / ".netrc").write_text("machine a login b\nmachine pypi.example pasword s3cr3t\n")
    with pytest.raises(BadRequest, match=r"\.netrc") as caught:
        Credentials().known(URL)
    assert "s3cr3t" not in str(caught.value)


def test_the_keyring_is_asked_for_a_user(keyring: Callable[[str], Path]) -> None:
    calls = keyring('[ "$2" = pypi.example ] && echo s3cr3t')
    known = Credentials((("pypi.example", Login("joe")),))
    assert known.known(URL) is None
    assert known.asked(URL) == Login("joe", "s3cr3t")
    assert known.asked(URL) == known.known(URL) == Login("joe", "s3cr3t")
    assert calls.read_text().splitlines() == [f"get {URL} joe", "get pypi.example joe"]


def test_the_keyring_is_asked_for_a_whole_login(keyring: Callable[[str], Path]) -> None:
    calls = keyring("echo joe; echo s3cr3t")
    assert Credentials().asked(URL) == Login("joe", "s3cr3t")
    assert calls.read_text().splitlines() == [f"--mode creds get {URL}"]


def test_a_keyring_that_fails_or_hangs_has_nothing(
    keyring: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_PATIENCE", 0.2)
    keyring('[ "$3" = get ] && exec sleep 5')
    known = Credentials()
    assert known.asked(URL) is None
    assert known.asked(URL) is None


def test_lines_for_other_programs() -> None:
    login = Login("joe", "s3cr3t")
    assert netrc_line("http://h:8080/x", login) == "machine h login joe password s3cr3t\n"
    line = netrc_line("http://h:8080/x", login, apt=True)
    assert line == "machine http://h:8080 login joe password s3cr3t\n"
    assert netrc_line("https://h/x", login, apt=True).startswith("machine h login")
