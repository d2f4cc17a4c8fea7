"""What is laid out for a cell, what of it enters the record, and what hostile containers leave."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reprokit import files
from reprokit.cells import exchange, for_r, for_shell, telling
from reprokit.cells.carrying import CannotCarry
from reprokit.cells.cell import Cell, checked
from reprokit.errors import BadRequest, CommandFailed


def cell(language: str = "python", text: str = "x = 1\n", **more: Any) -> Cell:
    return Cell(language=language, line=f"%%repro {language} -o x", text=text, **more)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (cell("julia"), "no cells in 'julia'"),
        (cell(text=" \n"), "the cell is empty"),
        (cell(inputs={"a b": 1}), "'a b' is no name"),
        (cell("sh", inputs={"größe": 1}), "'größe' is no name"),
        (cell(outputs=("x", "x")), "-o names x twice"),
        (cell(outputs=("../x",)), "'../x' is no name"),
    ],
)
def test_cells_that_make_no_sense_are_refused(made: Cell, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        checked(made)


def test_a_cell_has_its_editors_lines_and_a_headline() -> None:
    made = cell(text="# a comment\n\nx = 1\n")
    assert made.source.splitlines()[3] == "x = 1"
    assert made.source.startswith("# %%repro python -o x\n")
    assert made.headline == "%%repro python -o x: x = 1"


@pytest.mark.parametrize("language", ["python", "R", "sh"])
def test_everybody_may_read_what_is_given(language: str, tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        laid = exchange.lay_out(cell(language, inputs={"a": np.arange(2)}), tmp_path)
    finally:
        os.umask(mask)
    for path in laid.given.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_a_value_that_cannot_go_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="m is a function: it cannot be carried into") as caught:
        exchange.lay_out(cell(inputs={"m": checked}), tmp_path)
    assert "data frames" in str(caught.value.next)


def test_the_record_has_the_hash_of_what_was_carried(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    frame = pd.DataFrame({"a": [1]})
    laid = exchange.lay_out(cell(inputs={"n": 1, "frame": frame}, outputs=("x",)), tmp_path / "own")
    (laid.taken / "0.json").write_text("[1]")
    found: Any = laid.account(run)
    assert found["source"] == "# %%repro python -o x\nx = 1\n"
    assert found["sha256"] == files.sha256_text(found["source"]) == files.sha256(run / "cell.py")
    n, carried = found["inputs"]
    assert n == {"name": "n", "kind": "value", "size": 1, "sha256": files.sha256_text("1")}
    parts = sorted((laid.given / "in" / "1.frame").iterdir())
    listing = "".join(
        f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {part.name}\n" for part in parts
    )
    assert [part.name for part in parts] == ["0.npy", "frame.json"]
    assert carried["sha256"] == files.sha256_text(listing)
    assert found["outputs"][0]["sha256"] == files.sha256_text("[1]")
    assert exchange.values(laid) == {"x": [1]}
    assert telling.of(n) == "n (value, 1 B)"


def sparse(path: Path, size: int) -> None:
    path.touch()
    os.truncate(path, size)


HARM: list[Callable[[Path], Any]] = [
    lambda taken: (taken / "0.json").symlink_to("/etc/passwd"),
    lambda taken: (taken / "0.frame").symlink_to("/etc"),
    lambda taken: os.mkfifo(taken / "0.json"),
    lambda taken: (taken / "0.json").write_text("{"),
    lambda taken: (taken / "0.frame").mkdir(),
    lambda taken: (taken / "other").write_text(""),
    lambda taken: sparse(taken / "0.json", exchange.LARGEST + 1),
]


@pytest.mark.parametrize("harm", HARM)
def test_what_a_hostile_container_leaves_is_not_looked_at(
    harm: Callable[[Path], Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    laid = exchange.lay_out(cell(outputs=("x",)), tmp_path / "own")
    harm(laid.taken)
    with pytest.raises(CommandFailed, match="values that are not looked at") as caught:
        exchange.values(laid)
    assert "only the cell itself" in str(caught.value.next)
    laid.account(run)


def test_a_file_that_a_shell_names_is_what_its_name_says(tmp_path: Path) -> None:
    laid = exchange.lay_out(cell("sh", outputs=("x",)), tmp_path / "own")
    table, document = laid.taken / "0.csv", laid.taken / "0.json"
    table.write_text("")
    assert exchange.values(laid)["x"].empty
    table.write_text("a,b\n1,2\n1,2,3,4\n")
    with pytest.raises(CommandFailed, match=r"^%%repro sh -o x: x is no CSV file") as caught:
        exchange.values(laid)
    assert "x=$(cat FILE)" in str(caught.value.next)
    table.unlink()
    document.write_text("{")
    with pytest.raises(CommandFailed, match="x is no JSON"):
        exchange.values(laid)


def test_hostile_words_about_the_end_stay_words(tmp_path: Path) -> None:
    laid = exchange.lay_out(cell(), tmp_path)
    for said in (
        "[",
        "[]",
        '{"error": 1, "line": []}',
        '{"error": "\\u001b[2J", "missing": "a\\nb"}',
    ):
        (laid.taken / "ending.json").write_text(said)
        found = exchange.failure(laid)
        assert found is None or "\x1b" not in str(found)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (3, "3L"),
        (2**31, "2147483648"),
        (0.1, "0.1"),
        (float("-inf"), "-Inf"),
        ('a"\\\n$(x)é', '"a\\"\\\\\\n$(x)é"'),
        ([1, None, 2], "c(1L, NA, 2L)"),
        (["a", None], 'c("a", NA_character_)'),
        ([1, "a"], 'list(1L, "a")'),
        ([], "list()"),
        ({"a b": [True]}, 'list("a b" = c(TRUE))'),
    ],
)
def test_plain_values_in_r(value: Any, written: str) -> None:
    assert for_r.literal(value, "x") == written


@pytest.mark.parametrize(
    "value",
    [2**60, "\0", "\ud800", {"": 1}, np.array([2**60]), np.array(["\0a"]), np.zeros(1, "M8[s]")],
)
def test_what_r_has_not_is_named(value: Any, tmp_path: Path) -> None:
    with pytest.raises(CannotCarry):
        for_r.write({"x": value}, tmp_path)


def test_frames_in_r_have_any_titles_and_no_reversed_offsets(tmp_path: Path) -> None:
    frame = pd.DataFrame({"": [1], "a b": pd.to_datetime(["2020-01-01T00:00:00+02:00"])})
    assert for_r.write({"f": frame}, tmp_path) == (
        'list("f" = .frame(list(.vector("0.0.r", integer(0)), as.POSIXct('
        '.vector("0.1.r", double(0)), origin = \'1970-01-01\', tz = "UTC")), '
        'c("", "a b"), 1L, NULL))\n'
    )
    with pytest.raises(CannotCarry, match=r"^name holds a text with a zero character"):
        for_r.write({"name": ["\0"]}, tmp_path)


def test_values_for_a_shell_are_quoted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1]}, index=["r"])
    values = {"t": "$(touch /tmp/x)'\n", "n": 2.5, "z": None, "d": {"a": True}, "f": frame}
    written = for_shell.write(values, tmp_path)
    assert written == (
        "export t='$(touch /tmp/x)'\"'\"'\n'\nexport n=2.5\nexport z=''\n"
        "export d='{\"a\": true}'\nexport f=/opt/reprokit/cell/in/4.csv\n"
    )
    assert (tmp_path / "4.csv").read_text() == ",a\nr,1\n"
    for value in ("\0", "x" * (for_shell.LONGEST + 1), "\ud800", pd.Series(["\ud800"], dtype="O")):
        with pytest.raises(CannotCarry):
            for_shell.write({"x": value}, tmp_path)
