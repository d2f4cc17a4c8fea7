"""Repositories from strangers are cloned without running or fetching what they name."""

from __future__ import annotations

import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from reprokit import folders
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.rerunning.cloning import Address, address, cloned
from reprokit.rerunning.origin import Source
from reprokit.site import Site, trusted_bundle
from tests.rerunning.said import Said

AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@example.org")


def git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *AUTHOR, "-c", "protocol.file.allow=always", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def made(root: Path, files: dict[str, str]) -> Path:
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for name, text in files.items():
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = made(tmp_path / "wheat", {"main.py": "print(1)\n"})
    git(root, "tag", "v1")
    git(root, "branch", "topic/one")
    (root / "main.py").write_text("print(2)\n")
    git(root, "commit", "-qam", "second")
    return root


def clone(text: str, workspace: Path) -> tuple[str, str]:
    workspace.mkdir()
    found = address(text)
    assert found is not None
    origin = cloned(found, workspace, Said())
    assert origin.source.identifier is not None
    return (origin.root / "main.py").read_text(), origin.source.identifier


def test_every_way_to_name_a_version(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "v1")
    second = git(repository, "rev-parse", "HEAD")
    url = repository.as_uri()
    wanted = {
        url: second,
        f"{url}#HEAD": second,
        f"{url}#{first}": first,
        f"{url}#{first[:9]}": first,
        f"{url}@v1": first,
        f"{url}#topic/one": first,
        f"{repository}#v1": first,
        f"{repository}@{first}": first,
        f"{repository}/.git#v1": first,
    }
    for number, (text, commit) in enumerate(wanted.items()):
        content, identifier = clone(text, tmp_path / str(number))
        assert identifier == f"swh:1:rev:{commit}", text
        assert content == ("print(1)\n" if commit == first else "print(2)\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://example.org/a/b.git", Address(url="https://example.org/a/b.git", version=None)),
        ("https://me:pw@example.org/b", Address(url="https://me:pw@example.org/b", version=None)),
        ("https://me@example.org/b@v1", Address(url="https://me@example.org/b", version="v1")),
        ("https://x/@user/b", Address(url="https://x/@user/b", version=None)),
        ("https://x/b#a/b", Address(url="https://x/b", version="a/b")),
        ("some/folder", None),
        ("some@folder", None),
    ],
)
def test_addresses(text: str, found: Address | None) -> None:
    assert address(text) == found


@pytest.mark.parametrize(
    "text",
    ["ext::sh -c touch% evil", "ssh://-oProxyCommand=touch%20evil/x", "git://x/y", "ftp://x/y"],
)
def test_other_transports_are_refused(text: str) -> None:
    if "://" not in text:
        assert address(text) is None
        return
    with pytest.raises(BadRequest, match="are taken by"):
        address(text)


@pytest.mark.parametrize(
    "text", ["git@github.com:me/wheat.git", "git@github.com:me/wheat.git@v1", "a@b:c.git#main"]
)
def test_an_address_for_ssh_is_told_what_to_be(text: str) -> None:
    with pytest.raises(BadRequest, match="not by ssh") as caught:
        address(text)
    assert "https address" in (caught.value.next or "")


@pytest.mark.parametrize("version", ["--upload-pack=touch evil", "-x", "a..b", "$(touch evil)", ""])
def test_versions_are_no_options(version: str) -> None:
    with pytest.raises(BadRequest, match="commit, branch or tag"):
        address(f"https://example.org/x#{version}")


def test_a_branch_that_is_not_there_is_told_by_name(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(InputUnavailable, match="no branch or tag nothing") as caught:
        clone(f"{repository.as_uri()}@nothing", tmp_path / "w")
    assert "git ls-remote" in (caught.value.next or "")


def test_the_commit_is_part_of_what_is_said() -> None:
    source = Source(kind="git", name="https://x/b.git", identifier=f"swh:1:rev:{'a1' * 20}")
    assert str(source) == "git https://x/b.git, commit a1a1a1a1a1a1"


def test_what_is_not_there_is_told(repository: Path, tmp_path: Path) -> None:
    for number, text in enumerate(
        [f"{repository.as_uri()}#nothing", f"{repository.as_uri()}#{'0' * 40}",
         (tmp_path / "nowhere").as_uri()]
    ):  # fmt: skip
        with pytest.raises(InputUnavailable) as caught:
            clone(text, tmp_path / str(number))
        assert caught.value.where is not None


def test_nothing_of_a_repository_runs_and_nothing_else_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the user's own large file filter nor a submodule brings in what a stranger names."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $@ >> {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    other = made(tmp_path / "other", {"a": "a"})
    root = made(
        tmp_path / "hostile",
        {"main.py": "print(2)\n", ".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer},
    )
    git(root, "submodule", "add", "-q", other.as_uri(), "module")
    git(root, "commit", "-qm", "module")
    for hook in ("post-checkout", "post-merge", "reference-transaction"):
        (root / ".git" / "hooks" / hook).symlink_to(program)
    git(root, "config", "uploadpack.packObjectsHook", str(program))
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[filter "lfs"]\n\tsmudge = {program} smudge\n\tprocess = {program}\n\trequired = true\n'
        "[submodule]\n\trecurse = true\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    said = Said()
    (tmp_path / "work").mkdir()
    found = address(root.as_uri())
    assert found is not None
    origin = cloned(found, tmp_path / "work", said)
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert (origin.root / "a.bin").read_text() == pointer
    assert not any((origin.root / "module").iterdir())
    told = "\n".join(said.warnings)
    assert "submodule module" in told and "a.bin" in told


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(repository: Path, context: ssl.SSLContext | None = None) -> Iterator[str]:
    git(repository, "update-server-info")
    handler = partial(_Quiet, directory=str(repository.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scheme = "http" if context is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_port}/wheat/.git"
        server.shutdown()


@pytest.fixture
def served(repository: Path) -> Iterator[str]:
    """A repository on a plain web server."""
    with serving(repository) as url:
        yield url


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody else knows, and its key, in one file."""
    path = tmp_path / "authority.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout {path}.key -out {path}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return path


@pytest.mark.parametrize("said", ["site.toml", "git", "nowhere"])
def test_a_private_authority_is_believed_where_the_site_or_git_says_so(
    repository: Path,
    authority: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("GIT_SSL_CAINFO", raising=False)
    settings = folders.configuration() / "site.toml"
    settings.parent.mkdir(parents=True)
    configured = tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(configured))
    configured.write_text("")
    if said == "site.toml":
        settings.write_text(f'certificates = "{authority}"\n')
    if said == "git":
        # What the site says beside it holds for all other programs.
        settings.write_text(f'certificates = "{trusted_bundle(Site())}"\n')
        configured.write_text(f"[http]\n\tsslCAInfo = {authority}\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, f"{authority}.key")
    with serving(repository, context) as url:
        if said == "nowhere":
            with pytest.raises(InputUnavailable, match="certificate"):
                clone(url, tmp_path / "work")
        else:
            assert clone(f"{url}@v1", tmp_path / "work")[0] == "print(1)\n"


def test_a_plain_web_server_serves_as_well(
    served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert clone(f"{served}@v1", tmp_path / "work")[0] == "print(1)\n"
