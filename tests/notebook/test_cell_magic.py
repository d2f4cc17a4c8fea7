"""The first line of a `%%repro` cell, and what is shown of what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reprokit import arguments
from reprokit.errors import BadRequest
from reprokit.notebook import cell_magic, magics
from tests.notebook import kernels


def parsed(line: str) -> Any:
    return arguments.cell_parser("%%repro").parse_args(line.split())


def test_names_are_given_by_words_or_commas() -> None:
    found = parsed("r -i a b,c -o d -i e --memory 4g")
    assert (found.language, found.memory) == ("R", "4g")
    assert cell_magic.names(found.inputs) == ["a", "b", "c", "e"]
    assert cell_magic.names(found.outputs) == ["d"]
    assert parsed("").language == "python" and parsed("bash").language == "sh"


@pytest.mark.parametrize("line", ["julia", "-i", "--fly"])
def test_a_first_line_that_makes_no_sense_says_where_help_is(line: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parsed(line)
    assert caught.value.next == "see `%%repro?`"


def test_the_help_names_every_option() -> None:
    options = arguments.cell_parser("")._option_string_actions
    text = magics.repro_cell.__doc__ or ""
    for action in set(options.values()):
        assert any(f"{name} " in text or f"{name}," in text for name in action.option_strings) or (
            action.dest == "help"
        ), action.option_strings


def test_what_is_printed_is_cut_where_a_notebook_would_suffer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = cell_magic.Stream()
    stream.write("stdout", "é".encode()[:1])
    stream.write("stderr", b"oh\n")
    stream.write("stdout", "é".encode()[1:] + b"\n")
    for number in range(100_000):
        stream.write("stdout", b"line %d\n" % number)
    stream.close()
    out, err = capsys.readouterr()
    assert out.startswith("é\nline 0\n") and out.endswith("line 99998\nline 99999\n\n")
    assert "all of it: %repro logs" in out and err == "oh\n"
    assert len(out) < cell_magic.SHOWN + 2 * cell_magic.TAIL


def test_errors_teach_in_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels.at_home(tmp_path, monkeypatch)
    monkeypatch.setenv("REPROKIT_ENGINE", f"unix://{tmp_path}/nobody.sock")
    _, unknown, odd, silent, went_on = kernels.execute(
        tmp_path,
        "%load_ext reprokit\nthreshold, odd = 1, {1}",
        "%%repro -i treshold\n1",
        "%%repro R -i odd\n1",
        "%%repro sh -o x\nx=1",
        "'x' in globals()",
        allow_errors=True,
    )
    said = [outputs[-1]["traceback"][0] for outputs in (unknown, odd, silent)]
    assert "no variable treshold" in said[0] and "is threshold meant?" in said[0]
    assert "odd is a set: it cannot be carried into" in said[1] and "data frames" in said[1]
    assert "nobody.sock" in said[2] and "EngineSilent" in silent[-1]["ename"]
    assert not any("Traceback" in line for line in said)
    assert went_on[0]["data"]["text/plain"] == "False"
    assert not list((tmp_path / ".reprokit").glob("cell-*"))
