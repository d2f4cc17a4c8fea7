"""Jupyter in a browser, as a person uses it: a server of its own, and one notebook in it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Locator,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from reprokit.engines.engine import SocketEngine
from tests.debian_package import unpacked
from tests.notebook import browser_container

IN_CONTAINER = "REPROKIT_TEST_BROWSER_IN_CONTAINER"
"""Set to 1, it has the browser run in a container although the machine has one."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 600.0
"""Seconds for one cell: the first run may have to build its base."""
LOADING = 120.0
"""Seconds for a page, a kernel or a dialogue on a machine that is busy with other things."""
SETTINGS = {
    # Neither news nor a check for updates, whose questions would take the keyboard.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def write_notebook(path: Path, cells: Sequence[str]) -> None:
    """A notebook with code cells that were never run."""
    made: Any = nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],  # type: ignore[no-untyped-call]
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    path.write_text(nbformat.writes(made), encoding="utf-8")  # type: ignore[no-untyped-call]


def choose(settings: Path, name: str, values: dict[str, Any]) -> None:
    """What a person would choose in JupyterLab's settings; name: extension/plugin."""
    path = settings / "lab" / "@jupyterlab" / f"{name}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


@contextmanager
def server(folder: Path, settings: Path, program: str = "jupyterlab") -> Iterator[str]:
    """The address of a server for `folder`: of JupyterLab, or of `program` "notebook". Its own
    settings lie in `settings`."""
    for name, values in SETTINGS.items():
        choose(settings, name, values)
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
    with (settings / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", program, *options],
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
            process.wait(60)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    ended = time.monotonic() + LOADING
    while time.monotonic() < ended and process.poll() is None:
        try:
            with opener.open(f"{address}/api", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{address} does not answer:\n{log.read_text()}")


@dataclass(frozen=True)
class Window:
    """An open notebook in JupyterLab, or in Notebook 7, whose parts have the same names.

    All waiting is for what a person would see. Cells are named by their place from 0.
    """

    page: Page
    address: str
    screenshots: Path

    def open(self, name: str) -> None:
        """Open the notebook in JupyterLab, and wait until its kernel answers.

        A cell that is run before that is lost: JupyterLab drops it without a word. Only the status
        bar tells; the notebook's own sign is "idle" from the beginning, before there is a kernel.
        """
        self._load(f"lab/tree/{name}", _SHOWS.replace("STATE", "Idle"))

    def open_while_busy(self, name: str) -> None:
        """Open a notebook whose kernel works on a cell: it tells nobody new what it is doing."""
        self._load(f"lab/tree/{name}", _SHOWS.replace("STATE", "(Busy|Unknown)"))

    def open_in_notebook(self, name: str) -> None:
        """The same in Notebook 7, which has no status bar: a name instead of "No Kernel" comes
        together with the first sign that is one of the kernel."""
        self._load(f"notebooks/{name}", _READY_IN_NOTEBOOK)

    def _load(self, path: str, ready: str) -> None:
        """Open a page, and again where a part of it could not be had, as happens on a machine whose
        network changes with each container: JupyterLab is then left half."""
        failed: list[str] = []
        self.page.on("requestfailed", lambda r: failed.append(f"{r.url}: {r.failure}"))
        ended = time.monotonic() + LOADING
        while time.monotonic() < ended:
            known = len(failed)
            with suppress(Error):
                self.page.goto(f"{self.address}/{path}")
                while time.monotonic() < ended and len(failed) == known:
                    if self.page.evaluate(ready):
                        return
                    self.page.wait_for_timeout(100)
        self.screenshot("not-loaded")
        raise AssertionError(f"{path} is not ready; what could not be loaded: {failed}")

    def cell(self, number: int) -> Locator:
        return self.page.locator(f".jp-Cell[data-windowed-list-index='{number}']")

    def prompt(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-InputArea-prompt")

    def outputs(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-OutputArea-output")

    def text(self, number: int) -> str:
        """What can be read below a cell."""
        return "\n".join(self.outputs(number).all_inner_texts())

    def shows(self, number: int, text: str) -> None:
        """Wait until this and nothing else can be read below a cell: an opened notebook draws its
        outputs one after the other."""
        until = time.monotonic() + LOADING
        while (found := self.text(number)) != text and time.monotonic() < until:
            self.page.wait_for_timeout(200)
        assert found == text

    def write(self, number: int, source: str) -> None:
        """Type something else into a cell."""
        self._edit(number)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)
        expect(self.cell(number).locator(".cm-content")).to_contain_text(source.splitlines()[-1])

    def start(self, number: int) -> None:
        """Run a cell as with the mouse and the keyboard; it is running, or has run, afterwards."""
        self._edit(number)
        with _seen(self.prompt(number), "[*]"):
            self.page.keyboard.press("Control+Enter")

    def wait(self, number: int) -> str:
        """Until the cell has ended; what can be read below it."""
        expect(self.prompt(number)).to_have_text(re.compile(r"\[\d+\]:"), timeout=PATIENCE * 1000)
        return self.text(number)

    def run(self, number: int) -> str:
        """Run a cell to its end; what can be read below it."""
        self.start(number)
        return self.wait(number)

    def stop(self) -> None:
        """The stop button of the tool bar."""
        self.page.locator("[data-command='notebook:interrupt-kernel']").first.click()

    def is_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        expect(self._status()).to_contain_text("| Idle")

    def restart(self) -> None:
        """The tool bar's button that restarts the kernel, and its question."""
        with _seen(self._status(), "| Restarting"):
            self.page.locator("[data-command='notebook:restart-kernel']").first.click()
            self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.is_idle()

    def save(self) -> None:
        """Save, and see it confirmed: a notebook with a live display is soon another one again."""
        self.page.keyboard.press("Escape")
        with _seen(self._status(), "Saving completed"):
            self.page.keyboard.press("Control+s")

    def screenshot(self, name: str, number: int | None = None) -> None:
        """A picture for a person to look at: of the window, or of one cell."""
        where = self.page if number is None else self.cell(number)
        where.screenshot(path=self.screenshots / f"{name}.png")

    def _status(self) -> Locator:
        return self.page.locator("#jp-main-statusbar")

    def _edit(self, number: int) -> None:
        """Put the cursor into a cell."""
        self.cell(number).locator(".cm-content").click()
        expect(self.cell(number).locator(".cm-editor")).to_have_class(re.compile("cm-focused"))


_SHOWS = """() => {
  const bar = document.querySelector("#jp-main-statusbar");
  return bar !== null && /\\| STATE/.test(bar.innerText)
    && document.querySelector(".jp-Cell[data-windowed-list-index='0']") !== null; }"""
_READY_IN_NOTEBOOK = """() => {
  const names = [...document.querySelectorAll("[title='Switch kernel']")].map(e => e.innerText);
  const sign = document.querySelector(".jp-Notebook-ExecutionIndicator");
  return sign !== null && names.length > 0 && !names.some(name => name.includes("No Kernel"))
    && ["idle", "busy"].includes(sign.dataset.status); }"""


@contextmanager
def _seen(place: Locator, text: str) -> Iterator[None]:
    """Wait, after the block, until a text was shown at that place since it began, if only for a
    moment: what follows it may look like what was there before."""
    place.evaluate(_REMEMBER)
    yield
    place.page.wait_for_function("text => remembered.some(seen => seen.includes(text))", arg=text)


_REMEMBER = """place => {
  const remembered = window.remembered = [];
  new MutationObserver(() => remembered.push(place.innerText))
    .observe(place, {subtree: true, childList: true, characterData: true}); }"""


def find(playwright: Playwright) -> str | None:
    """The path of a browser: one of this machine, else the one that Playwright installed."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found is not None and "/snap/" not in os.path.realpath(found):
            return found
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def chromium(engine: SocketEngine) -> Iterator[BrowserContext]:
    """A browser without a window; `new_page` opens one. It may see no file of this machine: where
    the machine has no browser, it runs in a container of `engine`."""
    with _node_starts(), sync_playwright() as playwright, _opened(playwright, engine) as browser:
        # High enough for a picture of the longest cell.
        opened = browser.new_context(viewport={"width": 1200, "height": 2400})
        opened.set_default_timeout(LOADING * 1000)
        expect.set_options(timeout=LOADING * 1000)
        yield opened


@contextmanager
def _node_starts() -> Iterator[None]:
    """Give Playwright's Node the library that a minimal Debian lacks."""
    try:
        ctypes.CDLL("libatomic.so.1")
    except OSError:
        (library,) = (unpacked("libatomic1") / "usr" / "lib").glob("*/libatomic.so.1")
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("LD_LIBRARY_PATH", str(library.parent))
            yield
    else:
        yield


@contextmanager
def _opened(playwright: Playwright, engine: SocketEngine) -> Iterator[Browser]:
    program = None if os.environ.get(IN_CONTAINER) == "1" else find(playwright)
    with ExitStack() as stack:
        if program is None:
            address = stack.enter_context(browser_container.serving(engine))
            browser = playwright.chromium.connect_over_cdp(address)
        else:
            # Its sandbox does not work for root, and what it shows here is our own.
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        stack.callback(browser.close)
        yield browser


def contrast(place: Locator) -> float:
    """The least contrast of the texts of reprokit's displays with what is behind them, as WCAG 2
    defines it: 1 to 21."""
    least = place.locator(_TEXTS).evaluate_all(_CONTRAST)
    assert least is not None, "nothing is displayed there"
    return float(least)


_TEXTS = (
    ".reprokit :is(p, th, td, dt, dd, strong, h3, h4, pre, code, small, summary, caption,"
    " figcaption, ins, del):visible"
)
_CONTRAST = """elements => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = element => {
    let behind = element, back = [0, 0, 0, 0];
    while (behind && (back.length === 4 && back[3] === 0)) {
      back = channels(getComputedStyle(behind).backgroundColor); behind = behind.parentElement; }
    const own = light(channels(getComputedStyle(element).color));
    const two = [own, light(back)].sort((a, b) => b - a);
    return (two[0] + 0.05) / (two[1] + 0.05); };
  return elements.length ? Math.min(...elements.map(contrast)) : null; }"""
