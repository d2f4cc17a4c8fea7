from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.bases.official import OfficialFamily
from reprokit.engines.fake import FakeEngine
from reprokit.engines.protocol import BuildRequest, Engine
from reprokit.errors import InputUnavailable
from reprokit.model import Image, LockedBase, Reason, Runtime
from reprokit.progress import Silent
from reprokit.site import Site

FAMILY = OfficialFamily()


def runtime(language: str, specifier: str = "", *, development: bool = False) -> Runtime:
    return Runtime(
        language=language,
        specifier=specifier,
        reason=Reason(text="", file="p.toml", line=4),
        development=development,
    )


@pytest.mark.parametrize(
    ("day", "runtimes", "expected"),
    [
        ("2024-01-01", (), []),
        (
            "2024-01-01",
            (runtime("python", ">=3.9"),),
            [
                "python:3.12-slim-bookworm",
                "python:3.12-slim-bullseye",
                "python:3.12-slim-trixie",
            ],
        ),
        ("2026-01-01", (runtime("r", "==4.2.*"),), ["rocker/r-ver:4.2.3"]),
        ("2022-12-01", (runtime("r", "==4.2.*"),), ["rocker/r-ver:4.2.2"]),
        (
            "2026-01-01",
            (runtime("java", "==17", development=True),),
            ["maven:3.9-eclipse-temurin-17-noble"],
        ),
        ("2026-01-01", (runtime("java", "==17"),), ["eclipse-temurin:17-jre-noble"]),
        (
            "2026-01-01",
            (runtime("python", "==3.11.4"),),
            # Trixie came when 3.11.13 was the newest.
            ["python:3.11.4-slim-bookworm", "python:3.11.4-slim-bullseye"],
        ),
        ("2026-01-01", (runtime("python", "==3.10.2"),), ["python:3.10.2-slim-bullseye"]),
        # The last 3.12 on bullseye is 3.12.11.
        (
            "2026-01-01",
            (runtime("python", ">=3.12.12,<3.13"),),
            ["python:3.12-slim-trixie", "python:3.12-slim-bookworm"],
        ),
        # A project that names its Java gets the nearest to it, also long after; one that names
        # none gets that of its date.
        *(
            (day, (runtime("java", specifier, development=True),), [f"maven:3.9-{image}-noble"])
            for day, specifier, image in (
                (None, ">=17", "eclipse-temurin-17"),
                ("2026-01-01", ">=17", "eclipse-temurin-17"),
                ("2026-01-01", ">=18", "eclipse-temurin-21"),
                ("2026-01-01", ">=8,<20", "eclipse-temurin-8"),
                ("2018-01-01", ">=11", "eclipse-temurin-11"),
                ("2022-01-01", "", "eclipse-temurin-17"),
                (None, "", "eclipse-temurin-25"),
            )
        ),
        # Only bookworm adds R 4.2 to Python 3.11; no R image adds Python 3.11.
        (
            "2026-01-01",
            (runtime("python", "==3.11"), runtime("r", "==4.2.*")),
            ["python:3.11-slim-bookworm"],
        ),
        # No Python image's distribution has R 4.3: the R image picks, and adds its own Python.
        (
            "2026-01-01",
            (runtime("python", ">=3.10"), runtime("r", "==4.4.1")),
            ["rocker/r-ver:4.4.1"],
        ),
        ("2026-01-01", (runtime("python", "==2.7.*"),), []),
        ("2026-01-01", (runtime("r", "==3.6.3"), runtime("java")), []),
    ],
)
def test_candidates(day: str | None, runtimes: tuple[Runtime, ...], expected: list[str]) -> None:
    assert [candidate.name for candidate in FAMILY.candidates(runtimes, day)] == expected


def test_several_primary_languages_are_tried_in_order() -> None:
    found = FAMILY.candidates((runtime("java", "==17"), runtime("python", "==3.12")), "2024-06-01")
    assert [candidate.name for candidate in found] == [
        "python:3.12-slim-bookworm",
        "python:3.12-slim-bullseye",
        "eclipse-temurin:17-jre-noble",
    ]
    assert str(found[0].reason) == (
        "python:3.12-slim-bookworm carries python 3.12; its distribution (bookworm) adds java 17"
    )


@pytest.mark.parametrize(
    ("name", "provides", "has_offers"),
    [
        ("python:3.11-slim-bookworm", {"python": "3.11"}, True),
        ("python:3.11-slim", {"python": "3.11"}, False),
        ("docker.io/library/python:3.11.4-bullseye", {"python": "3.11.4"}, True),
        ("rocker/r-ver:4.2.2", {"r": "4.2.2"}, True),
        ("maven:3.9-eclipse-temurin-17", {"java": "17"}, False),
        ("eclipse-temurin:21-jre-noble", {"java": "21"}, True),
    ],
)
def test_an_image_can_be_named(name: str, provides: dict[str, str], has_offers: bool) -> None:
    found = FAMILY.named(name)
    assert found is not None
    assert (found.provides, bool(found.offers)) == (provides, has_offers)


@pytest.mark.parametrize("name", ["bookworm", "alpine:3", "python", "python:3\nRUN x", "python:$x"])
def test_other_names_are_not_ours(name: str) -> None:
    assert FAMILY.named(name) is None


# -- what an engine pulls ------------------------------------------------------------------------


class PullsForArm(FakeEngine):
    """As Docker does with a lone image: pulled without a word, whatever platform it is made for."""

    def pull(self, reference: str, platform: str, on_line: Callable[[str], None]) -> Image:
        return replace(super().pull(reference, platform, on_line), platform="linux/arm64")


def test_an_image_for_another_platform_is_not_taken(tmp_path: Path) -> None:
    candidate = FAMILY.named("python:3.11-slim-bookworm")
    assert candidate is not None
    digest = "sha256:" + "1" * 64
    engine = PullsForArm(registry={candidate.name: digest, f"{candidate.name}@{digest}": digest})
    with pytest.raises(InputUnavailable, match="is made for linux/arm64 only") as caught:
        FAMILY.lock(candidate, engine, Site(), tmp_path, Silent())
    assert "--base debian" in str(caught.value.next)


def test_a_locked_image_that_is_gone_says_what_to_do(tmp_path: Path) -> None:
    locked = LockedBase(
        family="official",
        name="python:3.11-slim-bookworm",
        reference="python:3.11-slim-bookworm@sha256:" + "1" * 64,
        config_digest="sha256:" + "2" * 64,
        layers=(),
        registry_digest="sha256:" + "1" * 64,
        provides={},
    )
    with pytest.raises(InputUnavailable, match="cannot be pulled") as caught:
        FAMILY.provide(locked, FakeEngine(), Site(), tmp_path, Silent())
    assert "lock --upgrade" in str(caught.value.next)


# -- a local registry under the Hub's names ------------------------------------------------------


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "provides"),
    [("python:3.11-slim-bookworm", {"python": "3.11"}), ("rocker/r-ver:4.2.2", {"r": "4.2.2"})],
)
def test_an_image_is_pinned_pulled_and_provided_by_digest(
    mirrored: Engine, tmp_path: Path, name: str, provides: dict[str, str]
) -> None:
    candidate = FAMILY.named(name)
    assert candidate is not None
    locked = FAMILY.lock(candidate, mirrored, Site(), tmp_path, Silent())
    assert locked.registry_digest is not None
    assert locked.reference == f"{name}@{locked.registry_digest}"
    assert locked.provides == provides
    image = mirrored.image(locked.reference)
    assert image is not None
    assert (image.config_digest, image.layers) == (locked.config_digest, locked.layers)

    mirrored.remove_image(locked.reference)
    assert mirrored.image(locked.reference) is None
    FAMILY.provide(locked, mirrored, Site(), tmp_path, Silent())
    again = mirrored.image(locked.reference)
    assert again is not None
    assert again.config_digest == locked.config_digest


@pytest.mark.engine
def test_a_build_takes_the_pinned_image_without_a_network(mirrored: Engine, tmp_path: Path) -> None:
    candidate = FAMILY.named("python:3.11-slim-bookworm")
    assert candidate is not None
    locked = FAMILY.lock(candidate, mirrored, Site(), tmp_path, Silent())
    (tmp_path / "Dockerfile").write_text(f'FROM {locked.reference}\nLABEL a="b"\n')
    tag = "localhost/reprokit/test-official:1"
    image = mirrored.build(BuildRequest(context=tmp_path, tag=tag), lambda line: None)
    assert image.layers == locked.layers


@pytest.mark.engine
def test_an_image_that_the_registry_lacks_is_unavailable(mirrored: Engine, tmp_path: Path) -> None:
    candidate = FAMILY.named("python:3.9-slim-bookworm")
    assert candidate is not None
    with pytest.raises(InputUnavailable, match=r"3\.9-slim-bookworm"):
        FAMILY.lock(candidate, mirrored, Site(), tmp_path, Silent())


@pytest.mark.engine
def test_a_registry_that_never_answers_costs_seconds(engine: Engine, tmp_path: Path) -> None:
    """A listener that accepts and says nothing, as a firewall that drops packets looks like."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kept: list[socket.socket] = []
        thread = threading.Thread(target=_accept_all, args=(silent, kept), daemon=True)
        thread.start()
        named = FAMILY.named("python:3.11-slim-bookworm")
        assert named is not None
        port = silent.getsockname()[1]
        candidate = replace(named, name=f"127.0.0.1:{port}/library/python:3.11-slim-bookworm")
        started = time.monotonic()
        with pytest.raises(InputUnavailable, match="no registry answers"):
            FAMILY.lock(candidate, engine, Site(), tmp_path, Silent())
        assert time.monotonic() - started < 8
        silent.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in kept:
            connection.close()


def _accept_all(server: socket.socket, kept: list[socket.socket]) -> None:
    while True:
        try:
            kept.append(server.accept()[0])
        except OSError:
            return
