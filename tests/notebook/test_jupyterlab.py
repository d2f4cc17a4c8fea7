"""`%repro` in JupyterLab and in Notebook 7, in a real browser, as a person would use it.

REPROKIT_SCREENSHOTS names a folder for the pictures; else they lie in the test's own folder, where
pytest keeps those of the last runs. Those of the documentation are live, card and figures, with 64
colours (`Image.quantize` of Pillow).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from reprokit.engines.engine import SocketEngine
from tests.notebook import browser, kernels

pytestmark = [pytest.mark.engine, pytest.mark.network]

STUDY = Path(__file__).parent / "study"
STEP = re.compile(r"resample (\d+) of 400")
RUN = re.compile(r"\d{8}-\d{6}-\w{4}")
READABLE = 4.5
"""The contrast that WCAG 2 asks of text (level AA)."""


@dataclass(frozen=True)
class Desk:
    """A study, a server for its folder, and a browser."""

    study: Path
    settings: Path
    address: str
    chromium: BrowserContext
    screenshots: Path

    def window(self) -> browser.Window:
        """A new window of the browser."""
        return browser.Window(self.chromium.new_page(), self.address, self.screenshots)

    def write(self, name: str, *cells: str) -> None:
        browser.write_notebook(self.study / name, ["%load_ext reprokit", *cells])

    def change(self, setting: str, value: float) -> None:
        """Edit the study's settings, as in any editor."""
        path = self.study / "settings.yaml"
        path.write_text(re.sub(rf"{setting}: .*", f"{setting}: {value}", path.read_text()))


@pytest.fixture
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: SocketEngine,
) -> Iterator[Desk]:
    """A desk with JupyterLab, or with the program that the test's parameter names."""
    kernels.find_reprokit(tmp_path, monkeypatch)
    monkeypatch.setenv("REPROKIT_ENGINE", engine.information().socket)
    study, settings = tmp_path / "study", tmp_path / "settings"
    shutil.copytree(STUDY, study)
    # Of which every base family has one, whatever Python the kernel here is.
    (study / ".python-version").write_text("3.11\n")
    settings.mkdir()
    screenshots = Path(os.environ.get("REPROKIT_SCREENSHOTS", tmp_path))
    with (
        browser.server(study, settings, getattr(request, "param", "jupyterlab")) as address,
        browser.chromium(engine) as opened,
    ):
        yield Desk(study, settings, address, opened, screenshots)


def test_a_person_goes_from_a_script_to_a_citation(desk: Desk, tmp_path: Path) -> None:
    desk.write(
        "growth.ipynb",
        "%repro init --write",
        "%repro run",
        "%repro runs",
        "%repro diff",
        "%repro cite",
        f"%repro publish last --archive {tmp_path}/growth.zip",
        f"%repro rerun {tmp_path}/growth.zip",
        "%repro show nothing",
    )
    window = desk.window()
    window.open("growth.ipynb")
    window.run(0)
    declared = window.run(1)
    assert "imports yaml" in declared and "Written: requirements.txt and repro.toml" in declared
    window.screenshot("init", 1)

    # Run, and stop in the middle: what there is of it is kept.
    window.start(2)
    running = window.cell(2)
    log = running.get_by_role("log", name="last lines of the log")
    expect(log).to_contain_text(STEP, timeout=browser.PATIENCE * 1000)
    expect(running.get_by_role("status")).to_have_text("run is going on")
    expect(running.get_by_role("progressbar", name="run")).to_be_visible()
    window.screenshot("live", 2)
    window.stop()
    stopped = window.wait(2)
    assert "stopped in run" in stopped and STEP.search(stopped)
    assert "interrupted" in stopped and "partial results are kept" in stopped
    assert "Traceback" not in stopped
    expect(running.get_by_role("img", name="figure growth.svg")).to_be_visible()
    window.screenshot("stopped", 2)

    # Run again to the end; save, which changes no code; change a number, and run once more.
    desk.change("pause", 0)
    finished = window.run(2)
    assert "succeeded" in finished and "To cite" in finished and "rate.json" in finished
    expect(running.get_by_role("progressbar")).to_have_count(0)
    window.save()
    same = window.run(2)
    assert "same results" in same and "code, data, environment and command are the same" in same
    desk.change("rate", 0.45)
    other = window.run(2)
    assert "other results" in other and "changed: code" in other
    window.screenshot("card", 2)

    # Look back.
    listed = window.run(3)
    (latest, before, *_) = RUN.findall(listed)
    assert "interrupted" in listed and listed.count("succeeded") == 3
    expect(window.cell(3).get_by_role("table", name="the runs, newest first")).to_be_visible()
    window.screenshot("runs", 3)
    window.write(4, f"%repro diff {before} {latest}")
    assert "3 of 3 results differ" in window.run(4)
    for side in ("before", "after"):
        figure = window.cell(4).get_by_role("img", name=f"figure growth.svg, {side}")
        expect(figure).to_be_visible()
    window.screenshot("diff", 4)
    figures = window.cell(4).locator(".pictures").first
    figures.screenshot(path=desk.screenshots / "figures.png")
    assert "environment digest is sha256:" in window.run(5)
    window.screenshot("cite", 5)

    # Hand it on, and see that it can be had again.
    assert "written" in window.run(6)
    assert "identical" in window.run(7)
    window.screenshot("publish", 6)
    window.screenshot("rerun", 7)
    assert "the nearest are" in window.run(8)

    # Close it, and see the same again, in the light and in the dark, and on a page of its own.
    window.save()
    window.page.close()
    for theme in ("Light", "Dark"):
        browser.choose(desk.settings, "apputils-extension/themes", {"theme": f"JupyterLab {theme}"})
        window = desk.window()
        window.open("growth.ipynb")
        is_light = str(theme == "Light").lower()
        expect(window.page.locator(f"body[data-jp-theme-light='{is_light}']")).to_have_count(1)
        window.shows(2, other)
        for number in range(1, 8):
            window.cell(number).scroll_into_view_if_needed()
            window.screenshot(f"{theme.lower()}-{number}", number)
            assert browser.contrast(window.cell(number)) >= READABLE
        window.page.close()
        _is_right_in_html(desk, theme.lower(), other)


def _is_right_in_html(desk: Desk, theme: str, card: str) -> None:
    """What nbconvert makes of the saved notebook shows the card as the live page did."""
    options = ("--to=html", f"--HTMLExporter.theme={theme}", f"--output=growth-{theme}.html")
    command = [sys.executable, "-m", "nbconvert", *options, "growth.ipynb"]
    subprocess.run(command, cwd=desk.study, check=True, capture_output=True)
    page = desk.chromium.new_page()
    # Its mathematics would be fetched from the network, which is nothing to wait for here.
    page.route("https://**", lambda route: route.abort())
    page.set_content((desk.study / f"growth-{theme}.html").read_text("utf-8"))
    figure = page.get_by_role("img", name="figure growth.svg", exact=True).first
    assert figure.evaluate("image => image.complete && image.naturalWidth > 0")
    last = page.locator(".jp-Cell").nth(2).locator(".jp-OutputArea-output")
    assert _words("\n".join(last.all_inner_texts())) == _words(card)
    assert browser.contrast(page.locator("body")) >= READABLE
    page.screenshot(path=desk.screenshots / f"html-{theme}.png", full_page=True)
    page.close()


def _words(text: str) -> list[str]:
    return text.split()


def test_a_closed_tab_loses_nothing(desk: Desk) -> None:
    desk.write("long.ipynb", "%repro run --detach", "%repro status", "%repro attach")
    (desk.study / "requirements.txt").write_text("PyYAML\n")
    window = desk.window()
    window.open("long.ipynb")
    window.run(0)
    started = window.run(1)
    assert "goes on by itself" in started
    (run,) = set(RUN.findall(started))
    window.start(3)
    attached = window.cell(3)
    expect(attached).to_contain_text(STEP, timeout=browser.PATIENCE * 1000)
    window.screenshot("attached", 3)
    window.stop()
    left = window.wait(3)
    assert "no longer attached" in left and "run goes on by itself" in left

    # The kernel is restarted and knows nothing; the run still goes on.
    window.restart()
    window.run(0)
    going = window.run(2)
    assert "running" in going and steps(going) > 0
    window.screenshot("status", 2)

    # The tab is closed while a cell looks on. Coming back, that cell shows what was saved last, and
    # the kernel is still busy with it.
    window.start(3)
    expect(attached).to_contain_text(STEP)
    window.save()
    window.page.close()
    window = desk.window()
    window.open_while_busy("long.ipynb")
    expect(window.cell(3)).to_contain_text(STEP)
    saved = steps(window.text(3))
    assert saved > 0
    window.screenshot("back", 3)
    window.stop()
    window.is_idle()
    window.start(3)
    window.page.wait_for_function(LATER, arg=saved)
    (desk.study / ".reprokit" / "runs" / run / "results" / "enough").touch()
    ended = window.wait(3)
    assert "succeeded" in ended and "rate.json" in ended
    expect(window.cell(3).get_by_role("img", name="figure growth.svg")).to_be_visible()
    assert "Nothing runs now" in window.run(2)
    assert (desk.study / "results" / "rate.json").exists()


def test_a_notebook_that_is_not_saved_is_told(desk: Desk) -> None:
    desk.write("own.ipynb", "n = 1", "%repro run own.ipynb", "%repro show last")
    (desk.study / "requirements.txt").write_text("PyYAML\n")
    window = desk.window()
    window.open("own.ipynb")
    window.run(0)
    window.run(1)
    window.write(1, "n = 2")
    window.run(1)
    unsaved = "own.ipynb was not saved since cell [3] ran"
    ran = window.run(2)
    assert unsaved in ran and "succeeded" in ran
    window.screenshot("unsaved", 2)
    assert unsaved in window.run(3)
    window.save()
    ran = window.run(2)
    assert "not saved" not in ran and "succeeded" in ran


def steps(text: str) -> int:
    """How far the study was, by the last line that is shown."""
    return max((int(number) for number in STEP.findall(text)), default=0)


LATER = """saved => {
  const shown = document.querySelector(".jp-Cell[data-windowed-list-index='3']").innerText;
  return [...shown.matchAll(/resample (\\d+) of/g)].some(found => Number(found[1]) > saved); }"""
"""Whether the cell with `%repro attach` shows a later step than the one saved."""


@pytest.mark.parametrize("desk", ["notebook"], indirect=True)
def test_notebook_7_is_the_same(desk: Desk) -> None:
    desk.write("short.ipynb", "%repro run", "%repro cite --format bibtex")
    (desk.study / "requirements.txt").write_text("PyYAML\n")
    window = desk.window()
    window.open_in_notebook("short.ipynb")
    window.run(0)
    window.start(1)
    log = window.cell(1).get_by_role("log", name="last lines of the log")
    expect(log).to_contain_text(STEP, timeout=browser.PATIENCE * 1000)
    window.stop()
    assert "interrupted" in window.wait(1)
    desk.change("pause", 0)
    assert "succeeded" in window.run(1)
    expect(window.cell(1).get_by_role("img", name="figure growth.svg")).to_be_visible()
    assert "@software" in window.run(2)
    assert browser.contrast(window.page.locator("body")) >= READABLE
    window.screenshot("notebook-7")
