"""Progress on terminals and in pipes."""

from __future__ import annotations

import io
import re
import time

import pytest

from reprokit import terminal
from reprokit.terminal import TerminalReporter, amount, one_line


def test_without_a_terminal_there_are_plain_lines() -> None:
    stream = io.StringIO()
    reporter = TerminalReporter(stream=stream)
    reporter.phase("build", expected=42.0)
    reporter.message("3 files, 1.0 MB")
    reporter.log("#5 [2/7] RUN apt-get")
    reporter.warning("the date is\nmissing")
    reporter.phase("run")
    reporter.log("iteration 1")
    reporter.finish()
    assert stream.getvalue() == (
        "reprokit: build (took 42.0 s last time)\n"
        "reprokit: 3 files, 1.0 MB\n"
        "reprokit: warning: the date is missing\n"
        "reprokit: run\n"
        "iteration 1\n"
    )


def test_the_programs_output_goes_to_stdout_only_when_asked() -> None:
    for asked in (True, False):
        stream, program = io.StringIO(), io.StringIO()
        reporter = TerminalReporter(stream=stream, program=program, program_to_stdout=asked)
        reporter.phase("run")
        reporter.log("result: 42")
        reporter.finish()
        assert ("result: 42\n" in program.getvalue()) is asked
        assert ("result: 42\n" in stream.getvalue()) is not asked


def test_a_terminal_gets_a_status_line_that_ends_as_one_line_a_phase(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal, "PAUSE", 0.01)
    stream = io.StringIO()
    reporter = TerminalReporter(stream=stream, live=True)
    reporter.phase("fetch", expected=12.0)
    reporter.advance(1_500_000, 20_000_000)
    deadline = time.monotonic() + 5
    while "1.5 MB of 20.0 MB" not in stream.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    reporter.phase("run")
    reporter.log("hello")
    reporter.finish()
    status = r"\r\x1b\[Kfetch \S+ s  \(took 12\.0 s last time\)  1\.5 MB of 20\.0 MB"
    assert re.search(status, stream.getvalue())
    assert re.fullmatch(
        r"fetch   \S+ s\nhello\nrun     \S+ s\n", _as_seen(stream.getvalue()), re.MULTILINE
    )


def test_a_status_line_cannot_be_broken_by_what_a_build_prints(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal, "PAUSE", 0.01)
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    reporter = TerminalReporter(stream=stream, live=True)
    reporter.phase("build")
    reporter.log("\x1b[31mred\x1b[0m\x1b]0;title\x07" + "x" * 200)
    deadline = time.monotonic() + 5
    while "red" not in stream.getvalue() and time.monotonic() < deadline:
        time.sleep(0.01)
    reporter.finish()
    drawn = stream.getvalue().split("\r\x1b[K")
    assert any("red" in line for line in drawn)
    assert all(len(line.rstrip("\n")) <= 39 for line in drawn)
    assert "\x07" not in stream.getvalue()


def test_a_stream_that_cannot_write_a_letter_gets_its_number() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    reporter = TerminalReporter(stream=stream)
    reporter.phase("run")
    reporter.log("größe")
    reporter.finish()
    assert b"gr\\xf6\\xdfe\n" in raw.getvalue()


def test_many_lines_cost_little() -> None:
    reporter = TerminalReporter(stream=io.StringIO(), live=True)
    reporter.phase("run")
    started = time.perf_counter()
    for _ in range(100_000):
        reporter.log("a line of output")
    took = time.perf_counter() - started
    reporter.finish()
    assert took < 2.0


def test_amounts_read_as_people_say_them() -> None:
    assert amount(512, None) == "512 B"
    assert amount(512, 2048) == "512 B of 2.0 kB"
    assert amount(3, 7, "files") == "3 of 7 files"
    assert one_line("a\x1b[1mb\r\nc") == "a b  c"


def _as_seen(written: str) -> str:
    """What stays on a screen: everything that an erased line held is gone."""
    return "\n".join(line.rpartition("\r\x1b[K")[2] for line in written.split("\n"))
