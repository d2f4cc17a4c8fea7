"""An image that was changed under the name of a run's image: it is noticed, and not run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import reprokit
from reprokit import folders
from reprokit.engines.fake import Box, FakeEngine
from reprokit.engines.protocol import BuildRequest
from reprokit.history.index import Index
from reprokit.identity.comparison import compare
from reprokit.model import Image, Lock
from reprokit.phases import canonicalise
from reprokit.pipeline import running
from reprokit.pipeline.running import RunResult
from reprokit.pipeline.verifying import Verification
from reprokit.progress import Silent
from tests.engines import tiny

ANOTHER = f"sha256:{'9' * 64}"


class Told(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


class Building(FakeEngine):
    """Counts builds."""

    def __init__(self) -> None:
        super().__init__(programs={("work",): work})
        self.builds = 0

    def build(self, request: BuildRequest, on_line: Callable[[str], None]) -> Image:
        self.builds += 1
        return super().build(request, on_line)


def work(box: Box) -> int:
    box.write("/app/results/a.txt", b"1")
    return 0


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Building:
    made = Building()
    made.load(tiny.archive(tmp_path))

    @contextmanager
    def connect(preferred: str | None = None) -> Iterator[FakeEngine]:
        yield made

    def as_it_is(image: Image, lock: Lock, *others: object) -> Image:
        return image

    monkeypatch.setattr(running, "connect", connect)
    # What the engine in memory builds has no layers to read.
    monkeypatch.setattr(canonicalise, "canonical_image", as_it_is)
    monkeypatch.setenv("REPROKIT_HOME", str(tmp_path / "home"))
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "study"
    root.mkdir()
    (root / "Dockerfile").write_text(f'FROM {tiny.REFERENCE}\nCMD ["work"]\n')
    return root


def run(project: Path, *, no_cache: bool = False) -> tuple[RunResult, list[str]]:
    told = Told()
    result = reprokit.run(project, no_cache=no_cache, reporter=told)
    assert result.failure is None
    return result, [text for text in told.warnings if "image" in text]


def image(result: RunResult) -> tuple[str, str]:
    found = result.record["image"]
    assert isinstance(found, dict)
    return str(found["reference"]), str(found["config_digest"])


def test_an_image_that_has_the_name_of_the_run_s_is_not_run(
    engine: Building, project: Path
) -> None:
    first, warnings = run(project)
    again, _ = run(project)
    assert (engine.builds, warnings, image(again)) == (1, [], image(first))
    name, digest = image(first)
    engine.tag(tiny.REFERENCE, name)
    other = engine.image(name)
    assert other is not None and other.config_digest != digest
    mended, warnings = run(project)
    assert engine.builds == 2 and image(mended) == (name, digest)
    [warning] = warnings
    assert name in warning and other.config_digest in warning and "built again" in warning
    assert run(project)[1] == [] and engine.builds == 2


def test_an_image_of_which_nothing_is_known_is_built_without_a_word(
    engine: Building, project: Path
) -> None:
    first, _ = run(project)
    (folders.data() / "runs.sqlite").unlink()
    again, warnings = run(project)
    assert (engine.builds, warnings, image(again)) == (2, [], image(first))


def test_each_image_that_was_built_under_a_name_is_ours(tmp_path: Path) -> None:
    index = Index(path=tmp_path / "runs.sqlite")
    assert index.built("a") == frozenset()
    for digest in ("1", "2", "2"):
        index.remember_built("a", digest)
    assert index.built("a") == {"1", "2"} and index.built("b") == frozenset()


def test_what_cannot_be_named_is_said_with_the_way_to_name_it() -> None:
    found = Verification(
        run="r", recorded="sha256:1", changed=(), image="another one", image_digest=ANOTHER
    )
    text = found.text()
    assert not found.same and f"another one has its name now: {ANOTHER}" in text
    assert "`reprokit verify r --rebuild` says what differs" in text
    document = found.json()
    assert isinstance(document, dict) and document["image_digest"] == ANOTHER
    assert document["image_comparison"] is None


def test_what_was_altered_stands_below_the_image() -> None:
    altered = compare((), (), same_digest=False)
    found = Verification(
        run="r",
        recorded="sha256:1",
        changed=("a.csv",),
        image="another one",
        image_digest=ANOTHER,
        altered=altered,
    )
    lines = found.text().splitlines()
    assert lines[3:6] == [
        "  reached: same files",
        "  no file differs: only the layering or the image's settings do",
        "results      1 changed since",
    ]
    document = found.json()
    assert isinstance(document, dict) and document["image_comparison"] == altered.json()
