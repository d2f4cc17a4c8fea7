"""What tests of every part share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reprokit.engines.connect import connect
from reprokit.engines.engine import SocketEngine
from reprokit.errors import NoEngine
from tests import registry_program

REQUESTED = os.environ.get("REPROKIT_TEST_ENGINES")
"""Which real engines to test on: "docker", "podman" or addresses, separated by commas."""


def engines() -> list[str]:
    """The names or addresses of the real engines to test on."""
    return [name.strip() for name in (REQUESTED or "docker").split(",") if name.strip()]


@pytest.fixture(scope="session")
def local_registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str] | None]:
    """The addresses of two empty image registries on this machine, of which the second asks for
    the password of registry_program.USER; `None` where there is no program for them. A Podman that
    the tests start takes Hub names from the first."""
    program = registry_program.find()
    if program is None:
        yield None
        return
    folder = tmp_path_factory.mktemp("registry")
    before = os.environ.get("CONTAINERS_REGISTRIES_CONF")
    with ExitStack() as stack:
        opened = stack.enter_context(registry_program.serving(program, folder / "open"))
        guarded = stack.enter_context(
            registry_program.serving(program, folder / "guarded", guarded=True)
        )
        plain = "".join(
            f'[[registry]]\nprefix = "{address}"\nlocation = "{address}"\ninsecure = true\n'
            for address in (opened, guarded)
        )
        (folder / "registries.conf").write_text(
            f'unqualified-search-registries = ["docker.io"]\n{plain}'
            f'[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n'
            f'[[registry.mirror]]\nlocation = "{opened}"\ninsecure = true\n'
        )
        os.environ["CONTAINERS_REGISTRIES_CONF"] = str(folder / "registries.conf")
        try:
            yield opened, guarded
        finally:
            if before is None:
                del os.environ["CONTAINERS_REGISTRIES_CONF"]
            else:
                os.environ["CONTAINERS_REGISTRIES_CONF"] = before


@pytest.fixture(scope="session")
def registry(local_registries: tuple[str, str] | None) -> str:
    """The address of an empty image registry on this machine."""
    if local_registries is None:
        pytest.fail("docker-registry can neither be found nor downloaded (apt-get update?)")
    return local_registries[0]


@pytest.fixture(scope="session")
def guarded_registry(local_registries: tuple[str, str] | None) -> str:
    """The address of one that asks for a password."""
    if local_registries is None:
        pytest.fail("docker-registry can neither be found nor downloaded (apt-get update?)")
    return local_registries[1]


@pytest.fixture(scope="session")
def opened_engines(
    local_registries: tuple[str, str] | None,
) -> Iterator[dict[str, SocketEngine]]:
    """Connections that stay open for the whole session, by name."""
    with ExitStack() as stack:
        opened: dict[str, SocketEngine] = {}
        for name in engines():
            try:
                opened[name] = stack.enter_context(connect(name))
            except NoEngine:
                if REQUESTED is not None:
                    raise  # asked for by name: its absence is a failure
        yield opened


@pytest.fixture(params=engines(), scope="session")
def engine(request: pytest.FixtureRequest, opened_engines: dict[str, SocketEngine]) -> SocketEngine:
    """Each real engine; tests that use it carry the mark `engine`."""
    if request.param not in opened_engines:
        pytest.fail(f"no {request.param} answers here (`dev/engine start` starts one)")
    return opened_engines[request.param]


@pytest.fixture(scope="session", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing that a test does reaches the user's own folders."""
    home = tmp_path_factory.mktemp("reprokit-home")
    before = os.environ.get("REPROKIT_HOME")
    os.environ["REPROKIT_HOME"] = str(home)
    yield home
    if before is None:
        del os.environ["REPROKIT_HOME"]
    else:
        os.environ["REPROKIT_HOME"] = before


@pytest.fixture(scope="session", autouse=True)
def signals_of_a_terminal() -> None:
    """nohup, and shells that start something in the background, switch signals off for all below
    them, and reprokit respects that. Tests that send signals need them on."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
