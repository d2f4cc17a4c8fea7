"""`%repro study` on a real kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.notebook import kernels
from tests.studying import program
from tests.studying.test_studies import Folder

ON_THE_FAKE = f"""\
%load_ext reprokit
from contextlib import contextmanager
from reprokit.engines.fake import FakeEngine
from reprokit.studying import study, working
@contextmanager
def connect(preferred=None):
    yield FakeEngine()
working.PROGRAM, study.connect = ("-P", {program.__file__!r}), connect
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    kernels.at_home(tmp_path, monkeypatch)
    root = tmp_path / "sources"
    root.mkdir()
    return Folder(root)


def html(outputs: list[dict[str, Any]]) -> str:
    return "".join(str(output.get("data", {}).get("text/html", "")) for output in outputs)


def test_a_study_in_a_notebook(folder: Folder) -> None:
    folder.source("a", "write 1")
    folder.source("b", "exit 1")
    folder.write("a", "b")
    _, shown = kernels.execute(
        folder.root, ON_THE_FAKE, "%repro study list.toml --jobs 1", timeout=120
    )
    said = html(shown)
    assert "2 of 2 sources rerun" in said and "in a shell" in said
    assert "reprokit study list.toml --jobs 1" in said and "2 of 2 sources" in said
    assert (folder.root / "list-study" / "index.html").is_file()


STOP = """\
import _thread, threading, time
from pathlib import Path
def stop():
    places = Path("list-study/sources")
    while not any('"run"' in p.read_text() for p in places.glob("*/progress.jsonl")):
        time.sleep(0.1)
    _thread.interrupt_main()
threading.Thread(target=stop, daemon=True).start()
"""


def test_the_stop_button_stops_a_study(folder: Folder) -> None:
    folder.source("a", "wait")
    folder.write("a")
    with kernels.kernel(folder.root) as kernel:
        assert kernel.run(ON_THE_FAKE + STOP) == "ok"
        assert kernel.run("%repro study list.toml") == "error"
        (folder.root / "a" / "go").touch()
        assert kernel.run("r = %repro study list.toml\nassert r.rows[0]['ran'], r.text()") == "ok"
    assert folder.begun() == ["a", "a"]
