"""What the doctor finds, and what it says about it."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from reprokit import process
from reprokit.engines import doctor, start
from reprokit.engines.doctor import Check, Report
from reprokit.engines.endpoint import Endpoint, Ping, no_permission
from reprokit.engines.engine import SocketEngine
from reprokit.errors import InputUnavailable, NoEngine, NoPermission, StorageFailed
from reprokit.http_session import SiteSession
from reprokit.progress import Silent
from reprokit.site import Site


def check(name: str, level: doctor.Level, **more: object) -> Check:
    return Check(name=name, level=level, text=f"{name} text", **more)  # type: ignore[arg-type]


def test_a_report_reads_well() -> None:
    report = Report(
        checks=(
            check("engine", "bad", next="install one", fixable=True),
            check("disk", "good", next="never shown"),
        ),
        engine=None,
    )
    assert report.text().splitlines() == [
        "x  engine  engine text",
        "           install one",
        "ok disk    disk text",
        "",
        "`reprokit doctor --fix` can put this right.",
    ]
    assert isinstance(report.failure, NoEngine)
    document = report.json()
    assert isinstance(document, dict)
    assert document["engine"] is None


def test_warnings_are_no_failure_and_missing_bases_are_one() -> None:
    assert Report(checks=(check("registry", "warning"),), engine=None).failure is None
    failure = Report(checks=(check("bases", "bad"),), engine=None).failure
    assert isinstance(failure, InputUnavailable)


def test_no_engine_is_reported_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPROKIT_ENGINE", "unix:///nonexistent/engine.sock")
    monkeypatch.setattr(doctor, "_sources", lambda settings: [])
    report = doctor.examine()
    assert report.engine is None
    assert report.checks[0].level == "bad"
    assert "unix:///nonexistent/engine.sock" in report.checks[0].text
    assert isinstance(report.failure, NoEngine)


def test_a_server_that_does_not_exist_is_a_warning() -> None:
    found = doctor._source("R", "http://127.0.0.1:1/", Site())
    assert found.level == "warning"
    assert "does not answer: Failed to establish a new connection" in found.text


def test_the_proxy_on_the_way_is_named_without_its_password() -> None:
    proxies = (("http_proxy", "http://me:secret@127.0.0.1:1"), ("no_proxy", "localhost,.inside"))
    found = doctor._source("R", "http://cran.example.org", Site(proxies=proxies))
    assert found.level == "warning"
    assert found.text.startswith("http://cran.example.org through the proxy http://")
    assert "secret" not in found.text and "correct the proxy" in str(found.next)
    inside = doctor._source("R", "http://127.0.0.1:1", Site(proxies=(("no_proxy", "127.0.0.1"),)))
    assert "proxy" not in inside.text
    assert SiteSession(Site(proxies=proxies)).proxy_for("http://a.inside/x") is None
    everywhere = SiteSession(Site(proxies=(("all_proxy", "http://p"),)))
    assert everywhere.proxy_for("https://a/x") == "http://p"


@pytest.mark.parametrize(
    ("free", "level", "text"),
    [
        (9 * 1024**3, "good", "9 GiB"),
        (2 * 1024**3, "warning", "2048 MiB"),
        (1024**2, "bad", "1 MiB"),
    ],
)
def test_a_disk_that_is_nearly_full(
    free: int, level: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=free))
    (found,) = doctor._spaces(tmp_path / "not/there/yet", tmp_path)
    assert (found.level, found.text) == (
        level, f"{text} free for downloads and images ({tmp_path})",
    )  # fmt: skip
    failure = Report(checks=(found,), engine=None).failure
    assert isinstance(failure, StorageFailed) == (level == "bad")


def test_the_engines_own_disk_is_looked_at(tmp_path: Path) -> None:
    other = Path("/proc")  # another file system
    names = [found.text.partition(" free for ")[2] for found in doctor._spaces(tmp_path, other)]
    assert names == [
        f"downloads and build contexts ({tmp_path})",
        "the engine's images (/proc)",
    ]


@pytest.mark.engine
def test_a_working_machine(engine: SocketEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPROKIT_ENGINE", engine.endpoint.url)
    monkeypatch.setattr(doctor, "_sources", lambda settings: [])
    report = doctor.examine()
    assert report.engine is not None
    assert report.engine.name == engine.name
    levels = {found.name: found.level for found in report.checks}
    assert levels["engine"] == levels["builder"] == "good"


@pytest.mark.engine
def test_fixing_leaves_a_working_machine_alone(
    engine: SocketEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("nothing needs installing or starting")

    monkeypatch.setenv("REPROKIT_ENGINE", engine.endpoint.url)
    monkeypatch.setattr("shutil.which", lambda name, **rest: f"/usr/bin/{name}")
    monkeypatch.setattr(start, "install", refuse)
    monkeypatch.setattr(start, "ensure", refuse)
    doctor.fix(Silent())


def test_stopping_touches_only_what_was_started_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path))
    assert start.stop("docker") is False
    start.note("docker", {"pid": 1, "program": "dockerd"})  # the number has been reused
    assert start.stop("docker") is False
    assert start.stop("docker") is False


def test_what_was_started_here_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reprokit import process

    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path))
    running = process.background(["sleep", "60"], tmp_path / "log")
    start.note("x", {"pid": running.pid, "program": "sleep"})
    assert start.program_of(running.pid) == "sleep"
    if os.geteuid() == 0:  # a bare Debian has a shell, and no program "kill"
        for name in ("sh", "env"):
            (tmp_path / name).symlink_to(f"/usr/bin/{name}")
        monkeypatch.setenv("PATH", str(tmp_path))
    assert start.stop("x") is True
    running.wait(timeout=5)
    assert start.program_of(running.pid) is None


def test_an_engine_that_runs_for_others_is_neither_started_again_nor_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("the machine is to stay as it is")

    place = Endpoint(url="unix:///var/run/docker.sock", source="test")
    monkeypatch.setattr(start, "candidates", lambda environment, home: iter([place]))
    monkeypatch.setattr(start, "ping", lambda endpoint: Ping(state="forbidden"))
    monkeypatch.setattr(start, "installed", lambda kind: kind == "docker")
    monkeypatch.setattr(start, "install", refuse)
    monkeypatch.setattr(process, "background", refuse)
    monkeypatch.setattr(process, "run", refuse)
    with pytest.raises(NoPermission, match="no permission"):
        start.ensure(None, print)
    # Podman asks nobody.
    monkeypatch.setattr(start, "installed", lambda kind: True)
    monkeypatch.setattr("shutil.which", lambda name, **rest: f"/usr/bin/{name}")
    own = Endpoint(url="unix:///own.sock", source="test")
    monkeypatch.setattr(start, "_start_podman", lambda say: own)
    started = start.ensure(None, print)
    assert (started.endpoint, started.ours, started.name) == (own, True, "podman")


def test_where_docker_does_not_start_podman_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(say: start.Say) -> Endpoint:
        raise start.DoesNotStart("Docker does not start:\nno cgroups")

    own = Endpoint(url="unix:///own.sock", source="test")
    monkeypatch.setattr(start, "candidates", lambda environment, home: iter([]))
    monkeypatch.setattr(start, "installed", lambda kind: True)
    monkeypatch.setattr("shutil.which", lambda name, **rest: f"/usr/bin/{name}")
    monkeypatch.setattr(start, "_start_docker", broken)
    monkeypatch.setattr(start, "_start_podman", lambda say: own)
    said: list[str] = []
    started = start.ensure(None, said.append)
    assert (started.endpoint, started.ours, started.name) == (own, True, "podman")
    assert "no cgroups" in said[0]
    with pytest.raises(NoEngine, match="no cgroups"):
        start.ensure("docker", said.append)  # asked for by name
    monkeypatch.setattr(start, "_start_podman", broken)
    with pytest.raises(NoEngine, match="no cgroups"):
        start.ensure(None, said.append)


def test_an_engine_that_was_named_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("the machine is to stay as it is")

    monkeypatch.delenv("REPROKIT_ENGINE", raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setattr(doctor, "_sources", lambda settings: [])
    monkeypatch.setattr(start, "ensure", refuse)
    report = doctor.examine()
    assert "DOCKER_HOST names" in report.checks[0].text
    assert not report.checks[0].fixable
    with pytest.raises(NoEngine, match="DOCKER_HOST names"):
        doctor.fix(Silent())


def test_doctor_does_not_promise_to_mend_permissions(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(preferred: str | None = None) -> None:
        raise no_permission(Endpoint(url="unix:///x.sock", source="test"))

    monkeypatch.setattr("reprokit.engines.connect.connect", locked)
    monkeypatch.setattr(doctor, "_sources", lambda settings: [])
    first = doctor.examine().checks[0]
    assert (first.level, first.fixable) == ("bad", False)
    assert "usermod" in (first.next or "") and "podman" in (first.next or "")


def test_every_archive_is_asked_at_its_mirror() -> None:
    asked = dict(doctor._sources(Site(ubuntu_mirror="http://m.example/u")))
    assert asked["Ubuntu"] == "http://m.example/u"
    assert asked["Debian"] == "http://deb.debian.org/debian"
    assert dict(doctor._sources(Site()))["Ubuntu"] == "http://archive.ubuntu.com/ubuntu"
