"""The Podman service of our own: whatever serves is gone at the end of the block."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reprokit.engines import podman
from reprokit.history import living

# What `podman system service` is without root: one process waits for another, which serves.
PROGRAM = """\
#!{python}
import os, signal, sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"OK")
    def address_string(self):
        return "-"

if sys.argv[1] != "system":
    sys.exit(0)
child = os.fork()
if child:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.waitpid(child, 0)
    sys.exit(0)
if {stubborn}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
Path({noted!r}).write_text(str(os.getpid()))
UnixStreamServer(sys.argv[-1].removeprefix("unix://"), Answer).serve_forever()
"""


@pytest.mark.parametrize("stubborn", [False, True])
def test_the_process_that_serves_ends_though_nobody_hands_the_signal_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    noted = tmp_path / "pid"
    program = tmp_path / "podman"
    text = PROGRAM.format(python=sys.executable, noted=str(noted), stubborn=stubborn)
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(podman, "_GONE_WITHIN", 1.0)
    with podman.service() as (endpoint, _):
        assert endpoint.url.startswith("unix://")
        serving = living.token(int(noted.read_text()))
        assert living.is_alive(serving)
    assert not living.is_alive(serving)
