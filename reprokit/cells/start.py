"""Runs the text of a `%%repro` cell in Python, inside the container, with the values it was given.

Beside this file lie cell.json (what is given and what is to be taken), cell.py (the cell) and in/
(the values). What is taken, the open figures and how the cell ended are written into the folder
that is named on the command line. Nothing here is seen by the cell.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import sys
import traceback
import types
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CELL = "<cell>"
"""What a traceback calls the cell."""


def main(taken: Path) -> int:
    """Run the cell; the status to end with."""
    sys.path[0] = str(HERE)
    import carrying  # type: ignore[import-not-found]

    sys.path[0] = str(Path.cwd())
    asked = json.loads((HERE / "cell.json").read_text(encoding="utf-8"))
    try:
        given = {
            name: carrying.read(carrying.place(HERE / "in", str(at)), name)
            for at, name in enumerate(asked["inputs"])
        }
    except carrying.CannotCarry as error:
        return end(taken, error=str(error), library=error.library)
    module = types.ModuleType("__main__")
    vars(module).update(given, __file__=str(HERE / "cell.py"), __builtins__=__builtins__)
    sys.modules["__main__"], sys.argv = module, ["cell.py"]
    os.environ.setdefault("MPLBACKEND", "agg")
    # `plt.show()` has nothing to do: open figures are shown below the cell.
    warnings.filterwarnings("ignore", message=".*is non-interactive.*cannot be shown")
    status = run((HERE / "cell.py").read_text(encoding="utf-8"), vars(module), taken)
    save_figures(taken)
    for at, name in enumerate(asked["outputs"] if status == 0 else ()):
        if name not in vars(module):
            return end(taken, error=f"the cell sets no {name}, which is to be taken out of it")
        try:
            carrying.write(vars(module)[name], taken, str(at), name)
        except carrying.CannotCarry as error:
            said = f"{error}, which cannot be taken out of the container"
            return end(taken, error=said, carried=carrying.CARRIED)
    return status


def run(source: str, namespace: dict[str, Any], taken: Path) -> int:
    """Run the cell as a notebook does: the value of a last expression is shown."""
    linecache.cache[CELL] = (len(source), None, source.splitlines(True), CELL)
    try:
        tree = ast.parse(source, CELL)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, CELL, "exec"), namespace)
        if last is not None:
            shown = ast.Interactive([last])
            exec(compile(shown, CELL, "single"), namespace)
    except SystemExit as stopped:
        if stopped.code is None or isinstance(stopped.code, int):
            return stopped.code or 0
        print(stopped.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.stdout.flush()
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename in (__file__, ast.__file__):
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        places = [f.lineno for f in traceback.extract_tb(trace) if f.filename == CELL]
        line = error.lineno if isinstance(error, SyntaxError) else (places or [None])[-1]
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        said = traceback.format_exception_only(type(error), error)[-1].strip()
        return end(taken, error=said, line=line, missing=missing)
    return 0


def save_figures(taken: Path) -> None:
    """Save the figures that are open, in the order in which they were made."""
    plots: Any = sys.modules.get("matplotlib.pyplot")
    for number in plots.get_fignums() if plots is not None else ():
        folder = taken / "figures"
        folder.mkdir(exist_ok=True)
        try:
            # Without the version of matplotlib, so that the same figure is the same file.
            plots.figure(number).savefig(
                folder / f"figure-{number}.png", bbox_inches="tight", metadata={"Software": None}
            )
        except Exception:
            traceback.print_exc()


def end(taken: Path, **said: Any) -> int:
    """Leave word of why it failed."""
    (taken / "ending.json").write_text(json.dumps(said), encoding="ascii")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
