"""Site settings work and leave no trace: not in the lock, the record, what is shown, the image, its
history, the build context, an export, or the command lines and variables that others can see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reprokit import folders
from reprokit.credentials import Login
from reprokit.engines.engine import SocketEngine
from reprokit.resolver_container import started
from reprokit.site import NETRC, Site
from tests.engines import tiny
from tests.proxy import proxy
from tests.servers import WebServer, python_index, web_server, wheel

pytestmark = pytest.mark.engine

INDEX, GATE = "index-S3CR3T", "gate-S3CR3T"
SECRETS = (INDEX.encode(), GATE.encode())


@contextmanager
def watched(engine: SocketEngine) -> Iterator[set[str]]:
    """Where a secret was seen on this machine while the block ran."""
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.1):
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = place.read_bytes()
                except OSError:
                    continue
                if any(secret in text for secret in SECRETS):
                    seen.add(text.decode("utf-8", "replace")[:300])
            for identifier in engine.leftovers():
                text = json.dumps(inspected(engine, identifier)).encode()
                if any(secret in text for secret in SECRETS):
                    seen.add(f"container {identifier}")

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def inspected(engine: SocketEngine, identifier: str) -> object:
    from docker.errors import APIError

    try:
        return engine._api.inspect_container(identifier)
    except APIError:
        return None  # it ended meanwhile


def traces(folder: Path, *texts: bytes) -> list[str]:
    """The files that hold one of the texts."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(text in path.read_bytes() for text in texts)
    ]


def test_what_a_resolver_container_gets(engine: SocketEngine, tmp_path: Path) -> None:
    if engine.image(tiny.REFERENCE) is None:
        engine.load(tiny.archive(tmp_path))
    site = Site(
        python_index="http://pypi.example:81/simple",
        proxies=(("http_proxy", f"http://joe:{GATE}@proxy.example:3128"),),
        logins=(
            ("pypi.example:81", Login("joe", INDEX)),
            ("nobody.example", Login("ann", "not for this container")),
        ),
    )
    with started(engine, tiny.REFERENCE, site) as container:
        shown = json.dumps(inspected(engine, container.id))
        assert not any(secret.decode() in shown for secret in SECRETS)
        netrc = container.execute(("cat", NETRC)).stdout.decode()
        assert netrc == f"machine pypi.example login joe password {INDEX}\n"
        assert b"rw-------" in container.execute(("ls", "-l", NETRC)).stdout
        apt = container.execute(("cat", "/etc/apt/auth.conf.d/reprokit.conf")).stdout.decode()
        assert apt == f"machine http://pypi.example:81 login joe password {INDEX}\n"
        said = container.execute(("sh", "-c", 'echo "$http_proxy $JAVA_TOOL_OPTIONS"'))
        assert GATE.encode() in said.stdout.split()[0]
        assert GATE.encode() not in b"".join(said.stdout.split()[1:])


@pytest.mark.network
def test_nothing_of_the_site_is_left(engine: SocketEngine, tmp_path: Path) -> None:
    home, project, user = tmp_path / "home", tmp_path / "project", tmp_path / "user"
    for folder in (home / "configuration", home / "cache", project, user):
        folder.mkdir(parents=True)
    if folders.archives().is_dir():  # bases of other tests: making one takes a minute
        shutil.copytree(folders.archives(), home / "cache" / "bases", copy_function=os.link)
    (project / "requirements.txt").write_text("private-lab\ndocopt==0.6.2\n")
    (project / "main.py").write_text(
        "import os, pathlib, docopt, private_lab\n"
        "pathlib.Path('results').mkdir(exist_ok=True)\n"
        "pathlib.Path('results/a.txt').write_text(repr(sorted(os.environ.items())))\n"
    )
    bundle = user / "authority-q7x.pem"
    system = Path("/etc/ssl/certs/ca-certificates.crt")
    bundle.write_bytes(b"# authority-q7x\n" + system.read_bytes())
    index = WebServer(files=python_index(wheel("private-lab", "1.0")), login=f"joe:{INDEX}")
    with web_server(index), proxy(f"ann:{GATE}") as gate, watched(engine) as seen:
        (home / "configuration" / "site.toml").write_text(
            f'certificates = "{bundle}"\nresolver_network = "host"\n'
            f'[proxies]\nhttp_proxy = "{gate.url}"\nhttps_proxy = "{gate.url}"\n'
            'no_proxy = "127.0.0.1"\n'
        )
        (user / ".config" / "pip").mkdir(parents=True)
        (user / ".config" / "pip" / "pip.conf").write_text(
            f"[global]\nextra-index-url = http://joe:{INDEX}@127.0.0.1:{index.port}/simple\n"
        )
        said = b""
        for words in (
            ("plan", "--json"),
            ("run", "--base", "debian", "--json"),
            ("plan", "--json"),
            ("export", str(tmp_path / "export")),
        ):
            done = subprocess.run(
                [sys.executable, "-m", "reprokit", *words],
                cwd=project,
                capture_output=True,
                env={
                    **os.environ,
                    "HOME": str(user),
                    "REPROKIT_HOME": str(home),
                    "http_proxy": "http://127.0.0.1:9",
                },
            )
            assert done.returncode == 0, done.stderr.decode()[-3000:]
            said += done.stdout + done.stderr
            if words[0] == "run":
                image = json.loads(done.stdout)["image"]["config_digest"]
    assert gate.asked, "the proxy was not used"
    assert seen == set()
    servers = (f"127.0.0.1:{port}".encode() for port in (index.port, gate.port))
    private = (*SECRETS, *servers, b"authority-q7x")
    assert not any(text in said for text in private)
    lock = (project / "repro.lock").read_text()
    assert "files.pythonhosted.org/packages/py3/p/private-lab/private_lab-1.0" in lock
    assert traces(project, *private) == []
    assert traces(tmp_path / "export", *private) == []
    assert traces(home / "cache", *SECRETS) == []
    assert traces(home / "data", *private) == []
    saved = b"".join(engine.save(image))
    assert not any(text in saved for text in private)
    history = json.dumps([engine._api.history(image), engine._api.inspect_image(image)]).encode()
    assert not any(text in history for text in private)
