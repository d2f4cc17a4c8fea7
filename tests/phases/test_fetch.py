"""Fetch against real HTTP servers with every fault: checked, resumed, tried elsewhere, refused."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reprokit import download
from reprokit.credentials import Login
from reprokit.download import Download
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.mirrors import PYPI_FILES
from reprokit.model import Artifact
from reprokit.phases.fetch import fetch
from reprokit.progress import Silent
from reprokit.site import Site
from reprokit.store import Store
from tests.phases.downloads import CONTENT, FILE, Told, artifact
from tests.servers import WebServer, after, cut_after, python_index, stall, status, web_server


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(WebServer(files={FILE: CONTENT})) as made:
        yield made


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LONGEST_PAUSE", 0.01)


def test_a_file_is_downloaded_once(server: WebServer, tmp_path: Path) -> None:
    store, wanted = Store(tmp_path), artifact(server.url + FILE)
    assert fetch((wanted, wanted), store, Site(), Silent()) == len(CONTENT)
    assert fetch((wanted,), store, Site(), Silent()) == 0
    assert store.path(wanted.sha256).read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sha256"]


def test_a_broken_download_is_resumed(server: WebServer, tmp_path: Path) -> None:
    server.faults = [cut_after(300_000), cut_after(300_000)]
    told = Told()
    fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), told)
    assert [asked.range for asked in server.asked] == [None, "bytes=300000-", "bytes=600000-"]
    assert told.progress[-1] == (len(CONTENT), len(CONTENT))
    assert max(done for done, _ in told.progress) == len(CONTENT)
    assert any("/s" in line and "file.whl" in line for line in told.lines)


def test_a_server_without_ranges_sends_it_all_again(server: WebServer, tmp_path: Path) -> None:
    server.faults, server.ranges = [cut_after(300_000)], False
    store, wanted = Store(tmp_path), artifact(server.url + FILE)
    fetch((wanted,), store, Site(), Silent())
    assert store.path(wanted.sha256).read_bytes() == CONTENT


def test_a_file_that_changed_midway_is_asked_for_anew(server: WebServer, tmp_path: Path) -> None:
    """The lock names the new one; what came before belongs to the old one."""
    old = bytes(len(CONTENT))

    def change() -> None:
        server.files[FILE] = CONTENT

    server.files[FILE] = old
    server.faults = [cut_after(300_000), after(change)]
    store, wanted = Store(tmp_path), artifact(server.url + FILE)
    fetch((wanted,), store, Site(), Silent())
    assert store.path(wanted.sha256).read_bytes() == CONTENT


@pytest.mark.parametrize("tagged", [True, False])
def test_an_unknown_file_is_resumed_only_if_it_is_the_same(
    server: WebServer, tmp_path: Path, tagged: bool
) -> None:
    old = bytes(len(CONTENT))

    def change() -> None:
        server.files[FILE] = CONTENT
        server.tags = {FILE: '"new"'} if tagged else {}

    server.files[FILE], server.tags = old, {FILE: '"old"'} if tagged else {}
    server.faults = [cut_after(300_000), after(change)]
    store = Store(tmp_path)
    digest, size = Download(store, Site(), Silent()).file(server.url + FILE)
    assert store.path(digest).read_bytes() == CONTENT
    assert size == len(CONTENT)


def test_an_unknown_file_with_a_tag_is_resumed(server: WebServer, tmp_path: Path) -> None:
    server.tags, server.faults = {FILE: '"one"'}, [cut_after(300_000)]
    Download(Store(tmp_path), Site(), Silent()).file(server.url + FILE)
    assert [asked.range for asked in server.asked] == [None, "bytes=300000-"]


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_passing_failures_are_tried_again(server: WebServer, tmp_path: Path, code: int) -> None:
    server.faults = [status(code, Retry_After="0"), status(code), status(code)]
    fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), Silent())
    assert len(server.asked) == 4


def test_the_pause_grows_and_a_server_may_ask_for_one(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float | None] = []

    class Stopped(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout)
            return False

    monkeypatch.setattr(download, "LONGEST_PAUSE", 30.0)
    server.faults = [status(503), status(503, Retry_After="7"), status(503, Retry_After="9999")]
    one = Download(Store(tmp_path), Site(), Silent())
    one.stopped = Stopped()
    one.artifact(artifact(server.url + FILE))
    assert pauses == [1.0, 7.0, 30.0]


def test_a_lasting_failure_ends_with_its_reason(server: WebServer, tmp_path: Path) -> None:
    server.faults = [status(503)] * 9
    with pytest.raises(InputUnavailable, match="503") as caught:
        fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), Silent())
    assert caught.value.where == server.url + FILE
    assert len(server.asked) == download.ATTEMPTS


def test_what_brings_something_each_time_is_never_given_up(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_ENOUGH", 50_000)
    server.faults = [cut_after(100_000)] * 10
    fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), Silent())
    assert len(server.asked) == 11


def test_a_silent_server_is_given_up(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", (1, 0.1))
    server.faults = [stall(0.5)]
    fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), Silent())
    assert len(server.asked) == 2


def test_a_server_that_trickles_is_asked_again(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle(handler: object) -> bool:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(CONTENT)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        try:
            for position in range(60):
                handler.wfile.write(CONTENT[position : position + 1])  # type: ignore[attr-defined]
                time.sleep(0.05)
        except OSError:
            pass
        return True

    monkeypatch.setattr(download, "TIMEOUT", (1, 0.3))
    monkeypatch.setattr(download, "SLOWEST", 1000)
    server.faults = [trickle]
    started = time.monotonic()
    fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), Silent())
    assert time.monotonic() - started < 2
    assert server.asked[-1].range is not None


def test_compressed_content_is_left_as_it_is(server: WebServer, tmp_path: Path) -> None:
    """Some servers declare a .tar.gz to be text that was compressed for the way."""
    import gzip

    packed = gzip.compress(b"x" * 1000, mtime=0)

    def declare(handler: object) -> bool:
        handler.answer(200, packed, {"Content-Encoding": "gzip"})  # type: ignore[attr-defined]
        return True

    server.faults = [declare]
    store, wanted = Store(tmp_path), artifact(server.url + "/a.tar.gz", packed)
    fetch((wanted,), store, Site(), Silent())
    assert store.path(wanted.sha256).read_bytes() == packed


def test_other_bytes_than_the_locked_ones_are_refused(server: WebServer, tmp_path: Path) -> None:
    wanted = artifact(server.url + FILE, b"what was locked")
    with pytest.raises(InputUnavailable, match="not the one that was locked") as caught:
        fetch((wanted,), Store(tmp_path), Site(), Silent())
    assert wanted.sha256 in caught.value.what
    assert not Store(tmp_path).holds(wanted.sha256)


def test_an_end_without_a_promised_length_may_be_early(server: WebServer, tmp_path: Path) -> None:
    def old_server(handler: object) -> bool:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(CONTENT[:1000])  # type: ignore[attr-defined]
        return True

    server.faults = [old_server]
    fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), Silent())
    assert server.asked[-1].range == "bytes=1000-"


def test_an_endless_file_is_cut_off(server: WebServer, tmp_path: Path) -> None:
    server.files[FILE] = bytes(50_000_000)
    with pytest.raises(InputUnavailable, match="more than"):
        fetch((artifact(server.url + FILE),), Store(tmp_path), Site(), Silent())
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0


def test_a_mirror_with_other_bytes_is_passed_over(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reprokit.mirrors.MAVEN_CENTRAL", server.url + "/maven2")
    server.files |= {"/maven2/g/a.jar": CONTENT, "/mirror/g/a.jar": CONTENT[:-1] + b"!"}
    site = Site(maven_mirror=f"{server.url}/mirror")
    store, wanted = Store(tmp_path), artifact(f"{server.url}/maven2/g/a.jar")
    fetch((wanted,), store, site, Silent())
    assert [asked.path for asked in server.asked] == ["/mirror/g/a.jar", "/maven2/g/a.jar"]
    assert store.path(wanted.sha256).read_bytes() == CONTENT


def test_every_address_that_failed_is_named_with_both_hashes(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reprokit.mirrors.MAVEN_CENTRAL", server.url + "/maven2")
    server.files["/mirror/g/a.jar"] = b"other"
    site = Site(maven_mirror=f"{server.url}/mirror")
    wanted = artifact(f"{server.url}/maven2/g/a.jar")
    with pytest.raises(InputUnavailable) as caught:
        fetch((wanted,), Store(tmp_path), site, Silent())
    text = str(caught.value)
    assert f"{server.url}/mirror/g/a.jar: the file offered now is not" in text
    assert hashlib.sha256(b"other").hexdigest() in text
    assert wanted.sha256 in text
    assert f"{server.url}/maven2/g/a.jar: cannot be downloaded: 404" in text


def test_a_file_of_pypi_comes_from_the_sites_index(server: WebServer, tmp_path: Path) -> None:
    name = "lab_tools-1.0-py3-none-any.whl"
    server.files |= python_index((name, CONTENT))
    wanted = artifact(f"{PYPI_FILES}/packages/aa/bb/{'c' * 60}/{name}")
    store = Store(tmp_path)
    fetch((wanted,), store, Site(python_index=f"{server.url}/simple"), Silent())
    assert [asked.path for asked in server.asked] == ["/simple/lab-tools/", f"/files/{name}"]


def test_a_missing_file_names_its_address(server: WebServer, tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match="404") as caught:
        fetch((artifact(server.url + "/gone.whl"),), Store(tmp_path), Site(), Silent())
    assert caught.value.where is not None and caught.value.where.endswith("/gone.whl")


def test_a_file_made_at_lock_time_cannot_be_downloaded(tmp_path: Path) -> None:
    made = Artifact(path="wheels/own.whl", sha256="sha256:" + "0" * 64, size=1, url=None)
    with pytest.raises(InputUnavailable, match=r"own\.whl"):
        fetch((made,), Store(tmp_path), Site(), Silent())


def test_a_login_from_netrc_is_sent(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.login = "joe:s3cr3t"
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login joe password s3cr3t\n")
    fetch((artifact(server.url + FILE),), Store(tmp_path / "store"), Site(), Silent())


def test_a_broken_netrc_is_named(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    (tmp_path / "netrc").write_text("machine 127.0.0.1 lgin joe password s3cr3t\n")
    with pytest.raises(BadRequest, match=r"netrc:1") as caught:
        fetch((artifact(server.url + FILE),), Store(tmp_path / "store"), Site(), Silent())
    assert "s3cr3t" not in str(caught.value)


def test_a_login_from_the_keyring_is_asked_for_once(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.login = "joe:s3cr3t"
    server.files["/other.whl"] = b"other"
    keyring = tmp_path / "bin" / "keyring"
    keyring.parent.mkdir()
    keyring.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho joe\necho s3cr3t\n')
    keyring.chmod(0o755)
    monkeypatch.setenv("PATH", str(keyring.parent), prepend=os.pathsep)
    monkeypatch.setenv("HOME", str(tmp_path))
    files = (artifact(server.url + FILE), artifact(server.url + "/other.whl", b"other"))
    fetch(files, Store(tmp_path / "store"), Site(), Silent())
    assert len((tmp_path / "asked").read_text().splitlines()) == 1


def test_a_wanted_login_that_nobody_knows(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.login = "joe:s3cr3t"
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InputUnavailable, match="wants a user name") as caught:
        fetch((artifact(server.url + FILE),), Store(tmp_path / "store"), Site(), Silent())
    assert ".netrc" in (caught.value.next or "")


def test_a_login_does_not_follow_to_another_server(server: WebServer, tmp_path: Path) -> None:
    with web_server() as first:

        def lead_on(handler: object) -> bool:
            location = {"Location": server.url.replace("127.0.0.1", "localhost") + FILE}
            handler.answer(302, b"", location)  # type: ignore[attr-defined]
            return True

        first.faults = [lead_on]
        logins = ((urlsplit(first.url).netloc, Login("joe", "s3cr3t")),)
        fetch((artifact(first.url + FILE),), Store(tmp_path), Site(logins=logins), Silent())
        assert first.asked[0].authorization is not None
        assert server.asked[0].authorization is None


def test_the_sites_proxy_wins_over_the_environment(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    site = Site(proxies=(("http_proxy", server.url),))
    fetch((artifact("http://files.example" + FILE),), Store(tmp_path / "a"), site, Silent())
    direct = Site(proxies=(("http_proxy", "http://127.0.0.1:9"), ("no_proxy", "127.0.0.0/8")))
    fetch((artifact(server.url + FILE),), Store(tmp_path / "b"), direct, Silent())
