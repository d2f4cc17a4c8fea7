"""JupyterLab in a browser, as a person uses it: a server of its own, and one notebook in it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Locator, Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 600.0
"""Seconds for one cell: the first run may have to build its base."""


def find() -> str | None:
    """The path of a browser: one of this machine, else the one that Playwright installed."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found is not None:
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def write_notebook(path: Path, cells: list[str]) -> None:
    """A notebook with code cells that were never run."""
    made: Any = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],  # type: ignore[no-untyped-call]
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    path.write_text(nbformat.writes(made), encoding="utf-8")  # type: ignore[no-untyped-call]


@contextmanager
def server(folder: Path, settings: Path) -> Iterator[str]:
    """The address of a JupyterLab that serves `folder`; its own settings lie in `settings`."""
    setting(settings, "notification", {"fetchNews": "false", "checkForUpdates": False})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {
        f"JUPYTER_{name}_DIR": str(settings / name.lower())
        for name in ("CONFIG", "DATA", "RUNTIME")
    }
    environment = {**os.environ, **own, "JUPYTERLAB_SETTINGS_DIR": str(settings / "lab")}
    options = (
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    )
    with (settings / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, settings / "server.log")
            yield address
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            with opener.open(f"{address}/api", timeout=5):
                return
        except OSError:
            time.sleep(0.25)
    raise AssertionError(f"JupyterLab does not answer:\n{log.read_text()}")


def setting(settings: Path, name: str, values: dict[str, Any]) -> None:
    """What a person would choose in JupyterLab's settings."""
    folder = settings / "lab" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.jupyterlab-settings").write_text(json.dumps(values))


@dataclass(frozen=True)
class Lab:
    """An open notebook in JupyterLab."""

    page: Page
    address: str
    screenshots: Path

    def open(self, name: str) -> None:
        self.page.goto(f"{self.address}/lab/tree/{name}?reset")
        self.cell(0).wait_for(timeout=60_000)
        self.page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").wait_for(
            timeout=60_000
        )

    def cell(self, number: int) -> Locator:
        return self.page.locator(".jp-CodeCell").nth(number)

    def outputs(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-OutputArea-output")

    def start(self, number: int) -> None:
        """Run a cell as with the mouse and the keyboard."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def stop(self) -> None:
        """The stop button of the tool bar."""
        self.page.locator("[data-command='notebook:interrupt-kernel']").first.click()

    def wait(self, number: int) -> None:
        """Until the cell has ended."""
        prompt = self.cell(number).locator(".jp-InputPrompt")
        ended = time.monotonic() + PATIENCE
        while time.monotonic() < ended:
            shown = prompt.inner_text()
            if "*" not in shown and any(letter.isdigit() for letter in shown):
                return
            time.sleep(0.2)
        raise AssertionError(f"cell {number} does not end")

    def run(self, number: int) -> str:
        """Run a cell to its end; the text that is seen below it."""
        self.start(number)
        self.wait(number)
        return "\n".join(self.outputs(number).all_inner_texts())

    def save(self) -> None:
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        self.page.locator(".jp-mod-dirty").wait_for(state="detached")

    def screenshot(self, name: str) -> None:
        """For a person to look at: pytest keeps the folders of the last runs."""
        self.page.screenshot(path=self.screenshots / f"{name}.png")


@contextmanager
def lab(program: str, address: str, screenshots: Path) -> Iterator[Lab]:
    """A browser window at that server."""
    with sync_playwright() as playwright:
        # Its sandbox does not work for root, and what it shows here is our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1200, "height": 1600})
            page.set_default_timeout(20_000)
            yield Lab(page, address, screenshots)
        finally:
            browser.close()


CONTRAST = """element => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = element, back = [0, 0, 0, 0];
  while (behind && (back.length === 4 && back[3] === 0)) {
    back = channels(getComputedStyle(behind).backgroundColor); behind = behind.parentElement; }
  const two = [light(channels(getComputedStyle(element).color)), light(back)].sort((a, b) => b - a);
  return (two[0] + 0.05) / (two[1] + 0.05); }"""
"""The contrast of an element's text with what is behind it, as WCAG 2 defines it: 1 to 21."""
