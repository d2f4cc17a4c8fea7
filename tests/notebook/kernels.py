"""Notebooks on a real, fresh kernel."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]


def execute(
    folder: Path, *cells: str, allow_errors: bool = False, timeout: float = 60
) -> list[list[dict[str, Any]]]:
    """The outputs of each cell, as they stand in the notebook after it was saved and read again."""
    notebook: Any = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    )
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=timeout,
        allow_errors=allow_errors,
        resources={"metadata": {"path": str(folder)}},
    )
    asyncio.run(client.async_execute())
    saved = folder / "saved.ipynb"
    saved.write_text(nbformat.writes(notebook), encoding="utf-8")  # type: ignore[no-untyped-call]
    read: Any = nbformat.read(saved, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(read)
    saved.unlink()
    return [list(cell["outputs"]) for cell in read.cells]


@contextmanager
def kernel(folder: Path) -> Iterator[Any]:
    """A client of a running kernel that works in `folder`."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder))
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


class Kernel:
    """What a front end asks a kernel."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def run(self, code: str) -> str:
        """Execute a cell; its status."""
        return str(
            self.client.execute_interactive(code, timeout=60, output_hook=_ignored)["content"][
                "status"
            ]
        )

    def complete(self, code: str) -> list[str]:
        """What the Tab key offers at the end of `code`, as the whole word it would become."""
        reply = self.client.complete(code, reply=True, timeout=60)["content"]
        start = reply["cursor_start"]
        word = code[:start].split(" ")[-1] if start and code[start - 1] != " " else ""
        return [word + match for match in reply["matches"]]


def _ignored(message: Any) -> None:
    """Outputs are not looked at."""


def at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels find this reprokit, and keep everything below `folder`."""
    monkeypatch.setenv("REPROKIT_HOME", str(folder / "home"))
    find_reprokit(folder, monkeypatch)


def find_reprokit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels find this reprokit, and share the home of the test session."""
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
