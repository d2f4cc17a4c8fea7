"""Fetch into one store: damage is mended, and several processes work at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reprokit import download
from reprokit.errors import InputUnavailable, StorageFailed
from reprokit.model import Artifact
from reprokit.phases import fetch as fetching
from reprokit.phases.fetch import fetch, using
from reprokit.progress import Silent
from reprokit.site import Site
from reprokit.store import Store
from tests.phases.downloads import CONTENT, FILE, Told, artifact
from tests.servers import WebServer, stall, web_server


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server(WebServer(files={FILE: CONTENT})) as made:
        yield made


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LONGEST_PAUSE", 0.01)


def test_damage_is_mended_by_fetching_again(server: WebServer, tmp_path: Path) -> None:
    server.files["/b.whl"] = b"second"
    store = Store(tmp_path / "store")
    files = (artifact(server.url + FILE), artifact(server.url + "/b.whl", b"second"))
    fetch(files, store, Site(), Silent())
    for wanted, content in zip(files, (CONTENT[:-1] + b"!", b""), strict=True):
        store.path(wanted.sha256).chmod(0o644)
        store.path(wanted.sha256).write_bytes(content)

    def work() -> str:
        for wanted in files:
            store.place(wanted.sha256, tmp_path / "out" / wanted.path)
        return "done"

    told = Told()
    assert using(lambda: fetch(files, store, Site(), told), told, work) == "done"
    assert (tmp_path / "out" / files[0].path).read_bytes() == CONTENT
    assert (tmp_path / "out" / files[1].path).read_bytes() == b"second"
    assert any("brought again" in line for line in told.lines)


def test_a_full_store_is_read_without_being_written(server: WebServer, tmp_path: Path) -> None:
    wanted = artifact(server.url + FILE)
    fetch((wanted,), Store(tmp_path), Site(), Silent())
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert fetch((wanted,), Store(tmp_path), Site(), Silent()) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_store_that_cannot_be_written_says_so(server: WebServer, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file, so that root cannot make a folder either")
    with pytest.raises(StorageFailed, match="store"):
        fetch((artifact(server.url + FILE),), Store(tmp_path / "store"), Site(), Silent())


_PROGRAM = """
import sys
from pathlib import Path
from reprokit import download
from reprokit.model import Artifact
from reprokit.phases.fetch import fetch
from reprokit.progress import Silent
from reprokit.site import Site
from reprokit.store import Store
store, *rest = sys.argv[1:]
files = tuple(
    Artifact(path=f"x/{n}", url=url, sha256=digest, size=int(size))
    for n, (url, digest, size) in enumerate(zip(rest[::3], rest[1::3], rest[2::3]))
)
try:
    fetch(files, Store(Path(store)), Site(), Silent())
except KeyboardInterrupt:
    sys.exit(130)
"""


def another_process(store: Path, *files: Artifact) -> subprocess.Popen[bytes]:
    words = [word for a in files for word in (str(a.url), a.sha256, str(a.size))]
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(store), *words],
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def _until(condition: object, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_processes_share_one_download(server: WebServer, tmp_path: Path) -> None:
    server.files |= {f"/{n}.whl": CONTENT[n:] for n in range(5)}
    shared = artifact(server.url + FILE)
    own = [artifact(f"{server.url}/{n}.whl", CONTENT[n:]) for n in range(5)]
    server.faults = [stall(0.3)] * 3
    processes = [another_process(tmp_path, shared, own[n], own[n + 1]) for n in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0, 0]
    assert all(Store(tmp_path).holds(a.sha256, a.size) for a in (shared, *own))
    paths = [asked.path for asked in server.asked]
    assert len(paths) == len(set(paths))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sha256"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_a_stopped_process_left_is_gone_on_with(
    server: WebServer, tmp_path: Path, number: signal.Signals
) -> None:
    waiting = threading.Event()

    def half(handler: object) -> bool:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(CONTENT)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(CONTENT[:512_000])  # type: ignore[attr-defined]
        waiting.wait(30)
        return True

    server.faults = [half]
    wanted = artifact(server.url + FILE)
    process = another_process(tmp_path, wanted)
    partial = tmp_path / f"incoming-{wanted.sha256.removeprefix('sha256:')}"
    _until(lambda: partial.exists() and partial.stat().st_size >= 500_000)
    started = time.monotonic()
    process.send_signal(number)
    code = process.wait(timeout=20)
    assert time.monotonic() - started < 5, "Ctrl-C waits for the server"
    assert code == (130 if number == signal.SIGINT else -signal.SIGKILL)
    waiting.set()
    fetch((wanted,), Store(tmp_path), Site(), Silent())
    assert int((server.asked[-1].range or "bytes=0-")[6:-1]) >= 500_000
    assert Store(tmp_path).path(wanted.sha256).read_bytes() == CONTENT
    assert not partial.exists()


def test_a_failure_does_not_wait_for_the_other_files(server: WebServer, tmp_path: Path) -> None:
    server.slow[FILE] = 5
    slow = artifact(server.url + FILE)
    started = time.monotonic()
    with pytest.raises(InputUnavailable, match="404"):
        fetching.fetch(
            (slow, artifact(server.url + "/gone.whl")), Store(tmp_path), Site(), Silent()
        )
    assert time.monotonic() - started < 4
