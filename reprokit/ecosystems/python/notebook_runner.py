#!/opt/reprokit/notebook/bin/python
"""Run a notebook from a clean kernel, without a display; the result is results/NAME.ipynb.

Usage: repro-notebook NOTEBOOK. Ends with status 1 and the cell's traceback when a cell fails; the
notebook as far as it came is written all the same.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

KERNELS = "/opt/reprokit/notebook/share/reprokit"
RESULTS = "/app/results"


def main(arguments: "list[str]") -> int:
    """Execute one notebook; the status to end with."""
    if len(arguments) != 1:
        print("usage: repro-notebook NOTEBOOK", file=sys.stderr)
        return 2
    path = Path(arguments[0]).absolute()
    if not path.is_file():
        print(f"repro-notebook: {arguments[0]} does not exist", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="repro-notebook-") as temporary:
        # Whoever runs this may own no home folder.
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            folder = Path(temporary) / name.lower()
            folder.mkdir()
            os.environ[name] = str(folder)
        os.environ["JUPYTER_PATH"] = os.environ.get("REPRO_KERNELS", KERNELS)
        return execute(path)


def execute(path: Path) -> int:
    """Run the notebook's cells in its own folder and write the result down."""

    from typing import Any

    import nbformat as imported
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    nbformat: Any = imported
    with path.open(encoding="utf-8") as file:
        notebook = nbformat.read(file, as_version=4)
    _give_cells_their_ids(notebook)
    client = NotebookClient(
        notebook,
        kernel_name="reprokit",
        timeout=None,
        record_timing=False,  # the same results must give the same file
        resources={"metadata": {"path": str(path.parent)}},
    )
    status = 0
    try:
        client.execute()
    except CellExecutionError as error:
        print(_plain(str(error)), file=sys.stderr)
        status = 1
    except DeadKernelError:
        print(f"repro-notebook: the kernel died while it ran {path.name}", file=sys.stderr)
        status = 137
    folder = Path(os.environ.get("REPRO_RESULTS", RESULTS))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / path.name).open("w", encoding="utf-8") as file:
        nbformat.write(notebook, file)
    return status


def _give_cells_their_ids(notebook: "object") -> None:
    """Ids by position where the notebook has none: nbformat would invent random ones."""
    minor = getattr(notebook, "nbformat_minor", 0)
    for number, cell in enumerate(getattr(notebook, "cells", []), start=1):
        if minor >= 5 and "id" not in cell:
            cell["id"] = f"cell-{number}"


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
