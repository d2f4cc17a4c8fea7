"""A registry in this process: it keeps blobs and manifests in memory, speaks Bearer tokens, has or
lacks the list of referrers, and can be made to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from reprokit.engines.distribution import OCI_INDEX

_PATH = re.compile(r"/v2/(?P<name>.+?)/(?P<kind>manifests|blobs|referrers)/(?P<rest>.+)")


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class FakeRegistry(ThreadingHTTPServer):
    """`token`: what clients must bring, given for `user` alone. `lists`: whether it has the list
    of referrers; `types`: whether with their artifact types. `lies`: what it gives instead, by
    path. `asked`: (method, path, Authorization)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.token = ""
        self.user = ""
        self.lists = False
        self.types = True
        self.lies: dict[str, bytes] = {}
        self.asked: list[tuple[str, str, str]] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def put(self, kind: str, document: Any, *tags: str) -> str:
        """Keep a manifest; its digest."""
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        for name in (digest(content), *tags):
            self.manifests[name] = (kind, content)
        return digest(content)

    def blob(self, content: bytes) -> dict[str, Any]:
        """Keep a blob; what a manifest says of it."""
        self.blobs[digest(content)] = content
        return {"mediaType": "x/y", "digest": digest(content), "size": len(content)}


def _kind(manifest: dict[str, Any], right: bool) -> str | None:
    """The artifact type, or, as the registry of go-containerregistry has it, that of the config."""
    found = manifest.get("artifactType") if right else manifest["config"]["mediaType"]
    return None if found is None else str(found)


class Handler(BaseHTTPRequestHandler):
    server: FakeRegistry
    protocol_version = "HTTP/1.1"

    def _begin(self) -> re.Match[str] | None:
        authorization = self.headers.get("Authorization", "")
        self.server.asked.append((self.command, self.path, authorization))
        self.body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.startswith("/token"):
            self._token(authorization)
        elif self.server.token and authorization != f"Bearer {self.server.token}":
            scope = f'Bearer realm="http://{self.server.address}/token",service="it",scope="s"'
            self._answer(401, b"", {"WWW-Authenticate": scope})
        elif (lie := self.server.lies.get(self.path)) is not None:
            kind = self.server.manifests.get(self.path.rpartition("/")[2], ("",))[0]
            self._answer(200, lie, {"Content-Type": kind})
        else:
            match = _PATH.fullmatch(urlsplit(self.path).path)
            if match is None:
                self._answer(404)
            return match
        return None

    def _token(self, authorization: str) -> None:
        wanted = base64.b64encode(self.server.user.encode()).decode()
        form = parse_qs(self.body.decode())
        known = authorization == f"Basic {wanted}" or form.get("refresh_token") == ["an identity"]
        content = json.dumps({"token": self.server.token}).encode()
        self._answer(200 if known else 401, content if known else b"")

    def do_GET(self) -> None:
        found = self._begin()
        if found is None:
            return
        rest = found["rest"]
        if found["kind"] == "manifests" and rest in self.server.manifests:
            kind, content = self.server.manifests[rest]
            headers = {"Content-Type": kind, "Docker-Content-Digest": digest(content)}
            self._answer(200, content, headers)
        elif found["kind"] == "blobs" and rest in self.server.blobs:
            self._answer(200, self.server.blobs[rest])
        elif found["kind"] == "referrers" and self.server.lists:
            self._answer(200, self._referrers(rest), {"Content-Type": OCI_INDEX})
        else:
            self._answer(404)

    do_HEAD = do_GET

    def _referrers(self, subject: str) -> bytes:
        rows = [
            {
                "mediaType": kind,
                "digest": name,
                "size": len(content),
                "artifactType": _kind(json.loads(content), self.server.types),
                "annotations": json.loads(content).get("annotations", {}),
            }
            for name, (kind, content) in self.server.manifests.items()
            if name == digest(content)
            and (json.loads(content).get("subject") or {}).get("digest") == subject
        ]
        return json.dumps({"manifests": rows}).encode()

    def do_POST(self) -> None:
        found = self._begin()
        if found is not None:
            self._answer(202, b"", {"Location": f"/v2/{found['name']}/blobs/uploads/1?state=a"})

    def do_PUT(self) -> None:
        found = self._begin()
        if found is None:
            return
        if found["kind"] == "blobs":
            wanted = parse_qs(urlsplit(self.path).query)["digest"][0]
            if wanted != digest(self.body):
                self._answer(400, b'{"errors": [{"code": "DIGEST_INVALID", "message": "no"}]}')
                return
            self.server.blobs[wanted] = self.body
            self._answer(201)
            return
        self.server.put(self.headers["Content-Type"], self.body, found["rest"])
        subject = json.loads(self.body).get("subject")
        named = self.server.lists and self.server.types and subject
        self._answer(201, b"", {"OCI-Subject": subject["digest"]} if named else {})

    def _answer(
        self, status: int, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def fake_registry() -> Iterator[FakeRegistry]:
    """One that listens for the length of the block."""
    made = FakeRegistry()
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        thread.join()
        made.server_close()
