"""Loosened isolation is named, and asked for."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reprokit.engines.fake import FakeEngine
from reprokit.errors import BadRequest
from reprokit.model import Plan, RunOptions
from reprokit.phases import build as building
from reprokit.pipeline import job
from reprokit.pipeline.job import Stopwatch, Wishes, powers_for, prepare, prepare_build
from reprokit.progress import Silent
from reprokit.rerunning import consent
from tests.history.made import digest
from tests.phases.test_record import inputs
from tests.publishing import made

LOOSE = RunOptions(network=True, pids=100_000, shared_memory=10**9)


def plan(options: RunOptions = RunOptions(), dockerfile: str | None = None) -> Plan:  # noqa: B008
    made: Plan = inputs()["plan"]
    return replace(made, options=options, dockerfile=dockerfile)


def test_every_loosening_is_named() -> None:
    assert consent.of_run(plan()) == () and consent.of_build(plan()) == ()
    said = " / ".join(consent.of_run(plan(LOOSE, "Dockerfile")))
    for word in ("network", "100,000 processes", "1.0 GB of shared memory", "maybe root"):
        assert word in said
    assert "network" in consent.of_build(plan(dockerfile="Dockerfile"))[0]
    assert "own Dockerfile" in consent.of_build(plan(), foreign=True)[0]


def test_tighter_options_need_no_consent() -> None:
    tight = RunOptions(read_only=True, memory=10**9, cpus=1, pids=10, timeout=5)
    assert consent.of_run(plan(tight)) == ()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answered(monkeypatch: pytest.MonkeyPatch, answer: str) -> Terminal:
    shown = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def ask(*, yes: bool = False, what: str = "network access") -> None:
    consent.ask([what], "archive x.zip", yes=yes, before=lambda: None)


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    shown = answered(monkeypatch, answer)
    ask(what="network\x1b[2J access")
    assert "archive x.zip asks for less isolation" in shown.getvalue()
    assert "\x1b" not in shown.getvalue() and "[y/N]" in shown.getvalue()


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yeah right\n"])
def test_anything_else_is_a_no(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    answered(monkeypatch, answer)
    with pytest.raises(consent.NotAllowed, match="network access"):
        ask()


def test_a_no_does_not_list_everything_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = answered(monkeypatch, "n\n")
    with pytest.raises(consent.NotAllowed) as caught:
        ask(what="network\x1b[2J access")
    assert (
        caught.value.what == "archive x.zip was not allowed network\\x1b[2J access: it did not run"
    )
    assert shown.getvalue().count("access") == 1


def test_without_a_terminal_it_is_refused_and_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(consent.NotAllowed, match="network access") as caught:
        ask()
    assert "--yes" in str(caught.value) and caught.value.exit_code == 2
    ask(yes=True)
    consent.ask([], "x", yes=False, before=lambda: None)


@pytest.mark.parametrize("family", ["own", "../x"])
def test_a_lock_does_not_open_the_network_of_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    """A base of the family "own" goes with a project's own Dockerfile, which is asked about."""
    (tmp_path / "main.py").write_text("print(1)\n")
    given = prepare(tmp_path, Wishes())
    lock = replace(made.lock(), base=replace(made.lock().base, family=family))
    prepared = prepare_build(given, lock, {"main.py": digest("a")})
    built: list[object] = []
    monkeypatch.setattr(building, "build", lambda *given, **options: built.append(options))
    powers = powers_for(FakeEngine(), Silent())
    with pytest.raises(BadRequest, match=re.escape(repr(family))):
        job.built(given, lock, prepared, powers, Stopwatch(Silent()), no_cache=False)
    assert not built
