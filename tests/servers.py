"""A web server for tests: files and indexes on the loopback, logins, and every kind of fault."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import socketserver
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fault = Callable[["Handler"], bool]
"""Looks at a request; true where it has answered it in its own way."""


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    range: str | None
    authorization: str | None


@dataclass
class WebServer:
    """Serves `files` by path. `faults` are used up one a request, first to last.

    login: "user:password" that every request must bring. ranges: whether parts can be had.
    tags: the ETag of each path. slow: the seconds before each path is answered.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    login: str | None = None
    ranges: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    served: WebServer

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        served = self.served
        path = re.sub(r"^http://[^/]+", "", self.path).partition("?")[0]
        given = self.headers.get("Authorization")
        served.asked.append(Asked(self.command, path, self.headers.get("Range"), given))
        if served.login is not None:
            wanted = "Basic " + base64.b64encode(served.login.encode()).decode()
            if given != wanted:
                self.answer(401, b"", {"WWW-Authenticate": 'Basic realm="private"'})
                return
        time.sleep(served.slow.get(path, 0))
        if served.faults and served.faults.pop(0)(self):
            return
        content = served.files.get(path)
        if content is None:
            self.answer(404, b"no such file")
            return
        headers = {"ETag": served.tags[path]} if path in served.tags else {}
        start = self.start(path)
        if start is None:
            self.answer(200, content, headers)
        elif start >= len(content):
            self.answer(416, b"")
        else:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[start:], headers)

    def start(self, path: str) -> int | None:
        """Where the wanted part begins, `None` for the whole file."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not self.served.ranges or match is None:
            return None
        if condition is not None and condition != self.served.tags.get(path):
            return None
        return int(match[1])

    def answer(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, send: int = -1
    ) -> None:
        """An answer, of which only `send` bytes come before the connection ends."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content if send < 0 else content[:send])

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what the tests are about."""


@contextmanager
def web_server(served: WebServer | None = None) -> Iterator[WebServer]:
    """A running server, gone when the block ends."""
    made = served or WebServer()
    server = _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"served": made}))
    made.port = server.server_address[1]
    with running(server):
        yield made


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[None]:
    """A server that answers, in a thread of its own, until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int, **headers: str) -> Fault:
    """Answer with a status."""

    def fault(handler: Handler) -> bool:
        handler.answer(code, b"", {name.replace("_", "-"): v for name, v in headers.items()})
        return True

    return fault


def cut_after(size: int) -> Fault:
    """Break off after some bytes of what was asked for."""

    def fault(handler: Handler) -> bool:
        content = handler.served.files[handler.path]
        start = handler.start(handler.path)
        tags = handler.served.tags
        headers = {"ETag": tags[handler.path]} if handler.path in tags else {}
        if start is None:
            handler.answer(200, content, headers, send=size)
        else:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            handler.answer(206, content[start:], headers, send=size)
        return True

    return fault


def after(action: Callable[[], object]) -> Fault:
    """Do something, then answer as always."""

    def fault(handler: Handler) -> bool:
        action()
        return False

    return fault


def stall(seconds: float) -> Fault:
    """Say nothing for a while."""
    return after(lambda: time.sleep(seconds))


def wheel(name: str, version: str, *, needs: tuple[str, ...] = ()) -> tuple[str, bytes]:
    """The file name and bytes of a wheel with one module that knows its version."""
    module = name.replace("-", "_")
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    information = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"version = {version!r}\n",
        f"{information}/METADATA": metadata,
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = hashlib.sha256(text.encode()).digest()
        code = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        record += f"{path},sha256={code},{len(text.encode())}\n"
    files[f"{information}/RECORD"] = record + f"{information}/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return f"{module}-{version}-py3-none-any.whl", buffer.getvalue()


def python_index(*wheels: tuple[str, bytes], prefix: str = "/simple") -> dict[str, bytes]:
    """The pages (PEP 503) and files of an index."""
    files: dict[str, bytes] = {}
    pages: dict[str, str] = {}
    for name, content in wheels:
        project = name.partition("-")[0].replace("_", "-").lower()
        digest = hashlib.sha256(content).hexdigest()
        files[f"/files/{name}"] = content
        pages[project] = pages.get(project, "") + (
            f'<a href="/files/{name}#sha256={digest}">{name}</a><br>\n'
        )
    for project, links in pages.items():
        files[f"{prefix}/{project}/"] = f"<!DOCTYPE html><html><body>{links}</body></html>".encode()
    return files
