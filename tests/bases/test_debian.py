from __future__ import annotations

import hashlib
import http.server
import io
import json
import multiprocessing
import os
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest

from reprokit import files, process
from reprokit.bases import bootstrap, debian_store, keyrings
from reprokit.bases.debian import DebianFamily
from reprokit.bases.distributions import DISTRIBUTIONS, Distribution, PinnedFile, of_suite
from reprokit.bases.docker_archive import image_config, write_archive
from reprokit.bases.versions import accepts
from reprokit.errors import BadRequest, InputUnavailable
from reprokit.model import LockedBase, Reason, Runtime
from reprokit.progress import Silent
from reprokit.site import Site
from tests.debian_package import built

FAMILY = DebianFamily()
UBUNTU = DebianFamily("ubuntu")
CLOSED = "http://127.0.0.1:9"
DATE = "Sat, 11 Jul 2026 10:16:37 UTC"


def runtime(language: str, specifier: str = "") -> Runtime:
    return Runtime(
        language=language, specifier=specifier, reason=Reason(text="", file="p.toml", line=4)
    )


def names(day: str | None, *runtimes: Runtime, family: DebianFamily = FAMILY) -> list[str]:
    return [candidate.name for candidate in family.candidates(runtimes, day)]


def test_a_base_does_not_depend_on_the_version_of_mmdebstrap(tmp_path: Path) -> None:
    def made(name: str, time: int, *entries: tuple[str, bytes | None]) -> bootstrap.Bootstrapped:
        folder = tmp_path / name
        folder.mkdir()
        with tarfile.open(folder / "made.tar", "w") as archive:
            for path, content in entries:
                entry = tarfile.TarInfo(path)
                entry.mtime, entry.uname = time, name
                if content is None:
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                else:
                    entry.size = len(content)
                archive.addfile(entry, None if content is None else io.BytesIO(content))
        return bootstrap.in_canonical_form(folder / "made.tar", "", epoch=1_600_000_000)

    older = made("older", 1, ("./", None), ("./etc", None), ("./etc/os-release", b"13"))
    newer = made(
        "newer", 2, ("./dev", None), ("./dev/null", b""), ("./etc/os-release", b"13"),
        ("./etc", None),
    )  # fmt: skip
    assert newer.digest == older.digest
    assert newer.tar.read_bytes() == older.tar.read_bytes()
    assert files.sha256(newer.tar) == newer.digest
    with tarfile.open(newer.tar) as archive:
        assert archive.getnames() == ["dev", "etc", "etc/os-release"]
        assert {entry.mtime for entry in archive} == {1_600_000_000}
    other = made("other", 1, ("./etc", None), ("./etc/os-release", b"12"))
    assert other.digest != older.digest


@pytest.mark.parametrize(
    ("day", "runtimes", "expected"),
    [
        ("2024-05-01", (), ["bookworm", "bullseye", "trixie"]),
        ("2026-01-01", (runtime("python", ">=3.9"),), ["trixie", "bookworm", "bullseye"]),
        ("2024-05-01", (runtime("python", ">=3.9"),), ["bookworm", "bullseye", "trixie"]),
        ("2019-01-01", (runtime("python", ">=3.9"),), ["bullseye", "bookworm", "trixie"]),
        ("2024-05-01", (runtime("python", ">=3.12"),), ["trixie"]),
        (None, (runtime("python"),), ["bookworm", "trixie", "bullseye"]),
        ("2026-01-01", (runtime("java", "==17"),), ["bookworm", "bullseye"]),
        ("2026-01-01", (runtime("java", "==25"), runtime("r")), ["trixie"]),
        ("2026-01-01", (runtime("r", "==4.2.*"), runtime("java", "==17")), ["bookworm"]),
        ("2026-01-01", (runtime("java", "==8"),), []),
        ("2026-01-01", (runtime("python", "==3.11.4"),), []),
        ("2026-01-01", (runtime("python", "==3.11"),), ["bookworm"]),
        ("2026-01-01", (runtime("julia"),), []),
    ],
)
def test_candidates(day: str | None, runtimes: tuple[Runtime, ...], expected: list[str]) -> None:
    assert names(day, *runtimes) == expected


@pytest.mark.parametrize(
    ("day", "runtimes", "expected"),
    [
        ("2021-05-01", (runtime("python"),), ["focal", "bionic", "jammy", "noble"]),
        ("2021-05-01", (runtime("python", "==3.8"),), ["focal"]),
        ("2021-05-01", (runtime("python", "==3.8.10"),), ["focal"]),
        ("2016-05-01", (runtime("r", ">=3.5,<4"),), ["focal"]),
        ("2016-05-01", (runtime("python", "==2.7.*"),), ["bionic", "focal", "jammy"]),
        ("2023-01-01", (runtime("java", "==8"), runtime("python", "==3.10")), ["jammy"]),
        (None, (runtime("java", "==8"),), ["jammy", "noble", "focal", "bionic"]),
        (None, (runtime("python", "==3.9"),), []),
    ],
)
def test_candidates_of_ubuntu(
    day: str | None, runtimes: tuple[Runtime, ...], expected: list[str]
) -> None:
    assert names(day, *runtimes, family=UBUNTU) == expected


def test_a_suite_belongs_to_one_distribution() -> None:
    suites = [suite.name for found in DISTRIBUTIONS.values() for suite in found.suites]
    assert len(suites) == len(set(suites))
    assert [of_suite(name).name for name in ("trixie", "focal")] == ["debian", "ubuntu"]


def test_the_archives_of_a_suite() -> None:
    assert bootstrap.sources("focal", "amd64") == (
        "http://archive.ubuntu.com/ubuntu focal main universe",
        "http://archive.ubuntu.com/ubuntu focal-updates main universe",
        "http://archive.ubuntu.com/ubuntu focal-security main universe",
    )
    ports = bootstrap.sources("focal", "arm64")
    assert ports[0] == "http://ports.ubuntu.com/ubuntu-ports focal main universe"
    site = Site(debian_security_mirror="http://m.example/s", ubuntu_mirror="http://m.example/u")
    assert bootstrap.sources("focal", "amd64", site)[2].startswith("http://m.example/u focal-sec")
    assert bootstrap.sources("bookworm", "arm64", site)[1:] == (
        "http://deb.debian.org/debian bookworm-updates main",
        "http://m.example/s bookworm-security main",
    )


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb")
def test_only_the_pinned_keyring_counts(tmp_path: Path) -> None:
    """The machine's own distribution has no keyring of Ubuntu: its package is known by its hash."""
    ubuntu, asked = DISTRIBUTIONS["ubuntu"], list[str]()

    def get(url: str) -> bytes:
        asked.append(url)
        return debs.pop(0)

    def provided(distribution: Distribution) -> Path:
        (tmp_path / str(len(asked))).mkdir(exist_ok=True)
        return keyrings.provide(
            distribution, "amd64", tmp_path / "store", tmp_path / str(len(asked)), get
        )

    made = built("ubuntu-keyring", {"usr/share/keyrings/own.gpg": b"keys"}, tmp_path / "deb")
    pinned = PinnedFile(
        deb="pool/keyring_1_all.deb",
        sha256=f"sha256:{hashlib.sha256(made).hexdigest()}",
        file="usr/share/keyrings/own.gpg",
    )
    debs = [made, b"of a stranger", made]
    with pytest.raises(InputUnavailable, match="has another SHA-256"):
        provided(ubuntu)
    with pytest.raises(InputUnavailable, match="has another SHA-256"):
        provided(replace(ubuntu, keyring=pinned))
    assert not (tmp_path / "store").exists()
    # Fetched once, and believed in the store only while it is the same.
    for _ in range(2):
        assert provided(replace(ubuntu, keyring=pinned)).read_bytes() == b"keys"
    assert asked[1:] == ["http://archive.ubuntu.com/ubuntu/pool/keyring_1_all.deb"] * 2
    (tmp_path / "store/keyring_1_all.deb").write_bytes(b"altered")
    debs = [made]
    assert provided(replace(ubuntu, keyring=pinned)).read_bytes() == b"keys"
    with pytest.raises(InputUnavailable, match="keyring of the Debian archive is missing"):
        provided(replace(DISTRIBUTIONS["debian"], keyring="/nowhere.gpg"))


def test_a_candidate_says_what_it_offers_and_why() -> None:
    found = FAMILY.candidates((runtime("java", "==17"),), "2024-05-01")[0]
    assert (found.family, found.provides, found.offers["java"]) == ("debian", {}, ("17",))
    assert str(found.reason) == (
        "Debian bookworm has Java 17 and was stable on 2024-05-01 (since 2023-06-10)"
    )


def test_a_suite_can_be_named() -> None:
    for name in ("bullseye", "debian:bullseye"):
        named = FAMILY.named(name)
        assert named is not None
        assert named.offers["r"] == ("4.0.4",)
    assert FAMILY.named("python:3.11-slim") is None
    focal = UBUNTU.named("ubuntu:focal")
    assert focal is not None
    assert (focal.family, focal.offers["python"]) == ("ubuntu", ("3.8", "2.7"))
    assert str(focal.reason) == "Ubuntu focal was asked for"
    assert FAMILY.named("focal") is None


def test_the_offer_names_versions() -> None:
    assert FAMILY.offer((runtime("java"),)) == (
        "Debian's own packages, without any registry: bullseye (Java 11 and 17); "
        "bookworm (Java 17); trixie (Java 21 and 25)."
    )


def test_a_malformed_specifier_names_its_line() -> None:
    with pytest.raises(BadRequest, match=r"p\.toml:4: 'three' is not a version"):
        accepts(runtime("python", "three"), "3.11")


# -- what is kept --------------------------------------------------------------------------------


def stored(store: Path, *, age: float) -> LockedBase:
    """A base in the store as if it had been made `age` seconds ago."""
    layer = store / "layer.tar"
    store.mkdir(exist_ok=True)
    with tarfile.open(layer, "w"):
        pass
    digest = "sha256:" + "a" * 64
    config, config_digest = image_config(digest, architecture="amd64", epoch=1, command="x")
    base = LockedBase(
        family="debian",
        name="bookworm",
        reference="localhost/reprokit/debian:bookworm-aaaaaaaaaaaa",
        config_digest=config_digest,
        layers=(digest,),
        registry_digest=None,
        provides={},
        settings={
            "architecture": "amd64",
            "epoch": 1,
            "recipe": bootstrap.RECIPE,
            "releases": dict.fromkeys(("bookworm", "bookworm-updates", "bookworm-security"), DATE),
            "snapshot": "20260711T101637Z",
        },
    )
    write_archive(
        debian_store.archive_path(base, store),
        layer=layer,
        digest=digest,
        config=config,
        reference=base.reference,
    )
    index = store / "debian-bookworm-amd64.json"
    index.write_text(json.dumps(asdict(base)))
    moment = time.time() - age
    os.utime(index, (moment, moment))
    return base


class Warned(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def current(store: Path, mirror: str) -> tuple[LockedBase, list[str]]:
    candidate = FAMILY.named("bookworm")
    assert candidate is not None
    reporter = Warned()
    site = Site(debian_mirror=mirror, debian_security_mirror=mirror)
    found = debian_store.current(candidate, "amd64", site, store, reporter, now=time.time())
    return found, reporter.warnings


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """A mirror of Debian's archive with nothing but the Release files."""
    for suite in ("bookworm", "bookworm-updates", "bookworm-security"):
        path = folder / "dists" / suite / "InRelease"
        path.parent.mkdir(parents=True)
        path.write_text(f"Origin: Debian\nDate: {DATE}\n")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_base_made_today_needs_no_network(tmp_path: Path) -> None:
    base = stored(tmp_path, age=3600)
    assert current(tmp_path, CLOSED) == (base, [])


def test_an_older_base_serves_while_the_archive_is_the_same(tmp_path: Path) -> None:
    base = stored(tmp_path / "store", age=30 * 3600)
    with mirror(tmp_path / "mirror") as address:
        assert current(tmp_path / "store", address) == (base, [])
    # Found to be current a moment ago: the archive is not asked again.
    assert current(tmp_path / "store", CLOSED) == (base, [])


def test_an_older_base_serves_with_a_warning_where_no_archive_answers(tmp_path: Path) -> None:
    base = stored(tmp_path, age=30 * 3600)
    found, warnings = current(tmp_path, CLOSED)
    assert found == base
    assert len(warnings) == 1
    assert "InRelease cannot be had" in warnings[0]


@pytest.mark.parametrize("damage", ["no archive", "no index", "half an index"])
def test_without_a_usable_base_an_archive_that_is_silent_is_an_error(
    tmp_path: Path, damage: str
) -> None:
    base = stored(tmp_path, age=60)
    index = tmp_path / "debian-bookworm-amd64.json"
    if damage == "no archive":
        debian_store.archive_path(base, tmp_path).unlink()
    elif damage == "no index":
        index.unlink()
    else:
        index.write_text(index.read_text()[:100])
    with pytest.raises(InputUnavailable, match="InRelease cannot be had"):
        current(tmp_path, CLOSED)


def test_a_base_of_another_recipe_is_neither_taken_nor_made_again(tmp_path: Path) -> None:
    base = stored(tmp_path, age=60)
    old = replace(base, settings={**base.settings, "recipe": bootstrap.RECIPE - 1})
    debian_store.write_index(old, "amd64", tmp_path)
    with pytest.raises(InputUnavailable, match="InRelease cannot be had"):
        current(tmp_path, CLOSED)
    with pytest.raises(InputUnavailable, match="another version of reprokit"):
        debian_store.rebuild(old, Site(), tmp_path, Silent())


def test_a_package_that_is_gone_everywhere_is_named(tmp_path: Path) -> None:
    from reprokit.model import Artifact

    artifact = Artifact(
        path="debs-base/zlib1g_1.2_amd64.deb",
        sha256="sha256:" + "0" * 64,
        size=1,
        url="http://deb.debian.org/debian/pool/main/z/zlib/zlib1g_1.2_amd64.deb",
    )
    site = Site(debian_mirror=CLOSED, debian_snapshot=CLOSED)
    with pytest.raises(InputUnavailable, match=r"zlib1g_1\.2_amd64\.deb cannot be had any more"):
        debian_store._fetch(artifact, "20260711T101637Z", site, tmp_path)


def test_the_archive_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    layer = tmp_path / "layer.tar"
    layer.write_bytes(b"\0" * 10240)
    digest = "sha256:" + "b" * 64
    config, config_digest = image_config(
        digest, architecture="arm64", epoch=1783764997, command="x"
    )
    for name in ("one.tar", "two.tar"):
        write_archive(
            tmp_path / name, layer=layer, digest=digest, config=config, reference="localhost/a:b"
        )
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert manifest == [
        {
            "Config": f"{config_digest.removeprefix('sha256:')}.json",
            "Layers": [f"{'b' * 64}/layer.tar"],
            "RepoTags": ["localhost/a:b"],
        }
    ]
    assert json.loads(config)["created"] == "2026-07-11T10:16:37Z"


@pytest.mark.parametrize(
    ("platform", "expected"), [("linux/amd64", "amd64"), ("linux/arm64/v8", "arm64")]
)
def test_architectures(platform: str, expected: str) -> None:
    assert debian_store.architecture(platform) == expected


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(InputUnavailable, match="windows/amd64"):
        debian_store.architecture("windows/amd64")


def _hold(store: str, seconds: float) -> None:
    with debian_store.locked(Path(store), "bookworm", "amd64"):
        (Path(store) / "held").touch()
        time.sleep(seconds)
        (Path(store) / "released").touch()


def test_two_processes_do_not_make_the_same_base_at_once(tmp_path: Path) -> None:
    other = multiprocessing.get_context("spawn").Process(target=_hold, args=(str(tmp_path), 0.5))
    other.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / "held").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with debian_store.locked(tmp_path, "bookworm", "amd64"):
        assert (tmp_path / "released").exists()
    other.join()
    assert other.exitcode == 0


def test_the_folder_one_stands_in_does_not_reach_the_bootstrap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .python-version there would decide, through pyenv, which Python its helpers get."""
    folders = []

    def stream(*about: object, folder: Path, environment: object) -> None:
        folders.append(folder)
        completed = process.Completed(argv=("x",), returncode=1, stdout="", stderr="")
        raise process.ProcessFailed(completed)

    monkeypatch.setattr(process, "stream", stream)
    monkeypatch.setattr(bootstrap, "_require_tools", lambda: None)
    with pytest.raises(InputUnavailable):
        bootstrap.from_archive(
            "bookworm", tmp_path, architecture="amd64", epoch=0, site=Site(), folder=tmp_path,
            reporter=Silent(),
        )  # fmt: skip
    assert folders == [tmp_path]
