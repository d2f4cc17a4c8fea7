"""The program that runs a cell of Python in a container, run here on cells of our own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from reprokit.cells import exchange
from reprokit.cells.cell import Cell
from reprokit.cells.exchange import Exchange
from reprokit.errors import CommandFailed


def ran(
    folder: Path, text: str, inputs: dict[str, Any] | None = None, outputs: tuple[str, ...] = ()
) -> tuple[Exchange, subprocess.CompletedProcess[str]]:
    """Run a cell as its container does."""
    cell = Cell(language="python", line="%%repro", text=text, inputs=inputs or {}, outputs=outputs)
    laid = exchange.lay_out(cell, folder)
    command = [sys.executable, "-u", str(laid.given / "start.py"), str(laid.taken)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    return laid, done


def why(laid: Exchange) -> CommandFailed:
    found = exchange.failure(laid)
    assert found is not None
    return found


def test_values_go_in_and_come_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([5, 7], name="n"))
    inputs = {"frame": frame, "array": np.arange(3), "größe": {"x": float("inf"), "y": None}}
    outputs = ("doubled", "whole", "größe")
    text = "doubled = frame.assign(a=frame.a * 2)\nwhole = array.sum()\nprint('at', 'work')"
    laid, done = ran(tmp_path, text, inputs, outputs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "at work\n", "")
    found = exchange.values(laid)
    pd.testing.assert_frame_equal(found["doubled"], frame.assign(a=[2, 4]))
    assert found["whole"] == 3 and type(found["whole"]) is int
    assert found["größe"] == inputs["größe"]


def test_the_cell_sees_a_script_and_the_value_of_its_last_line_is_shown(tmp_path: Path) -> None:
    text = (
        "import os, sys\nfrom helper import two\n"
        "assert __name__ == '__main__' and sys.argv == ['cell.py'] and 'carrying' not in dir()\n"
        "assert sys.path[0] == os.getcwd()\ntwo * 21\n"
    )
    (tmp_path / "helper.py").write_text("two = 2\n")
    _, done = ran(tmp_path, text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "42\n", "")


def test_a_traceback_has_the_lines_of_the_cell_and_nothing_else(tmp_path: Path) -> None:
    laid, done = ran(tmp_path, "def f(x):\n    return 1 / x\n\nf(0)\n")
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "~" not in line and "^" not in line]
    assert lines == [
        "Traceback (most recent call last):",
        '  File "<cell>", line 5, in <module>',
        "    f(0)",
        '  File "<cell>", line 3, in f',
        "    return 1 / x",
        "ZeroDivisionError: division by zero",
    ]
    error = why(laid)
    assert (error.what, error.where) == (
        "ZeroDivisionError: division by zero",
        "line 3 of the cell",
    )


def test_what_is_no_python_has_no_lines_of_ours(tmp_path: Path) -> None:
    _, done = ran(tmp_path, "x = )\n")
    assert done.stderr.startswith('  File "<cell>", line 2\n    x = )\n')


@pytest.mark.parametrize(
    ("text", "what", "where", "said"),
    [
        ("x = 1\nx = )", "SyntaxError: unmatched ')'", "line 3 of the cell", "above"),
        ("%matplotlib inline", "SyntaxError", "line 2 of the cell", "magics"),
        (
            "import not_there.at_all",
            "ModuleNotFoundError",
            "line 2",
            "name not_there in",
        ),
        ("y = 1", "the cell sets no x, which is", "%%repro", "above"),
        ("x = {1, 2}", "x is a set, which cannot be taken out", "%%repro", "data frames"),
        ("x = [print]", "x[0] is a builtin_function_or_method", "%%repro", "data frames"),
    ],
)
def test_what_goes_wrong_is_told(
    text: str, what: str, where: str, said: str, tmp_path: Path
) -> None:
    laid, done = ran(tmp_path, text, outputs=("x",))
    error = why(laid)
    assert done.returncode == 1
    assert what in error.what and where in str(error.where) and said in str(error.next)


@pytest.mark.parametrize(("text", "code"), [("exit()", 0), ("exit(3)", 3), ("exit('no')", 1)])
def test_a_cell_can_end_itself(text: str, code: int, tmp_path: Path) -> None:
    laid, done = ran(tmp_path, f"import sys\nx = 1\nsys.{text}", outputs=("x",))
    assert done.returncode == code
    assert (laid.taken / "0.json").exists() == (code == 0)


def test_open_figures_are_kept_also_where_the_cell_fails(tmp_path: Path) -> None:
    text = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.figure()\n"
        "plt.close()\nplt.figure()\n1 / 0"
    )
    laid, done = ran(tmp_path, text)
    assert done.returncode == 1 and "Warning" not in done.stderr
    run = tmp_path / "run"
    run.mkdir()
    found = laid.account(run)["figures"]
    assert isinstance(found, list)
    paths = [figure["path"] for figure in found if isinstance(figure, dict)]
    assert paths == ["figures/figure-1.png", "figures/figure-3.png"] or len(paths) == 2
    assert (run / str(paths[0])).read_bytes().startswith(b"\x89PNG")
