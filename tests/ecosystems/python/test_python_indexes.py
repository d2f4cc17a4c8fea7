"""Indexes with logins, without dates, of the site and of the project, asked by the real uv."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reprokit.credentials import Login
from reprokit.ecosystems.python import indexes, pylock
from reprokit.ecosystems.python.building import Builder
from reprokit.ecosystems.python.compiling import Compiler, Wish
from reprokit.ecosystems.python.making import Making, Tools
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.mirrors import PYPI_FILES
from reprokit.model import JSON, Artifact, LockedPackage, Plan
from reprokit.phases.plan_report import PlanReport
from reprokit.pipeline.job import Wishes, prepare
from reprokit.project import Project
from reprokit.site import Site
from tests.ecosystems.python.python_resolving import DIGEST, OnlineResolver
from tests.servers import WebServer, python_index, web_server, wheel

FITS = pylock.target("3.11", "linux/amd64", "bookworm")
NOTHING = Artifact(
    path="tools/uv.whl", sha256=DIGEST, size=1, url="http://127.0.0.1:9/uv-1-py3-none-any.whl"
)
LAB = f"{PYPI_FILES}/packages/py3/l/lab/lab-1.0-py3-none-any.whl"


@pytest.fixture
def server() -> Iterator[WebServer]:
    files = python_index(wheel("lab", "1.0", needs=("helper>=2",)), wheel("helper", "2.1"))
    with web_server(WebServer(files=files, login="joe:s3cr3t")) as made:
        yield made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    return tmp_path


def locked(site: Site, folder: Path, declared: JSON = None) -> tuple[LockedPackage, ...]:
    resolver = OnlineResolver(project=Project(folder), site=site)
    wish = Wish(lines=("lab",), options=indexes.options(declared, resolver), indexes=declared)
    with ExitStack() as stack:
        compiler = Compiler(resolver, FITS, NOTHING, stack)
        making = Making(resolver, Tools(uv=NOTHING), folder)
        builder = Builder(resolver, compiler, making, FITS, wish)
        found = builder.locked(compiler.resolved(wish), "wheels", frozenset({"lab"}))
        assert compiler.not_dated == {"lab", "helper"}
    return found


def test_the_sites_index_with_a_login_in_its_url(server: WebServer, tmp_path: Path) -> None:
    logins = ((urlsplit(server.url).netloc, Login("joe", "s3cr3t")),)
    found = locked(Site(python_index=f"{server.url}/simple", logins=logins), tmp_path)
    assert [p.name for p in found] == ["helper", "lab"]
    assert found[1].artifacts[0].url == LAB
    assert server.url not in repr(found)


def test_the_sites_index_with_netrc(server: WebServer, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login joe password s3cr3t\n")
    found = locked(Site(python_index=f"{server.url}/simple"), home)
    assert found[1].artifacts[0].url == LAB


def test_an_index_of_the_project_stays_in_the_lock(server: WebServer, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login joe password s3cr3t\n")
    elsewhere = Site(python_index="http://127.0.0.1:9/simple")
    found = locked(elsewhere, home, [["index-url", f"{server.url}/simple"]])
    assert found[1].artifacts[0].url == f"{server.url}/files/lab-1.0-py3-none-any.whl"


def test_pypi_named_by_the_project_is_the_sites_index(server: WebServer, tmp_path: Path) -> None:
    logins = ((urlsplit(server.url).netloc, Login("joe", "s3cr3t")),)
    site = Site(python_index=f"{server.url}/simple", logins=logins)
    assert locked(site, tmp_path, [["index-url", "https://pypi.org/simple/"]])


def plan_of(folder: Path) -> Plan:
    (folder / "main.py").write_text("print(1)\n")
    return prepare(folder, Wishes(date="2024-06-01")).plan


@pytest.mark.parametrize("extra", [True, False])
def test_an_index_that_refuses_is_named(server: WebServer, tmp_path: Path, extra: bool) -> None:
    logins = ((urlsplit(server.url).netloc, Login("joe", "wr0ng")),)
    url = f"{server.url}/simple"
    with web_server() as empty:
        site = (
            Site(python_index=empty.url, python_extra_indexes=(url,), logins=logins)
            if extra
            else Site(python_index=url, logins=logins)
        )
        with pytest.raises(InputUnavailable, match="user name and password") as caught:
            locked(site, tmp_path)
    assert caught.value.where == url
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("requirements.txt", "--index-url https://joe:s3cr3t@h.example/simple\nlab\n"),
        ("requirements.txt", "--extra-index-url https://s3cr3t@h.example/simple\nlab\n"),
        ("requirements.txt", "--find-links https://joe:s3cr3t@h.example/files\nlab\n"),
        ("requirements.txt", "lab @ https://joe:s3cr3t@h.example/lab-1-py3-none-any.whl\n"),
        ("requirements.txt", "https://joe:s3cr3t@h.example/lab-1-py3-none-any.whl\n"),
        ("requirements.txt", "git+https://joe:s3cr3t@h.example/lab.git\n"),
        ("Pipfile", '[[source]]\nurl="https://joe:s3cr3t@h.example/s"\n[packages]\nlab="*"\n'),
        (
            "pyproject.toml",
            '[project]\nname="x"\nversion="1"\n'
            'dependencies=["lab @ https://joe:s3cr3t@h.example/lab-1-py3-none-any.whl"]\n',
        ),
    ],
)
def test_a_password_in_a_projects_file_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(BadRequest, match=r"\.netrc") as caught:
        plan_of(tmp_path)
    assert name in str(caught.value.where)
    assert "s3cr3t" not in f"{caught.value} {caught.value.what} {caught.value.next}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("requirements.txt", "--extra-index-url https://${USER_NAME}:${PW}@h.example/s\nlab\n"),
        ("Pipfile", '[[source]]\nurl="https://$U:${P}@h.example/s"\n[packages]\nlab="*"\n'),
    ],
)
def test_variables_for_a_login_are_left_out(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (detection,) = plan_of(tmp_path).detections
    assert detection.settings["indexes"] == [["extra-index-url", "https://h.example/s"]]


def test_a_user_that_all_share_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("git+https://git@h.example/lab.git\n")
    (detection,) = plan_of(tmp_path).detections
    assert detection.requirements[0].url == "git+https://git@h.example/lab.git"


def test_a_plan_shows_no_login(tmp_path: Path) -> None:
    """Text that nobody understood as a URL may hold one too."""
    (tmp_path / "requirements.txt").write_text("lab  # from https://joe:s3cr3t@h.example\n")
    (tmp_path / "run.sh").write_text("curl https://joe:s3cr3t@h.example\n")
    report = PlanReport(plan=plan_of(tmp_path))
    assert "s3cr3t" not in report.text()
    assert "s3cr3t" not in str(report.json())
