"""An HTTP proxy on the loopback that wants a password."""

from __future__ import annotations

import base64
import select
import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.servers import running


@dataclass
class Proxy:
    """Where it listens, and what it was asked for by those who knew the login."""

    login: str
    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.login}@127.0.0.1:{self.port}"


class _Handler(socketserver.BaseRequestHandler):
    proxy: Proxy

    def handle(self) -> None:
        client: socket.socket = self.request
        received = b""
        while b"\r\n\r\n" not in received:
            block = client.recv(65536)
            if not block:
                return
            received += block
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.decode().split()
        login = base64.b64encode(self.proxy.login.encode())
        if not any(b"proxy-authorization" in x.lower() and login in x for x in lines):
            client.sendall(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                b'Connection: close\r\nProxy-Authenticate: Basic realm="proxy"\r\n\r\n'
            )
            return
        self.proxy.asked.append(target)
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        with socket.create_connection((parts.hostname or "", parts.port or 80), 30) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                own = (b"proxy-", b"connection:")
                kept = [line for line in lines if not line.lower().startswith(own)]
                path = parts.path + (f"?{parts.query}" if parts.query else "")
                request = [f"{method} {path} HTTP/1.1".encode(), *kept, b"Connection: close"]
                server.sendall(b"\r\n".join(request) + b"\r\n\r\n" + rest)
            _carry(client, server)


def _carry(client: socket.socket, server: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([client, server], [], [], 60)
        for side in ready:
            block = side.recv(65536)
            if not block:
                return
            (server if side is client else client).sendall(block)
        if not ready:
            return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may hang up."""


@contextmanager
def proxy(login: str) -> Iterator[Proxy]:
    """A running proxy, gone when the block ends."""
    made = Proxy(login)
    server = _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"proxy": made}))
    made.port = server.server_address[1]
    with running(server):
        yield made
