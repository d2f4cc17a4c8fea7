"""Finding an engine, and saying clearly why there is none."""

from __future__ import annotations

import hashlib
import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reprokit.engines.connect import connect, no_engine, wanted_candidates
from reprokit.engines.endpoint import Endpoint, Ping, candidates, current_context, ping
from reprokit.errors import BadRequest, NamedEngineSilent, NoEngine


class _Pong(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("API-Version", "1.43")
        self.send_header("Libpod-API-Version", "4.9")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Endpoint]:
    path = tmp_path / "engine.sock"
    with _Server(str(path), _Pong) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Endpoint(url=f"unix://{path}", source="test")
        server.shutdown()


def test_a_ping_tells_which_engine_answers(listening: Endpoint) -> None:
    answer = ping(listening)
    assert (answer.state, answer.api, answer.podman) == ("answers", "1.43", True)


def test_absent_stopped_and_forbidden_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Endpoint(url=f"unix://{tmp_path}/absent.sock", source="test")
    assert ping(absent).state == "missing"
    stale = tmp_path / "stale.sock"
    _Server(str(stale), _Pong).server_close()  # the file stays, nobody listens
    assert ping(Endpoint(url=f"unix://{stale}", source="test")).state == "stopped"

    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refuse)
    assert ping(absent).state == "forbidden"


def test_docker_host_excludes_all_else(tmp_path: Path) -> None:
    environment = {"DOCKER_HOST": "tcp://engine:2376", "DOCKER_TLS_VERIFY": "1"}
    environment["DOCKER_CERT_PATH"] = "/certificates"
    (found,) = candidates(environment, tmp_path)
    assert (found.url, found.certificates) == ("tcp://engine:2376", Path("/certificates"))


def test_the_current_context_comes_before_the_usual_sockets(tmp_path: Path) -> None:
    folder = tmp_path / ".docker"
    key = hashlib.sha256(b"desktop-linux").hexdigest()
    meta = folder / "contexts/meta" / key
    meta.mkdir(parents=True)
    (folder / "config.json").write_text('{"currentContext": "desktop-linux"}')
    (meta / "meta.json").write_text(
        json.dumps({"Endpoints": {"docker": {"Host": "unix:///home/x/desktop.sock"}}})
    )
    urls = [endpoint.url for endpoint in candidates({"XDG_RUNTIME_DIR": "/run/user/1"}, tmp_path)]
    assert urls == [
        "unix:///home/x/desktop.sock",
        "unix:///var/run/docker.sock",
        f"unix://{tmp_path}/.docker/run/docker.sock",
        "unix:///run/user/1/docker.sock",
        "unix:///run/user/1/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    ]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"currentContext": 3}', '{"currentContext": "gone"}', "nonsense"]
)
def test_broken_contexts_are_passed_over(tmp_path: Path, content: str) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(content)
    assert current_context({}, tmp_path) is None


def test_an_unknown_engine_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="'dokcer' is not an engine"):
        list(wanted_candidates("dokcer", {}, Path("/home/x")))


def test_an_address_that_nobody_listens_at() -> None:
    with pytest.raises(NoEngine) as caught, connect("unix:///nonexistent/engine.sock"):
        pass
    assert "unix:///nonexistent/engine.sock" in caught.value.what
    assert "nothing listens there" in caught.value.what
    assert caught.value.next == "start it, or name another"


@pytest.mark.parametrize(
    ("stated", "url"), [("engine:2375", "tcp://engine:2375"), ("ssh://a@b", "ssh://a@b")]
)
def test_docker_host_is_read_as_the_docker_command_reads_it(
    stated: str, url: str, tmp_path: Path
) -> None:
    (found,) = candidates({"DOCKER_HOST": stated}, tmp_path)
    assert found.url == url


def test_what_is_no_address_is_told() -> None:
    answer = ping(Endpoint(url="fd://", source="DOCKER_HOST"))
    assert (answer.state, answer.detail) == ("stopped", "this is no address of an engine")


@pytest.mark.parametrize("wanted", [None, "docker"])
@pytest.mark.parametrize("url", ["unix:///nonexistent/engine.sock", "tcp://127.0.0.1:1"])
def test_docker_host_that_does_not_answer_is_an_error_although_podman_is_there(
    url: str, wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("another engine is not what DOCKER_HOST names")

    monkeypatch.delenv("REPROKIT_ENGINE", raising=False)
    monkeypatch.setenv("DOCKER_HOST", url)
    monkeypatch.setattr("shutil.which", lambda name, **rest: f"/usr/bin/{name}")
    monkeypatch.setattr("reprokit.engines.podman.service", refuse)
    with pytest.raises(NamedEngineSilent) as caught, connect(wanted):
        pass
    assert f"no engine answers at {url}, which DOCKER_HOST names: " in caught.value.what
    assert caught.value.next == "start it, or correct or unset DOCKER_HOST"


def test_who_asks_for_podman_gets_it_whatever_docker_host_says(
    listening: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/engine.sock")
    monkeypatch.setattr(
        "reprokit.engines.connect.usual_podman", lambda environment: iter([listening])
    )
    with connect("podman") as engine:
        assert engine.name == "podman"


def test_without_permission_the_way_into_the_group_is_shown() -> None:
    place = Endpoint(url="unix:///var/run/docker.sock", source="the usual socket")
    error = no_engine([(place, Ping(state="forbidden"))], None)
    assert "no permission" in error.what
    assert "usermod -aG docker" in (error.next or "")


def test_with_nothing_installed_both_engines_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    place = Endpoint(url="unix:///var/run/docker.sock", source="the usual socket")
    error = no_engine([(place, Ping(state="missing"))], None)
    assert error.what == "no container engine is installed"
    assert "doctor --fix" in (error.next or "")


def test_an_installed_but_stopped_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    place = Endpoint(url="unix:///var/run/docker.sock", source="the usual socket")
    error = no_engine([(place, Ping(state="stopped", detail="Connection refused"))], None)
    assert "unix:///var/run/docker.sock" in error.what
    assert "systemctl start docker" in (error.next or "")
