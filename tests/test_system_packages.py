from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reprokit import bytecode
from reprokit.apt_output import (
    Offer,
    cannot_install,
    failed_fetch,
    parse_policy,
    parse_uris,
    selected,
)
from reprokit.bases.debian import DebianFamily
from reprokit.engines.protocol import BuildRequest, Container, ContainerRequest, Engine
from reprokit.errors import BadRequest, BuildFailed, InputUnavailable
from reprokit.folders import archives
from reprokit.mirrors import canonical_url, mirrored_url
from reprokit.model import LockedBase, LockedPackage, Reason, SystemPackage
from reprokit.progress import Silent
from reprokit.quoting import shell_command
from reprokit.site import Site, load
from reprokit.site import resolver_binds as binds
from reprokit.site import resolver_environment as environment_of
from reprokit.system_install import brings_python, install_run
from reprokit.system_packages import (
    AptCatalogue,
    mirror_commands,
    resolve_sets,
)

HASH = "f3beaa03994ffedacf73c43a0843d53b062d347115d8af65bee2034552a4e6f9"
BSDUTILS = (
    "'http://deb.debian.org/debian/pool/main/u/util-linux/bsdutils_2.38.1-5%2bdeb12u3_amd64.deb' "
    f"bsdutils_1%3a2.38.1-5+deb12u3_amd64.deb 94412 SHA256:{HASH}"
)
WHY = Reason(text="apt.txt asks for it", file="apt.txt", line=3)


def test_a_printed_uri_is_read_with_its_epoch() -> None:
    (offer,) = parse_uris(f"Reading package lists...\n{BSDUTILS}\n")
    assert offer == Offer(
        name="bsdutils",
        version="1:2.38.1-5+deb12u3",
        file="bsdutils_1%3a2.38.1-5+deb12u3_amd64.deb",
        url="http://deb.debian.org/debian/pool/main/u/util-linux/bsdutils_2.38.1-5%2bdeb12u3_amd64.deb",
        size=94412,
        sha256=f"sha256:{HASH}",
    )


@pytest.mark.parametrize(
    "line",
    [
        "'http://x/a.deb'",
        f"'http://x/a.deb' ../../a_1_amd64.deb 1 SHA256:{HASH}",
        f"'http://x/a.deb' a_1%2f..%2f_amd64.deb 1 SHA256:{HASH}",
        f"'http://x/a.deb' a.deb 1 SHA256:{HASH}",
    ],
)
def test_what_looks_like_a_uri_and_is_not_is_refused(line: str) -> None:
    with pytest.raises(InputUnavailable, match="unknown way"):
        parse_uris(line)


@pytest.mark.parametrize("name", ["a;b", "$(x)", "A", "a\u00e9"])
def test_a_hostile_package_name_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="is not the name of a Debian package"):
        parse_uris(f"'http://x/a.deb' {name}_1_amd64.deb 1 SHA256:{HASH}")


def test_another_hash_is_not_taken_for_sha256() -> None:
    (offer,) = parse_uris(BSDUTILS.replace(f"SHA256:{HASH}", "MD5Sum:0123"))
    assert offer.sha256 is None


def test_policy_gives_candidates_only() -> None:
    text = (
        "awk:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"
        "python3:\n  Installed: (none)\n  Candidate: 3.11.2-1+b1\n  Version table:\n"
        "     3.11.2-1+b1 500\n"
    )
    assert parse_policy(text) == {"python3": "3.11.2-1+b1"}


def test_a_replaced_name_is_seen() -> None:
    text = "Note, selecting 'r-base-core' instead of 'r-api-4.0'\n"
    assert selected(text) == (("r-api-4.0", "r-base-core"),)


def test_a_missing_package_names_who_asked() -> None:
    error = cannot_install("E: Unable to locate package nosuch\n", ["nosuch"], {"nosuch": WHY})
    assert error.where == "apt.txt:3"
    assert error.what == "the base's distribution has no package nosuch (apt.txt asks for it)"


def test_a_virtual_package_names_its_providers() -> None:
    text = (
        "Package java-runtime is a virtual package provided by:\n"
        "  openjdk-17-jre 17.0.21 (= 17)\n  default-jre 2:1.17-74 (= 17)\n\n"
        "E: Package 'java-runtime' has no installation candidate\n"
    )
    error = cannot_install(text, ["java-runtime"], {})
    assert error.next == "name one that provides it: openjdk-17-jre, default-jre"


def test_packages_that_exclude_each_other_are_told_with_apts_words() -> None:
    text = (
        "The following packages have unmet dependencies:\n a : Conflicts: b\n"
        "E: Unable to correct problems, you have held broken packages.\n"
    )
    error = cannot_install(text, ["a", "b"], {})
    assert "a b" in error.what
    assert error.next is not None
    assert "Conflicts: b" in error.next


def test_the_installing_step_is_one_a_person_would_write() -> None:
    run = install_run((LockedPackage(name="zip", version="3", requested=True),))
    assert run.comment == "System packages: zip"
    assert [(m.source, m.target, m.writable) for m in run.mounts] == [
        ("vendor/debs", "/mnt/debs", False)
    ]
    assert dict(run.environment) == {"DEBIAN_FRONTEND": "noninteractive", "PERL_HASH_SEED": "0"}
    assert shell_command(run.commands[0]) == (
        "sh -c 'apt-get install -y -qq --no-install-recommends /mnt/debs/*.deb'"
    )
    assert [command[0] for command in run.commands] == ["sh", "rm"]


def test_random_identifiers_of_fonts_go() -> None:
    packages = (LockedPackage(name="fontconfig", version="2.13.1-4.2"),)
    assert [command[0] for command in install_run(packages).commands] == ["sh", "find", "rm"]


def test_no_server_brings_a_database_of_its_own() -> None:
    """It has random identifiers, and nobody but the server's account can open it."""
    postgresql = install_run((LockedPackage(name="postgresql-common", version="248"),))
    assert [command[0] for command in postgresql.commands] == ["mkdir", "sh", "sh", "rm"]
    assert "create_main_cluster = false" in shell_command(postgresql.commands[1])
    for name in ("mariadb-server", "mariadb-server-10.5", "mysql-server-8.0"):
        run = install_run((LockedPackage(name=name, version="1"),))
        assert run.commands[1] == ("find", "/var/lib/mysql", "-mindepth", "1", "-delete")
    client = install_run((LockedPackage(name="mariadb-client", version="1"),))
    assert [command[0] for command in client.commands] == ["sh", "rm"]


def test_what_mono_compiles_for_this_machine_goes() -> None:
    run = install_run((LockedPackage(name="mono-runtime-common", version="6.8"),))
    assert run.commands[1] == ("rm", "-rf", "/usr/lib/mono/aot-cache")


def test_byte_code_of_maintainer_scripts_is_made_anew() -> None:
    packages = (LockedPackage(name="python3-minimal", version="3.11.2-1"),)
    assert brings_python(packages)
    run = install_run(packages, compiles=True)
    assert [command[0] for command in run.commands] == ["sh", "/usr/bin/python3", "rm"]
    assert bytecode.MOUNT in run.mounts
    assert dict(run.environment)["PYTHONHASHSEED"] == "0"


def test_scripts_in_perl_go_through_hashes_in_one_order() -> None:
    assert ("PERL_HASH_SEED", "0") in install_run(()).environment


def test_tex_states_the_lock_s_day() -> None:
    packages = (LockedPackage(name="texlive-binaries", version="2022.20220321.62855-5.1"),)
    assert ("FORCE_SOURCE_DATE", "1") in install_run(packages).environment


def test_urls_of_mirrors_do_not_reach_the_lock() -> None:
    site = Site(
        debian_mirror="http://m.example/debian",
        debian_security_mirror="http://m.example/s",
        ubuntu_mirror="http://m.example/u",
    )
    for public, mirror in (
        ("http://deb.debian.org/debian/pool/a.deb", "http://m.example/debian/pool/a.deb"),
        ("http://deb.debian.org/debian-security/pool/a.deb", "http://m.example/s/pool/a.deb"),
        ("http://archive.ubuntu.com/ubuntu/pool/a.deb", "http://m.example/u/pool/a.deb"),
        ("https://pypi.org/simple/a", "https://pypi.org/simple/a"),
    ):
        assert mirrored_url(public, site) == mirror
        assert canonical_url(mirror, site) == public


def test_sources_are_pointed_at_the_mirrors(tmp_path: Path) -> None:
    (command,) = mirror_commands(
        Site(
            debian_mirror="http://m.example/d",
            debian_security_mirror="http://m.example/s",
            ubuntu_mirror="http://m.example/u",
        )
    )
    (tmp_path / "sources.list").write_text(
        "deb http://deb.debian.org/debian bookworm main\n"
        "deb http://deb.debian.org/debian-security bookworm-security main\n"
        "deb http://archive.ubuntu.com/ubuntu/ focal main universe\n"
        "deb http://security.ubuntu.com/ubuntu focal-security main universe\n"
    )
    (tmp_path / "debian.sources").write_text("URIs: http://deb.debian.org/debian\n")
    local = [str(tmp_path) if word == "/etc/apt" else word for word in command]
    subprocess.run(local, check=True)
    assert (tmp_path / "sources.list").read_text() == (
        "deb http://m.example/d bookworm main\ndeb http://m.example/s bookworm-security main\n"
        "deb http://m.example/u focal main universe\n"
        "deb http://m.example/u focal-security main universe\n"
    )
    assert (tmp_path / "debian.sources").read_text() == "URIs: http://m.example/d\n"


# -- a real base, real apt -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(engine: Engine) -> LockedBase:
    if shutil.which("mmdebstrap") is None:
        pytest.skip("needs mmdebstrap")
    family = DebianFamily()
    candidate = family.named("bookworm")
    assert candidate is not None
    return family.lock(candidate, engine, load(), archives(), Silent())


@pytest.fixture(scope="module")
def container(engine: Engine, base: LockedBase) -> Iterator[Container]:
    site = load()
    request = ContainerRequest(
        image=base.reference,
        command=("sleep", "infinity"),
        user="0:0",
        environment=environment_of(site),
        binds=binds(site),
        network="host" if site.resolver_network == "host" else "default",
        privileged_setup=True,
    )
    with engine.container(request) as started:
        started.start()
        yield started


@pytest.mark.engine
@pytest.mark.network
def test_the_catalogue_leaves_out_what_is_not_there(container: Container) -> None:
    found = AptCatalogue(container, load()).versions(["zip", "awk", "no-such-package", "a;b"])
    assert list(found) == ["zip"]


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such-package", "no package no-such-package"),
        ("zip=99", "no package zip=99"),
        ("java-runtime", "openjdk-17-jre"),
    ],
)
def test_what_cannot_be_installed_is_explained(
    container: Container, name: str, message: str
) -> None:
    with pytest.raises(InputUnavailable) as caught:
        AptCatalogue(container, load()).resolve([name], reasons={name: WHY})
    assert caught.value.where == "apt.txt:3"
    assert message in str(caught.value)


@pytest.mark.engine
@pytest.mark.network
def test_a_hostile_name_never_reaches_a_command(container: Container) -> None:
    with pytest.raises(BadRequest, match="is not the name"):
        AptCatalogue(container, load()).resolve(["zip; touch /x"])


@pytest.mark.engine
@pytest.mark.network
def test_locked_packages_install_without_a_network(
    engine: Engine, base: LockedBase, container: Container, tmp_path: Path
) -> None:
    wanted = (
        SystemPackage(name="unzip", reason=WHY),
        SystemPackage(name="zip", reason=WHY, stage="build"),
        SystemPackage(name="libxml2", reason=WHY),
        SystemPackage(name="libxml2-utils", reason=WHY, stage="build"),
    )
    run, build = resolve_sets(container, wanted, site=load())
    assert {p.name for p in run if p.requested} == {"unzip", "libxml2"}
    assert {p.name for p in build if p.requested} == {"zip", "libxml2-utils"}
    assert not {p.name for p in run} & {p.name for p in build}
    assert all(p.artifacts[0].path.startswith("debs/") for p in run)
    assert all(p.artifacts[0].path.startswith("debs-build/") for p in build)

    _fetched((*run, *build), tmp_path / "vendor")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {base.reference} AS system\n{_step(run, 'debs')}\nRUN ! command -v zip\n"
        f"FROM system AS build\n{_step(build, 'debs-build')}\n"
        "RUN unzip -v && zip -v && xmllint --version && ! test -e /var/log/dpkg.log\n"
    )
    _builds_offline(engine, tmp_path)
    (tmp_path / "vendor" / run[0].artifacts[0].path).unlink()
    with pytest.raises(BuildFailed):
        _builds_offline(engine, tmp_path)


def _fetched(packages: tuple[LockedPackage, ...], folder: Path) -> None:
    from reprokit.phases.fetch import fetch
    from reprokit.store import Store

    store = Store(folder.parent / "store")
    artifacts = tuple(a for package in packages for a in package.artifacts)
    fetch(artifacts, store, load(), Silent())
    for artifact in artifacts:
        store.place(artifact.sha256, folder / artifact.path)
    (folder.parent / ".dockerignore").write_text("store\n")


def _step(packages: tuple[LockedPackage, ...], folder: str) -> str:
    run = install_run(packages, source=f"vendor/{folder}")
    (mount,) = run.mounts
    commands = " && ".join(shell_command(command) for command in run.commands)
    exports = " ".join(f"{name}={value}" for name, value in run.environment)
    return (
        f"RUN --mount=type=bind,source={mount.source},target={mount.target} "
        f"export {exports} && {commands}"
    )


def _builds_offline(engine: Engine, context: Path) -> None:
    tag = f"localhost/reprokit/test-system-packages:{os.getpid()}"
    try:
        engine.build(BuildRequest(context=context, tag=tag, no_cache=True), lambda line: None)
    finally:
        engine.remove_image(tag)


def test_the_address_that_apt_could_not_reach_is_named() -> None:
    url = "http://mirror.example/debian/dists/bookworm/InRelease"
    said = f"E: Failed to fetch {url}  Could not connect to mirror.example:80\n"
    said += "E: Some index files failed to download. They have been ignored, or old ones used.\n"
    assert failed_fetch(said) == (url, "Could not connect to mirror.example:80")
    assert failed_fetch("a\nE: The last word\n") == (None, "E: The last word")
