"""`%repro` in JupyterLab, in a real browser, as a person would use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reprokit.engines.engine import SocketEngine
from tests.notebook import browser, kernels
from tests.notebook.test_end_to_end import PROGRAM, run

pytestmark = [pytest.mark.engine, pytest.mark.network]

NOTEBOOK = "pilot.ipynb"


@pytest.fixture
def lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: SocketEngine
) -> Iterator[browser.Lab]:
    program = browser.find()
    if program is None:
        pytest.fail("there is no Chromium here (`dev/browser` installs one)")
    kernels.find_reprokit(tmp_path, monkeypatch)
    project = tmp_path / "project"
    project.mkdir()
    (project / "main.py").write_text(PROGRAM)
    (project / "wait").touch()
    cells = ["%load_ext reprokit", run(engine), "%repro runs", "%repro cite", "%repro show nothing"]
    # Beside the project's code, since saving a notebook that belongs to it changes the code.
    browser.write_notebook(tmp_path / NOTEBOOK, ["%cd project", *cells])
    settings = tmp_path / "settings"
    with (
        browser.server(tmp_path, settings) as address,
        browser.lab(program, address, tmp_path) as opened,
    ):
        yield opened


def test_a_person_runs_stops_runs_again_and_comes_back(lab: browser.Lab, tmp_path: Path) -> None:
    lab.open(NOTEBOOK)
    lab.run(0)
    lab.run(1)

    lab.start(2)
    log = lab.cell(2).locator("pre[role=log]")
    log.get_by_text("half way").wait_for(timeout=browser.PATIENCE * 1000)
    assert lab.cell(2).locator("[role=status]").inner_text() == "run is going on"
    assert lab.cell(2).locator("[role=progressbar]").get_attribute("aria-label") == "run"
    lab.screenshot("live")
    lab.stop()
    lab.wait(2)
    stopped = "\n".join(lab.outputs(2).all_inner_texts())
    assert "stopped in run" in stopped and "interrupted" in stopped and "half way" in stopped
    assert "Traceback" not in stopped
    assert lab.cell(2).locator("img[alt='figure figure.png']").count() == 1  # what there was
    lab.screenshot("stopped")

    (tmp_path / "project" / "wait").unlink()
    finished = lab.run(2)
    assert "succeeded" in finished and "To cite" in finished
    assert "progressbar" not in lab.cell(2).inner_html()
    assert finished.count("reprokit run . --base debian") == 2  # above, and to copy below
    lab.screenshot("card")
    assert "interrupted" in lab.run(3) and "succeeded" in lab.run(3)
    assert "environment digest is sha256:" in lab.run(4)
    assert "the nearest are" in lab.run(5)
    lab.save()

    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        browser.setting(tmp_path / "settings", "themes", {"theme": theme})
        lab.open(NOTEBOOK)
        assert "\n".join(lab.outputs(2).all_inner_texts()) == finished
        figure = lab.cell(2).locator("img[alt='figure figure.png']")
        assert figure.evaluate("image => image.complete && image.naturalWidth") == 1
        dark = lab.page.locator("body[data-jp-theme-light='false']").count() == 1
        assert dark == (theme == "JupyterLab Dark")
        texts = lab.cell(2).locator(".reprokit :is(p, th, td, dd, strong, h3, pre):visible").all()
        assert len(texts) > 10
        assert min(text.evaluate(browser.CONTRAST) for text in texts) >= 4.5
        lab.screenshot(theme)
