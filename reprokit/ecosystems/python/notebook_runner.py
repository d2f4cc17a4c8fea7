#!/opt/reprokit/notebook/bin/python
"""Run a notebook from a clean kernel, without a display; the result is results/NAME.ipynb.

Usage: repro-notebook NOTEBOOK. Ends with status 1 and the cell's traceback when a cell fails; the
notebook as far as it came is written all the same.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

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
        return execute(path, f"{temporary}/kernel")


def execute(path: Path, socket: str) -> int:
    """Run the notebook's cells in its own folder and write the result down.

    socket: the beginning of the paths of the kernel's sockets.
    """
    import nbformat as imported
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from traitlets.config import Config

    nbformat: Any = imported
    notebook = nbformat.reads(_with_ids(path.read_text(encoding="utf-8")), as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="reprokit",
        # Sockets in a private folder: nobody else on the machine can reach the kernel.
        config=Config({"KernelManager": {"transport": "ipc", "ip": socket}}),
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
    except (DeadKernelError, RuntimeError) as error:
        print(f"repro-notebook: {path.name}: {error or 'the kernel died'}", file=sys.stderr)
        status = 137
    target = Path(os.environ.get("REPRO_RESULTS", RESULTS)) / path.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8") as file:
            nbformat.write(notebook, file)
    except OSError as error:
        print(f"repro-notebook: {target} cannot be written: {error.strerror}", file=sys.stderr)
        return status or 1
    return status


def _with_ids(text: str) -> str:
    """Ids by position for cells without one: nbformat would warn, and invent random ones."""
    content = json.loads(text)
    if content.get("nbformat") == 4 and content.get("nbformat_minor", 0) >= 5:
        for number, cell in enumerate(content.get("cells", []), start=1):
            cell.setdefault("id", f"cell-{number}")
    return json.dumps(content)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
