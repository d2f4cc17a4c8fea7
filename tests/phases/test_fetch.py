"""Fetch against a real HTTP server: checked, resumed, refused."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reprokit.errors import InputUnavailable
from reprokit.model import Artifact
from reprokit.phases.fetch import fetch
from reprokit.progress import Silent
from reprokit.site import Site
from reprokit.store import Store
from reprokit.web import session

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    breaks = 0
    ranges: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path != "/file.whl":
            self.send_error(404)
            return
        asked = self.headers.get("Range")
        start = 0
        if asked:
            self.server.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if self.server.breaks > 0:
            self.server.breaks -= 1
            self.wfile.write(CONTENT[start : start + 300_000])
            self.close_connection = True
            return
        self.wfile.write(CONTENT[start:])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.ranges = []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def artifact(server: Server, name: str = "file.whl", content: bytes = CONTENT) -> Artifact:
    return Artifact(
        path=f"wheels/{name}",
        sha256="sha256:" + hashlib.sha256(content).hexdigest(),
        size=len(content),
        url=f"http://127.0.0.1:{server.server_address[1]}/{name}",
    )


def test_a_file_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert fetch((artifact(server),), store, Site(), Silent()) == len(CONTENT)
    assert fetch((artifact(server),), store, Site(), Silent()) == 0
    assert store.path(artifact(server).sha256).read_bytes() == CONTENT


def test_a_broken_download_is_resumed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.breaks = 2
    store = Store(tmp_path)
    fetch((artifact(server),), store, Site(), Silent())
    assert store.holds(artifact(server).sha256)
    assert len(server.ranges) == 2
    assert all(int(r[6:-1]) > 0 for r in server.ranges)


def test_other_bytes_than_the_locked_ones_are_refused(server: Server, tmp_path: Path) -> None:
    wanted = artifact(server, content=b"what was locked")
    with pytest.raises(InputUnavailable, match="not the one that was locked"):
        fetch((wanted,), Store(tmp_path), Site(), Silent())
    assert not Store(tmp_path).holds(wanted.sha256)


def test_a_missing_file_names_its_address(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match="404") as caught:
        fetch((artifact(server, name="gone.whl"),), Store(tmp_path), Site(), Silent())
    assert caught.value.where is not None and caught.value.where.endswith("/gone.whl")


def test_a_file_made_at_lock_time_cannot_be_downloaded(tmp_path: Path) -> None:
    made = Artifact(path="wheels/own.whl", sha256="sha256:" + "0" * 64, size=1, url=None)
    with pytest.raises(InputUnavailable, match=r"own\.whl"):
        fetch((made,), Store(tmp_path), Site(), Silent())


@pytest.mark.parametrize("host", ["127.0.0.1", "registry.example"])
def test_a_host_without_proxy_is_asked_directly(
    server: Server, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    dead = (("http_proxy", "http://127.0.0.1:9"), ("no_proxy", ".example"))
    opened = session(Site(proxies=dead))
    settings = opened.merge_environment_settings(f"http://{host}/", {}, False, None, None)
    assert "http" not in settings["proxies"]
    other = opened.merge_environment_settings("http://elsewhere.org/", {}, False, None, None)
    assert other["proxies"]["http"] == "http://127.0.0.1:9"
    address = f"http://127.0.0.1:{server.server_port}/file.whl"
    assert opened.get(address, timeout=5).content == CONTENT
